/**
 * Proves that the tests can fail: applies each patch of `tests/chaos/mutants/` to a copy of the tree
 * and demands that the test which its first line names fails there, and passes without it. Prints
 * one line each, then `N killed, N survived`; fails if one survived. Takes the names of patches, by
 * default all.
 */
import { cpSync } from "node:fs";
import { applyHunks, parsePatch } from "./patch.ts";
import { run } from "./process.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const MUTANTS = `${ROOT}tests/chaos/mutants/`;
/** What a copy does without. */
const LEFT_OUT = /^(\.git|node_modules|coverage|dist|\.cache)(\/|$)/;
/** A test that takes longer hangs. */
const PATIENCE_MS = 30_000;

/** A fault, put into the code on purpose. */
interface Mutant {
  readonly name: string;
  readonly patch: string;
  /** The file of the test that must fail. */
  readonly file: string;
  /** Its name, after those of its suites: `suite > test`. */
  readonly test: string;
}

type Outcome = "passed" | "failed" | "missing";

if (import.meta.main) Deno.exit(await mutate(Deno.args) ? 0 : 1);

async function mutate(names: string[]): Promise<boolean> {
  const mutants = readMutants(names);
  const copy = await Deno.makeTempDir({ prefix: "melange-mutants-" });
  let survived = 0;
  try {
    cpSync(ROOT, copy, {
      recursive: true,
      filter: (path) => !LEFT_OUT.test(path.slice(ROOT.length)),
    });
    const std = await stdOption(copy);
    for (const mutant of mutants) {
      const verdict = await judge(mutant, { copy, std });
      if (verdict !== "killed") survived += 1;
      console.log(`${mutant.name}: ${verdict} (${mutant.test})`);
    }
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
  console.log(`${mutants.length - survived} killed, ${survived} survived`);
  return survived === 0 && mutants.length > 0;
}

/** Where the tests of the copy find `@std`. */
async function stdOption(copy: string): Promise<string> {
  const { output } = await run(Deno.execPath(), ["run", "-q", "-R", `${copy}/tests/std.ts`]);
  return output.split("\n")[0]!.replace("--config=", `--config=${copy}/`);
}

function readMutants(names: string[]): Mutant[] {
  const all = [...Deno.readDirSync(MUTANTS)].flatMap(({ name }) =>
    name.endsWith(".patch") ? [name.slice(0, -".patch".length)] : []
  );
  return (names.length > 0 ? names : all.sort()).map((name) => {
    const patch = Deno.readTextFileSync(`${MUTANTS}${name}.patch`);
    const [, file, test] = /^# test: (\S+) "(.*)"$/m.exec(patch) ?? [];
    if (file && test) return { name, patch, file, test };
    throw new Error(`Cannot try ${name} as it names no test: # test: FILE "SUITE > TEST"`);
  });
}

/** A copy of the tree, and the option by which its tests find `@std`. */
interface Copy {
  readonly copy: string;
  readonly std: string;
}

async function judge(mutant: Mutant, tree: Copy): Promise<string> {
  const sound = await outcomeOf(mutant, tree);
  if (sound !== "passed") return `SURVIVED: without it, the test has ${sound}`;
  const files = parsePatch(mutant.patch);
  const originals = files.map(({ path }) => Deno.readTextFileSync(`${tree.copy}/${path}`));
  try {
    files.forEach(({ path, hunks }, index) =>
      Deno.writeTextFileSync(`${tree.copy}/${path}`, applyHunks(originals[index]!, hunks))
    );
    const mutated = await outcomeOf(mutant, tree);
    return mutated === "failed" ? "killed" : `SURVIVED: the test has ${mutated}`;
  } catch (error) {
    return `SURVIVED: ${error instanceof Error ? error.message : error}`;
  } finally {
    files.forEach(({ path }, index) =>
      Deno.writeTextFileSync(`${tree.copy}/${path}`, originals[index]!)
    );
  }
}

/** What becomes of the test: the only one that is asked, whatever else fails beside it. */
async function outcomeOf({ file, test }: Mutant, { copy, std }: Copy): Promise<Outcome> {
  const report = `${copy}/mutant.xml`;
  const suite = test.split(" > ")[0]!;
  const options = ["-A", "-q", "--no-check", "--no-lock", std, `--junit-path=${report}`];
  const args = ["test", ...options, `--filter=${suite}`, `${copy}/${file}`];
  const { output } = await run(Deno.execPath(), args, { timeoutMs: PATIENCE_MS });
  if (output.endsWith(`Stopped after ${PATIENCE_MS} ms`)) return "failed";
  const [, content] = Deno.readTextFileSync(report)
    .split(`<testcase name="${escaped(test)}"`)
    .map((text) => text.split("</testcase>")[0]!);
  if (content === undefined) return "missing";
  return /<(failure|error)\b/.test(content) ? "failed" : "passed";
}

function escaped(name: string): string {
  return name.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;").replaceAll("'", "&apos;");
}
