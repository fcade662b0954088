/** The table of what passed where. */
import { type Count, countOutcomes } from "./count.ts";
import type { UnitResult } from "./unit.ts";

/** What became of a suite on a runtime. */
export interface Cell extends Count {
  /** The suite: what a row is about. */
  readonly suite: string;
  /** One of {@linkcode COLUMNS}. */
  readonly runtime: string;
}

/** The runtimes, in the order of the columns. */
export const COLUMNS: readonly string[] = [
  "Deno",
  ...["20", "22", "24", "newest"].map((line) => `Node.js ${line}`),
  "Bun",
  "workerd",
  "Chromium",
];

/** The names of rows, and the tests in them. */
export const ROWS = {
  portable: "portable tests",
  installed: "npm package, installed",
  bundled: "npm package, bundled",
  jsr: "JSR package, linked",
} as const;

/** Why a suite does not run on a runtime; a cell that neither ran nor stands here is a failure. */
const CANNOT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [ROWS.installed]: {
    Deno: "Deno takes the package from JSR",
    workerd: "it runs bundles only",
    Chromium: "it runs bundles only",
  },
  [ROWS.bundled]: Object.fromEntries(
    COLUMNS.filter((column) => !["workerd", "Chromium"].includes(column))
      .map((column) => [column, "it runs the package as it is"]),
  ),
  [ROWS.jsr]: Object.fromEntries(
    COLUMNS.filter((column) => column !== "Deno").map((
      column,
    ) => [column, "it takes the package from npm"]),
  ),
};

/** Options of a table. */
export interface MatrixOptions {
  /** Whether the quick tests, which are those on Deno, are no part of the run. Default: `false`. */
  readonly quickElsewhere?: boolean;
}

/** The rows of the suites that say in the names of their tests where each runs. */
const SUITES: Readonly<Record<string, string>> = {
  "tests/package/runtimes_suite.ts": ROWS.installed,
  "tests/package/bundlers_suite.ts": ROWS.bundled,
  "tests/package/jsr_suite.ts": ROWS.jsr,
};
/** A line of `portable.ts`: runtime, version, and what came of it. */
const LINE = /^(\S.*) \S+: (\d+) passed, (\d+) failed$/gm;

/** The cells that a process of a test run fills. */
export function cellsOf(name: string, result: UnitResult): Cell[] {
  const { passed, failed, tests, output } = result;
  if (name.endsWith("_test.ts")) {
    const isPortable = !name.endsWith("_deno_test.ts");
    return isPortable ? [{ suite: ROWS.portable, runtime: "Deno", passed, failed }] : [];
  }
  const suite = SUITES[name];
  if (suite !== undefined) {
    return COLUMNS.flatMap((runtime) => {
      const here = tests.filter((test) => test.name.includes(runtime));
      return here.length === 0 ? [] : [{ suite, runtime, ...countOutcomes(here) }];
    });
  }
  return [...output.matchAll(LINE)].filter(([, runtime = ""]) => COLUMNS.includes(runtime))
    .map(([, runtime = "", passed, failed]) => (
      { suite: ROWS.portable, runtime, passed: Number(passed), failed: Number(failed) }
    ));
}

/** The cells that must have run and did not. */
export function missingCells(cells: readonly Cell[], options: MatrixOptions = {}): string[] {
  return Object.values(ROWS).flatMap((suite) =>
    COLUMNS.filter((runtime) =>
      !cellOf(cells, suite, runtime) && !reasonFor(suite, runtime, options)
    )
      .map((runtime) => `${suite} on ${runtime}`)
  );
}

/** The table, and below it why the cells with a letter in them are empty. */
export function matrixOf(cells: readonly Cell[], options: MatrixOptions = {}): string {
  const notes: string[] = [];
  const noteOf = (reason: string) => {
    if (!notes.includes(reason)) notes.push(reason);
    return `(${String.fromCharCode(97 + notes.indexOf(reason))})`;
  };
  const rows = Object.values(ROWS).map((suite) => [
    suite,
    ...COLUMNS.map((runtime) => {
      const cell = cellOf(cells, suite, runtime);
      if (cell) return cell.failed > 0 ? `${cell.failed} FAILED` : `${cell.passed}`;
      const reason = reasonFor(suite, runtime, options);
      return reason === undefined ? "not run" : noteOf(reason);
    }),
  ]);
  const lines = [["tests passed", ...COLUMNS], ...rows].map(lineOf);
  const below = notes.map((note, index) => `(${String.fromCharCode(97 + index)}) ${note}`);
  return [...lines, ...below].join("\n");
}

function reasonFor(
  suite: string,
  runtime: string,
  { quickElsewhere = false }: MatrixOptions,
): string | undefined {
  const isQuick = suite === ROWS.portable && runtime === "Deno";
  return isQuick && quickElsewhere ? "they are run by `deno task test`" : CANNOT[suite]?.[runtime];
}

/** The sum of all cells of a suite and a runtime. */
function cellOf(cells: readonly Cell[], suite: string, runtime: string): Count | undefined {
  const found = cells.filter((cell) => cell.suite === suite && cell.runtime === runtime);
  if (found.length === 0) return undefined;
  const sum = (key: keyof Count) => found.reduce((total, cell) => total + cell[key], 0);
  return { passed: sum("passed"), failed: sum("failed") };
}

function lineOf([name = "", ...cells]: readonly string[]): string {
  return name.padEnd(24) + cells.map((cell) => cell.padStart(15)).join("");
}
