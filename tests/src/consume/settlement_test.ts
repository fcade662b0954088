/** What becomes of messages: the settlement table of the worker hosts, row by row, and FIFO lanes. */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Delivery, SettleResult } from "../../../src/backend.ts";
import { MemoryDeduplicationStore } from "../../../src/handle/deduplication/store.ts";
import type { DispatcherOptions, Fallback } from "../../../src/handle/dispatcher.ts";
import { DeadLetter } from "../../../src/support/errors.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";
import { deadLetterFactsOf } from "../../../src/wire/dead_letter.ts";
import type { Counts } from "../../../src/consume/counts.ts";
import type { Lease } from "../../../src/consume/lease.ts";
import { Settlement, type SettlementOptions } from "../../../src/consume/settlement.ts";
import { deliveryOf, failure, hang, refuseAll } from "../../fakes/receiver.ts";
import { createWorld, deferred, Job, type World } from "../../fakes/world.ts";

const WITH_DLQ = { deadLetterQueue: "dead", maxReceives: 5 };
const FIFO = { queue: "jobs.fifo" };
const FIFO_WITH_DLQ = { ...FIFO, declare: { deadLetterQueue: "dead.fifo", maxReceives: 5 } };
const CANARY = "canary-91c4";

/** Starts a consumer, lets time pass, and stops it. */
async function work(world: World, ms: number, options: Parameters<World["consumer"]>[0] = {}) {
  const consumer = world.consumer(options);
  consumer.start();
  await world.clock.advance(ms);
  const status = consumer.status();
  const stopped = consumer.stop();
  await world.clock.advance(30_000);
  await stopped;
  assertEquals(world.clock.pending, 0);
  return status;
}

function bodies(deliveries: Delivery[]): string[] {
  return deliveries.map(({ message }) => message.body);
}

describe("on a standard queue", () => {
  it("what resolves is acknowledged, after its handlers and not before", async () => {
    const world = await createWorld();
    const end = deferred();
    world.dispatcher.subscribe(Job, () => {});
    world.dispatcher.subscribe(Job, () => end.promise);
    await world.send([1]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(60_000);
    assertEquals([world.receiver.of("acknowledge").length, await world.count()], [0, 1]);
    end.resolve();
    await world.clock.advance(20);
    assertEquals([consumer.status().acknowledged, await world.count()], [1, 0]);
    await consumer.stop();
    assertEquals(world.clock.pending, 0);
  });

  it("what throws comes again, hidden for a backoff that grows with its receives", async () => {
    const world = await createWorld();
    const attempts: number[] = [];
    world.dispatcher.subscribe(Job, (_event, { attempt }) => {
      attempts.push(attempt);
      throw new Error("boom");
    });
    await world.send([1]);
    const status = await work(world, 120_000);
    assertEquals(attempts, [1, 2, 3, 4, 5, 6, 7, 8]);
    const delays = world.receiver.of("release").map(({ items }) => items[0]?.ms);
    assertEquals(delays.slice(0, 8), [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000]);
    assertEquals([status.retried, status.acknowledged], [8, 0]);
    assertEquals(await world.count(), 1);
  });

  it("the backoff has a bound, full jitter, and the caller's numbers", async () => {
    const world = await createWorld();
    world.dispatcher.subscribe(Job, () => Promise.reject(new Error("boom")));
    await world.send([1]);
    let chance = 0;
    const random = () => (chance = (chance + 0.25) % 1);
    await work(world, 9_000, { redelivery: { baseMs: 2_000, maxMs: 4_000 }, random });
    const delays = world.receiver.of("release").map(({ items }) => items[0]?.ms ?? 0);
    assertEquals(delays.slice(0, 4), [500, 2_000, 3_000, 0]);
  });

  it("what throws too often is moved by the broker", async () => {
    const world = await createWorld({ declare: WITH_DLQ });
    let tries = 0;
    world.dispatcher.subscribe(Job, () => {
      tries += 1;
      throw new Error("boom");
    });
    await world.send([1]);
    await work(world, 120_000);
    assertEquals([tries, await world.count(), await world.count("dead")], [5, 0, 1]);
    assertEquals(world.receiver.of("deadLetter"), []);
  });

  it("a DeadLetter is copied with its facts, then deleted", async () => {
    const world = await createWorld({ declare: WITH_DLQ });
    world.dispatcher.subscribe(Job, () => Promise.reject(new DeadLetter("expired")), {
      name: "bill",
    });
    await world.send([1], { attributes: { tenant: "a" } });
    const status = await work(world, 1_000);
    assertEquals([status.deadLettered, status.retried, await world.count()], [1, 0, 0]);
    const [copy] = await world.peek("dead");
    assert(copy);
    assertEquals(copy.message.body, '{"n":1}');
    assertEquals([copy.message.attributes.tenant, copy.message.attributes.manifest], ["a", "Job"]);
    assertEquals(deadLetterFactsOf(copy.message), {
      reason: "expired",
      queue: "jobs",
      subscriber: "bill",
      attempts: 1,
    });
    assertEquals(world.receiver.of("acknowledge"), []);
  });

  it("a DeadLetter without a dead-letter queue is logged as an error and retried", async () => {
    const world = await createWorld();
    let tries = 0;
    world.dispatcher.subscribe(Job, () => {
      tries += 1;
      throw new DeadLetter("expired");
    });
    await world.send([1]);
    const status = await work(world, 1_000);
    assertEquals([tries, status.deadLettered, status.retried], [2, 0, 2]);
    assertEquals(world.log.at("error").length, 2);
    assertEquals(world.log.at("error")[0]?.fields.reason, "expired");
    assertEquals(await world.count(), 1);
  });

  it("maxAttempts moves by hand before the broker does", async () => {
    const world = await createWorld({ declare: WITH_DLQ, dispatcher: { maxAttempts: 2 } });
    world.dispatcher.subscribe(Job, () => Promise.reject(new Error("boom")), { name: "bill" });
    await world.send([1]);
    await work(world, 10_000);
    const [copy] = await world.peek("dead");
    assertEquals(copy && deadLetterFactsOf(copy.message), {
      reason: "MAX_ATTEMPTS",
      queue: "jobs",
      subscriber: "bill",
      attempts: 2,
    });
  });

  it("a copy that could not be made is no loss: the message is retried", async () => {
    const world = await createWorld({ declare: WITH_DLQ });
    world.dispatcher.subscribe(Job, () => Promise.reject(new DeadLetter("expired")));
    world.receiver.faults.deadLetter = refuseAll(failure("ACCESS_DENIED"));
    await world.send([1]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(100);
    assertEquals([await world.count(), await world.count("dead")], [1, 0]);
    assertEquals(world.log.at("error").length, 1);
    world.receiver.faults.deadLetter = undefined;
    await world.clock.advance(60_000);
    assertEquals([await world.count(), await world.count("dead")], [0, 1]);
    await consumer.stop();
  });

  it("keeps the lock while a copy is tried again, and loses nothing if that lasts too long", async () => {
    const world = await createWorld({ declare: WITH_DLQ });
    world.dispatcher.subscribe(Job, () => Promise.reject(new DeadLetter("expired")));
    world.receiver.faults.deadLetter = () =>
      Promise.reject(failure("THROTTLED", { retryable: true }));
    await world.send([1]);
    const consumer = world.consumer({ visibilityTimeoutMs: 5_000 });
    consumer.start();
    await world.clock.advance(12_000);
    assertEquals([await world.count(), await world.count("dead")], [1, 0]);
    world.receiver.faults.deadLetter = undefined;
    await world.clock.advance(60_000);
    assertEquals([await world.count(), await world.count("dead")], [0, 1]);
    const stopped = consumer.stop();
    await world.clock.advance(0);
    await stopped;
    assertEquals(world.clock.pending, 0);
  });

  it("a message that fills its ten attributes keeps them in the dead-letter queue", async () => {
    const world = await createWorld({ declare: WITH_DLQ });
    world.dispatcher.subscribe(Job, () => Promise.reject(new DeadLetter("expired")));
    const nine = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`a${i}`, `${i}`]));
    await world.send([1], { attributes: nine });
    await work(world, 1_000);
    const [copy] = await world.peek("dead");
    assertEquals(copy?.message.attributes, { manifest: "Job", ...nine });
    assertEquals(copy && deadLetterFactsOf(copy.message), undefined);
  });

  it("the facts take one attribute, so that six of the user's remain", async () => {
    const world = await createWorld({ declare: WITH_DLQ });
    world.dispatcher.subscribe(Job, () => Promise.reject(new DeadLetter("expired")));
    const eight = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`a${i}`, `${i}`]));
    await world.send([1], { attributes: eight });
    await work(world, 1_000);
    const [copy] = await world.peek("dead");
    assertEquals(Object.keys(copy?.message.attributes ?? {}).length, 10);
    assertEquals(copy && deadLetterFactsOf(copy.message)?.reason, "expired");
  });

  it("of several subscribers all run: dead-letter beats retry beats acknowledge", async () => {
    const world = await createWorld({ declare: WITH_DLQ });
    const ran: string[] = [];
    const Other = defineEvent("Other", { schema: typed<unknown>() });
    world.dispatcher.subscribe({
      name: "good",
      listensTo: [Job, Other],
      process: ({ type }) => void ran.push(`good ${type}`),
    });
    world.dispatcher.subscribe({
      name: "bad",
      listensTo: [Job, Other],
      process: () => Promise.reject(new Error("boom")),
    });
    world.dispatcher.subscribe(Job, () => Promise.reject(new DeadLetter("worse")), {
      name: "worse",
    });
    await world.send([1]);
    await world.send([2], { attributes: { manifest: "Other" } });
    const status = await work(world, 300);
    assertEquals(ran, ["good Job", "good Other"]);
    assertEquals([status.deadLettered, status.retried, status.acknowledged], [1, 1, 0]);
    assertEquals(bodies(await world.peek("dead")), ['{"n":1}']);
    assertEquals(await world.count(), 1);
  });
});

