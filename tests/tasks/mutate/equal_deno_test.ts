import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { isEqual, parseEqualMutants } from "../../../tasks/mutate/equal.ts";
import { findMutants } from "../../../tasks/mutate/find.ts";
import type { Mutant } from "../../../tasks/mutate/mutant.ts";

const LIST = new URL("../../equal_mutants.txt", import.meta.url);
const ROOT = new URL("../../../", import.meta.url);

describe("parseEqualMutants()", () => {
  it("reads one a line, and skips remarks", () => {
    assertEquals(parseEqualMutants("# a remark\n\na.ts | x < 1; | boundary | never 1\n"), [
      { file: "a.ts", sourceLine: "x < 1;", change: "boundary", reason: "never 1" },
    ]);
  });

  it("takes the separator in a line of code for a part of it", () => {
    const [entry] = parseEqualMutants("a.ts | const a: A | B = 1 | 2; | 3 | why");
    assertEquals(entry?.sourceLine, "const a: A | B = 1 | 2;");
    assertEquals([entry?.change, entry?.reason], ["3", "why"]);
  });

  it("refuses a line in which something is missing", () => {
    for (const line of ["a.ts | x | boundary", "a.ts | x |  | why", " | x | boundary | why"]) {
      assertThrows(() => parseEqualMutants(line), Error, "file | line | change | reason");
    }
  });
});

describe("isEqual()", () => {
  const [mutant] = findMutants("a.ts", "  x = a && b;").mutants as [Mutant];
  const entry = { file: "a.ts", sourceLine: "x = a && b;", change: "logic", reason: "why" };

  it("knows a fault by its operator, by what is put in, and by the line it makes", () => {
    for (const change of ["logic", "||", "x = a || b;"]) {
      assertEquals(isEqual({ ...entry, change }, mutant), true, change);
    }
    assertEquals(isEqual({ ...entry, change: "boundary" }, mutant), false);
  });

  it("knows what is dropped", () => {
    const [dropped] = findMutants("a.ts", "x = f({ b });").mutants as [Mutant];
    const sourceLine = "x = f({ b });";
    assertEquals(isEqual({ ...entry, sourceLine, change: "(dropped)" }, dropped), true);
  });

  it("does not take it for one in another line or file", () => {
    assertEquals(isEqual({ ...entry, file: "b.ts" }, mutant), false);
    assertEquals(isEqual({ ...entry, sourceLine: "x = a && c;" }, mutant), false);
  });
});

describe("tests/equal_mutants.txt", () => {
  for (const entry of parseEqualMutants(Deno.readTextFileSync(LIST))) {
    it(`names a fault that can be made: ${entry.file} | ${entry.sourceLine}`, () => {
      const source = Deno.readTextFileSync(new URL(entry.file, ROOT));
      const { mutants } = findMutants(entry.file, source);
      assertEquals(mutants.some((mutant) => isEqual(entry, mutant)), true);
    });
  }
});
