import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { main } from "../../cli/main.ts";
import { encode } from "../../src/wire/format.ts";
import { defineEvent, typed } from "../../src/event/event.ts";
import { deadLetterCopy } from "../../src/wire/dead_letter.ts";
import { SerializerRegistry } from "../../src/wire/serializer_registry.ts";
import { type FakeIo, fakeIo } from "./fake_io.ts";

const TYPES = ["OrderPlaced", "OrderShipped"].map((name) =>
  defineEvent(name, { schema: typed<{ n: number }>() })
);

/** A dead-letter queue with letters: a type and a reason each. */
async function setUp(...letters: [type: number, reason: string][]): Promise<FakeIo> {
  const io = fakeIo();
  await io.backend.declareQueue("q", { deadLetterQueue: "dlq" });
  for (const [n, [type, reason]] of letters.entries()) {
    const event = TYPES[type]!({ n }, { id: `o-${n}` });
    const serializers = new SerializerRegistry();
    const message = {
      ...encode(event, { format: "plain", serializers, toQueue: true }),
      id: `m-${n}`,
      sentAt: new Date(),
      attempt: 1,
    };
    const facts = { reason, queue: "q", attempts: 3, subscriber: "bill" };
    await io.backend.send({ queue: "dlq" }, [deadLetterCopy(message, facts, 1_000_000)]);
  }
  return io;
}

const LETTERS = [[0, "CARD_DOWN"], [0, "UNDECODABLE"], [1, "CARD_DOWN"]] as const;

function run(io: FakeIo, ...args: string[]): Promise<number> {
  return main(["dead-letters", "dlq", ...args], io);
}

async function left(io: FakeIo): Promise<number[]> {
  const depths = await Promise.all(["dlq", "q"].map((queue) => io.backend.describeQueue(queue)));
  return depths.map(({ available }) => available);
}

describe("dead-letters", () => {
  it("lists the letters with their reasons, gives them back and says that it counts", async () => {
    const io = await setUp(...LETTERS.map(([type, reason]) => [type, reason] as [number, string]));
    assertEquals(await run(io, "list"), 0);
    assertMatch(io.outLines[0]!, /^AGE\s+REASON\s+TYPE\s+SOURCE\s+EVENT\s+ID$/);
    assertMatch(io.outLines[1]!, /CARD_DOWN\s+OrderPlaced\s+q\s+o-0/);
    assertEquals(io.outLines.length, 4);
    assertMatch(io.errLines.at(-1)!, /3 shown of 3 seen.*counts as a receive/);
    assertEquals(await left(io), [3, 0]);
  });

  it("filters by reason, type and age, as JSON without data", async () => {
    const io = await setUp([0, "CARD_DOWN"], [1, "CARD_DOWN"], [1, "OTHER"]);
    const filters = ["--reason", "CARD_DOWN", "--type", "OrderShipped"];
    await run(io, "list", "--json", ...filters);
    assertEquals(io.outLines.length, 1);
    const { reason, type, eventId, source, event } = JSON.parse(io.outLines[0]!);
    assertEquals([reason, type, eventId, source, event], [
      "CARD_DOWN",
      "OrderShipped",
      "o-1",
      "q",
      undefined,
    ]);
    await run(io, "list", "--json", ...filters, "--older-than", "1h");
    assertEquals(io.outLines.length, 1);
  });

  it("shows a letter with its data by either id, and fails for one that is not there", async () => {
    const io = await setUp([0, "CARD_DOWN"]);
    assertEquals(await run(io, "show", "o-0"), 0);
    assertStringIncludes(io.outLines.join("\n"), '"n": 0');
    assertMatch(io.outLines.join("\n"), /reason\s+CARD_DOWN\nsubscriber\s+bill\nattempts\s+3/);
    assertEquals(await run(io, "show", "o-9"), 1);
    assertStringIncludes(io.errLines.at(-1)!, "no letter o-9 in dlq");
    assertEquals(await left(io), [1, 0]);
  });

  it("redrives what is chosen, and tells the counts", async () => {
    const io = await setUp([0, "CARD_DOWN"], [0, "OTHER"], [1, "CARD_DOWN"]);
    assertEquals(await run(io, "redrive", "--reason", "CARD_DOWN", "--dry-run"), 0);
    assertEquals(await left(io), [3, 0]);
    assertEquals(io.outLines, ["dlq: 2 would be moved, 1 kept, 0 failed, of 3 seen"]);
    assertEquals(await run(io, "redrive", "--reason", "CARD_DOWN", "--json"), 0);
    assertEquals(JSON.parse(io.outLines[1]!), {
      queue: "dlq",
      seen: 3,
      moved: 2,
      kept: 1,
      failed: 0,
      dryRun: false,
    });
    assertEquals(await left(io), [1, 2]);
    assertMatch(io.progressLines[0]!, /dlq: 2 would be moved|dlq: 2 done/);
  });

  it("ends with 1 for a letter that cannot be moved, and says which and why", async () => {
    const io = await setUp([0, "CARD_DOWN"]);
    assertEquals(await run(io, "redrive", "--to", "nowhere", "--type", "OrderPlaced"), 1);
    assertMatch(io.errLines.join("\n"), /warn.*A letter could not be moved.*code=NOT_FOUND/);
    assertEquals(await left(io), [1, 0]);
  });

  it("deletes nothing without --yes, and says how many it would", async () => {
    const io = await setUp([0, "CARD_DOWN"], [0, "UNDECODABLE"]);
    assertEquals(await run(io, "purge", "--reason", "UNDECODABLE"), 2);
    assertMatch(io.errLines.at(-1)!, /Cannot delete 1 letters of dlq .*pass --yes/);
    assertEquals(await left(io), [2, 0]);
    assertEquals(await run(io, "purge", "--reason", "UNDECODABLE", "--yes"), 0);
    assertEquals(io.outLines.at(-1), "dlq: 1 deleted, 1 kept, 0 failed, of 2 seen");
    assertEquals(await left(io), [1, 0]);
  });

  for (
    const [args, hint] of [
      [["lst"], "did you mean list?"],
      [["show"], "pass the id that `list` prints"],
      [["list", "x"], '"list" takes options only'],
      [["purge", "--to", "q"], "only redrive sends letters anywhere"],
      [["list", "--older-than", "soon"], "write 90s, 15m, 2h or 3d"],
      [["redrive", "--rate", "0"], "pass 1 or more"],
      [["redrive", "--reson", "X"], "did you mean --reason?"],
      [["redrive", "--to", "dlq"], "to itself"],
    ] as const
  ) {
    it(`says what to do for ${args.join(" ")}`, async () => {
      const io = await setUp();
      assertEquals(await run(io, ...args) > 0, true);
      assertStringIncludes(io.errLines.at(-1)!, hint);
    });
  }

  it("needs a queue, and one that exists", async () => {
    const io = fakeIo();
    assertEquals(await main(["dead-letters"], io), 2);
    assertEquals(await main(["dead-letters", "nope"], io), 1);
    assertMatch(io.errLines.at(-1)!, /NOT_FOUND/);
    assertEquals(io.closed, 1);
  });
});