type Row = {
  option: "onUnknown" | "onUndecodable";
  fallback: Fallback | undefined;
  dlq: boolean;
  expected: "gone" | "again" | "dead" | "again, with an error";
};

const rows: Row[] = (["onUnknown", "onUndecodable"] as const).flatMap((option) => [
  { option, fallback: "retry", dlq: true, expected: "again" },
  { option, fallback: "retry", dlq: false, expected: "again" },
  { option, fallback: "deadLetter", dlq: true, expected: "dead" },
  { option, fallback: "deadLetter", dlq: false, expected: "again, with an error" },
  { option, fallback: "acknowledge", dlq: true, expected: "gone" },
  { option, fallback: "acknowledge", dlq: false, expected: "gone" },
  { option, fallback: undefined, dlq: true, expected: "dead" },
  { option, fallback: undefined, dlq: false, expected: "again, with an error" },
]);

for (const fifo of [false, true]) {
  describe(`what cannot be handled on a ${fifo ? "FIFO" : "standard"} queue`, () => {
    for (const { option, fallback, dlq, expected } of rows) {
      const name = `${option} ${fallback ?? "by default"} ${
        dlq ? "with" : "without"
      } a dead-letter queue`;
      it(`${name}: ${expected}`, async () => {
        const dispatcher: DispatcherOptions = fallback ? { [option]: fallback } : {};
        const dead = fifo ? "dead.fifo" : "dead";
        const world = await createWorld({
          dispatcher,
          queue: fifo ? "jobs.fifo" : "jobs",
          declare: dlq ? { deadLetterQueue: dead, maxReceives: 5 } : {},
        });
        const neighbours: number[] = [];
        world.dispatcher.subscribe(Job, (event) => void neighbours.push(event.data.n));
        const attributes = option === "onUnknown" ? { manifest: "Nobody" } : {};
        await world.send([1], { attributes, body: `{"broken:${CANARY}`, group: "bad" });
        await world.send([2], { group: "good" });
        const consumer = world.consumer();
        consumer.start();
        await world.clock.advance(400);
        const status = consumer.status();
        const stopped = consumer.stop();
        await world.clock.advance(10_000);
        await stopped;
        assertEquals(neighbours, [2]);
        assertEquals(status.acknowledged, expected === "gone" ? 2 : 1);
        assertEquals(status.retried, expected.startsWith("again") ? 1 : 0);
        assertEquals(await world.count(), expected.startsWith("again") ? 1 : 0);
        if (dlq) assertEquals(await world.count(dead), expected === "dead" ? 1 : 0);
        assertEquals(world.log.at("error").length, expected === "again, with an error" ? 1 : 0);
        assertEquals(world.log.at("warn").length, 1);
        assert(!JSON.stringify(world.log.lines).includes(CANARY));
        if (expected !== "dead") return;
        const [copy] = await world.peek(dead);
        assertEquals(copy && deadLetterFactsOf(copy.message), {
          reason: option === "onUnknown" ? "UNKNOWN_TYPE" : "UNDECODABLE",
          queue: world.queue,
          attempts: 1,
        });
      });
    }
  });
}

