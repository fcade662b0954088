import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { withCopy } from "../../../tasks/mutate/copy.ts";
import { findMutants } from "../../../tasks/mutate/find.ts";
import { Judge, limitOf } from "../../../tasks/mutate/judge.ts";
import { withTree } from "./tree.ts";

const TESTS = ["tests/src/age_test.ts", "tests/src/other_deno_test.ts"];

/** What becomes of the faults of a file that make these lines. */
async function judged(root: string, { lines, judge = new Judge(TESTS) }: {
  lines: string[];
  judge?: Judge;
}): Promise<string[]> {
  const source = await Deno.readTextFile(`${root}src/age.ts`);
  const { mutants } = findMutants("src/age.ts", source);
  const said: string[] = [];
  await withCopy(root, async (copy) => {
    for (const line of lines) {
      const mutant = mutants.find(({ mutatedLine }) => mutatedLine === line);
      if (!mutant) throw new Error(`There is no fault that makes ${line}`);
      const { verdict, killer = "nobody" } = await judge.judge(mutant, copy);
      said.push(`${verdict}: ${killer}`);
      assertEquals(await Deno.readTextFile(`${copy.root}/src/age.ts`), source);
    }
  });
  return said;
}

describe("Judge", () => {
  it("runs the tests of the file, then those of its room, and undoes the fault", async () => {
    await withTree(async (root) => {
      const lines = [
        "return age >= 19;",
        "for (const age of ages) ;",
        'if (age <= 0) throw new RangeError("A negative age");',
      ];
      assertEquals(await judged(root, { lines }), [
        "killed: is an adult at 18",
        "killed: copies ages",
        "survived: nobody",
      ]);
    });
  });

  it("says which fault does not compile", async () => {
    await withTree(async (root) => {
      const source = `export const age: 1 = 1;\n`;
      await Deno.writeTextFile(`${root}src/age.ts`, source);
      assertEquals(await judged(root, { lines: ["export const age: 1 = 2;"] }), [
        "does not compile: nobody",
      ]);
    });
  });

  it("counts a fault that makes the tests hang as killed", async () => {
    const hangs = `import { isAdult } from "../../src/age.ts";
Deno.test("waits", async () => {
  if (!isAdult(18)) await new Promise((resolve) => setTimeout(resolve, 60_000));
});\n`;
    await withTree(async (root) => {
      const judge = new Judge(TESTS, (durationMs) => durationMs + 3_000);
      assertEquals(await judged(root, { lines: ["return age >= 19;"], judge }), [
        "killed: the time limit",
      ]);
    }, { "tests/src/age_test.ts": hangs });
  });

  it("does not count a time limit that was too short, as others slowed the tests down", async () => {
    const slow = `import { isAdult } from "../../src/age.ts";
Deno.test("is slow with the first fault", async () => {
  const seen = await Deno.readTextFile("seen").catch(() => "");
  if (isAdult(18) || seen) return;
  await Deno.writeTextFile("seen", "yes");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});\n`;
    await withTree(async (root) => {
      const judge = new Judge(TESTS, (durationMs) => durationMs + 3_000);
      assertEquals(await judged(root, { lines: ["return age >= 19;"], judge }), [
        "survived: nobody",
      ]);
    }, { "tests/src/age_test.ts": slow });
  });

  it("does not count a test that fails once only", async () => {
    const shaky = `import { isAdult } from "../../src/age.ts";
Deno.test("fails at the first fault", async () => {
  const seen = await Deno.readTextFile("seen").catch(() => "");
  if (isAdult(18) || seen) return;
  await Deno.writeTextFile("seen", "yes");
  throw new Error("once");
});\n`;
    await withTree(async (root) => {
      assertEquals(await judged(root, { lines: ["return age >= 19;"] }), ["survived: nobody"]);
    }, { "tests/src/age_test.ts": shaky });
  });

  it("refuses tests that fail without a fault", async () => {
    const fails = `Deno.test("fails", () => { throw new Error("always"); });\n`;
    await withTree(async (root) => {
      const error = await assertRejects(
        () => judged(root, { lines: ["return age >= 19;"] }),
        Error,
      );
      assertStringIncludes(error.message, "tests/src/age_test.ts");
    }, { "tests/src/age_test.ts": fails });
  });
});

describe("limitOf()", () => {
  it("leaves room for others on the machine", () => {
    assertEquals([limitOf(0), limitOf(1_000)], [15_000, 18_000]);
  });
});
