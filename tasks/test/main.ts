/**
 * Runs test files, each in a process of its own and as many at a time as there are cores, beside one
 * check of their types. Prints a line for each file, the output of those that fail, and a last line
 * `N passed, N failed`. It fails if a test fails, and if there was none.
 *
 * Usage: deno task test [--all | --suites] [options of `deno test`] [files or folders]
 */
import { stdOption } from "../../tests/std.ts";
import { closingLine, type Count } from "./count.ts";
import { planTests, type Unit } from "./plan.ts";
import { openReport, type Report } from "./report.ts";
import { runUnit } from "./unit.ts";

/** Files wait more than they compute. */
const AT_ONCE = 2 * navigator.hardwareConcurrency + 1;

if (import.meta.main) Deno.exit(await test(Deno.args));

async function test(args: string[]): Promise<number> {
  const { together, alone } = await planTests(args, { std: await stdOption() });
  const report = openReport(together.length + alone.length);
  const count: Count = { passed: 0, failed: 0 };
  for (const [units, atOnce] of [[together, AT_ONCE], [alone, 1]] as const) {
    await runUnits(units, { atOnce, report, count });
  }
  report.close();
  const failed = count.failed === 0 && count.passed === 0 ? 1 : count.failed;
  console.log(closingLine({ ...count, failed }));
  return failed > 0 ? 1 : 0;
}

interface RunOptions {
  readonly atOnce: number;
  readonly report: Report;
  /** The sum of all units' tests. */
  readonly count: Count;
}

/** Runs so many units at once, in their order. */
async function runUnits(units: readonly Unit[], options: RunOptions): Promise<void> {
  const { atOnce, report, count } = options;
  const waiting = [...units];
  const work = async () => {
    for (let unit = waiting.shift(); unit; unit = waiting.shift()) {
      report.started(unit);
      const result = await runUnit(unit);
      count.passed += result.passed;
      count.failed += result.failed;
      report.ended(unit, result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