describe("on a FIFO queue", () => {
  it("each group is handled in order, groups beside each other", async () => {
    const world = await createWorld(FIFO);
    const seen: Record<string, number[]> = { a: [], b: [] };
    let most = 0;
    let running = 0;
    world.dispatcher.subscribe(Job, async (event, { message }) => {
      seen[message.group ?? ""]?.push(event.data.n);
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => world.clock.after(100, resolve));
      running -= 1;
    });
    for (const n of [1, 2, 3, 4]) {
      await world.send([n], { group: "a" });
      await world.send([n], { group: "b" });
    }
    await work(world, 2_000);
    assertEquals(seen, { a: [1, 2, 3, 4], b: [1, 2, 3, 4] });
    assertEquals(most, 2);
    assertEquals(await world.count(), 0);
  });

  it("a failing head is retried in place; its followers wait and are not received again", async () => {
    const world = await createWorld(FIFO_WITH_DLQ);
    const seen: [number, number, number][] = [];
    let failures = 3;
    world.dispatcher.subscribe(Job, (event, { attempt, message }) => {
      seen.push([event.data.n, attempt, message.attempt]);
      if (event.data.n === 1 && failures-- > 0) throw new Error("boom");
    });
    await world.send([1, 2, 3]);
    const status = await work(world, 60_000, { visibilityTimeoutMs: 2_000 });
    assertEquals(seen, [[1, 1, 1], [1, 2, 1], [1, 3, 1], [1, 4, 1], [2, 1, 1], [3, 1, 1]]);
    assertEquals([status.received, status.retried, status.acknowledged], [3, 3, 3]);
    assertEquals(world.receiver.of("release"), []);
    assert(world.receiver.of("extend").length >= 1, "the locks are kept meanwhile");
  });

  it("the pauses in place grow as those of a standard queue do", async () => {
    const world = await createWorld(FIFO);
    const at: number[] = [];
    world.dispatcher.subscribe(Job, () => {
      at.push(world.clock.now());
      throw new Error("boom");
    });
    await world.send([1]);
    await work(world, 10_000);
    const pauses = at.map((time, index) => time - (at[index - 1] ?? time)).slice(1);
    assertEquals(pauses.slice(0, 4), [500, 1_000, 2_000, 4_000]);
  });

  it("a head that fails maxAttempts times is dead-lettered by hand, then the group goes on", async () => {
    const world = await createWorld(FIFO_WITH_DLQ);
    const seen: number[] = [];
    world.dispatcher.subscribe(Job, (event) => {
      seen.push(event.data.n);
      if (event.data.n === 1) throw new Error("boom");
    }, { name: "bill" });
    await world.send([1, 2]);
    const status = await work(world, 60_000);
    assertEquals(seen, [1, 1, 1, 1, 1, 2]);
    assertEquals([status.deadLettered, status.acknowledged, status.received], [1, 1, 2]);
    const [copy] = await world.peek("dead.fifo");
    assertEquals(copy && deadLetterFactsOf(copy.message), {
      reason: "MAX_ATTEMPTS",
      queue: "jobs.fifo",
      subscriber: "bill",
      attempts: 5,
    });
    assertEquals(copy?.message.group, "g");
  });

  it("maxAttempts of the dispatcher counts, together with what the broker counted", async () => {
    const world = await createWorld({ ...FIFO_WITH_DLQ, dispatcher: { maxAttempts: 3 } });
    const attempts: number[] = [];
    world.dispatcher.subscribe(Job, (_event, { attempt }) => {
      attempts.push(attempt);
      throw new Error("boom");
    });
    await world.send([1]);
    await world.peek();
    await work(world, 60_000);
    assertEquals(attempts, [2, 3]);
    assertEquals(await world.count("dead.fifo"), 1);
  });

  it("a group in backoff takes no slot, others go on", async () => {
    const world = await createWorld(FIFO);
    const seen: number[] = [];
    world.dispatcher.subscribe(Job, (event, { message }) => {
      if (message.group === "bad") throw new Error("boom");
      seen.push(event.data.n);
    });
    await world.send([1, 2, 3], { group: "bad" });
    const consumer = world.consumer({ concurrency: 1, random: () => 0.999 });
    consumer.start();
    await world.clock.advance(300);
    assertEquals(consumer.status().running, 0);
    for (let n = 1; n <= 5; n++) await world.send([n], { group: `good${n}` });
    await world.clock.advance(2_000);
    assertEquals(seen, [1, 2, 3, 4, 5]);
    const stopped = consumer.stop();
    await world.clock.advance(1_000);
    await stopped;
    assertEquals(await world.count(), 3);
  });

  it("groups in backoff are held in bounded number", async () => {
    const world = await createWorld(FIFO);
    world.dispatcher.subscribe(Job, () => Promise.reject(new Error("boom")));
    for (let n = 0; n < 50; n++) await world.send([n], { group: `g${n}` });
    const consumer = world.consumer({ concurrency: 2, redelivery: { baseMs: 900_000 } });
    consumer.start();
    await world.clock.advance(20_000);
    const { inFlight, received } = consumer.status();
    assert(received >= 20 && inFlight <= 22, `${inFlight} of ${received} are held`);
    const stopped = consumer.stop();
    await world.clock.advance(1_000);
    await stopped;
    assertEquals([(await world.peek()).length, world.clock.pending], [50, 0]);
  });

  it("a message that could not be acknowledged comes again before its followers", async () => {
    const world = await createWorld(FIFO);
    const seen: number[] = [];
    world.dispatcher.subscribe(Job, (event) => void seen.push(event.data.n));
    world.receiver.faults.acknowledge = refuseAll(failure("ACCESS_DENIED"));
    await world.send([1, 2, 3]);
    const consumer = world.consumer({ visibilityTimeoutMs: 5_000 });
    consumer.start();
    await world.clock.advance(1_000);
    world.receiver.faults.acknowledge = undefined;
    await world.clock.advance(20_000);
    assertEquals([seen, await world.count()], [[1, 1, 2, 3], 0]);
    await consumer.stop();
  });

  it("a group of more messages than there are slots holds up no other", async () => {
    const world = await createWorld(FIFO);
    const started: number[] = [];
    world.dispatcher.subscribe(Job, (event) => {
      started.push(event.data.n);
      return new Promise<void>((resolve) => world.clock.after(60_000, resolve));
    });
    await world.send(Array.from({ length: 20 }, (_, n) => n), { group: "long" });
    await world.send([100], { group: "short" });
    const consumer = world.consumer({ concurrency: 5 });
    consumer.start();
    await world.clock.advance(10_000);
    assertEquals(started, [0, 100]);
    const stopped = consumer.stop({ drainMs: 0 });
    await world.clock.advance(250);
    await stopped;
  });

  it("a slow group holds up no other", async () => {
    const world = await createWorld(FIFO);
    const seen: number[] = [];
    const slow = deferred();
    world.dispatcher.subscribe(Job, (event, { message }) => {
      seen.push(event.data.n);
      return message.group === "slow" ? slow.promise : undefined;
    });
    await world.send([1, 2], { group: "slow" });
    await world.send([3, 4, 5], { group: "quick" });
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(1_000);
    assertEquals(seen, [1, 3, 4, 5]);
    slow.resolve();
    await world.clock.advance(1_000);
    assertEquals(seen, [1, 3, 4, 5, 2]);
    await consumer.stop();
  });

  it("a head whose lock is lost releases its followers, unhandled", async () => {
    const world = await createWorld(FIFO);
    const seen: number[] = [];
    world.dispatcher.subscribe(Job, (event, { signal, attempt }) => {
      seen.push(event.data.n);
      if (event.data.n !== 1 || attempt > 1) return;
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      );
    });
    await world.send([1, 2, 3]);
    const consumer = world.consumer({ visibilityTimeoutMs: 3_000 });
    world.receiver.faults.extend = async (next, _queue, items) => {
      if (items[0]?.receipt.includes(":1:")) {
        return items.map(() => ({ ok: false, error: failure("LOCK_LOST") }));
      }
      return await next();
    };
    consumer.start();
    await world.clock.advance(60_000);
    assertEquals(seen.slice(0, 2), [1, 1]);
    assertEquals(seen, [1, 1, 2, 3]);
    assertEquals(await world.count(), 0);
    await consumer.stop();
  });

  it("a head whose lock is lost during its pause releases its followers at once", async () => {
    const world = await createWorld(FIFO);
    const seen: [number, number][] = [];
    world.dispatcher.subscribe(Job, (event, { attempt }) => {
      seen.push([event.data.n, attempt]);
      if (attempt === 1 && event.data.n === 1) throw new Error("boom");
    });
    await world.send([1, 2]);
    world.receiver.faults.extend = async (next, _queue, items) => {
      const results = await next();
      const error = failure("LOCK_LOST");
      return items.map(({ receipt }, index) =>
        receipt.includes(":1:1") ? { ok: false, error } : results[index] ?? { ok: false, error }
      );
    };
    const consumer = world.consumer({
      visibilityTimeoutMs: 3_000,
      redelivery: { baseMs: 900_000 },
    });
    consumer.start();
    await world.clock.advance(10_000);
    assertEquals(seen, [[1, 1], [1, 2], [2, 2]]);
    await consumer.stop();
  });

  it("a redriven message that fails again within five minutes is dead-lettered again", async () => {
    const world = await createWorld(FIFO_WITH_DLQ);
    world.dispatcher.subscribe(Job, () => Promise.reject(new DeadLetter("expired")));
    await world.send([1]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(1_000);
    const ids: (string | undefined)[] = [];
    for (let round = 0; round < 2; round++) {
      const [dead] = await world.peek("dead.fifo");
      assert(dead, `nothing was dead-lettered in round ${round}`);
      ids.push(dead.message.deduplicationId);
      const [again] = await world.backend.receive("dead.fifo", {
        max: 1,
        waitMs: 0,
        visibilityMs: 1_000,
      });
      assert(again);
      // A redrive is a new message in the source queue; the broker gives it a new id.
      const { body, attributes } = again.message;
      await world.backend.send({ queue: "jobs.fifo" }, [
        { body, attributes, group: "g", deduplicationId: `redrive-${round}` },
      ]);
      await world.backend.acknowledge("dead.fifo", [again.receipt]);
      await world.clock.advance(10_000);
    }
    assertEquals(await world.count("dead.fifo"), 1);
    assertEquals(new Set(ids).size, 2);
    await consumer.stop();
  });

  it("the copy's deduplication id is the broker's id of the message", async () => {
    const world = await createWorld(FIFO_WITH_DLQ);
    let id = "";
    world.dispatcher.subscribe(Job, (_event, { message }) => {
      id = message.id;
      throw new DeadLetter("expired");
    });
    await world.send([1]);
    await work(world, 1_000);
    const [copy] = await world.peek("dead.fifo");
    assertEquals(copy?.message.deduplicationId, id);
  });

  it("without a dead-letter queue a poisoned group waits, and nothing is lost", async () => {
    const world = await createWorld(FIFO);
    const seen: number[] = [];
    world.dispatcher.subscribe(Job, (event, { message }) => {
      if (message.group === "bad") throw new DeadLetter("poison");
      seen.push(event.data.n);
    });
    await world.send([1, 2], { group: "bad" });
    await world.send([3], { group: "good" });
    await work(world, 20_000);
    assertEquals(seen, [3]);
    assertEquals(await world.count(), 2);
    assert(world.log.at("error").length >= 3);
  });

  it("the whole queue is one group where the broker does not say the groups", async () => {
    const world = await createWorld(FIFO);
    world.receiver.faults.receive = async (next) =>
      (await next()).map(({ receipt, message: { group: _, ...message } }) => ({
        receipt,
        message,
      }));
    const seen: string[] = [];
    let running = 0;
    world.dispatcher.subscribe(Job, async (event, { attempt }) => {
      running += 1;
      await new Promise<void>((resolve) => world.clock.after(100, resolve));
      seen.push(`${event.data.n}, ${running} at once`);
      running -= 1;
      if (event.data.n === 1 && attempt === 1) throw new Error("boom");
    });
    await world.send([1, 2, 3], { group: "a" });
    await work(world, 5_000);
    assertEquals(seen, [1, 1, 2, 3].map((n) => `${n}, 1 at once`));
  });

  it("groups of a standard queue, or of a backend without groups, order nothing", async () => {
    for (const options of [{}, { ...FIFO, guarantees: { groups: false } }]) {
      const world = await createWorld(options);
      const started: number[] = [];
      const end = deferred();
      world.dispatcher.subscribe(Job, (event) => {
        started.push(event.data.n);
        return end.promise;
      });
      await world.send([1, 2, 3]);
      const consumer = world.consumer();
      consumer.start();
      await world.clock.advance(100);
      assertEquals(started, [1, 2, 3]);
      end.resolve();
      await world.clock.advance(100);
      await consumer.stop();
    }
  });

  it("a copy that fails for good costs no lock: the message waits for its next try here", async () => {
    const world = await createWorld(FIFO_WITH_DLQ);
    const attempts: number[] = [];
    world.dispatcher.subscribe(Job, (_event, { attempt }) => {
      attempts.push(attempt);
      throw new DeadLetter("no");
    });
    world.receiver.faults.deadLetter = refuseAll(failure("ACCESS_DENIED"));
    await world.send([1]);
    const consumer = world.consumer({
      visibilityTimeoutMs: 2_000,
      redelivery: { baseMs: 20_000 },
    });
    consumer.start();
    await world.clock.advance(9_900);
    assertEquals([attempts, world.receiver.of("deadLetter").length], [[1], 1]);
    assert(world.receiver.of("extend").length >= 9, "the lock is kept");
    world.receiver.faults.deadLetter = undefined;
    await world.clock.advance(200);
    assertEquals([attempts, await world.count("dead.fifo")], [[1, 2], 1]);
    assertEquals([consumer.status().lost, consumer.status().received], [0, 1]);
    await consumer.stop();
    assertEquals(world.clock.pending, 0);
  });

  it("ten messages for each slot wait in backoff, and no more are received", async () => {
    const world = await createWorld(FIFO);
    world.dispatcher.subscribe(Job, () => Promise.reject(new Error("boom")));
    for (let n = 0; n < 50; n++) await world.send([n], { group: `g${n}` });
    const consumer = world.consumer({ concurrency: 2, redelivery: { baseMs: 900_000 } });
    consumer.start();
    await world.clock.advance(20_000);
    assertEquals([consumer.status().inFlight, consumer.status().received], [20, 20]);
    const stopped = consumer.stop();
    await world.clock.advance(1_000);
    await stopped;
  });

  it("five tries in place are made unless the dispatcher says otherwise", async () => {
    const world = await createWorld({
      ...FIFO_WITH_DLQ,
      declare: { deadLetterQueue: "dead.fifo", maxReceives: 50 },
    });
    const attempts: number[] = [];
    world.dispatcher.subscribe(Job, (_event, { attempt }) => {
      attempts.push(attempt);
      throw new Error("boom");
    });
    await world.send([1]);
    await work(world, 60_000);
    assertEquals([attempts, await world.count("dead.fifo")], [[1, 2, 3, 4, 5], 1]);
  });
});

