import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Backend, Delivery } from "../../../src/backend.ts";
import { MessageConsumer, type MessageConsumerOptions } from "../../../src/consume/consumer.ts";
import type { DeduplicationStore } from "../../../src/handle/deduplication/store.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { deliveryOf, failure, hang, refuseAll } from "../../fakes/receiver.ts";
import { createWorld, deferred, Job, watch, watchedSignal, type World } from "../../fakes/world.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Lets time pass until a promise has settled. */
async function within<T>(world: World, ms: number, promise: Promise<T>): Promise<T> {
  const watched = watch(promise);
  await world.clock.advance(ms);
  assert(watched.state !== "pending", `not settled within ${ms} ms`);
  return await promise;
}

/** Handles each job in so many milliseconds, whatever its signal says. */
function busy(world: World, ms: number) {
  const seen: number[] = [];
  world.dispatcher.subscribe(Job, async (event) => {
    seen.push(event.data.n);
    await new Promise<void>((resolve) => world.clock.after(ms, resolve));
  });
  return seen;
}

describe("new MessageConsumer()", () => {
  it("refuses what it cannot work with, and says why", async () => {
    const { backend } = await createWorld();
    const create = (options: Partial<MessageConsumerOptions>) => () =>
      new MessageConsumer({ backend, queue: "jobs", ...options });
    const wrong: [Partial<MessageConsumerOptions>, string][] = [
      [{ concurrency: 0 }, "concurrency"],
      [{ concurrency: NaN }, "concurrency"],
      [{ concurrency: 1.5 }, "concurrency"],
      [{ concurrency: 10_001 }, "concurrency"],
      [{ visibilityTimeoutMs: 999 }, "visibilityTimeoutMs"],
      [{ visibilityTimeoutMs: 43_200_001 }, "visibilityTimeoutMs"],
      [{ waitMs: -1 }, "waitMs"],
      [{ waitMs: 20_001 }, "waitMs"],
      [{ drainMs: -1 }, "drainMs"],
      [{ refillMs: 60_001 }, "refillMs"],
      [{ ackLingerMs: 1_001 }, "ackLingerMs"],
      [{ redelivery: { baseMs: -1 } }, "redelivery"],
      [{ redelivery: { maxMs: NaN } }, "redelivery"],
    ];
    for (const [options, name] of wrong) assertThrows(create(options), RangeError, name);
    assertThrows(create({ queue: "" }), TypeError, "queue");
    assertThrows(create({ backend: {} as Backend }), TypeError, "backend");
    const edges: Partial<MessageConsumerOptions>[] = [
      { concurrency: 1, waitMs: 0, drainMs: 0, refillMs: 0, ackLingerMs: 0 },
      { concurrency: 10_000, visibilityTimeoutMs: 43_200_000, waitMs: 20_000 },
    ];
    for (const options of edges) assertEquals(create(options)().health(), "stopped");
  });

  it("receives nothing before it is started", async () => {
    const world = await createWorld();
    const consumer = world.consumer();
    await world.clock.advance(60_000);
    assertEquals([world.receiver.calls.length, world.clock.pending], [0, 0]);
    await consumer.stop();
    await consumer[Symbol.asyncDispose]();
  });

  it("hides a message that fails on and on for a quarter of an hour at the most", async () => {
    const most: [attempt: number, ms: number][] = [[1, 1_000], [2, 2_000], [10, 512_000], [
      11,
      900_000,
    ], [1_000, 900_000]];
    for (const [attempt, ms] of most) {
      const world = await createWorld();
      world.dispatcher.subscribe(Job, () => Promise.reject(new Error("boom")));
      world.receiver.faults.receive = () => Promise.resolve([deliveryOf("r", { attempt })]);
      const consumer = world.consumer({ random: () => 1 });
      await within(world, 20, consumer.consumeEvent());
      assertEquals(world.receiver.of("release")[0]?.items[0]?.ms, ms);
    }
  });

  it("takes the edges of what its options may be, and nothing beyond", async () => {
    const { backend } = await createWorld();
    const edges: [keyof MessageConsumerOptions, min: number, max: number][] = [
      ["concurrency", 1, 10_000],
      ["visibilityTimeoutMs", 1_000, 43_200_000],
      ["waitMs", 0, 20_000],
      ["drainMs", 0, 86_400_000],
      ["refillMs", 0, 60_000],
      ["ackLingerMs", 0, 1_000],
    ];
    for (const [name, min, max] of edges) {
      const create = (value: number) => () =>
        new MessageConsumer({ backend, queue: "jobs", [name]: value });
      for (const value of [min, max]) create(value)();
      for (const value of [min - 1, max + 1, NaN]) assertThrows(create(value), RangeError, name);
    }
    const redelivery = { baseMs: 0, maxMs: 0 };
    assertEquals(new MessageConsumer({ backend, queue: "q", redelivery }).health(), "stopped");
  });

  it("tells the usage of a backend that is metered, and goes on where that throws", async () => {
    const { receiver } = await createWorld();
    const usage = { requests: {}, emptyReceives: 0, billed: 3, sent: 1, received: 0, dollars: 1 };
    const statusOf = (meter: object) =>
      new MessageConsumer({ backend: Object.assign(Object.create(receiver), meter), queue: "q" })
        .status();
    assertEquals(statusOf({ usage: () => usage }).usage, usage);
    const broken = () => {
      throw new Error("no meter");
    };
    assertEquals("usage" in statusOf({ usage: broken }), false);
    assertEquals("usage" in statusOf({}), false);
  });

  it("works on ten at once, locks for 30 s and waits 20 s unless it is told otherwise", async () => {
    const world = await createWorld();
    busy(world, 5_000);
    await world.send(numbers(30));
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(1_000);
    assertEquals(consumer.status().running, 10);
    const { max, waitMs, visibilityMs } = world.receiver.of("receive")[0]!.options;
    assertEquals([max, waitMs, visibilityMs], [10, 20_000, 30_000]);
    await world.clock.advance(60_000);
    await consumer.stop();
  });

  it("acknowledges after 20 ms and refills after 20 ms unless it is told otherwise", async () => {
    const world = await createWorld();
    world.dispatcher.subscribe(Job, async ({ data: { n } }) => {
      if (n === 0) await new Promise<void>((resolve) => world.clock.after(5_000, resolve));
    });
    await world.send(numbers(10));
    const start = world.clock.now();
    const times = (verb: "acknowledge" | "receive") =>
      world.receiver.of(verb).map(({ at }) => at - start);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(4_000);
    assertEquals(times("acknowledge"), [20]);
    assertEquals(times("receive"), [0, 20]);
    await world.clock.advance(60_000);
    await consumer.stop();
  });
});

