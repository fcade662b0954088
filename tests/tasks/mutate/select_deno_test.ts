import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { seededRandom } from "../../../backends/memory/seeded_random.ts";
import type { Mutant } from "../../../tasks/mutate/mutant.ts";
import { type FileMutants, inRandomOrder } from "../../../tasks/mutate/select.ts";

function mutant(file: string, line: number, after: string): Mutant {
  const fault = { start: line, end: line, text: after, before: "", after, operator: "number" };
  return { ...fault, file, line, sourceLine: "", mutatedLine: "" };
}

/** A file with a number of faults on each of its lines. */
function fileOf(name: string, codeLines: number, faultsOnLines: number[]): FileMutants {
  const mutants = faultsOnLines.flatMap((count, index) =>
    Array.from({ length: count }, (_, number) => mutant(name, index + 1, String(number)))
  );
  return { codeLines, mutants };
}

function orderOf(files: FileMutants[], seed: number): string[] {
  return [...inRandomOrder(files, seededRandom(seed))]
    .map(({ file, line, after }) => `${file}:${line} ${after}`);
}

/** How often each value comes first, in a thousand orders. */
function firsts(files: FileMutants[], of: (mutant: Mutant) => unknown): Map<unknown, number> {
  const counts = new Map<unknown, number>();
  for (let seed = 1; seed <= 1_000; seed++) {
    const [first] = inRandomOrder(files, seededRandom(seed));
    const key = of(first!);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

describe("inRandomOrder()", () => {
  const files = [fileOf("a", 10, [1, 3]), fileOf("b", 30, [2]), fileOf("none", 50, [])];

  it("gives every fault once", () => {
    const order = orderOf(files, 1);
    const all = files.flatMap(({ mutants }) => mutants);
    assertEquals(order.toSorted(), all.map((it) => `${it.file}:${it.line} ${it.after}`).toSorted());
  });

  it("gives the same order for the same seed, and another one for another", () => {
    assertEquals(orderOf(files, 7), orderOf(files, 7));
    assertNotEquals(orderOf(files, 7), orderOf(files, 8));
  });

  it("leaves what it was given as it was", () => {
    const before = structuredClone(files);
    orderOf(files, 1);
    assertEquals(files, before);
  });

  it("chooses a file by its lines of code, not by its faults", () => {
    const share = firsts([fileOf("a", 10, [90]), fileOf("b", 30, [1])], (it) => it.file);
    const ofA = share.get("a") ?? 0;
    assert(ofA > 200 && ofA < 300, `${ofA} of 1000, where a quarter was expected`);
  });

  it("chooses a line whatever the number of its faults", () => {
    const ofFirst = firsts([fileOf("a", 1, [1, 9])], (it) => it.line).get(1) ?? 0;
    assert(ofFirst > 440 && ofFirst < 560, `${ofFirst} of 1000, where half was expected`);
  });
});