describe("settling", () => {
  it("acknowledgements share requests", async () => {
    const world = await createWorld();
    world.dispatcher.subscribe(Job, () => {});
    await world.send(Array.from({ length: 40 }, (_, n) => n));
    const status = await work(world, 2_000, { concurrency: 20 });
    assertEquals([status.acknowledged, await world.count()], [40, 0]);
    const { length } = world.receiver.of("acknowledge");
    assert(length <= 8, `${length} requests for 40 acknowledgements`);
  });

  it("an acknowledgement waits for no others once nothing is handled any more", async () => {
    const world = await createWorld();
    world.dispatcher.subscribe(Job, async (event) => {
      if (event.data.n === 1) return;
      await new Promise<void>((resolve) => world.clock.after(100, resolve));
      throw new Error("boom");
    });
    await world.send([1, 2]);
    const start = world.clock.now();
    const consumer = world.consumer({ ackLingerMs: 1_000 });
    consumer.start();
    await world.clock.advance(500);
    const times = (["acknowledge", "release"] as const).map((verb) =>
      world.receiver.of(verb).map(({ at }) => at - start)
    );
    assertEquals(times, [[100], [100]]);
    await consumer.stop();
  });

  it("an acknowledgement that fails for good is reported, and the message comes again", async () => {
    const world = await createWorld();
    let handled = 0;
    world.dispatcher.subscribe(Job, () => void handled++);
    world.receiver.faults.acknowledge = refuseAll(failure("ACCESS_DENIED"));
    await world.send([1]);
    const consumer = world.consumer({ visibilityTimeoutMs: 5_000 });
    consumer.start();
    await world.clock.advance(4_000);
    assertEquals([handled, consumer.status().acknowledged], [1, 0]);
    assertEquals(world.log.at("warn").length, 1);
    assertEquals(
      world.log.lines[0]?.fields.error && "code" in Object(world.log.lines[0].fields.error),
      true,
    );
    world.receiver.faults.acknowledge = undefined;
    await world.clock.advance(10_000);
    assertEquals([handled, consumer.status().acknowledged, await world.count()], [2, 1, 0]);
    await consumer.stop();
  });

  it("a failed entry holds up none of its neighbours", async () => {
    const world = await createWorld();
    world.dispatcher.subscribe(Job, () => {});
    let first = "";
    world.receiver.faults.acknowledge = async (next, queue, receipts) => {
      first ||= receipts[0] ?? "";
      if (!receipts.includes(first)) return await next();
      const others = receipts.filter((receipt) => receipt !== first);
      if (others.length > 0) await world.backend.acknowledge(queue, others);
      const error = failure("THROTTLED", { retryable: true });
      return receipts.map((receipt) => receipt === first ? { ok: false, error } : { ok: true });
    };
    await world.send([1, 2, 3, 4, 5]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(2_000);
    assertEquals([consumer.status().acknowledged, await world.count()], [4, 1]);
    world.receiver.faults.acknowledge = undefined;
    await world.clock.advance(10_000);
    assertEquals([consumer.status().acknowledged, await world.count()], [5, 0]);
    assertEquals(consumer.status().received, 5);
    await consumer.stop();
  });

  it("a crash between handler and acknowledgement redelivers", async () => {
    const world = await createWorld();
    const seen: number[] = [];
    world.dispatcher.subscribe(Job, (_event, { attempt }) => void seen.push(attempt));
    world.receiver.faults.acknowledge = (_next, _queue, _items, options) => hang(options?.signal);
    await world.send([1]);
    const crashed = world.consumer();
    crashed.start();
    await world.clock.advance(1_000);
    const stopped = crashed.stop({ drainMs: 0 });
    await world.clock.advance(250);
    await stopped;
    assertEquals(seen, [1]);
    world.receiver.faults.acknowledge = undefined;
    await work(world, 31_000);
    assertEquals(seen, [1, 2]);
    assertEquals(await world.count(), 0);
  });

  it("what is received again while it is here is settled by its new receipt only", async () => {
    const world = await createWorld();
    const reasons: unknown[] = [];
    world.dispatcher.subscribe(Job, (_event, { signal, attempt }) => {
      if (attempt > 1) return;
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason.code);
          reject(signal.reason);
        })
      );
    });
    // The service says that it extends, and does not.
    world.receiver.faults.extend = (_next, _queue, items) =>
      Promise.resolve(items.map(({ visibilityMs }) => ({
        ok: true,
        lockedUntil: new Date(world.clock.now() + visibilityMs),
      })));
    await world.send([1]);
    const status = await work(world, 40_000, { visibilityTimeoutMs: 5_000 });
    assertEquals(reasons, ["LOCK_LOST"]);
    assertEquals([status.received, status.acknowledged, status.lost], [2, 1, 1]);
    assertEquals(world.receiver.of("acknowledge").flatMap(({ items }) => items).length, 1);
    assertEquals(world.receiver.of("release"), []);
  });

  it("what was lost before it could be settled is counted once, as nothing else, and reported", async () => {
    for (const verb of ["acknowledge", "release", "deadLetter"] as const) {
      const world = await createWorld({ declare: { deadLetterQueue: "dead", maxReceives: 5 } });
      world.dispatcher.subscribe(Job, () => {
        if (verb === "release") throw new Error("boom");
        if (verb === "deadLetter") throw new DeadLetter("no");
      });
      const lost = refuseAll(failure("LOCK_LOST"));
      world.receiver.faults.acknowledge = lost;
      world.receiver.faults.release = lost;
      world.receiver.faults.deadLetter = lost;
      await world.send([1]);
      const { received, acknowledged, retried, deadLettered, lost: count } = await work(
        world,
        1_000,
      );
      assertEquals({ received, acknowledged, retried, deadLettered, count }, {
        received: 1,
        acknowledged: 0,
        retried: 0,
        deadLettered: 0,
        count: 1,
      }, verb);
      assertEquals(world.log.lines.filter(({ text }) => text.includes("settled")).length, 1);
    }
  });

  it("what could not be settled is reported with its queue, its id and the service's code", async () => {
    for (const verb of ["acknowledge", "deadLetter"] as const) {
      const world = await createWorld({ declare: WITH_DLQ });
      world.dispatcher.subscribe(Job, () => {
        if (verb === "deadLetter") throw new DeadLetter("no");
      });
      world.receiver.faults[verb] = refuseAll(failure("ACCESS_DENIED"));
      await world.send([1]);
      const [delivery] = await world.peek();
      await work(world, 1_000);
      const line = world.log.lines.find(({ text }) => /settled|dead-lettered/.test(text));
      const { queue, messageId, error } = line?.fields ?? {};
      assertEquals([queue, messageId], ["jobs", delivery?.message.id]);
      assertEquals((error as { code?: string }).code, "ACCESS_DENIED");
      assertEquals(line?.level, verb === "deadLetter" ? "error" : "warn");
    }
  });
});

