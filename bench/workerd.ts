/** Publishing on workerd: its clock stands still while code runs, so it is timed from outside. */
import { serveWorkerd } from "../tests/runtimes/serve_workerd.ts";
import { mustRun, start } from "../tasks/process.ts";
import type { Line } from "./measurement.ts";
import { createStub, type Stub } from "./program/stub.ts";
import type { RunOptions } from "./run.ts";

const BUNDLE = "dist/bench/worker.mjs";
const SCENARIO = "publish to a queue";
/** The names of the variants, and their paths. */
const VARIANTS: Readonly<Record<string, string>> = {
  "melange awsSender": "/melange",
  "aws4fetch by hand": "/aws4fetch",
  "limit: fetch, unsigned": "/fetch",
};
const PATIENCE_MS = 60_000;

/** Measures the variants in turns. */
export async function measureOnWorkerd(options: RunOptions): Promise<Line[]> {
  const { rounds, quick, onMeasured } = options;
  await mustRun(Deno.execPath(), [
    ...["bundle", "--quiet", "--no-check", "--platform=browser", "--output", BUNDLE],
    "bench/program/worker.ts",
  ]);
  await using program = start(Deno.execPath(), ["run", "-A", "--no-check", "bench/stub/main.ts"]);
  const [, url = ""] = await program.line(/^listens on (\S+)/);
  const workerd = await serveWorkerd({ bundle: BUNDLE, env: { STUB: url } });
  const stub = createStub(url);
  const lines: Line[] = [];
  try {
    const calls = quick ? 160 : 320;
    const names = Object.keys(VARIANTS);
    for (let round = -1; round < rounds; round++) {
      for (let turn = 0; turn < names.length; turn++) {
        const variant = names[(turn + round + 1) % names.length] as string;
        const measured = await once(`${workerd.url}${VARIANTS[variant]}?calls=${calls}`, stub);
        if (round < 0) continue;
        const line = { scenario: SCENARIO, variant, round, ...measured };
        lines.push(line);
        onMeasured(line);
      }
    }
  } finally {
    await workerd.close();
  }
  return lines;
}

async function once(url: string, stub: Stub) {
  await stub.reset({});
  const startedAt = performance.now();
  const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
  const text = await answer.text();
  const wallMs = performance.now() - startedAt;
  if (!answer.ok) throw new Error(`workerd answered ${answer.status}: ${text.slice(0, 500)}`);
  const { count } = JSON.parse(text) as { count: number };
  return { count, wallMs, counts: await stub.counts() };
}
