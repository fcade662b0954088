import { applyHunks, parsePatch } from "../patch.ts";
import { type Copy, type Place, testIn, withCopy } from "./copy.ts";

const MUTANTS = "tests/chaos/mutants/";
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

/**
 * Applies each patch of `tests/chaos/mutants/` to a copy of the tree and demands that the test which
 * its first line names fails there, and passes without it. Prints one line each, then `N killed, N
 * survived`; resolves to `false` if one survived. Takes the names of patches, by default all.
 */
export async function mutateByPatches(names: string[], { root, print }: Place): Promise<boolean> {
  const mutants = readMutants(`${root}${MUTANTS}`, names);
  let survived = 0;
  await withCopy(root, async (copy) => {
    for (const mutant of mutants) {
      const verdict = await judge(mutant, copy);
      if (verdict !== "killed") survived += 1;
      print(`${mutant.name}: ${verdict} (${mutant.test})`);
    }
  });
  print(`${mutants.length - survived} killed, ${survived} survived`);
  return survived === 0 && mutants.length > 0;
}

function readMutants(folder: string, names: string[]): Mutant[] {
  const all = [...Deno.readDirSync(folder)].flatMap(({ name }) =>
    name.endsWith(".patch") ? [name.slice(0, -".patch".length)] : []
  );
  return (names.length > 0 ? names : all.sort()).map((name) => {
    const patch = Deno.readTextFileSync(`${folder}${name}.patch`);
    const [, file, test] = /^# test: (\S+) "(.*)"$/m.exec(patch) ?? [];
    if (file && test) return { name, patch, file, test };
    throw new Error(`Cannot try ${name} as it names no test: # test: FILE "SUITE > TEST"`);
  });
}

async function judge(mutant: Mutant, copy: Copy): Promise<string> {
  const sound = await outcomeOf(mutant, copy);
  if (sound !== "passed") return `SURVIVED: without it, the test has ${sound}`;
  const files = parsePatch(mutant.patch);
  const originals = files.map(({ path }) => Deno.readTextFileSync(`${copy.root}/${path}`));
  try {
    files.forEach(({ path, hunks }, index) =>
      Deno.writeTextFileSync(`${copy.root}/${path}`, applyHunks(originals[index]!, hunks))
    );
    const mutated = await outcomeOf(mutant, copy);
    return mutated === "failed" ? "killed" : `SURVIVED: the test has ${mutated}`;
  } catch (error) {
    return `SURVIVED: ${error instanceof Error ? error.message : error}`;
  } finally {
    files.forEach(({ path }, index) =>
      Deno.writeTextFileSync(`${copy.root}/${path}`, originals[index]!)
    );
  }
}

/** What becomes of the test: the only one that is asked, whatever else fails beside it. */
async function outcomeOf({ file, test }: Mutant, copy: Copy): Promise<Outcome> {
  const suite = test.split(" > ")[0]!;
  const { outcome, report } = await testIn(copy, [`--filter=${suite}`, file], PATIENCE_MS);
  if (outcome === "late") return "failed";
  const [, content] = report
    .split(`<testcase name="${escaped(test)}"`)
    .map((text) => text.split("</testcase>")[0]!);
  if (content === undefined) return "missing";
  return /<(failure|error)\b/.test(content) ? "failed" : "passed";
}

function escaped(name: string): string {
  return name.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;").replaceAll("'", "&apos;");
}