describe("a stop in the last try", () => {
  for (const queue of ["jobs", "jobs.fifo"]) {
    it(`dead-letters nothing whose handler it interrupted (${queue})`, async () => {
      const deadLetterQueue = queue.replace("jobs", "dead");
      const world = await createWorld({
        queue,
        declare: { deadLetterQueue, maxReceives: 5 },
        dispatcher: { maxAttempts: 1 },
      });
      world.dispatcher.subscribe(Job, () => new Promise<void>(() => {}));
      await world.send([1]);
      const consumer = world.consumer();
      consumer.start();
      await world.clock.advance(100);
      const stopped = consumer.stop({ drainMs: 400 });
      await world.clock.advance(400);
      await stopped;
      assertEquals([await world.count(deadLetterQueue), (await world.peek()).length], [0, 1]);
    });
  }
});

describe("de-duplication", () => {
  const published = { attributes: { melange: JSON.stringify({ id: "e-1", on: "" }) } };

  /** A world that shares a store with nobody, in which each event is handled in 5 s. */
  async function createOnce() {
    const world = await createWorld({
      dispatcher: (clock) => ({
        deduplication: { store: new MemoryDeduplicationStore({ clock }), leaseMs: 20_000 },
      }),
    });
    const seen: number[] = [];
    world.dispatcher.subscribe(Job, async (event) => {
      seen.push(event.data.n);
      await new Promise<void>((resolve) => world.clock.after(5_000, resolve));
    }, { name: "bill" });
    return { world, seen };
  }

  it("counts no tries in a FIFO group while the store is down", async () => {
    const store = new MemoryDeduplicationStore();
    const claim = store.claim.bind(store);
    let down = true;
    store.claim = (...args) => down ? Promise.reject(new Error("down")) : claim(...args);
    const world = await createWorld({
      ...FIFO_WITH_DLQ,
      dispatcher: { deduplication: { store }, maxAttempts: 2 },
    });
    const attempts: number[] = [];
    world.dispatcher.subscribe(Job, (_, { attempt }) => {
      attempts.push(attempt);
      if (attempts.length === 1) throw new Error("boom");
    }, { name: "bill" });
    await world.send([1]);
    const consumer = world.consumer({ redelivery: { baseMs: 100, maxMs: 100 } });
    consumer.start();
    await world.clock.advance(1_000);
    down = false;
    await world.clock.advance(1_000);
    assertEquals([attempts, await world.count("dead.fifo"), await world.count()], [[1, 2], 0, 0]);
    await consumer.stop();
  });

  it("acknowledges a duplicate of what was handled", async () => {
    const { world, seen } = await createOnce();
    await world.send([1], published);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(6_000);
    await world.send([1], published);
    await world.clock.advance(1_000);
    assertEquals([seen, await world.count()], [[1], 0]);
    assertEquals(world.receiver.of("release"), []);
    await consumer.stop();
  });

  it("gives back a duplicate of what is being handled until the lease would end", async () => {
    const { world, seen } = await createOnce();
    await world.send([1, 1], published);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(4_000);
    assertEquals(world.receiver.of("release").map(({ items }) => items[0]?.ms), [20_000]);
    await world.clock.advance(20_000);
    assertEquals([seen, await world.count()], [[1], 0]);
    assertEquals(consumer.status().acknowledged, 2);
    await consumer.stop();
    assertEquals(world.clock.pending, 0);
  });
});

