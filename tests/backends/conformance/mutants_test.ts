import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { checks } from "../../../backends/conformance/suite.ts";
import { mutants } from "./mutants/mod.ts";
import { failuresOf, sparedBy } from "./mutants/mutant.ts";

describe("testBackend() against a backend that", () => {
  for (const mutant of mutants) {
    it(mutant.name, async () => {
      const spared = sparedBy(mutant);
      const failures = await failuresOf(
        mutant,
        (check) => mutant.fails.includes(check) || spared.includes(check),
      );
      assertEquals([...failures.keys()].sort(), [...mutant.fails].sort());
      for (const [check, error] of failures) {
        assert(error.message.length > 20, `the error of "${check}" says nothing`);
      }
    });
  }
});

describe("testBackend()", () => {
  it("has no check that never fails", () => {
    const failed = new Set(mutants.flatMap(({ fails }) => fails));
    const never = checks.map(({ name }) => name).filter((name) => !failed.has(name));
    assertEquals(never, []);
  });
});
