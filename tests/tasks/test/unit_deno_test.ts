import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runUnit } from "../../../tasks/test/unit.ts";

/** Runs a test file with this content. */
async function outcomeOf(content: string, limitMs = 60_000) {
  const folder = await Deno.makeTempDir({ prefix: "melange-unit-" });
  try {
    const file = `${folder}/some_test.ts`;
    await Deno.writeTextFile(file, content);
    const args = ["test", "--no-config", "--no-check", file];
    return await runUnit({ name: file, args, limitMs, counts: "junit" });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

describe("runUnit()", () => {
  it("counts the tests that pass and those that fail", async () => {
    const { passed, failed, output } = await outcomeOf(
      `Deno.test("a", () => {}); Deno.test("b", () => { throw new Error("so it is"); });`,
    );
    assertEquals([passed, failed], [1, 1]);
    assertStringIncludes(output, "so it is");
  });

  it("counts a file that cannot be loaded as a failure", async () => {
    const { passed, failed, output } = await outcomeOf(`import "./nowhere.ts";`);
    assertEquals([passed, failed], [0, 1]);
    assertStringIncludes(output, "nowhere.ts");
  });

  it("counts a process that ends in the middle as a failure", async () => {
    const { passed, failed } = await outcomeOf(
      `Deno.test({ name: "a", sanitizeExit: false, fn: () => Deno.exit(0) }); Deno.test("b", () => {});`,
    );
    assert(failed >= 1, `${passed} passed, ${failed} failed`);
  });

  it("stops a file that takes too long, and says so", async () => {
    const { failed, output, ms } = await outcomeOf(
      `Deno.test("a", () => new Promise((resolve) => setTimeout(resolve, 60_000)));`,
      1_500,
    );
    assertEquals(failed, 1);
    assertStringIncludes(output, "1500 ms");
    assert(ms < 30_000, `${ms} ms`);
  });

  it("sums the closing lines of a process that runs others", async () => {
    const args = ["eval", `console.log("node 20: 3 passed, 1 failed\\nbun 1: 4 passed, 0 failed")`];
    const { passed, failed } = await runUnit({ name: "n", args, limitMs: 9_000, counts: "lines" });
    assertEquals([passed, failed], [7, 1]);
  });
});