describe("locks", () => {
  it("a handler of 6 s with a visibility of 2 s runs once, with two workers", async () => {
    const world = await createWorld();
    let handled = 0;
    world.dispatcher.subscribe(Job, async () => {
      handled += 1;
      await new Promise<void>((resolve) => world.clock.after(6_000, resolve));
    });
    await world.send([1, 2, 3]);
    const consumers = [1, 2].map(() => world.consumer({ visibilityTimeoutMs: 2_000 }));
    for (const consumer of consumers) consumer.start();
    await world.clock.advance(20_000);
    assertEquals([handled, await world.count()], [3, 0]);
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    assertEquals(world.clock.pending, 0);
  });

  it("waiting deliveries are extended too", async () => {
    const world = await createWorld(FIFO);
    const seen: [number, number][] = [];
    world.dispatcher.subscribe(Job, async (event, { message }) => {
      seen.push([event.data.n, message.attempt]);
      await new Promise<void>((resolve) => world.clock.after(5_000, resolve));
    });
    await world.send([1, 2, 3]);
    await work(world, 20_000, { visibilityTimeoutMs: 2_000 });
    assertEquals(seen, [[1, 1], [2, 1], [3, 1]]);
  });

  it("the handler's signal aborts within one visibility timeout when extensions are refused", async () => {
    for (const error of [failure("LOCK_LOST"), failure("OUTCOME_UNKNOWN", { retryable: true })]) {
      const world = await createWorld();
      let abortedAfter = 0;
      const never = deferred();
      world.dispatcher.subscribe(Job, (_event, { signal, attempt }) => {
        const start = world.clock.now();
        if (attempt > 1) return;
        signal.addEventListener("abort", () => abortedAfter = world.clock.now() - start);
        return never.promise;
      });
      world.receiver.faults.extend = refuseAll(error);
      await world.send([1]);
      const status = await work(world, 10_000, { visibilityTimeoutMs: 2_000 });
      assert(abortedAfter > 0 && abortedAfter <= 2_000, `aborted after ${abortedAfter} ms`);
      assertEquals([status.lost, status.acknowledged, await world.count()], [1, 1, 0]);
      assertEquals(world.receiver.of("release"), []);
      assertEquals(world.log.at("warn").some(({ text }) => text.includes("lock")), true);
    }
  });

  it("a handler that ends after its lock was lost settles nothing", async () => {
    const world = await createWorld();
    const end = deferred();
    world.dispatcher.subscribe(Job, (_event, { attempt }) => attempt > 1 ? undefined : end.promise);
    world.receiver.faults.extend = refuseAll(failure("LOCK_LOST"));
    await world.send([1]);
    const consumer = world.consumer({ visibilityTimeoutMs: 2_000 });
    consumer.start();
    await world.clock.advance(1_000);
    end.resolve();
    await world.clock.advance(500);
    assertEquals(world.receiver.of("acknowledge"), []);
    await world.clock.advance(5_000);
    assertEquals(await world.count(), 0);
    await consumer.stop();
  });

  it("context.extend() keeps the lock longer, and rejects when it is lost", async () => {
    const world = await createWorld();
    const codes: unknown[] = [];
    world.dispatcher.subscribe(Job, async (_event, { extend, attempt }) => {
      if (attempt > 1) return;
      await extend(60_000);
      await new Promise<void>((resolve) => world.clock.after(30_000, resolve));
      world.receiver.faults.extend = refuseAll(failure("LOCK_LOST"));
      await extend(60_000).catch((error) => codes.push(error.code));
    });
    await world.send([1]);
    await work(world, 110_000);
    assertEquals(world.receiver.of("extend").slice(0, 2).map(({ items }) => items[0]?.ms), [
      60_000,
      60_000,
    ]);
    assertEquals(codes, ["LOCK_LOST"]);
  });

  it("no extension begins after a settlement of its receipt, or overlaps one that gives it back", async () => {
    const world = await createWorld({ declare: WITH_DLQ });
    let n = 0;
    world.dispatcher.subscribe(Job, async (event) => {
      await new Promise<void>((resolve) => world.clock.after(500 + 370 * (n++ % 9), resolve));
      if (event.data.n % 3 === 1) throw new Error("boom");
      if (event.data.n % 3 === 2) throw new DeadLetter("x");
    });
    world.receiver.faults.extend = async (next) => {
      await new Promise<void>((resolve) => world.clock.after(300, resolve));
      return await next();
    };
    await world.send(Array.from({ length: 12 }, (_, i) => i));
    await work(world, 30_000, { visibilityTimeoutMs: 2_000 });
    const { calls } = world.receiver;
    const settled = new Map<string, { verb: string; at: number }>();
    for (const { verb, items, at } of calls) {
      if (verb === "extend" || verb === "receive") continue;
      for (const { receipt } of items) settled.set(receipt, { verb, at });
    }
    const extensions = calls.filter(({ verb }) => verb === "extend");
    assert(extensions.length > 5);
    for (const { items, at: begunAt, endedAt = Infinity } of extensions) {
      for (const { receipt } of items) {
        const { verb, at } = settled.get(receipt) ?? { verb: "", at: Infinity };
        assert((verb === "acknowledge" ? begunAt : endedAt) <= at, "an extension raced it");
      }
    }
  });
});

