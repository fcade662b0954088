/** Runs one process of a test run. */
import { run } from "../process.ts";
import { type Count, countLines, countOutcomes, type Outcome, testsIn } from "./count.ts";
import type { Unit } from "./plan.ts";

/** The end of a unit. */
export interface UnitResult extends Count {
  /** Everything that the process wrote. */
  readonly output: string;
  /** The tests, where the process tells of each. */
  readonly tests: readonly Outcome[];
  /** The time that it took, in milliseconds. */
  readonly ms: number;
}

/** Runs a unit. A process that fails without a failed test counts as one failed test. */
export async function runUnit(unit: Unit): Promise<UnitResult> {
  const startedAt = performance.now();
  const { code, output, count, tests } = unit.counts === "junit"
    ? await runWithReport(unit)
    : await runWithLines(unit);
  const failed = code === 0 ? count.failed : Math.max(count.failed, 1);
  return { ...count, failed, output, tests, ms: performance.now() - startedAt };
}

async function runWithReport({ args: [command = "", ...rest], limitMs }: Unit) {
  const report = await Deno.makeTempFile({ prefix: "melange-", suffix: ".xml" });
  try {
    const args = [command, `--junit-path=${report}`, ...rest];
    const ended = await run(Deno.execPath(), args, { timeoutMs: limitMs });
    const tests = testsIn(await Deno.readTextFile(report));
    return { ...ended, tests, count: countOutcomes(tests) };
  } finally {
    await Deno.remove(report);
  }
}

async function runWithLines({ args, limitMs }: Unit) {
  const ended = await run(Deno.execPath(), args, { timeoutMs: limitMs });
  return { ...ended, tests: [], count: countLines(ended.output) };
}
