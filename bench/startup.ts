/** What a program that imports the library takes to start, beside one that imports nothing. */
import { mustRun } from "../tasks/process.ts";
import type { Line } from "./measurement.ts";
import type { Runtime } from "./runtimes.ts";

const FOLDER = "dist/bench/startup";
const ENTRY =
  `import { defineEvent, Dispatcher, MessageConsumer, MessagePublisher } from "../../../mod.ts";
import { AwsBackend } from "../../../backends/aws/mod.ts";
globalThis.all = [defineEvent, Dispatcher, MessageConsumer, MessagePublisher, AwsBackend];
`;

/** Measures by how many milliseconds a start takes longer. */
export async function startup(runtime: Runtime, starts: number): Promise<Line> {
  await Deno.mkdir(FOLDER, { recursive: true });
  await Deno.writeTextFile(`${FOLDER}/entry.ts`, ENTRY);
  await Deno.writeTextFile(`${FOLDER}/empty.mjs`, "globalThis.all = [];\n");
  await mustRun(Deno.execPath(), [
    ...["bundle", "--quiet", "--no-check", "--platform=deno", "--minify"],
    ...["--output", `${FOLDER}/library.mjs`, `${FOLDER}/entry.ts`],
  ]);
  const [empty, library]: [number[], number[]] = [[], []];
  for (let start = 0; start < starts; start++) {
    empty.push(await timeOf(runtime, "empty.mjs"));
    library.push(await timeOf(runtime, "library.mjs"));
  }
  // The least of each: what else the machine does only ever adds.
  const value = Number((Math.min(...library) - Math.min(...empty)).toFixed(2));
  return { scenario: "start-up", variant: "melange", value, unit: "ms" };
}

async function timeOf({ command, args }: Runtime, file: string): Promise<number> {
  const startedAt = performance.now();
  await mustRun(command, [...args, `${FOLDER}/${file}`], { timeoutMs: 30_000 });
  return performance.now() - startedAt;
}
