import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Try } from "../../../tasks/demo/record.ts";
import { linesOf, type Story } from "../../../tasks/demo/story.ts";

const EMPTY = { available: 0, inFlight: 0, delayed: 0 };
const tried = (eventId: string, result: Try["result"], at: number): Try => ({
  eventId,
  result,
  at,
});

/** Two events in two queues: one is retried, one given up, one moved by the broker. */
function story(changes: Partial<Story> = {}): Story {
  const billing = [
    tried("a", "failed", 1_100),
    tried("a", "handled", 9_000),
    tried("b", "gaveUp", 1_200),
  ];
  const shipping = [tried("a", "handled", 1_500), tried("b", "failed", 1_300)];
  return {
    wanted: 2,
    startedAt: 1_000,
    sources: {
      published: ["a", "b"],
      queues: [
        { queue: "billing", tries: billing, depths: EMPTY, deadLetters: ["b"] },
        { queue: "shipping", tries: shipping, depths: EMPTY, deadLetters: ["b"] },
      ],
    },
    codes: [0, 0],
    deadLetters: [
      { eventId: "b", reason: "card-expired" },
      { eventId: "b", reason: undefined },
    ],
    requests: 6,
    ...changes,
  };
}

describe("linesOf()", () => {
  it("shows the table, the dead letters and the rate of the first tries, and that all agree", () => {
    assertEquals(linesOf(story()), {
      ok: true,
      lines: [
        "",
        "queue           published        handled        retried  dead-lettered",
        "billing                 2              1              1              1",
        "shipping                2              1              0              1",
        "",
        "dead letters: 1 given up by a handler (card-expired), 1 moved by the broker after too many receives",
        "4 events per second, until each had its first try in each queue (0.5 s)",
        "1.50 requests per message: 6 requests, counted by the broker, for 4 messages in queues",
        "",
        "The publisher's results, the workers' records and the broker's queues agree.",
      ],
    });
  });

  it("names each reason once, and none where nothing was given up", () => {
    const [byHand, byBroker] = story().deadLetters;
    const lines = (deadLetters: Story["deadLetters"]) =>
      linesOf(story({ deadLetters })).lines.find((line) => line.startsWith("dead letters"));
    assertEquals(
      lines([byHand!, byHand!, { eventId: "c", reason: "fraud" }]),
      "dead letters: 3 given up by a handler (card-expired, fraud), 0 moved by the broker after too many receives",
    );
    assertEquals(
      lines([byBroker!]),
      "dead letters: 0 given up by a handler, 1 moved by the broker after too many receives",
    );
  });

  it("has no rate where nothing was tried after the start", () => {
    const { lines } = linesOf(story({ startedAt: 2_000 }));
    assertEquals(
      lines.find((line) => line.includes("per second"))?.slice(0, 19),
      "0 events per second",
    );
  });

  const wrong: [what: string, changes: Partial<Story>, lines: string[]][] = [
    ["too few were accepted", { wanted: 3 }, ["  published: not all 3 were accepted"]],
    ["a worker failed", { codes: [0, 2] }, ["  a worker ended with exit code 2"]],
    ["the queues say otherwise", {
      sources: {
        published: ["a"],
        queues: [{ queue: "billing", tries: [], depths: EMPTY, deadLetters: [] }],
      },
      wanted: 1,
    }, ["  billing: 1 published, and neither handled nor dead"]],
  ];
  for (const [what, changes, expected] of wrong) {
    it(`does not agree when ${what}`, () => {
      const { ok, lines } = linesOf(story(changes));
      assertEquals(ok, false);
      const end = lines.indexOf(
        "The publisher's results, the workers' records and the broker's queues do NOT agree:",
      );
      assertEquals(lines.slice(end + 1), expected);
    });
  }
});
