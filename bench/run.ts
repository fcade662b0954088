/** Runs the scenarios of one runtime: the stub in one process, the program in another. */
import { mustRun, type Program, start } from "../tasks/process.ts";
import { type Line, PREFIX } from "./measurement.ts";
import type { Runtime } from "./runtimes.ts";

/** How the scenarios are run. */
export interface RunOptions {
  readonly rounds: number;
  readonly quick: boolean;
  /** The groups of scenarios. */
  readonly groups: readonly string[];
  /** Is told what has been measured. */
  onMeasured(line: Line): void;
}

/** One runtime may take so long, in milliseconds. */
const PATIENCE_MS = 600_000;
const BUNDLE = "dist/bench/program.mjs";

/** Bundles the program, for all runtimes the same. */
export async function bundleProgram(): Promise<void> {
  await Deno.mkdir("dist/bench", { recursive: true });
  await mustRun(Deno.execPath(), [
    ...["bundle", "--quiet", "--no-check", "--platform=deno"],
    ...["--output", BUNDLE, "bench/program/main.ts"],
  ]);
}

/** Runs scenarios on a runtime; resolves to what was measured. */
export async function measureOn(
  runtime: Runtime,
  options: RunOptions,
): Promise<Line[]> {
  const { rounds, quick, groups, onMeasured } = options;
  await using stub = start(Deno.execPath(), ["run", "-A", "--no-check", "bench/stub/main.ts"]);
  const [, url] = await stub.line(/^listens on (\S+)/);
  const lines: Line[] = [];
  await using program = start(runtime.command, [
    ...[...runtime.args, BUNDLE, String(rounds), quick ? "quick" : "full", ...groups],
  ], {
    env: { BENCH_STUB: url, BENCH_RUNTIME: runtime.name, NODE_NO_WARNINGS: "1" },
    onLine(line, from) {
      if (from === "stderr" || !line.startsWith(PREFIX)) return;
      const measured = JSON.parse(line.slice(PREFIX.length));
      lines.push(measured);
      onMeasured(measured);
    },
  });
  const { code } = await program.ended({ ms: PATIENCE_MS });
  if (code !== 0) throw new Error(failureOf(runtime, program, code));
  return lines;
}

function failureOf({ name }: Runtime, { stderr }: Program, code: number): string {
  return `The bench on ${name} ended with exit code ${code}: ${stderr.slice(-20).join("\n")}`;
}
