import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { findMutants } from "../../../tasks/mutate/find.ts";
import type { Verdict } from "../../../tasks/mutate/judge.ts";
import type { Mutant } from "../../../tasks/mutate/mutant.ts";
import { Progress } from "../../../tasks/mutate/progress.ts";

const [MUTANT] = findMutants("src/a.ts", "x = true;").mutants as [Mutant];
const LINE = "survived src/a.ts:1 boolean: true → false";

function told(options: { print: boolean; write: boolean }): string[] {
  const said: string[] = [];
  const print = options.print ? (line: string) => void said.push(line) : undefined;
  const write = options.write ? (text: string) => void said.push(text) : undefined;
  const progress = new Progress({ count: 2, print, write });
  for (const verdict of ["survived", "does not compile", "survived"] satisfies Verdict[]) {
    progress.tell({ mutant: MUTANT, verdict });
  }
  return said;
}

describe("Progress", () => {
  it("prints a line for each fault that counts", () => {
    assertEquals(told({ print: true, write: false }), [LINE, LINE]);
  });

  it("tells a terminal how far it is, and leaves nothing there", () => {
    assertEquals(told({ print: true, write: true }), [
      "\r\x1b[K",
      LINE,
      "1/2 …",
      "\r\x1b[K",
      LINE,
    ]);
    assertEquals(told({ print: false, write: true }), ["\r\x1b[K", "1/2 …", "\r\x1b[K"]);
  });
});
