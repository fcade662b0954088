import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { planTests } from "../../../tasks/test/plan.ts";

const std = "--config=deno.json";

async function namesFor(...args: string[]) {
  const { together, alone } = await planTests(args, { std });
  return { together: together.map(({ name }) => name), alone: alone.map(({ name }) => name) };
}

describe("planTests()", () => {
  it("runs all quick tests beside one check of all types, and nothing that takes long", async () => {
    const { together, alone } = await namesFor();
    assertEquals(together[0], "types");
    assert(together.includes("tests/src/consume/leases_test.ts"));
    assert(together.includes("tests/tasks/test/plan_deno_test.ts"));
    assertEquals(together.filter((name) => name.endsWith("_suite.ts")), []);
    assertEquals(new Set(together).size, together.length);
    assertEquals(alone, []);
  });

  it("--suites runs what takes long, one at a time, and the other runtimes", async () => {
    const { together, alone } = await namesFor("--suites");
    assertEquals(together, []);
    assert(alone.includes("tests/chaos/chaos_suite.ts"));
    assertEquals(alone.filter((name) => name.endsWith("_test.ts")), []);
    assertEquals(alone.at(-1), "portable tests on other runtimes");
  });

  it("--all runs both", async () => {
    const [all, quick, long] = [
      await namesFor("--all"),
      await namesFor(),
      await namesFor("--suites"),
    ];
    assertEquals(all, { together: quick.together, alone: long.alone });
  });

  it("runs the tests in a folder, and files of either kind that are named", async () => {
    const { together, alone } = await namesFor("tests/hosts/", "tests/chaos/chaos_suite.ts");
    assertEquals(together, ["types"]);
    assertEquals(alone, ["tests/chaos/chaos_suite.ts"]);
    const tasks = (await namesFor("tests/tasks/test")).together.sort();
    const files = ["count", "matrix", "plan_deno", "portable_deno", "report_deno", "unit_deno"];
    assertEquals(tasks, [...files.map((file) => `tests/tasks/test/${file}_test.ts`), "types"]);
  });

  it("hands options on, but for its own", async () => {
    const { together: [types, unit] } = await planTests(
      ["--filter=x", "--all", "tests/src/consume/leases_test.ts"],
      { std },
    );
    assertEquals(types?.args, ["check", "-q", std, "tests/src/consume/leases_test.ts"]);
    const args = [
      "test",
      "-A",
      "--no-check",
      std,
      "--filter=x",
      "tests/src/consume/leases_test.ts",
    ];
    assertEquals(unit?.args, args);
  });

  it("runs the examples of each path with --doc, types checked", async () => {
    const { together } = await planTests(["--doc", "mod.ts", "docs"], { std });
    assertEquals(together.map(({ args }) => args), [
      ["test", "-A", std, "--preload=tests/docs/prints.ts", "--doc", "mod.ts"],
      ["test", "-A", std, "--preload=tests/docs/prints.ts", "--doc", "docs"],
    ]);
  });
});
