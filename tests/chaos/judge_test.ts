import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Evidence, judge, type Verdict } from "./judge.ts";
import type { WireFact } from "./ledger.ts";
import type { Effect } from "./records.ts";

const stored = (id: string): WireFact => ({ kind: "stored", client: "publisher", id });
const done = (key: string, at = 1): Effect[] =>
  (["start", "effect", "mark"] as const).map((step) => ({ key, step, at }));

/** A run of three events, one of them poison, in which nothing went wrong; with what differs. */
function judged(differences: Partial<Evidence> = {}): Verdict {
  return judge({
    expected: [
      { key: "a", poison: false, group: "g" },
      { key: "b", poison: false, group: "g" },
      { key: "p", poison: true, group: "g" },
    ],
    told: ["a", "b", "p"].map((key) => ({ key, result: "stored", at: 0 })),
    effects: new Map([["one", [...done("a", 1), ...done("b", 2)]]]),
    killed: new Set(),
    facts: ["a", "b", "p"].map(stored),
    deadLetters: ["p"],
    left: 0,
    ...differences,
  });
}

/** What differs from a run in which nothing went wrong. */
function changes(differences: Partial<Evidence>): Partial<Verdict> {
  const sound = Object.entries(judged());
  const verdict = judged(differences);
  return Object.fromEntries(
    sound.map(([name]) => [name, verdict[name as keyof Verdict]]).filter(([, value], index) =>
      value !== sound[index]?.[1]
    ),
  );
}

function told(result: string): Evidence["told"] {
  return ["a", "b", "p"].map((key) => ({ key, result: key === "a" ? result : "stored", at: 0 }));
}

describe("judge()", () => {
  it("finds nothing wrong where nothing is", () => {
    assertEquals(judged(), {
      acknowledged: 3,
      refused: 0,
      refusedButStored: 0,
      unknown: 0,
      neverSent: 0,
      lost: 0,
      refusedButHandled: 0,
      unexpected: 0,
      repeated: 0,
      repeatedUnexplained: 0,
      outOfOrder: 0,
      poisonMissing: 0,
      wronglyDead: 0,
      left: 0,
      requestsPerMessage: 0,
    });
  });

  it("counts as lost what the publisher was told is stored and nobody handled", () => {
    const effects = new Map([["one", done("b", 2)]]);
    assertEquals(changes({ effects, facts: [stored("b"), stored("p")] }), { lost: 1 });
  });

  it("counts as lost what the proxy saw being stored, whatever the publisher was told", () => {
    const effects = new Map([["one", done("b", 2)]]);
    assertEquals(changes({ effects, told: told("OUTCOME_UNKNOWN") }), {
      acknowledged: 2,
      unknown: 1,
      lost: 1,
    });
  });

  it("counts a handler that began and did not end as none", () => {
    const begun: Effect = { key: "a", step: "start", at: 1 };
    assertEquals(changes({ effects: new Map([["one", [begun, ...done("b", 2)]]]) }), { lost: 1 });
  });

  it("counts as refused what was refused, and tells what was handled all the same", () => {
    const [, b, p] = ["a", "b", "p"].map(stored) as [WireFact, WireFact, WireFact];
    const effects = new Map([["one", done("b", 2)]]);
    assertEquals(changes({ told: told("THROTTLED"), effects, facts: [b, p] }), {
      acknowledged: 2,
      refused: 1,
    });
    assertEquals(changes({ told: told("REFUSED") }), {
      acknowledged: 2,
      refused: 1,
      refusedButStored: 1,
      refusedButHandled: 1,
    });
  });

  it("counts what the publisher never spoke of", () => {
    assertEquals(changes({ told: told("stored").slice(1) }), { acknowledged: 2, neverSent: 1 });
  });

  it("counts as unexpected what was handled and not stored, or not to be published", () => {
    assertEquals(changes({ facts: [stored("b"), stored("p")] }), { unexpected: 1 });
    const effects = new Map([["one", [...done("a", 1), ...done("b", 2), ...done("stranger")]]]);
    assertEquals(changes({ effects, facts: ["a", "b", "p", "stranger"].map(stored) }), {
      unexpected: 1,
    });
  });

  it("excuses a repetition only by a kill that met the handler", () => {
    const unmarked = done("a").slice(0, 2);
    const twice = (first: Effect[]) =>
      new Map([["one", [...first, ...done("b", 2)]], ["two", done("a")]]);
    const killed = new Set(["one"]);
    assertEquals(changes({ effects: twice(unmarked), killed }), { repeated: 1 });
    assertEquals(changes({ effects: twice(done("a")), killed }), {
      repeated: 1,
      repeatedUnexplained: 1,
    });
    assertEquals(changes({ effects: twice(unmarked), killed: new Set(["two"]) }), {
      repeated: 1,
      repeatedUnexplained: 1,
    });
  });

  it("counts what was first handled after a later one of its group, and no repetition", () => {
    const late = new Map([["one", [...done("a", 3), ...done("b", 2)]]]);
    assertEquals(changes({ effects: late }), { outOfOrder: 1 });
    const again = new Map([["one", [...done("a", 1), ...done("b", 2), ...done("a", 3)]]]);
    assertEquals(changes({ effects: again }), { repeated: 1, repeatedUnexplained: 1 });
    const expected = ["a", "b", "p"].map((key) => ({ key, poison: key === "p" }));
    assertEquals(changes({ expected, effects: late }), {});
  });

  it("compares the dead letters with the poison, both ways", () => {
    assertEquals(changes({ deadLetters: [] }), { lost: 1, poisonMissing: 1 });
    assertEquals(changes({ deadLetters: ["p", "b"] }), { wronglyDead: 1 });
  });

  it("tells what is left, and what a message cost", () => {
    const request: WireFact = { kind: "request", client: "c", action: "x", entries: 1, at: 0 };
    assertEquals(changes({ left: 2 }), { left: 2 });
    const facts = [...["a", "b", "p"].map(stored), request, request, request];
    assertEquals(changes({ facts }), { requestsPerMessage: 1 });
  });
});
