import { run } from "../process.ts";
import { type Copy, testIn, type TestRun } from "./copy.ts";
import { applyEdit, type Mutant } from "./mutant.ts";
import { testsOf } from "./tests_of.ts";

/** What became of a fault. One that does not compile says nothing about the tests. */
export type Verdict = "killed" | "survived" | "equal" | "does not compile";

/** A fault, and what became of it. */
export interface Judgement {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
  /** The test that failed, or what else gave the fault away. */
  readonly killer?: string;
}

/** How long tests may take with a fault that take `durationMs` without: others may run beside them. */
export function limitOf(durationMs: number): number {
  return 3 * durationMs + 15_000;
}

/** Tests of the unchanged code get this long. */
const PATIENCE_MS = 300_000;

/** Runs tests on faults; knows how long they take without one. */
export class Judge {
  readonly #tests: readonly string[];
  readonly #limitOf: (durationMs: number) => number;
  readonly #durations = new Map<string, Promise<number>>();

  /** Creates a judge who may run the test files given, and waits for each run so long. */
  constructor(tests: readonly string[], limit: (durationMs: number) => number = limitOf) {
    this.#tests = tests;
    this.#limitOf = limit;
  }

  /** Runs the tests of the file, then those of its room, up to the first that fails. */
  async judge(mutant: Mutant, copy: Copy): Promise<Judgement> {
    const compiles = await withMutant(mutant, copy, () => check(mutant.file, copy));
    if (!compiles) return { mutant, verdict: "does not compile" };
    for (const files of testsOf(mutant.file, this.#tests)) {
      const killer = await this.#killerIn(files, mutant, copy);
      if (killer !== undefined) return { mutant, verdict: "killed", killer };
    }
    return { mutant, verdict: "survived" };
  }

  /** What fails again when it is repeated: tests that others slow down may fail once by themselves. */
  async #killerIn(files: string[], mutant: Mutant, copy: Copy): Promise<string | undefined> {
    const first = await this.#run(files, mutant, copy);
    if (first.outcome === "passed") return undefined;
    // The machine may be slower now than it was.
    if (first.outcome === "late") this.#durations.delete(keyOf(files));
    const second = await this.#run(files, mutant, copy);
    if (second.outcome === "passed") return undefined;
    const failed = [first, second].find(({ outcome }) => outcome === "failed");
    return failed ? failedTest(failed.report) : "the time limit";
  }

  async #run(files: string[], mutant: Mutant, copy: Copy): Promise<TestRun> {
    const limitMs = this.#limitOf(await this.#durationOf(files, copy));
    return await withMutant(mutant, copy, () => testIn(copy, ["--fail-fast", ...files], limitMs));
  }

  #durationOf(files: string[], copy: Copy): Promise<number> {
    const key = keyOf(files);
    const known = this.#durations.get(key) ?? measure(files, copy);
    this.#durations.set(key, known);
    return known;
  }
}

function keyOf(files: readonly string[]): string {
  return files.join(" ");
}

/** Puts the fault into the copy for as long as `use` takes. */
async function withMutant<Result>(
  mutant: Mutant,
  { root }: Copy,
  use: () => Promise<Result>,
): Promise<Result> {
  const path = `${root}/${mutant.file}`;
  const original = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, applyEdit(original, mutant));
  try {
    return await use();
  } finally {
    await Deno.writeTextFile(path, original);
  }
}

async function check(file: string, { root }: Copy): Promise<boolean> {
  const { code } = await run(Deno.execPath(), ["check", "-q", file], { cwd: root });
  return code === 0;
}

/** Tests that fail without a fault prove nothing when they fail with one. */
async function measure(files: string[], copy: Copy): Promise<number> {
  for (let tries = 0; tries < 3; tries++) {
    const start = performance.now();
    const { outcome } = await testIn(copy, files, PATIENCE_MS);
    if (outcome === "passed") return performance.now() - start;
  }
  throw new Error(`Cannot judge by tests that fail without a fault: ${files.join(" ")}`);
}

/** The innermost test that failed, after the names of its suites. */
export function failedTest(report: string): string {
  const failed = report.split("<testcase ").slice(1).flatMap((text) => {
    const content = text.split("</testcase>")[0]!;
    const [, name] = /\bname="([^"]*)"/.exec(content) ?? [];
    return name && /<(failure|error)\b/.test(content) ? [plain(name)] : [];
  });
  const depth = (name: string) => name.split(" > ").length;
  return failed.reduce((a, b) => depth(b) > depth(a) ? b : a, failed[0] ?? "the tests do not load");
}

function plain(name: string): string {
  return name.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'").replaceAll("&amp;", "&");
}
