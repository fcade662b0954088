/** Lengths of time that are none are refused where they are given, and change nothing. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryDeduplicationStore } from "../../src/deduplication.ts";
import { dispatch, Dispatcher, type HandlerContext } from "../../src/dispatcher.ts";
import { createWorld, Job, recordingLogger } from "../fakes/world.ts";

const NONE: unknown[] = [-1, NaN, -Infinity, null, "5", 5n, {}, [5], true];
const ENDLESS = [Infinity];

describe("context.extend()", () => {
  for (const ms of [...NONE, ...ENDLESS, 0, -0, undefined]) {
    it(`refuses ${typeof ms} ${String(ms)}, and the lock goes on`, async () => {
      const world = await createWorld();
      let calls = 0;
      world.dispatcher.subscribe(Job, async (_event, { extend }) => {
        calls += 1;
        await assertRejects(() => extend(ms as never), RangeError, "extend a lock");
        await new Promise<void>((resolve) => world.clock.after(3_000, resolve));
      });
      await world.send([1]);
      const consumer = world.consumer({ visibilityTimeoutMs: 2_000 });
      consumer.start();
      await world.clock.advance(10_000);
      assertEquals([calls, consumer.status().acknowledged], [1, 1]);
      assertEquals(world.receiver.of("extend").every(({ items }) => items[0]?.ms === 2_000), true);
      await consumer.stop();
    });
  }

  it("refuses them on hosts without a lock as well", async () => {
    const dispatcher = new Dispatcher({ logger: recordingLogger() });
    const message = {
      id: "m",
      body: "{}",
      attributes: { manifest: "Job" },
      sentAt: new Date(0),
      attempt: 1,
    };
    let context: HandlerContext | undefined;
    dispatcher.subscribe(Job, (_event, given) => void (context = given));
    await dispatch(dispatcher, message, { queue: "q" });
    await assertRejects(async () => await context?.extend(-1), RangeError);
  });
});

describe("deliveries()", () => {
  it("extend() and retry() refuse what is no time, and leave the message undecided", async () => {
    const world = await createWorld();
    await world.send([1]);
    for await (const delivery of world.consumer().deliveries()) {
      for (const ms of [...NONE, ...ENDLESS]) {
        await assertRejects(() => delivery.extend(ms as never), RangeError, "extend a lock");
        await assertRejects(() => delivery.retry(ms as never), RangeError, "retry a message");
      }
      await assertRejects(() => delivery.extend(0), RangeError);
      await delivery.ack();
      break;
    }
    assertEquals([await world.count(), world.receiver.of("release").length], [0, 0]);
  });

  it("retry(0) and retry() give the message back", async () => {
    for (const args of [[0], []] as const) {
      const world = await createWorld();
      await world.send([1]);
      for await (const delivery of world.consumer().deliveries()) {
        await delivery.retry(...args);
        break;
      }
      assertEquals(await world.count(), 1);
    }
  });
});

describe("MessageConsumer", () => {
  it("consumeEvent() refuses a wait that is none", async () => {
    const world = await createWorld();
    for (const waitMs of [...NONE, ...ENDLESS]) {
      const consumed = () => world.consumer().consumeEvent({ waitMs: waitMs as never });
      await assertRejects(consumed, RangeError, "waitMs");
    }
    assertEquals(world.receiver.calls, []);
  });

  it("stop(), run() and deliveries() refuse a drain that is none, and go on", async () => {
    const world = await createWorld();
    const consumer = world.consumer();
    consumer.start();
    for (const drainMs of NONE) {
      const options = { drainMs: drainMs as never };
      await assertRejects(() => consumer.stop(options), RangeError, "drainMs");
      await assertRejects(() => world.consumer().run(options), RangeError, "drainMs");
      await assertRejects(() => world.consumer().deliveries(options).next(), RangeError, "drainMs");
    }
    assertEquals(consumer.health(), "running");
    await consumer.stop({ drainMs: Infinity });
    assertEquals(world.clock.pending, 0);
  });
});

describe("new MessageConsumer()", () => {
  it("refuses settings that are none, text that looks like one too", async () => {
    const world = await createWorld();
    const names = ["visibilityTimeoutMs", "waitMs", "drainMs", "refillMs", "ackLingerMs"];
    for (const value of NONE.filter((value) => value !== null)) {
      for (const name of [...names, "concurrency"]) {
        assertThrows(() => world.consumer({ [name]: value as never }), RangeError, name);
      }
      for (const name of ["baseMs", "maxMs"]) {
        const redelivery = { [name]: value as never };
        assertThrows(() => world.consumer({ redelivery }), RangeError, "redelivery");
      }
    }
  });
});

describe("new Dispatcher()", () => {
  it("refuses a time limit and a number of attempts that are none", () => {
    for (const value of [...NONE, 0]) {
      for (const key of ["handlerTimeoutMs", "maxAttempts"]) {
        assertThrows(() => new Dispatcher({ [key]: value as never }), RangeError, key);
      }
    }
  });

  it("refuses a lease and a retention that are none", () => {
    const store = new MemoryDeduplicationStore();
    for (const ms of [...NONE, ...ENDLESS]) {
      for (const key of ["leaseMs", "retentionMs"]) {
        const deduplication = { store, [key]: ms as never };
        assertThrows(() => new Dispatcher({ deduplication }), RangeError, key);
      }
    }
    assertThrows(() => new Dispatcher({ deduplication: { store, leaseMs: 0 } }), RangeError);
  });
});
