import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { defineEvent, typed } from "../../../../src/event/event.ts";
import { OutboxRelay, PostgresOutbox } from "../../../../src/operate/outbox/mod.ts";
import { type AddOptions, type OutboxRow, rowOf } from "../../../../src/operate/outbox/row.ts";
import type { EventPublisher, PublishEntry } from "../../../../src/publish/publisher.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { recordingLogger } from "../../../fakes/world.ts";

const Placed = defineEvent("Placed", {
  topic: "orders.fifo",
  schema: typed<{ n: number; group: string }>(),
  group: ({ group }) => group,
});
const Noted = defineEvent("Noted", { topic: "notes", schema: typed<{ n: number }>() });

/** A relay on rows in memory, and a publisher that refuses some numbers. */
function world(refused: number[] = []) {
  let rows: OutboxRow[] = [];
  let lastId = 0;
  const published: PublishEntry[] = [];
  const logger = recordingLogger();
  const clock = new VirtualClock();
  const publisher: EventPublisher = {
    publish: () => Promise.reject(new Error("unexpected")),
    async publishAll(entries) {
      const results = [];
      for await (const entry of entries as Iterable<PublishEntry>) {
        const ok = !refused.includes((entry.event.data as { n: number }).n);
        if (ok) published.push(entry);
        const error = new MelangeError("INVALID_MESSAGE", "Cannot send");
        results.push(ok ? { ok: true, messageId: "1" } as const : { ok: false, error } as const);
      }
      return results;
    },
  };
  const outbox = {
    read: (after: number, limit: number) =>
      Promise.resolve(rows.filter(({ id }) => id > after).slice(0, limit)),
    remove: (ids: readonly number[]) =>
      Promise.resolve(void (rows = rows.filter(({ id }) => !ids.includes(id)))),
  };
  return {
    relay: new OutboxRelay({ outbox, publisher, logger, clock }),
    outbox,
    publisher,
    logger,
    clock,
    refused,
    numbers: () => published.map(({ event }) => (event.data as { n: number }).n),
    published,
    left: () => rows.length,
    add: (event: ReturnType<typeof Placed | typeof Noted>, options: AddOptions = {}) =>
      void rows.push({ id: ++lastId, ...rowOf(event, options) }),
  };
}

describe("OutboxRelay", () => {
  it("publishes in order within a group, over several pages, and deletes", async () => {
    const { relay, add, numbers, left, published } = world();
    for (let n = 0; n < 250; n++) add(Placed({ n, group: `${n % 3}` }));
    assertEquals(await relay.run(), 250);
    for (const group of [0, 1, 2]) {
      const own = numbers().filter((n) => n % 3 === group);
      assertEquals(own, [...own].sort((a, b) => a - b));
    }
    assertEquals([left(), published[0]?.group], [0, "0"]);
    assertEquals(await relay.run(), 0);
  });

  it("holds back the rest of a group, on later pages too, and nothing else", async () => {
    const { relay, add, numbers, left, logger, refused } = world([1]);
    for (let n = 0; n < 150; n++) add(Placed({ n, group: n === 1 || n === 149 ? "bad" : "good" }));
    add(Noted({ n: 500 }));
    assertEquals(await relay.run(), 149);
    assertEquals([numbers().includes(149), left(), logger.at("error").length], [false, 2, 1]);
    refused.length = 0;
    await relay.run();
    assertEquals(numbers().slice(-2), [1, 149]);
  });

  it("keeps id, time, group and destination of an event", async () => {
    const { relay, add, published } = world();
    const event = Placed({ n: 1, group: "g" }, { id: "e-1", occurredOn: new Date(5) });
    add(event, { queue: "jobs.fifo" });
    add(Noted({ n: 2 }));
    await relay.run();
    const [first, second] = published;
    assertEquals([first?.event.id, first?.event.occurredOn], ["e-1", new Date(5)]);
    assertEquals([first?.queue, first?.group, second?.group], ["jobs.fifo", "g", undefined]);
  });

  it("goes on after a failure of the database, says so without the data, and stops", async () => {
    const { outbox, publisher, logger, clock, add, numbers } = world();
    add(Noted({ n: 7 }));
    let reads = 0;
    const failing = {
      ...outbox,
      read: (after: number, limit: number) =>
        ++reads === 1 ? Promise.reject(new Error("secret")) : outbox.read(after, limit),
    };
    const relay = new OutboxRelay({ outbox: failing, publisher, logger, clock, intervalMs: 100 });
    relay.start();
    relay.start();
    await clock.advance(150);
    await relay.stop();
    assertEquals(numbers(), [7]);
    assertEquals(logger.at("error").length, 1);
    const count = reads;
    await clock.advance(1_000);
    assertEquals(reads, count);
  });

  it("refuses an interval that is none", () => {
    const { outbox, publisher } = world();
    assertThrows(() => new OutboxRelay({ outbox, publisher, intervalMs: 0 }), RangeError);
  });
});

describe("PostgresOutbox", () => {
  it("locks the group before it writes, in the transaction, and locks nothing without one", async () => {
    const calls: string[] = [];
    const tx = { query: (text: string) => Promise.resolve(calls.push(text.slice(0, 30))) };
    const outbox = new PostgresOutbox({ client: tx });
    await outbox.add(tx, Placed({ n: 1, group: "g" }));
    await outbox.add(tx, Noted({ n: 1 }));
    assertEquals(calls.map((text) => text.split(" ")[0]), ["SELECT", "INSERT", "INSERT"]);
  });

  it("refuses events that cannot be published, before it writes", async () => {
    const tx = { query: () => Promise.reject(new Error("unexpected")) };
    const outbox = new PostgresOutbox({ client: tx });
    const Lost = defineEvent("Lost", { schema: typed<{ n: unknown }>() });
    const code = async (data: unknown, options: AddOptions) => {
      const error = await assertRejects(() => outbox.add(tx, Lost({ n: data }), options));
      assert(error instanceof MelangeError);
      return error.code;
    };
    assertEquals(await code(1, {}), "INVALID_MESSAGE");
    assertEquals(await code(1n, { topic: "a" }), "INVALID_EVENT");
  });
});
