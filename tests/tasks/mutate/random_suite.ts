import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { mutateAtRandom } from "../../../tasks/mutate/random.ts";
import { withTree } from "./tree.ts";

/** The seed chooses one that is killed, one that survives, and one that is equal. */
const OPTIONS = { seed: 56, count: 3, folders: ["src"], jobs: 2, json: false, fail: false };

/** The lines that are printed, those about faults in the order of their places. */
async function run(root: string, options: Partial<typeof OPTIONS> = {}) {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(...line.split("\n"));
  const survived = await mutateAtRandom({ ...OPTIONS, ...options }, { root, print });
  const isFault = (line: string) => /^(killed|survived|equal) /.test(line);
  return {
    survived,
    faults: lines.filter(isFault).sort(),
    others: lines.filter((line) => !isFault(line)),
  };
}

describe("mutateAtRandom()", () => {
  it("tells what became of each fault, and shows the survivors", async () => {
    await withTree(async (root) => {
      const { survived, faults, others } = await run(root);
      assertEquals(faults, [
        "equal    src/age.ts:2 number: 0 → 1 (said so)",
        "killed   src/age.ts:8 call: known.push(age); → ; (copies ages)",
        "survived src/age.ts:2 boundary: < → <=",
      ]);
      assertEquals(survived, 1);
      assertEquals(others, [
        "3 faults in src, seed 56",
        "",
        "Survivors:",
        "src/age.ts:2 boundary",
        `  - if (age < 0) throw new RangeError("A negative age");`,
        `  + if (age <= 0) throw new RangeError("A negative age");`,
        "",
        "src  1/2 killed   50 %, 1 equal",
        "all  1/2 killed   50 %, 1 equal",
      ]);
      assertEquals((await Deno.readTextFile(`${root}src/age.ts`)).includes("<="), false);
    });
  });

  it("prints nothing but one document with --json, and takes a file for a folder", async () => {
    await withTree(async (root) => {
      const { others } = await run(root, { json: true, count: 1, folders: ["src/age.ts"] });
      const { seed, mutants, rooms } = JSON.parse(others.join("\n"));
      assertEquals([seed, mutants.length, rooms.length], [56, 1, 2]);
    });
  });
});
