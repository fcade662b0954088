import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  balance,
  isComplete,
  type QueueSources,
  type Sources,
} from "../../../tasks/demo/accounts.ts";
import type { Try } from "../../../tasks/demo/record.ts";

const EMPTY = { available: 0, inFlight: 0, delayed: 0 };

function tried(eventId: string, ...results: Try["result"][]): Try[] {
  return results.map((result) => ({ eventId, result, at: 0 }));
}

function sources(queue: Partial<QueueSources>, published = ["a", "b"]): Sources {
  const tries = [...tried("a", "handled"), ...tried("b", "handled")];
  return {
    published,
    queues: [{ queue: "q", tries, depths: EMPTY, deadLetters: [], ...queue }],
  };
}

function contradictions(queue: Partial<QueueSources>, published?: string[]) {
  return balance(sources(queue, published)).flatMap((account) => account.contradictions);
}

describe("balance()", () => {
  it("counts what was handled, retried and dead-lettered, and finds no contradiction", () => {
    const tries = [...tried("a", "failed", "handled"), ...tried("b", "failed", "gaveUp")];
    assertEquals(balance(sources({ tries, deadLetters: ["b"] })), [
      { queue: "q", handled: 1, retried: 2, deadLettered: 1, contradictions: [] },
    ]);
  });

  const tries = (...items: Try[][]) => items.flat();
  const [a, b] = [tried("a", "handled"), tried("b", "handled")];
  const wrong: [string, Partial<QueueSources>, string[]?][] = [
    ["1 published, and neither handled nor dead", { tries: a }],
    ["1 handled, but not published", {}, ["a"]],
    ["1 in the dead-letter queue, but not published", { deadLetters: ["c"] }],
    ["1 both handled and in the dead-letter queue", { deadLetters: ["a"] }],
    ["1 handled twice", { tries: tries(a, a, b) }],
    ["1 in the dead-letter queue twice", { tries: a, deadLetters: ["b", "b"] }],
    ["1 given up, but not there", { tries: tries(a, b, tried("b", "gaveUp")) }],
    ["1 still in the queue", { depths: { ...EMPTY, available: 1 } }],
    ["2 still in the queue", { depths: { ...EMPTY, inFlight: 1, delayed: 1 } }],
  ];
  for (const [what, queue, published] of wrong) {
    it(`finds what is ${what}`, () => {
      assertEquals(contradictions(queue, published), [`q: ${what}`]);
    });
  }
});

describe("isComplete()", () => {
  it("waits for every event to be handled or dead", () => {
    assertEquals(isComplete(sources({})), true);
    assertEquals(isComplete(sources({ tries: tried("a", "handled") })), false);
    assertEquals(isComplete(sources({ tries: tried("a", "handled"), deadLetters: ["b"] })), true);
  });
});
