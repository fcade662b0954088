/**
 * Runs test files, each in a process of its own and as many at a time as there are cores, beside one
 * check of their types. Prints a line for each file, the output of those that fail, and a last line
 * `N passed, N failed`. It fails if a test fails, and if there was none.
 *
 * Usage: deno task test [--all | --suites] [options of `deno test`] [files or folders]
 */
import { stdOption } from "../../tests/std.ts";
import { closingLine, type Count } from "./count.ts";
import { type Cell, cellsOf, matrixOf, missingCells } from "./matrix.ts";
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
  const cells: Cell[] = [];
  for (const [units, atOnce] of [[together, AT_ONCE], [alone, 1]] as const) {
    await runUnits(units, { atOnce, report, count, cells });
  }
  report.close();
  if (args.includes("--all") || args.includes("--suites")) count.failed += showMatrix(cells, args);
  const failed = count.failed === 0 && count.passed === 0 ? 1 : count.failed;
  console.log(closingLine({ ...count, failed }));
  return failed > 0 ? 1 : 0;
}

/** Prints what passed where; resolves to how many places of the table are empty without a reason. */
function showMatrix(cells: readonly Cell[], args: readonly string[]): number {
  const options = args.includes("--suites") ? { quickElsewhere: true } : {};
  console.log(`\n${matrixOf(cells, options)}\n`);
  const missing = missingCells(cells, options);
  if (missing.length > 0) console.log(`Not run, and no reason is declared: ${missing.join(", ")}`);
  return missing.length;
}

interface RunOptions {
  readonly atOnce: number;
  readonly report: Report;
  /** The sum of all units' tests. */
  readonly count: Count;
  /** Gets what became of the tests by suite and runtime. */
  readonly cells: Cell[];
}

/** Runs so many units at once, in their order. */
async function runUnits(units: readonly Unit[], options: RunOptions): Promise<void> {
  const { atOnce, report, count, cells } = options;
  const waiting = [...units];
  const work = async () => {
    for (let unit = waiting.shift(); unit; unit = waiting.shift()) {
      report.started(unit);
      const result = await runUnit(unit);
      count.passed += result.passed;
      count.failed += result.failed;
      cells.push(...cellsOf(unit.name, result));
      report.ended(unit, result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
