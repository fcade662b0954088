import { cpSync } from "node:fs";
import { run } from "../process.ts";

/** Where a form of `deno task mutate` works, and what it prints with. */
export interface Place {
  /** The folder of the tree, with a slash at its end. Nothing in it is changed. */
  readonly root: string;
  /** Prints a line of the result. */
  readonly print: (line: string) => void;
}

/** What a copy does without. */
const LEFT_OUT = /^(\.git|node_modules|coverage|dist|\.cache)(\/|$)/;

/** A copy of the tree, into which faults are put. */
export interface Copy {
  /** Its folder, without a slash at its end. */
  readonly root: string;
  /** The option by which its tests find `@std`. */
  readonly std: string;
}

/** Makes a copy of a tree for as long as `use` takes. */
export async function withCopy<Result>(
  tree: string,
  use: (copy: Copy) => Promise<Result>,
): Promise<Result> {
  const root = await Deno.makeTempDir({ prefix: "melange-mutants-" });
  try {
    const filter = (path: string) => !LEFT_OUT.test(path.slice(tree.length));
    cpSync(tree, root, { recursive: true, filter });
    return await use({ root, std: await stdOption(root) });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Where the tests of the copy find `@std`. */
async function stdOption(root: string): Promise<string> {
  const { output } = await run(Deno.execPath(), ["run", "-q", "-R", `${root}/tests/std.ts`]);
  return output.split("\n")[0]!.replace("--config=", `--config=${root}/`);
}

/** What became of some tests. */
export interface TestRun {
  readonly outcome: "passed" | "failed" | "late";
  /** The report in the format of JUnit; empty where there is none. */
  readonly report: string;
}

/** Runs tests of a copy with the options and files given, for at most `limitMs` milliseconds. */
export async function testIn(copy: Copy, args: string[], limitMs: number): Promise<TestRun> {
  const path = `${copy.root}/mutant.xml`;
  await Deno.remove(path).catch(() => {});
  const options = ["-A", "-q", "--no-check", "--no-lock", copy.std, `--junit-path=${path}`];
  const { code, output } = await run(Deno.execPath(), ["test", ...options, ...args], {
    timeoutMs: limitMs,
    cwd: copy.root,
  });
  const report = await Deno.readTextFile(path).catch(() => "");
  if (output.endsWith(`Stopped after ${limitMs} ms`)) return { outcome: "late", report };
  return { outcome: code === 0 ? "passed" : "failed", report };
}
