/**
 * Runs the portable tests (all but `*_deno_test.ts`) on Node, Bun and workerd, one line each. Name
 * some of them to run only those: `deno task test:portable node`.
 */
import { standInImports } from "../../tests/std.ts";
import { closingLine, type Count } from "./count.ts";
import { mustRun, type Run, run } from "../process.ts";

const BUNDLES = "dist/tests";
const WORKERD_BUNDLE = "dist/workerd";
const IMPORT_MAP = "dist/import_map.json";

/** A runtime that has a test runner. */
export interface Runtime {
  /** Runs the tests in these files. */
  test(bundles: string[]): Promise<Run>;
  /** What precedes the failures in what it writes. Default: nothing does. */
  failuresAfter?: string;
  /** Prints the version. */
  version(): Promise<Run>;
  /** Matches the line that says how many tests passed. */
  passed: RegExp;
  /** Matches the line that says how many tests failed. */
  failed: RegExp;
}

/** The runtimes beside Deno, and how the portable tests are run there. */
export const RUNTIMES: Record<string, Runtime> = {
  node: {
    test: (bundles) =>
      run("node", ["--test", "--test-reporter=spec", "--test-timeout=120000", ...bundles]),
    failuresAfter: "failing tests:",
    version: () => run("node", ["--version"]),
    passed: /^ℹ pass (\d+)$/m,
    failed: /^ℹ fail (\d+)$/m,
  },
  bun: {
    test: () =>
      run("npx", ["-y", "bun@^1", "test", "--only-failures", "--timeout=10000", `./${BUNDLES}/`]),
    version: () => run("npx", ["-y", "bun@^1", "--version"]),
    passed: /^ *(\d+) pass$/m,
    failed: /^ *(\d+) fail$/m,
  },
  workerd: {
    test: () => run("npx", ["-y", "workerd@^1", "test", "tests/runtimes/workerd.capnp"]),
    version: () => run("npx", ["-y", "workerd@^1", "--version"]),
    passed: /(\d+) pass$/m,
    failed: /(\d+) fail$/m,
  },
};

if (import.meta.main) {
  const names = Deno.args.length > 0 ? Deno.args : Object.keys(RUNTIMES);
  const tests = (await portableTests("tests")).sort();
  const bundles = await bundle(tests);
  let failed = false;
  for (const name of names) failed = !await testOn(name, bundles) || failed;
  Deno.exit(failed ? 1 : 0);
}

async function portableTests(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) files.push(...await portableTests(path));
    else if (/_test\.ts$/.test(name) && !name.endsWith("_deno_test.ts")) files.push(path);
  }
  return files;
}

/** One bundle for each test file, and one of all for workerd; returns the former. */
async function bundle(tests: string[]): Promise<string[]> {
  for (const folder of [BUNDLES, WORKERD_BUNDLE]) {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.mkdir(folder, { recursive: true });
  }
  await Deno.writeTextFile(IMPORT_MAP, JSON.stringify({ imports: standInImports() }));
  await Deno.writeTextFile(`${BUNDLES}/package.json`, `{ "type": "module" }\n`);
  await bundleWith(["--outdir", BUNDLES, ...tests]);
  await Deno.writeTextFile(`${WORKERD_BUNDLE}/tests.ts`, workerdModule(tests));
  await bundleWith(["--output", `${WORKERD_BUNDLE}/tests.js`, `${WORKERD_BUNDLE}/tests.ts`]);
  return tests.map((test) => test.replace(/^tests/, BUNDLES).replace(/\.ts$/, ".js"));
}

async function bundleWith(args: string[]): Promise<void> {
  const options = ["--quiet", "--no-check", "--platform=browser", `--import-map=${IMPORT_MAP}`];
  await mustRun(Deno.execPath(), ["bundle", ...options, ...args]);
}

/** The files are imported where they are run: outside of a handler workerd forbids most. */
function workerdModule(tests: string[]): string {
  const files = tests.map((test) => `  () => import("../../${test}"),\n`).join("");
  return `import { testFiles } from "../../tests/runtimes/workerd.ts";
const files = [\n${files}];
export default { test: () => testFiles(files) };
`;
}

/** Prints the outcome, and the failures if there are any; resolves to success. */
async function testOn(name: string, bundles: string[]): Promise<boolean> {
  const runtime = RUNTIMES[name];
  if (!runtime) throw new TypeError(`Cannot test on "${name}": ${Object.keys(RUNTIMES)} are known`);
  const version = await outputOf(() => runtime.version());
  const { code, output } = await outputOf(() => runtime.test(bundles));
  const count = countOf(output, runtime);
  const ok = code === 0 && count.failed === 0 && count.passed > 0;
  const failed = ok ? 0 : Math.max(count.failed, 1);
  if (!ok) console.log(output.split(runtime.failuresAfter ?? "\0").at(-1));
  const [number = "?"] = /\d+[\d.-]+/.exec(version.output) ?? [];
  console.log(`${name} ${number}: ${closingLine({ ...count, failed })}`);
  return ok;
}

/** A runtime that cannot be started has failed, like one that fails a test. */
async function outputOf(start: () => Promise<Run>): Promise<Run> {
  try {
    return await start();
  } catch (error) {
    const output = `It cannot be started: ${error}`;
    return { code: 1, output, stdout: "", stderr: output };
  }
}

function countOf(output: string, { passed, failed }: Runtime): Count {
  const count = (line: RegExp) => Number(line.exec(output)?.[1] ?? 0);
  return { passed: count(passed), failed: count(failed) };
}
