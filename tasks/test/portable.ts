/**
 * Runs the portable tests (all but `*_deno_test.ts`) on Node.js, Bun, workerd and Chromium, two at a
 * time, one line each. Name some of them to run only those: `deno task test:portable node bun`.
 */
import { standInImports } from "../../tests/std.ts";
import { closingLine, type Count } from "./count.ts";
import { mustRun, type Run, run } from "../process.ts";
import { bunProgram, type NodeLine, nodeProgram, NODES, workerdProgram } from "./runtimes.ts";

const BUNDLES = "dist/tests";
/** The bundle of all tests in one, for runtimes that are no command line. */
const TOGETHER = "dist/together";
/** Node.js is told of tests when their files are loaded. */
const NODE_MODULE = `import "./tests.js";\nawait globalThis.testAll("Node.js");\n`;
const IMPORT_MAP = "dist/import_map.json";
const AT_ONCE = 2;

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
export const RUNTIMES: Readonly<Record<string, Runtime>> = {
  ...Object.fromEntries(NODES.map((line) => [`Node.js ${line}`, nodeRuntime(line)])),
  Bun: {
    test: async () => {
      const options = ["--only-failures", "--timeout=10000"];
      return await run(await bunProgram(), ["test", ...options, `./${BUNDLES}/`]);
    },
    version: async () => await run(await bunProgram(), ["--version"]),
    passed: /^ *(\d+) pass$/m,
    failed: /^ *(\d+) fail$/m,
  },
  workerd: {
    test: async () => await run(await workerdProgram(), ["test", "tests/runtimes/workerd.capnp"]),
    version: async () => await run(await workerdProgram(), ["--version"]),
    passed: /(\d+) pass$/m,
    failed: /(\d+) fail$/m,
  },
  Chromium: {
    test: () => chromium(`${TOGETHER}/tests.js`),
    version: () => chromium("--version"),
    passed: /(\d+) pass$/m,
    failed: /(\d+) fail$/m,
  },
};

if (import.meta.main) {
  const names = runtimesNamed(Deno.args);
  const bundles = await bundle((await portableTests("tests")).sort());
  const waiting = names.map((name) => [name, RUNTIMES[name]!] as const);
  let failed = false;
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      failed = !await testOn(...next, bundles) || failed;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  Deno.exit(failed ? 1 : 0);
}

function nodeRuntime(line: NodeLine): Runtime {
  const options = ["--test", "--test-reporter=spec", "--test-timeout=300000"];
  return {
    // A process for each file takes twice as long; the oldest line shows that each runs by itself.
    test: async (bundles) => {
      const files = line === NODES[0] ? bundles : [`${TOGETHER}/node.mjs`];
      return await run(await nodeProgram(line), [...options, ...files]);
    },
    failuresAfter: "failing tests:",
    version: async () => await run(await nodeProgram(line), ["--version"]),
    passed: /^ℹ pass (\d+)$/m,
    failed: /^ℹ fail (\d+)$/m,
  };
}

function chromium(argument: string): Promise<Run> {
  return run(Deno.execPath(), ["run", "-q", "-A", "tests/runtimes/chromium.ts", argument]);
}

/**
 * The runtimes whose names begin so, in whatever case: `node` stands for all of Node.js, and no name
 * for all runtimes.
 * @throws {TypeError} if there is none of a name
 */
export function runtimesNamed(names: readonly string[]): string[] {
  const all = Object.keys(RUNTIMES);
  const chosen = names.map((name) => {
    const found = all.filter((each) => each.toLowerCase().startsWith(name.toLowerCase()));
    if (found.length > 0) return found;
    throw new TypeError(`Cannot test on "${name}": ${all.join(", ")} are known`);
  });
  return names.length === 0 ? all : [...new Set(chosen.flat())];
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

/** One bundle for each test file, and one of all; returns the former. */
async function bundle(tests: string[]): Promise<string[]> {
  for (const folder of [BUNDLES, TOGETHER]) {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.mkdir(folder, { recursive: true });
  }
  await Deno.writeTextFile(IMPORT_MAP, JSON.stringify({ imports: standInImports() }));
  await Deno.writeTextFile(`${BUNDLES}/package.json`, `{ "type": "module" }\n`);
  await bundleWith(["--outdir", BUNDLES, ...tests]);
  await Deno.writeTextFile(`${TOGETHER}/tests.ts`, moduleOf(tests));
  await Deno.writeTextFile(`${TOGETHER}/node.mjs`, NODE_MODULE);
  await bundleWith(["--output", `${TOGETHER}/tests.js`, `${TOGETHER}/tests.ts`]);
  return tests.map((test) => test.replace(/^tests/, BUNDLES).replace(/\.ts$/, ".js"));
}

async function bundleWith(args: string[]): Promise<void> {
  const options = ["--quiet", "--no-check", "--platform=browser", `--import-map=${IMPORT_MAP}`];
  await mustRun(Deno.execPath(), ["bundle", ...options, ...args]);
}

/** The files are imported where they are run: outside of a handler workerd forbids most. A browser says when. */
function moduleOf(tests: string[]): string {
  const files = tests.map((test) => `  () => import("../../${test}"),\n`).join("");
  return `import { testFiles } from "../../tests/runtimes/test_files.ts";
const files = [\n${files}];
export default { test: () => testFiles(files, "workerd") };
globalThis.testAll = (runtime) => testFiles(files, runtime);
`;
}

/** Prints the outcome, and the failures if there are any; resolves to success. */
async function testOn(name: string, runtime: Runtime, bundles: string[]): Promise<boolean> {
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
