import { assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { mutateByPatches } from "../../../tasks/mutate/patches.ts";
import { applyHunks, parsePatch } from "../../../tasks/patch.ts";
import { withTree } from "./tree.ts";

async function run(root: string, names: string[]) {
  const lines: string[] = [];
  const ok = await mutateByPatches(names, { root, print: (line) => void lines.push(line) });
  return { ok, lines };
}

describe("mutateByPatches()", () => {
  it("demands that the test fails which a patch names", async () => {
    await withTree(async (root) => {
      assertEquals(await run(root, []), {
        ok: false,
        lines: [
          "at_17: killed (is an adult at 18)",
          "harmless: SURVIVED: the test has passed (has an age)",
          "of_nothing: SURVIVED: without it, the test has missing (has no such test)",
          "1 killed, 2 survived",
        ],
      });
      assertEquals(await run(root, ["at_17"]), {
        ok: true,
        lines: ["at_17: killed (is an adult at 18)", "1 killed, 0 survived"],
      });
    });
  });
});

const MUTANTS = new URL("../../chaos/mutants/", import.meta.url);

describe("each patch of tests/chaos/mutants", () => {
  for (const { name } of Deno.readDirSync(MUTANTS)) {
    it(`${name} fits the code as it is`, () => {
      for (const { path, hunks } of parsePatch(Deno.readTextFileSync(new URL(name, MUTANTS)))) {
        const original = Deno.readTextFileSync(new URL(`../../../${path}`, import.meta.url));
        assertNotEquals(applyHunks(original, hunks), original);
      }
    });
  }
});
