/** Lengths of time that are none are refused where they are given, and change nothing. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { sqsHandler } from "../../backends/aws/hosts/lambda/mod.ts";
import { MemoryBackend } from "../../backends/memory/mod.ts";
import { VirtualClock } from "../../backends/memory/testing.ts";
import { MemoryDeduplicationStore } from "../../src/handle/deduplication/store.ts";
import { dispatch } from "../../src/handle/dispatch.ts";
import { Dispatcher } from "../../src/handle/dispatcher.ts";
import type { HandlerContext } from "../../src/handle/handler.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { EventBus } from "../../src/event_bus.ts";
import { circuitBreaker, retry, throttle, timeout } from "../../src/handle/middleware/mod.ts";
import { MessagePublisher } from "../../src/publish/publisher.ts";
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

describe("middleware, publishers and hosts", () => {
  const backend = new MemoryBackend({ clock: new VirtualClock() });
  const takers: [string, (ms: never) => unknown][] = [
    ["circuitBreaker()", (resetMs) => circuitBreaker({ resetMs })],
    ["throttle()", (intervalMs) => throttle({ limit: 1, intervalMs })],
    ["throttle(), its limit", (limit) => throttle({ limit })],
    ["timeout()", (ms) => timeout({ ms })],
    ["retry(), its base", (baseMs) => retry({ baseMs })],
    ["retry(), its bound", (maxMs) => retry({ maxMs })],
    ["new MessagePublisher()", (lingerMs) => new MessagePublisher({ backend, lingerMs })],
    ["its deadline", (deadlineMs) => new MessagePublisher({ backend, retry: { deadlineMs } })],
  ];
  for (const [what, take] of takers) {
    it(`${what} refuses what is no time, text that looks like one too`, () => {
      // Where null stands for the default, it is taken.
      for (const ms of NONE.filter((ms) => ms !== null)) {
        assertThrows(() => take(ms as never), RangeError);
      }
    });
  }
});

describe("EventBus.stop()", () => {
  it("refuses a drain that is none, also where there is no queue", async () => {
    const bus = new EventBus({ backend: new MemoryBackend({ clock: new VirtualClock() }) });
    for (const drainMs of NONE) {
      await assertRejects(() => bus.stop({ drainMs: drainMs as never }), RangeError, "stop");
    }
  });
});

describe("publish()", () => {
  it("refuses a delay that is none: it would hide the event for ever", async () => {
    const { backend, clock, count } = await createWorld();
    const publisher = new MessagePublisher({ backend, clock });
    for (const delayMs of [...NONE, ...ENDLESS]) {
      const options = { queue: "jobs", delayMs: delayMs as never };
      const error = await assertRejects(() => publisher.publish(Job({ n: 1 }), options));
      assertEquals(error instanceof MelangeError && error.code, "INVALID_MESSAGE");
    }
    assertEquals(await count(), 0);
  });
});

describe("MemoryBackend", () => {
  it("refuses waits, locks and delays that are none, and changes nothing", async () => {
    const { backend, send } = await createWorld();
    await send([1]);
    for (const ms of [...NONE, ...ENDLESS]) {
      const options = { max: 1, waitMs: 0, visibilityMs: 1_000 };
      for (const name of ["waitMs", "visibilityMs", "max"]) {
        const receive = () => backend.receive("jobs", { ...options, [name]: ms as never });
        await assertRejects(receive, RangeError, name);
      }
      const declare = () => backend.declareQueue("jobs", { visibilityTimeoutMs: ms as never });
      await assertRejects(declare, RangeError, "visibilityTimeoutMs");
    }
    const [delivery] = await backend.receive("jobs", { max: 1, waitMs: 0, visibilityMs: 30_000 });
    const receipt = delivery?.receipt ?? "";
    for (const ms of [...NONE, ...ENDLESS]) {
      const [extended] = await backend.extend("jobs", [{ receipt, visibilityMs: ms as never }]);
      const [released] = await backend.release("jobs", [{ receipt, delayMs: ms as never }]);
      assertEquals([extended?.ok, released?.ok], [false, false], String(ms));
    }
    assertEquals((await backend.describeQueue("jobs")).inFlight, 1);
  });
});

describe("MemoryDeduplicationStore", () => {
  it("refuses leases and retentions that are none, and changes nothing", async () => {
    const store = new MemoryDeduplicationStore({ clock: new VirtualClock() });
    const claim = await store.claim("k", 1_000);
    const token = claim.status === "claimed" ? claim.token : "";
    for (const ms of [...NONE, ...ENDLESS]) {
      await assertRejects(() => store.claim("other", ms as never), RangeError);
      await assertRejects(() => store.renew("k", token, ms as never), RangeError);
      await assertRejects(() => store.complete("k", token, ms as never), RangeError);
    }
    assertEquals((await store.claim("k", 1_000)).status, "inProgress");
    assertEquals((await store.claim("other", 1_000)).status, "claimed");
  });
});

describe("what a handler throws", () => {
  for (const retryAfterMs of [Infinity, NaN, -1, "5", 5n]) {
    it(`asks for ${String(retryAfterMs)} ms: the group is retried by the backoff`, async () => {
      const world = await createWorld({ queue: "jobs.fifo" });
      let handled = 0;
      world.dispatcher.subscribe(Job, () => {
        handled += 1;
        if (handled === 1) throw Object.assign(new MelangeError("X", "x"), { retryAfterMs });
      });
      await world.send([1, 2]);
      const consumer = world.consumer({ redelivery: { baseMs: 1_000, maxMs: 1_000 } });
      consumer.start();
      await world.clock.advance(10_000);
      assertEquals(handled, 3);
      await consumer.stop();
    });
  }
});

describe("sqsHandler()", () => {
  const contexts: [string, () => unknown][] = [
    ["NaN", () => NaN],
    ["text", () => "5"],
    ["a bigint", () => 5n],
    ["nothing", () => undefined],
    ["an error", () => {
      throw new Error("no context");
    }],
  ];
  for (const [what, left] of contexts) {
    it(`handles its batch although the context tells ${what} for the time that is left`, async () => {
      const clock = new VirtualClock();
      const dispatcher = new Dispatcher({ logger: recordingLogger() });
      dispatcher.subscribe(Job, () => new Promise((resolve) => clock.after(10, resolve)));
      const record = {
        messageId: "m-1",
        body: '{"n":1}',
        eventSource: "aws:sqs",
        eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:jobs",
        messageAttributes: { manifest: { dataType: "String", stringValue: "Job" } },
      };
      const context = { getRemainingTimeInMillis: left as () => number };
      const answer = sqsHandler(dispatcher, { clock })({ Records: [record] }, context);
      await clock.advance(20);
      assertEquals(await answer, { batchItemFailures: [] });
    });
  }
});