describe("an extension that hangs", () => {
  const visibilityTimeoutMs = 6_000;

  it("costs no lock, and holds up no acknowledgement", async () => {
    const world = await createWorld();
    const ends = new Map<number, number>();
    let acknowledgedAt = 0;
    world.dispatcher.subscribe(Job, async (event) => {
      const takesMs = event.data.n;
      await new Promise<void>((resolve) => world.clock.after(takesMs, resolve));
      ends.set(takesMs, world.clock.now());
    });
    world.receiver.faults.extend = (next) =>
      world.receiver.of("extend").length <= 2 ? new Promise(() => {}) : next();
    world.receiver.faults.acknowledge = (next) => {
      acknowledgedAt ||= world.clock.now();
      return next();
    };
    // The first is done while the first extension hangs, the second goes on for long after.
    await world.send([2_500, 12_000]);
    const status = await work(world, 20_000, { visibilityTimeoutMs });
    assertEquals([status.acknowledged, status.lost, await world.count()], [2, 0, 0]);
    assert(acknowledgedAt - (ends.get(2_500) ?? 0) <= 20);
  });

  it("is over before its message is given back, within its time limit", async () => {
    const world = await createWorld();
    let failedAt = 0;
    world.dispatcher.subscribe(Job, async (_event, { attempt }) => {
      if (attempt > 1) return;
      await new Promise<void>((resolve) => world.clock.after(2_500, resolve));
      failedAt = world.clock.now();
      throw new Error("boom");
    });
    world.receiver.faults.extend = (_next, _queue, _items, options) => hang(options?.signal);
    await world.send([1]);
    await work(world, 20_000, { visibilityTimeoutMs, redelivery: { baseMs: 0 } });
    const [released] = world.receiver.of("release");
    const [extended] = world.receiver.of("extend");
    assert(released && released.at - failedAt < 1_400, "held up for longer than its limit");
    assert((extended?.endedAt ?? Infinity) <= released.at);
  });
});