describe("MessageConsumer.consumeEvent()", () => {
  it("handles and settles one message, and tells its outcome", async () => {
    const world = await createWorld({ declare: { deadLetterQueue: "dead" } });
    const seen: unknown[] = [];
    world.dispatcher.subscribe(Job, (event, { queue, attempt }) => {
      seen.push([event.data.n, queue, attempt]);
    });
    await world.send([1, 2]);
    const consumer = world.consumer();
    assertEquals(await within(world, 20, consumer.consumeEvent()), { outcome: "acknowledge" });
    assertEquals([seen, await world.count()], [[[1, "jobs", 1]], 1]);
    assertEquals(world.receiver.of("receive")[0]?.options.max, 1);
    assertEquals([consumer.status().acknowledged, consumer.health()], [1, "stopped"]);
    assertEquals(world.clock.pending, 0);
  });

  it("claims an event for as long as its message is held, and no longer", async () => {
    const leases: number[] = [];
    const store: DeduplicationStore = {
      claim: (_key, ms) => (leases.push(ms), Promise.resolve({ status: "completed" })),
      renew: () => Promise.resolve(true),
      complete: () => Promise.resolve(),
      release: () => Promise.resolve(),
    };
    const world = await createWorld({ dispatcher: { deduplication: { store, leaseMs: 60_000 } } });
    world.dispatcher.subscribe(Job, () => {}, { name: "bill" });
    await world.clock.advance(5_000);
    await world.send([1]);
    const consumer = world.consumer({ visibilityTimeoutMs: 20_000 });
    await within(world, 20, consumer.consumeEvent());
    assertEquals(leases, [20_000]);
  });

  it("resolves to undefined when none came in time", async () => {
    const world = await createWorld();
    const watched = watch(world.consumer().consumeEvent({ waitMs: 1_000 }));
    await world.clock.advance(999);
    assertEquals(watched.state, "pending");
    await world.clock.advance(1);
    assertEquals(watched.state, "done");
    const consumer = world.consumer({ waitMs: 3_000 });
    assertEquals(await within(world, 3_000, consumer.consumeEvent()), undefined);
    assert(consumer.status().lastReceiveAt);
    assertEquals(world.clock.pending, 0);
  });

  it("settles retry and dead letter before it resolves", async () => {
    for (const queue of ["jobs", "jobs.fifo"]) {
      const dead = queue.replace("jobs", "dead");
      const world = await createWorld({ queue, declare: { deadLetterQueue: dead } });
      world.dispatcher.subscribe(Job, () => Promise.reject(new Error("boom")));
      await world.send([1]);
      const outcome = await within(world, 20, world.consumer().consumeEvent());
      assertEquals(outcome?.outcome, "retry");
      assertEquals(world.receiver.of("release").map(({ items }) => items[0]?.ms), [500]);
      await world.clock.advance(500);
      await world.send([2], { attributes: { manifest: "Nobody" }, group: "other" });
      await within(world, 20, world.consumer().consumeEvent());
      assertEquals(
        (await within(world, 20, world.consumer().consumeEvent()))?.outcome,
        "deadLetter",
      );
      assertEquals(await world.count(dead), 1);
      assertEquals(world.clock.pending, 0);
    }
  });

  it("keeps the lock while the handler runs", async () => {
    const world = await createWorld();
    busy(world, 6_000);
    await world.send([1]);
    const consumer = world.consumer({ visibilityTimeoutMs: 2_000 });
    const outcome = await within(world, 6_020, consumer.consumeEvent());
    assertEquals([outcome?.outcome, await world.count()], ["acknowledge", 0]);
  });

  it("rejects with the signal's reason while it waits, and takes no message", async () => {
    const world = await createWorld();
    const { controller, signal, listeners } = watchedSignal();
    const consumed = world.consumer().consumeEvent({ signal });
    await world.clock.advance(1_000);
    const reason = new Error("enough");
    controller.abort(reason);
    assertEquals(await assertRejects(() => consumed), reason);
    await world.send([1]);
    assertEquals((await world.peek()).length, 1);
    assertEquals([listeners.size, world.clock.pending], [0, 0]);
  });

  it("rejects at once with what trying again does not cure, tries again what it may", async () => {
    const world = await createWorld();
    world.dispatcher.subscribe(Job, () => {});
    const missing = world.consumer({ queue: "missing" });
    const error = await assertRejects(() => missing.consumeEvent(), MelangeError);
    assertEquals(error.code, "NOT_FOUND");
    await world.send([1]);
    let failures = 2;
    world.receiver.faults.receive = (next) =>
      failures-- > 0 ? Promise.reject(failure("REFUSED", { retryable: true })) : next();
    const outcome = await within(world, 1_000, world.consumer().consumeEvent());
    assertEquals(outcome?.outcome, "acknowledge");
  });

  it("resolves only when the service has answered to what became of the message", async () => {
    for (const fails of [false, true]) {
      const world = await createWorld();
      world.dispatcher.subscribe(Job, () => {
        if (fails) throw new Error("boom");
      });
      const answered = deferred();
      const later = async <T>(next: () => Promise<T>) => {
        await answered.promise;
        return await next();
      };
      world.receiver.faults.acknowledge = later;
      world.receiver.faults.release = later;
      await world.send([1]);
      const watched = watch(world.consumer().consumeEvent());
      await world.clock.advance(5_000);
      assertEquals(watched.state, "pending");
      answered.resolve();
      await world.clock.advance(0);
      assertEquals(watched.state, "done");
    }
  });
});

