import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Judgement, Verdict } from "../../../tasks/mutate/judge.ts";
import type { Mutant } from "../../../tasks/mutate/mutant.ts";
import { Round } from "../../../tasks/mutate/round.ts";

const MUTANTS = Array.from({ length: 10 }, (_, index): Mutant => ({
  file: "a.ts",
  line: index + 1,
  operator: "number",
  before: "1",
  after: "2",
  text: "2",
  start: 0,
  end: 1,
  sourceLine: "1",
  mutatedLine: "2",
}));

const linesOf = (round: Round) => round.judgements.map(({ mutant }) => mutant.line);
const verdictOf = (mutant: Mutant): Verdict =>
  mutant.line % 3 === 0 ? "does not compile" : "killed";

describe("Round", () => {
  it("replaces faults that do not compile, until there are enough", async () => {
    const round = new Round(MUTANTS.values(), 5);
    await round.run((mutant) => Promise.resolve({ mutant, verdict: verdictOf(mutant) }));
    assertEquals(linesOf(round), [1, 2, 4, 5, 7]);
  });

  it("ends where there are no more", async () => {
    const round = new Round(MUTANTS.values(), 50);
    await round.run((mutant) => Promise.resolve({ mutant, verdict: verdictOf(mutant) }));
    assertEquals(linesOf(round), [1, 2, 4, 5, 7, 8, 10]);
  });

  it("chooses the same ones side by side, and keeps their order", async () => {
    const round = new Round(MUTANTS.values(), 5);
    const slow =
      (turns: (mutant: Mutant) => number) => async (mutant: Mutant): Promise<Judgement> => {
        for (let turn = 0; turn < turns(mutant); turn++) await Promise.resolve();
        return { mutant, verdict: verdictOf(mutant) };
      };
    await Promise.all([round.run(slow(() => 50)), round.run(slow(({ line }) => line))]);
    assertEquals(linesOf(round), [1, 2, 4, 5, 7]);
  });
});