describe("the facts in a dead-letter queue are those of the last death", () => {
  /** Dead-letters a message by hand, and sends what lies in the dead-letter queue back as it is. */
  async function sentBack(declare = WITH_DLQ) {
    const world = await createWorld({ declare });
    let deaths = 0;
    world.dispatcher.subscribe(Job, () => {
      throw deaths++ === 0 ? new DeadLetter("BAD_CARD") : new DeadLetter("WORSE");
    }, { name: "bill" });
    await world.send([1]);
    await work(world, 1_000);
    const [dead] = await world.backend.receive("dead", { max: 1, waitMs: 0, visibilityMs: 60_000 });
    assert(dead);
    assertEquals(deadLetterFactsOf(dead.message)?.reason, "BAD_CARD");
    assertEquals(dead.message.origin, undefined);
    const { body, attributes } = dead.message;
    await world.backend.send({ queue: world.queue }, [{ body, attributes }]);
    await world.backend.acknowledge("dead", [dead.receipt]);
    return world;
  }

  it("also when its worker dies next, and the broker moves it", async () => {
    const world = await sentBack({ deadLetterQueue: "dead", maxReceives: 1 });
    await world.backend.receive(world.queue, { max: 1, waitMs: 0, visibilityMs: 1_000 });
    await world.clock.advance(1_000);
    await world.peek();
    const [moved] = await world.peek("dead");
    assertEquals(moved && deadLetterFactsOf(moved.message), undefined);
    assertEquals(moved?.message.origin, { deadLetterSource: "jobs" });
  });

  it("when it is given up a second time", async () => {
    const world = await sentBack();
    await work(world, 1_000);
    const [again] = await world.peek("dead");
    assertEquals(again && deadLetterFactsOf(again.message)?.reason, "WORSE");
  });

  it("when there is no room for the second ones", async () => {
    const world = await createWorld({ declare: WITH_DLQ });
    const dead = { reason: "BAD_CARD", queue: "jobs", attempts: 1 };
    const melange = JSON.stringify({ id: "e-1", on: "", dead });
    world.dispatcher.subscribe(Job, () => {
      throw new DeadLetter("x".repeat(2_000_000));
    });
    await world.send([1], { attributes: { melange } });
    await work(world, 1_000);
    const [found] = await world.peek("dead");
    assert(found);
    assertEquals(deadLetterFactsOf(found.message), undefined);
  });

  it("also when it is moved from one dead-letter queue to the next", async () => {
    const world = await sentBack({ deadLetterQueue: "dead", maxReceives: 1 });
    await world.backend.declareQueue("dead", { deadLetterQueue: "buried", maxReceives: 1 });
    await world.backend.receive(world.queue, { max: 1, waitMs: 0, visibilityMs: 1_000 });
    await world.clock.advance(1_000);
    await world.peek();
    await world.peek("dead");
    await world.peek("dead");
    const [buried] = await world.peek("buried");
    assertEquals(buried && deadLetterFactsOf(buried.message), undefined);
    assertEquals(buried?.message.origin, { deadLetterSource: "dead" });
  });
});

describe("Settlement.lost()", () => {
  it("counts it, and tells who waits for the answer that the lock is lost", () => {
    const counts = { lost: 0 } as Counts;
    const told: [Lease, SettleResult][] = [];
    const settled = (...answer: [Lease, SettleResult]) => void told.push(answer);
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const options = { counts, settled, logger, queue: "jobs" };
    const settlement = new Settlement(options as unknown as SettlementOptions);
    const lease = { delivery: deliveryOf("r") } as Lease;
    assertEquals([settlement.lost(lease), counts.lost], ["end", 1]);
    assertEquals(told.map(([of]) => of === lease), [true]);
    const [, result] = told[0]!;
    assertEquals(result.ok ? undefined : result.error.code, "LOCK_LOST");
  });
});
