/** Decides which processes a test run starts. */

/** A process of a test run. */
export interface Unit {
  /** The name in the report: a file, `types`, or the other runtimes. */
  readonly name: string;
  /** Arguments for Deno. */
  readonly args: readonly string[];
  /** The longest time that the process may take, in milliseconds. */
  readonly limitMs: number;
  /** The source of the counts: a JUnit report, or lines `N passed, N failed`. */
  readonly counts: "junit" | "lines";
}

/** The processes of a test run. */
export interface Plan {
  /** Processes that run side by side. */
  readonly together: readonly Unit[];
  /** Processes that work with real time, and so run one at a time, after the others. */
  readonly alone: readonly Unit[];
}

/** Options of {@linkcode planTests}. */
export interface PlanOptions {
  /** The option that tells Deno where `@std` is. */
  readonly std: string;
}

const FILE_LIMIT_MS = 120_000;
const TYPES_LIMIT_MS = 300_000;
/** Long tests work with real time, processes and networks. */
const LONG_LIMIT_MS = 600_000;

/** Files by the time that they take, longest first; the last pattern matches all others. */
const LONG = [
  /broadcast_channel\/(broken_channel|conformance|joining|recovery)_test/,
  /\/conformance_|_deno_test/,
  /./,
];

/** Adds the long tests to a run of all quick ones. */
const ALL = "--all";
/** Runs the long tests only. */
const SUITES = "--suites";

/**
 * Plans the run for these arguments: options of `deno test`, and files or folders. A folder stands
 * for the `*_test.ts` files in it. Without any, all of `tests/` runs; with `--suites` the long
 * `*_suite.ts` files and the portable tests on other runtimes run instead, with `--all` as well.
 * With `--doc`, each path is one unit, and its examples print what they say that they print.
 */
export async function planTests(args: readonly string[], { std }: PlanOptions): Promise<Plan> {
  const options = args.filter((arg) => arg.startsWith("-") && arg !== ALL && arg !== SUITES);
  const paths = args.filter((arg) => !arg.startsWith("-"));
  const test = (file: string) =>
    junit(file, ["test", "-A", "--no-check", std, ...options, file], isSuite(file));
  if (options.includes("--doc")) {
    const doc = ["test", "-A", std, "--preload=tests/docs/prints.ts", ...options];
    const together = paths.map((path) => junit(path, [...doc, path]));
    return { together, alone: [] };
  }
  if (paths.length > 0) {
    const files = (await Promise.all(paths.map((path) => filesIn(path, isTest)))).flat();
    const [suites, tests] = [files.filter(isSuite), files.filter((file) => !isSuite(file))];
    return { together: [typesOf(files, std), ...tests.map(test)], alone: suites.map(test) };
  }
  const tests = (await filesIn("tests", isTest)).sort(longestFirst).map(test);
  const suites = (await filesIn("tests", isSuite)).sort().map(test);
  const long = [...suites, PORTABLE];
  return {
    together: args.includes(SUITES) ? [] : [typesOf(["."], std), ...tests],
    alone: args.includes(SUITES) || args.includes(ALL) ? long : [],
  };
}

function typesOf(files: readonly string[], std: string): Unit {
  return {
    name: "types",
    args: ["check", "-q", std, ...files],
    limitMs: TYPES_LIMIT_MS,
    counts: "lines",
  };
}

function junit(name: string, args: readonly string[], long = false): Unit {
  return { name, args, limitMs: long ? LONG_LIMIT_MS : FILE_LIMIT_MS, counts: "junit" };
}

/** All other runtimes in one process, which bundles the tests once. */
const PORTABLE: Unit = {
  name: "portable tests on other runtimes",
  args: ["run", "-q", "-A", "tasks/test/portable.ts"],
  limitMs: 1.5 * LONG_LIMIT_MS,
  counts: "lines",
};

function isTest(file: string): boolean {
  return file.endsWith("_test.ts");
}

function isSuite(file: string): boolean {
  return file.endsWith("_suite.ts");
}

/** The files of a kind in a folder, or the file itself, of whatever kind it is. */
async function filesIn(path: string, isKind: (file: string) => boolean): Promise<string[]> {
  if (!(await Deno.stat(path)).isDirectory) return [path];
  const inner: Promise<string[]>[] = [];
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    const file = `${path.replace(/\/$/, "")}/${name}`;
    if (isDirectory || isKind(file)) inner.push(filesIn(file, isKind));
  }
  return (await Promise.all(inner)).flat();
}

/** A run ends soonest when the files that take longest start first. */
function longestFirst(a: string, b: string): number {
  const rank = (file: string) => LONG.findIndex((pattern) => pattern.test(file));
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}