describe("MessageConsumer.start()", () => {
  it("does nothing when it was started already", async () => {
    const world = await createWorld();
    const consumer = world.consumer();
    consumer.start();
    consumer.start();
    await world.clock.advance(0);
    assertEquals([world.receiver.of("receive").length, consumer.health()], [1, "running"]);
    await consumer.stop();
  });

  it("is CONFLICT while it is stopping", async () => {
    const world = await createWorld();
    world.dispatcher.subscribe(
      Job,
      () => new Promise<void>((done) => world.clock.after(500, done)),
    );
    await world.send([1]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(100);
    const stopped = consumer.stop();
    assertEquals(assertThrows(() => consumer.start(), MelangeError).code, "CONFLICT");
    await world.clock.advance(1_000);
    await stopped;
    consumer.start();
    assertEquals(consumer.health(), "running");
    await consumer.stop();
  });

  it("goes on where the logger throws", async () => {
    const fails = () => {
      throw new Error("disk full");
    };
    const world = await createWorld({
      dispatcher: { logger: { debug: fails, info: fails, warn: fails, error: fails } },
    });
    let calls = 0;
    world.dispatcher.subscribe(Job, () => {
      if (++calls === 1) throw new Error("boom");
    });
    await world.send([1]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(10_000);
    assertEquals([calls, await world.count()], [2, 0]);
    await consumer.stop();
  });

  it("fills its slots by several receives, and never takes more than there are free slots", async () => {
    const world = await createWorld();
    const seen = busy(world, 1_000);
    await world.send(numbers(60));
    const consumer = world.consumer({ concurrency: 25 });
    let most = 0;
    world.receiver.faults.receive = async (next) => {
      const deliveries = await next();
      most = Math.max(most, consumer.status().running + deliveries.length);
      return deliveries;
    };
    consumer.start();
    await world.clock.advance(500);
    assertEquals([seen.length, consumer.status().running], [25, 25]);
    await world.clock.advance(10_000);
    assertEquals([seen.length, await world.count()], [60, 0]);
    assertEquals(most, 25);
    await consumer.stop();
    assertEquals(world.clock.pending, 0);
  });

  it("receives while it acknowledges, as many as there are slots, and then waits for the service", async () => {
    const world = await createWorld();
    let handled = 0;
    world.dispatcher.subscribe(Job, () => void handled++);
    const answered = deferred();
    world.receiver.faults.acknowledge = async (next) => {
      await answered.promise;
      return await next();
    };
    await world.send(numbers(100));
    const consumer = world.consumer({ concurrency: 10 });
    consumer.start();
    await world.clock.advance(10_000);
    assertEquals([handled, consumer.status().inFlight], [20, 20]);
    answered.resolve();
    await world.clock.advance(1_000);
    assertEquals([handled, await world.count()], [100, 0]);
    await consumer.stop();
    assertEquals(world.clock.pending, 0);
  });

  it("waits for nothing slow when it fills free slots", async () => {
    const world = await createWorld();
    const slow = deferred();
    world.dispatcher.subscribe(Job, ({ data: { n } }) => n < 3 ? slow.promise : undefined);
    await world.send(numbers(60));
    const start = world.clock.now();
    const consumer = world.consumer({ concurrency: 10, refillMs: 1_000 });
    consumer.start();
    await world.clock.advance(1_500);
    const receives = world.receiver.of("receive");
    // The first answer had the slow ones: one wait. No later answer has one.
    assertEquals(receives.slice(0, 8).map(({ at }) => at - start), [
      0,
      ...Array<number>(7).fill(1_000),
    ]);
    assertEquals(consumer.status().running, 3);
    slow.resolve();
    await world.clock.advance(1_000);
    assertEquals(await world.count(), 0);
    await consumer.stop();
  });

  it("asks at once with the room there is after an answer that was not full", async () => {
    const world = await createWorld();
    const slow = deferred();
    world.dispatcher.subscribe(Job, () => slow.promise);
    await world.send([1]);
    const start = world.clock.now();
    const consumer = world.consumer({ refillMs: 60_000 });
    consumer.start();
    await world.clock.advance(1_000);
    const calls = world.receiver.of("receive").map(({ at, options }) => [at - start, options.max]);
    assertEquals(calls, [[0, 10], [0, 9]]);
    slow.resolve();
    await consumer.stop();
  });

  it("refills slots while a slow message is handled", async () => {
    const world = await createWorld();
    const slow = deferred();
    let handled = 0;
    world.dispatcher.subscribe(Job, (event) => event.data.n === 0 ? slow.promise : void handled++);
    await world.send(numbers(100));
    const consumer = world.consumer({ concurrency: 10 });
    consumer.start();
    await world.clock.advance(3_000);
    assertEquals([handled, consumer.status().inFlight], [99, 1]);
    slow.resolve();
    await world.clock.advance(100);
    assertEquals(await world.count(), 0);
    await consumer.stop();
  });

  it("makes at most four requests a minute when idle", async () => {
    const world = await createWorld();
    const consumer = world.consumer({ concurrency: 100 });
    consumer.start();
    await world.clock.advance(300_000);
    assert(world.receiver.calls.length <= 20, `${world.receiver.calls.length} in five minutes`);
    await consumer.stop();
  });

  it("goes on as soon as an outage is over", async () => {
    const world = await createWorld();
    const seen = busy(world, 0);
    await world.send([1]);
    const fault = () => Promise.reject(failure("OUTCOME_UNKNOWN", { retryable: true }));
    world.receiver.faults.receive = fault;
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(30_000);
    assertEquals(seen, []);
    world.receiver.faults.receive = undefined;
    await world.clock.advance(30_000);
    assertEquals(seen, [1]);
    await world.send([2]);
    await world.clock.advance(200);
    assertEquals(seen, [1, 2]);
    await consumer.stop();
  });

  it("takes no more than twice its concurrency while nothing can be acknowledged, however much it did before", async () => {
    const world = await createWorld();
    const seen = busy(world, 0);
    const consumer = world.consumer({ concurrency: 2, drainMs: 0 });
    consumer.start();
    await world.send(numbers(20));
    await world.clock.advance(10_000);
    assertEquals(seen.length, 20);
    const answered = deferred<void>();
    world.receiver.faults.acknowledge = async (next) => {
      await answered.promise;
      return await next();
    };
    await world.send(numbers(20));
    await world.clock.advance(10_000);
    assertEquals(seen.length, 24);
    answered.resolve();
    await world.clock.advance(10_000);
    assertEquals(seen.length, 40);
    await consumer.stop();
  });
});

describe("MessageConsumer.status()", () => {
  it("counts and dates what was done, over several runs", async () => {
    const world = await createWorld({ declare: { deadLetterQueue: "dead" } });
    const start = world.clock.now();
    world.dispatcher.subscribe(Job, (event) => {
      if (event.data.n === 2 && failures-- > 0) throw new Error("boom");
    });
    let failures = 1;
    await world.send([1, 2]);
    await world.send([3], { attributes: { manifest: "Nobody" } });
    const consumer = world.consumer();
    assertEquals(consumer.status(), {
      queue: "jobs",
      health: "stopped",
      running: 0,
      inFlight: 0,
      received: 0,
      acknowledged: 0,
      retried: 0,
      deadLettered: 0,
      lost: 0,
      receiveErrors: 0,
      lastReceiveAt: undefined,
      lastError: undefined,
    });
    consumer.start();
    await world.clock.advance(2_000);
    await consumer.stop();
    const { lastReceiveAt, ...status } = consumer.status();
    assertEquals(status, {
      queue: "jobs",
      health: "stopped",
      running: 0,
      inFlight: 0,
      received: 4,
      acknowledged: 2,
      retried: 1,
      deadLettered: 1,
      lost: 0,
      receiveErrors: 0,
      lastError: undefined,
    });
    assert(lastReceiveAt && lastReceiveAt.getTime() > start);
    await world.send([4]);
    consumer.start();
    await world.clock.advance(100);
    await consumer.stop();
    assertEquals(consumer.status().acknowledged, 3);
  });

  it("tells of failed receives without quoting them", async () => {
    const world = await createWorld();
    const consumer = world.consumer();
    world.receiver.faults.receive = () => Promise.reject(new TypeError("canary-55"));
    consumer.start();
    await world.clock.advance(1_000);
    const { receiveErrors, lastError, lastReceiveAt } = consumer.status();
    assert(receiveErrors >= 3);
    assertEquals([lastError?.name, lastReceiveAt], ["TypeError", undefined]);
    assert(lastError && lastError.when.getTime() <= world.clock.now());
    assertEquals(world.log.at("warn").length, receiveErrors);
    assert(!JSON.stringify([lastError, world.log.lines]).includes("canary"));
    await consumer.stop();
  });
});

describe("MessageConsumer.health()", () => {
  it("is running, draining, stopped", async () => {
    const world = await createWorld();
    busy(world, 5_000);
    await world.send([1]);
    const consumer = world.consumer();
    assertEquals(consumer.health(), "stopped");
    consumer.start();
    await world.clock.advance(600_000 + 1_000);
    assertEquals(consumer.health(), "running");
    await world.send([2]);
    await world.clock.advance(1_000);
    const stopped = consumer.stop();
    assertEquals(consumer.health(), "draining");
    await within(world, 5_000, stopped);
    assertEquals(consumer.health(), "stopped");
  });

  it("is stalled when no receive succeeds for a minute, until one does", async () => {
    const world = await createWorld();
    const consumer = world.consumer();
    world.receiver.faults.receive = () => Promise.reject(failure("ACCESS_DENIED"));
    consumer.start();
    await world.clock.advance(79_000);
    assertEquals(consumer.health(), "running");
    await world.clock.advance(2_000);
    assertEquals(consumer.health(), "stalled");
    world.receiver.faults.receive = undefined;
    await world.clock.advance(60_000);
    assertEquals(consumer.health(), "running");
    await consumer.stop();
  });

  it("is stalled when a receive hangs", async () => {
    const world = await createWorld();
    const consumer = world.consumer();
    world.receiver.faults.receive = (_next, _queue, { signal }) => hang(signal);
    consumer.start();
    await world.clock.advance(100_000);
    assertEquals(consumer.health(), "stalled");
    await consumer.stop();
  });

  it("is running while slow handlers take all slots", async () => {
    const world = await createWorld();
    busy(world, 3_600_000);
    await world.send([1, 2]);
    const consumer = world.consumer({ concurrency: 1, visibilityTimeoutMs: 1_800_000 });
    consumer.start();
    await world.clock.advance(1_800_000);
    assertEquals(consumer.health(), "running");
    await consumer.stop({ drainMs: 0 });
    await world.clock.advance(3_600_000);
  });

  it("is stalled from the millisecond on that ends a minute beyond the wait", async () => {
    const world = await createWorld();
    const consumer = world.consumer({ waitMs: 5_000 });
    world.receiver.faults.receive = (_next, _queue, { signal }) => hang(signal);
    consumer.start();
    await world.clock.advance(65_000);
    assertEquals(consumer.health(), "running");
    await world.clock.advance(1);
    assertEquals(consumer.health(), "stalled");
    await consumer.stop();
  });
});

describe("MessageConsumer.stop()", () => {
  for (const cancelsReceive of [true, false]) {
    const kind = cancelsReceive ? "that can be cancelled" : "that cannot be cancelled";

    it(`ends an idle poll ${kind}, and receives nothing afterwards`, async () => {
      const world = await createWorld({ guarantees: { cancelsReceive } });
      const consumer = world.consumer();
      consumer.start();
      await world.clock.advance(5_000);
      const stopped = watch(consumer.stop({ drainMs: 60_000 }));
      await world.clock.advance(0);
      assertEquals(stopped.state, cancelsReceive ? "done" : "pending");
      await world.clock.advance(15_000);
      assertEquals([stopped.state, consumer.health()], ["done", "stopped"]);
      await world.clock.advance(60_000);
      assertEquals([world.receiver.calls.length, world.clock.pending], [1, 0]);
    });
  }

  it("releases at once what the last receive brings, where it cannot be cancelled", async () => {
    const world = await createWorld({ guarantees: { cancelsReceive: false } });
    const seen = busy(world, 0);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(1_000);
    const stopped = consumer.stop();
    await world.clock.advance(1_000);
    await world.send([1]);
    await within(world, 0, stopped);
    assertEquals(seen, []);
    assertEquals(world.receiver.of("release").map(({ items }) => items[0]?.ms), [0]);
    const [again] = await world.peek();
    assertEquals(again?.message.attempt, 2);
  });

  it("gives up a receive that hangs, a second after its wait or near the end of the drain", async () => {
    for (const [drainMs, expected] of [[60_000, 21_000], [5_000, 4_000]] as const) {
      const world = await createWorld({ guarantees: { cancelsReceive: false } });
      world.receiver.faults.receive = (_next, _queue, { signal }) => hang(signal);
      const consumer = world.consumer();
      consumer.start();
      await world.clock.advance(1_000);
      const stopped = watch(consumer.stop({ drainMs }));
      await world.clock.advance(expected - 1);
      assertEquals(stopped.state, "pending");
      await world.clock.advance(1);
      assertEquals([stopped.state, world.clock.pending], ["done", 0]);
    }
  });

  it("waits for running handlers, keeps their locks, and acknowledges", async () => {
    const world = await createWorld();
    const seen = busy(world, 6_000);
    await world.send([1]);
    const consumer = world.consumer({ visibilityTimeoutMs: 2_000 });
    consumer.start();
    await world.clock.advance(1_000);
    const stopped = watch(consumer.stop());
    await world.clock.advance(4_999);
    assertEquals([stopped.state, consumer.health()], ["pending", "draining"]);
    await world.clock.advance(1);
    assertEquals([stopped.state, seen, await world.count()], ["done", [1], 0]);
    assertEquals(world.clock.pending, 0);
  });

  it("settles every outcome during a drain: what failed is given back at once", async () => {
    const world = await createWorld({ declare: { deadLetterQueue: "dead" } });
    const end = deferred();
    world.dispatcher.subscribe(Job, async (event) => {
      await end.promise;
      if (event.data.n === 2) throw new Error("boom");
    });
    world.dispatcher.subscribeAll(async () => await end.promise);
    await world.send([1, 2]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(100);
    const stopped = consumer.stop();
    end.resolve();
    await within(world, 0, stopped);
    assertEquals((await world.peek()).map(({ message }) => message.body), ['{"n":2}']);
  });

  it("gives back at once what waits for its turn", async () => {
    const world = await createWorld({ queue: "jobs.fifo" });
    const end = deferred();
    world.dispatcher.subscribe(Job, () => end.promise);
    await world.send([1, 2, 3], { group: "a" });
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(100);
    const stopped = consumer.stop();
    await world.clock.advance(0);
    assertEquals(world.receiver.of("release").map(({ items }) => items.length), [2]);
    end.resolve();
    await within(world, 0, stopped);
    const rest = await world.peek();
    assertEquals(rest.map(({ message }) => [message.body, message.attempt]), [
      ['{"n":2}', 2],
      ['{"n":3}', 2],
    ]);
  });

  it("gives back at once what waits for a retry in place, in order", async () => {
    const world = await createWorld({ queue: "jobs.fifo" });
    world.dispatcher.subscribe(Job, () => Promise.reject(new Error("boom")));
    await world.send([1, 2]);
    const consumer = world.consumer({ redelivery: { baseMs: 600_000 } });
    consumer.start();
    await world.clock.advance(100);
    await within(world, 0, consumer.stop());
    assertEquals((await world.peek()).map(({ message }) => message.body), ['{"n":1}', '{"n":2}']);
    assertEquals(world.clock.pending, 0);
  });

  it("gives back what fails while it is being stopped, also in the turn of its failure", async () => {
    const world = await createWorld({ queue: "jobs.fifo" });
    let tries = 0;
    world.dispatcher.subscribe(Job, () => {
      tries += 1;
      throw new Error("boom");
    });
    await world.send([1, 2]);
    let stopped: Promise<void> | undefined;
    const random = () => {
      queueMicrotask(() => stopped ??= consumer.stop());
      return 0.5;
    };
    const consumer = world.consumer({ random });
    consumer.start();
    await world.clock.advance(60_000);
    await stopped;
    assertEquals([tries, world.clock.pending, consumer.health()], [1, 0, "stopped"]);
    assertEquals((await world.peek()).length, 2);
  });

  it("aborts and gives back what hangs, in time for another consumer to get it at once", async () => {
    const world = await createWorld();
    const reasons: unknown[] = [];
    world.dispatcher.subscribe(Job, (_event, { signal }) => {
      signal.addEventListener("abort", () => reasons.push(signal.reason.code));
      return new Promise<void>(() => {});
    });
    await world.send([1]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(1_000);
    const stopped = watch(consumer.stop({ drainMs: 5_000 }));
    await world.clock.advance(3_999);
    assertEquals([reasons, stopped.state], [[], "pending"]);
    await world.clock.advance(1);
    assertEquals([reasons, stopped.state], [["STOPPED"], "done"]);
    assertEquals((await world.peek()).length, 1);
    assertEquals(world.clock.pending, 0);
  });

  it("acknowledges what finishes because it heeds the signal", async () => {
    const world = await createWorld();
    world.dispatcher.subscribe(
      Job,
      (_event, { signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    );
    await world.send([1]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(1_000);
    await within(world, 10_000, consumer.stop());
    assertEquals((await world.peek()).length, 1);
    assertEquals(consumer.status().inFlight, 0);
  });

  it("ends within drainMs although the network is down", async () => {
    for (const down of ["reject", "hang"]) {
      const world = await createWorld({ guarantees: { cancelsReceive: false } });
      const ends = [deferred(), deferred()];
      world.dispatcher.subscribe(Job, (event) => ends[event.data.n]?.promise);
      await world.send([0, 1]);
      const consumer = world.consumer({ visibilityTimeoutMs: 3_000 });
      consumer.start();
      await world.clock.advance(100);
      const fault = <T>(signal?: AbortSignal) =>
        down === "hang"
          ? hang<T>(signal)
          : Promise.reject<T>(failure("OUTCOME_UNKNOWN", { retryable: true }));
      const { faults } = world.receiver;
      faults.receive = (_next, _queue, { signal }) => fault(signal);
      faults.acknowledge = (_next, _queue, _items, options) => fault(options?.signal);
      faults.release = (_next, _queue, _items, options) => fault(options?.signal);
      faults.extend = (_next, _queue, _items, options) => fault(options?.signal);
      await world.clock.advance(900);
      const stopped = watch(consumer.stop({ drainMs: 5_000 }));
      ends[0]?.resolve();
      await world.clock.advance(5_000);
      assertEquals([stopped.state, consumer.health()], ["done", "stopped"]);
      // What the memory backend's own long poll still waits for is not ours.
      await world.clock.advance(20_000);
      assertEquals(world.clock.pending, 0);
      assertEquals((await world.peek()).length, 2);
    }
  });

  it("without an end of its time it waits as long as a handler takes", async () => {
    const world = await createWorld();
    let finish = () => {};
    world.dispatcher.subscribe(Job, () => new Promise<void>((resolve) => finish = resolve));
    await world.send([1]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(100);
    const stopped = watch(consumer.stop({ drainMs: Infinity }));
    assertEquals(consumer.health(), "draining");
    await world.clock.advance(100_000);
    assertEquals(stopped.state, "pending");
    finish();
    await world.clock.advance(100);
    assertEquals([stopped.state, await world.count(), world.clock.pending], ["done", 0, 0]);
  });

  it("a second stop with drainMs 0 forces", async () => {
    const world = await createWorld({ guarantees: { cancelsReceive: false } });
    let aborted = false;
    world.dispatcher.subscribe(Job, (_event, { signal }) => {
      signal.addEventListener("abort", () => aborted = true);
      return new Promise<void>(() => {});
    });
    await world.send([1]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(500);
    const first = watch(consumer.stop({ drainMs: 60_000 }));
    await world.clock.advance(1_000);
    assertEquals(first.state, "pending");
    const second = watch(consumer.stop({ drainMs: 0 }));
    await world.clock.advance(0);
    assertEquals([first.state, second.state, aborted], ["done", "done", true]);
    assertEquals((await world.peek()).length, 1);
    await world.clock.advance(20_000);
    assertEquals(world.clock.pending, 0);
  });

  it("a second stop never puts the end off", async () => {
    const world = await createWorld();
    world.dispatcher.subscribe(Job, () => new Promise<void>(() => {}));
    await world.send([1]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(500);
    const first = watch(consumer.stop({ drainMs: 2_000 }));
    await world.clock.advance(1_500);
    const second = watch(consumer.stop({ drainMs: 60_000 }));
    await world.clock.advance(500);
    assertEquals([first.state, second.state, world.clock.pending], ["done", "done", 0]);
  });

  it("may be followed by start()", async () => {
    const world = await createWorld();
    const seen = busy(world, 10);
    const consumer = world.consumer();
    for (let round = 1; round <= 3; round++) {
      await world.send([round]);
      consumer.start();
      await world.clock.advance(500);
      await within(world, 100, consumer.stop());
      assertEquals([seen.length, consumer.health(), world.clock.pending], [round, "stopped", 0]);
    }
  });

  it("ends the pauses after failed receives", async () => {
    const world = await createWorld();
    world.receiver.faults.receive = () => Promise.reject(failure("ACCESS_DENIED"));
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(60_000);
    await within(world, 0, consumer.stop());
    assertEquals(world.clock.pending, 0);
  });

  it("resolves for all who called it", async () => {
    const world = await createWorld();
    busy(world, 1_000);
    await world.send([1]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(100);
    const all = Promise.all([consumer.stop(), consumer.stop(), consumer[Symbol.asyncDispose]()]);
    await within(world, 1_000, all);
    await consumer.stop();
  });

  it("aborts handlers a fifth of the drain before its end, a second at the most; by default of 10 s", async () => {
    for (
      const [drainMs, expected] of [[2_000, 1_600], [5_000, 4_000], [undefined, 9_000]] as const
    ) {
      const world = await createWorld();
      let abortedAt: number | undefined;
      world.dispatcher.subscribe(Job, (_event, { signal }) => {
        signal.addEventListener("abort", () => abortedAt = world.clock.now());
        return new Promise<void>(() => {});
      });
      await world.send([1]);
      const consumer = world.consumer();
      consumer.start();
      await world.clock.advance(1_000);
      const start = world.clock.now();
      const stopped = watch(consumer.stop(drainMs === undefined ? {} : { drainMs }));
      await world.clock.advance(drainMs ?? 10_000);
      assertEquals([stopped.state, (abortedAt ?? 0) - start], ["done", expected]);
    }
  });

  it("gives up giving back after 250 ms where it is forced to end at once", async () => {
    const world = await createWorld();
    world.dispatcher.subscribe(Job, () => new Promise<void>(() => {}));
    world.receiver.faults.release = (_next, _queue, _items, options) => hang(options?.signal);
    await world.send([1]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(1_000);
    const stopped = watch(consumer.stop({ drainMs: 0 }));
    await world.clock.advance(249);
    assertEquals(stopped.state, "pending");
    await world.clock.advance(1);
    assertEquals([stopped.state, world.clock.pending], ["done", 0]);
  });
});

describe("MessageConsumer.run()", () => {
  it("starts, drains when the signal aborts, and leaves no listener on it", async () => {
    const world = await createWorld();
    const seen = busy(world, 3_000);
    const { controller, signal, listeners } = watchedSignal();
    for (let round = 1; round <= 3; round++) {
      await world.send([round]);
      const run = new AbortController();
      const own = round === 3 ? { controller, signal } : { controller: run, signal: run.signal };
      const ran = watch(world.consumer().run({ signal: own.signal }));
      await world.clock.advance(1_000);
      own.controller.abort();
      await world.clock.advance(1_999);
      assertEquals(ran.state, "pending");
      await world.clock.advance(1);
      assertEquals([ran.state, seen.length, await world.count()], ["done", round, 0]);
    }
    assertEquals([listeners.size, world.clock.pending], [0, 0]);
  });

  it("takes the drain time of the call", async () => {
    const world = await createWorld();
    world.dispatcher.subscribe(Job, () => new Promise<void>(() => {}));
    await world.send([1]);
    const controller = new AbortController();
    const ran = watch(world.consumer().run({ signal: controller.signal, drainMs: 1_000 }));
    await world.clock.advance(100);
    controller.abort();
    await world.clock.advance(1_000);
    assertEquals(ran.state, "done");
  });

  it("ends when somebody else stops it, and leaves no listener", async () => {
    const world = await createWorld();
    const { signal, listeners } = watchedSignal();
    const consumer = world.consumer();
    const ran = watch(consumer.run({ signal }));
    await world.clock.advance(100);
    assertEquals(listeners.size, 1);
    await consumer.stop();
    await world.clock.advance(0);
    assertEquals([ran.state, listeners.size], ["done", 0]);
  });

  it("receives nothing when the signal has aborted before", async () => {
    const world = await createWorld();
    await within(world, 0, world.consumer().run({ signal: AbortSignal.abort() }));
    assertEquals([world.receiver.calls.length, world.clock.pending], [0, 0]);
  });

  it("stops a consumer that was started before, also by a signal that has aborted", async () => {
    const world = await createWorld();
    const consumer = world.consumer();
    consumer.start();
    await within(world, 0, consumer.run({ signal: AbortSignal.abort() }));
    assertEquals(consumer.health(), "stopped");
  });
});

describe("MessageConsumer and its promises", () => {
  it("loses nothing and hides nothing when consumers come and go", async () => {
    const world = await createWorld({ guarantees: { cancelsReceive: false } });
    const handled = new Map<number, number>();
    world.dispatcher.subscribe(Job, async (event) => {
      await new Promise<void>((resolve) => world.clock.after(50, resolve));
      handled.set(event.data.n, (handled.get(event.data.n) ?? 0) + 1);
    });
    await world.send(numbers(40));
    for (let round = 0; round < 4; round++) {
      const consumer = world.consumer({ concurrency: 8 });
      consumer.start();
      await world.clock.advance(75);
      await within(world, 21_000, consumer.stop());
    }
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(5_000);
    await within(world, 21_000, consumer.stop());
    assertEquals([handled.size, await world.count()], [40, 0]);
    assert([...handled.values()].every((times) => times === 1), "handled more than once");
    assertEquals(world.clock.pending, 0);
  });

  it("acknowledges only what was handled, whatever fails meanwhile", async () => {
    const world = await createWorld();
    const done = new Set<string>();
    world.dispatcher.subscribe(Job, async (event, { message }) => {
      await new Promise<void>((resolve) => world.clock.after(30, resolve));
      if (event.data.n % 4 === 0 && message.attempt === 1) throw new Error("boom");
      done.add(message.id);
    });
    const receipts = new Map<string, string>();
    world.receiver.faults.receive = async (next) => {
      const deliveries: Delivery[] = await next();
      for (const { receipt, message } of deliveries) receipts.set(receipt, message.id);
      return deliveries;
    };
    let calls = 0;
    world.receiver.faults.acknowledge = (next, _queue, items) => {
      for (const receipt of items) assert(done.has(receipts.get(receipt) ?? ""), "not handled yet");
      const error = failure("OUTCOME_UNKNOWN", { retryable: true });
      return ++calls % 3 === 0 ? refuseAll(error)(next, "", items) : next();
    };
    await world.send(numbers(30));
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(20_000);
    assertEquals([done.size, await world.count()], [30, 0]);
    await consumer.stop();
  });

  it("logs no body and no field of one, whatever happens", async () => {
    const canary = "canary-0ddba11";
    const world = await createWorld({ declare: { deadLetterQueue: "dead", maxReceives: 3 } });
    world.dispatcher.subscribe(Job, (_event, { message }) => {
      throw new Error(`cannot handle ${message.body}\n    at ${canary}`, { cause: message });
    });
    world.receiver.faults.deadLetter = () => Promise.reject(new Error(canary));
    world.receiver.faults.release = (next) => Promise.reject(new Error(canary)).catch(() => next());
    await world.send([1], { body: `{"n":1,"secret":"${canary}"}` });
    await world.send([2], { body: canary });
    await world.send([3], { body: canary, attributes: { manifest: "Nobody", tenant: canary } });
    const consumer = world.consumer({ visibilityTimeoutMs: 2_000 });
    consumer.start();
    await world.clock.advance(20_000);
    world.receiver.faults.acknowledge = () => Promise.reject(new Error(canary));
    world.receiver.faults.extend = () => Promise.reject(new Error(canary));
    world.receiver.faults.receive = () => Promise.reject(new Error(canary));
    await world.clock.advance(5_000);
    await within(world, 10_000, consumer.stop());
    assert(world.log.lines.length > 5);
    assert(!JSON.stringify([world.log.lines, consumer.status()]).includes(canary));
  });
});
