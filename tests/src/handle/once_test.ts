import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { sqsHandler } from "../../../backends/aws/hosts/lambda/mod.ts";
import { snsEndpoint } from "../../../backends/aws/hosts/sns_endpoint/mod.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import {
  type DeduplicationStore,
  MemoryDeduplicationStore,
} from "../../../src/handle/deduplication/store.ts";
import { dispatch } from "../../../src/handle/dispatch.ts";
import { Dispatcher, type DispatcherOptions } from "../../../src/handle/dispatcher.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import type { ReceivedMessage } from "../../../src/wire/message.ts";
import { createWorld, deferred, Job, recordingLogger } from "../../fakes/world.ts";
import { until } from "../../wait.ts";

const never = () => new Promise<void>(() => {});

function setUp(options: DispatcherOptions = {}, own: Partial<DeduplicationStore> = {}) {
  const clock = new VirtualClock();
  const inner = new MemoryDeduplicationStore({ clock });
  const calls: string[] = [];
  const store: DeduplicationStore = {
    claim: (key, ms) => (calls.push("claim"), (own.claim ?? inner.claim.bind(inner))(key, ms)),
    complete: (
      ...args
    ) => (calls.push("complete"), (own.complete ?? inner.complete.bind(inner))(...args)),
    release: (
      ...args
    ) => (calls.push("release"), (own.release ?? inner.release.bind(inner))(...args)),
    renew: (...args) => (calls.push("renew"), (own.renew ?? inner.renew.bind(inner))(...args)),
  };
  const log = recordingLogger();
  const deduplication = { store, leaseMs: 30_000, ...options.deduplication };
  const dispatcher = new Dispatcher({ logger: log, ...options, deduplication });
  const message: ReceivedMessage = {
    id: "m-1",
    body: '{"n":1}',
    attributes: { manifest: "Job" },
    sentAt: new Date(0),
    attempt: 1,
  };
  const run = async (signal?: AbortSignal) => {
    const hooks = { queue: "q", clock, ...(signal ? { signal } : {}) };
    const outcome = await dispatch(dispatcher, message, hooks);
    const error = outcome.outcome === "retry" ? outcome.error : undefined;
    return error instanceof MelangeError ? error.code : outcome.outcome;
  };
  return { clock, store, inner, calls, log, dispatcher, message, run };
}

describe("a claim ends with its message", () => {
  it("when the handler's time is up: the next try runs, although the promise never settles", async () => {
    const { clock, dispatcher, run, calls } = setUp({ handlerTimeoutMs: 5_000 });
    let handled = 0;
    dispatcher.subscribe(Job, () => ++handled === 1 ? never() : undefined, { name: "bill" });
    const first = run();
    await clock.advance(5_000);
    assertEquals(await first, "TIMEOUT");
    assertEquals([await run(), handled], ["acknowledge", 2]);
    await clock.advance(3_600_000);
    assertEquals([calls.includes("renew"), clock.pending], [false, 0]);
  });

  for (const code of ["LOCK_LOST", "STOPPED"]) {
    it(`when the signal of the host aborts: ${code}`, async () => {
      const { clock, dispatcher, run } = setUp();
      let handled = 0;
      dispatcher.subscribe(Job, () => ++handled === 1 ? never() : undefined, { name: "bill" });
      const controller = new AbortController();
      const first = run(controller.signal);
      await clock.advance(45_000);
      controller.abort(new MelangeError(code, "gone"));
      assertEquals(await first, code);
      assertEquals([await run(), handled, clock.pending], ["acknowledge", 2, 0]);
    });
  }

  it("of each subscriber of the message alike", async () => {
    const { clock, dispatcher, run } = setUp({ handlerTimeoutMs: 5_000 });
    const ran: string[] = [];
    let stuck = true;
    for (const name of ["a", "b", "c"]) {
      dispatcher.subscribe(Job, () => {
        ran.push(name);
        return stuck && name !== "b" ? never() : undefined;
      }, { name });
    }
    const first = run();
    await clock.advance(5_000);
    assertEquals(await first, "TIMEOUT");
    stuck = false;
    assertEquals([await run(), ran.join("")], ["acknowledge", "abcac"]);
  });

  it("a handler that succeeds after all is marked, unless another has begun", async () => {
    for (const another of [false, true]) {
      const { clock, dispatcher, run, inner } = setUp({ handlerTimeoutMs: 5_000 });
      const end = deferred();
      let handled = 0;
      dispatcher.subscribe(Job, () => ++handled === 1 ? end.promise : undefined, { name: "bill" });
      const first = run();
      await clock.advance(5_000);
      await first;
      const other = another ? await inner.claim("bill:m-1", 30_000) : undefined;
      end.resolve();
      await clock.advance(0);
      assertEquals(await run(), another ? "CONFLICT" : "acknowledge");
      assertEquals(handled, 1);
      if (other?.status === "claimed") await inner.release("bill:m-1", other.token);
      assertEquals([await run(), handled], ["acknowledge", another ? 2 : 1]);
    }
  });

  it("a handler that fails after all leaves the event to the next try", async () => {
    const { clock, dispatcher, run } = setUp({ handlerTimeoutMs: 5_000 });
    const end = deferred();
    let handled = 0;
    dispatcher.subscribe(Job, () => ++handled === 1 ? end.promise : undefined, { name: "bill" });
    const first = run();
    await clock.advance(5_000);
    await first;
    end.reject(new Error("in the end"));
    await clock.advance(0);
    assertEquals([await run(), handled], ["acknowledge", 2]);
  });

  it("a store that does not give back in time delays the outcome by 100 ms at the most", async () => {
    const { clock, dispatcher, run } = setUp({ handlerTimeoutMs: 5_000 }, { release: never });
    dispatcher.subscribe(Job, never, { name: "bill" });
    const first = run();
    await clock.advance(5_100);
    assertEquals(await first, "TIMEOUT");
  });

  it("with an invocation of Lambda, before it answers", async () => {
    const { clock, dispatcher, inner } = setUp();
    let handled = 0;
    dispatcher.subscribe(Job, () => ++handled === 1 ? never() : undefined, { name: "bill" });
    const handler = sqsHandler(dispatcher, { clock });
    const record = {
      messageId: "m-1",
      body: '{"n":1}',
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:jobs",
      messageAttributes: { manifest: { dataType: "String", stringValue: "Job" } },
    };
    const invoke = () => handler({ Records: [record] }, { getRemainingTimeInMillis: () => 10_000 });
    const first = invoke();
    await clock.advance(9_000);
    assertEquals((await first).batchItemFailures, [{ itemIdentifier: "m-1" }]);
    assertEquals((await inner.claim("bill:m-1", 1)).status, "claimed");
    await clock.advance(1);
    assertEquals([(await invoke()).batchItemFailures, handled], [[], 2]);
  });
});

describe("a handler that never settles, with a time limit, attempts and a store", () => {
  const options = (clock: VirtualClock) => ({
    handlerTimeoutMs: 5_000,
    maxAttempts: 3,
    deduplication: { store: new MemoryDeduplicationStore({ clock }) },
  });
  const declare = { deadLetterQueue: "dead.fifo", maxReceives: 100 };

  it("on a FIFO queue is tried again in its group, then dead-lettered, and the group goes on", async () => {
    const world = await createWorld({
      queue: "jobs.fifo",
      declare,
      dispatcher: (clock) => options(clock as VirtualClock),
    });
    const seen: number[] = [];
    world.dispatcher.subscribe(Job, (event) => {
      seen.push(event.data.n);
      return event.data.n === 1 ? never() : undefined;
    }, { name: "bill" });
    await world.send([1, 2]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(60_000);
    assertEquals([seen, await world.count("dead.fifo")], [[1, 1, 1, 2], 1]);
    await consumer.stop();
    assertEquals(world.clock.pending, 0);
  });

  it("on a standard queue is tried again before it is dead-lettered", async () => {
    const world = await createWorld({
      declare: { deadLetterQueue: "dead", maxReceives: 3 },
      dispatcher: (clock) => options(clock as VirtualClock),
    });
    let handled = 0;
    world.dispatcher.subscribe(Job, () => (handled += 1, never()), { name: "bill" });
    await world.send([1]);
    const consumer = world.consumer();
    consumer.start();
    await world.clock.advance(120_000);
    assertEquals([handled, await world.count("dead")], [3, 1]);
    await consumer.stop();
  });
});

describe("a worker that is killed", () => {
  for (const maxReceives of [2, 5]) {
    it(`leaves no claim that outlives its lock: the second of ${maxReceives} receives runs`, async () => {
      const world = await createWorld({
        declare: { deadLetterQueue: "dead", maxReceives },
        dispatcher: (clock) => ({
          deduplication: { store: new MemoryDeduplicationStore({ clock }) },
        }),
      });
      let handled = 0;
      world.dispatcher.subscribe(Job, () => ++handled === 1 ? never() : undefined, {
        name: "bill",
      });
      await world.send([1]);
      let killed = false;
      // Its timers stop with it, and what it asks is not heard.
      const dead = {
        now: () => world.clock.now(),
        monotonic: () => world.clock.monotonic(),
        after: (ms: number, call: () => void) => world.clock.after(ms, () => killed || call()),
      };
      world.consumer({ clock: dead }).start();
      await world.clock.advance(17_000);
      killed = true;
      const second = world.consumer();
      second.start();
      await world.clock.advance(45_000);
      assertEquals([handled, await world.count("dead")], [2, 0]);
      await second.stop();
    });
  }

  it("nor one that outlives its invocation of Lambda, or its lock by hand", async () => {
    for (const heldMs of [9_000, 400, Infinity]) {
      const leases: number[] = [];
      const { dispatcher, clock, message } = setUp({}, {
        claim: (_key, ms) => (leases.push(ms), Promise.resolve({ status: "completed" })),
      });
      dispatcher.subscribe(Job, () => {}, { name: "bill" });
      await dispatch(dispatcher, message, { queue: "q", clock, heldMs: () => heldMs });
      assertEquals(leases, [heldMs === Infinity ? 30_000 : Math.max(heldMs, 1_000)]);
    }
  });
});

describe("a store of somebody's", () => {
  for (const verb of ["claim", "complete", "renew"] as const) {
    it(`whose ${verb} hangs holds nobody up for longer than a third of the lease`, async () => {
      const { clock, dispatcher, run, log } = setUp({}, { [verb]: never });
      const end = deferred();
      dispatcher.subscribe(Job, () => end.promise, { name: "bill" });
      const outcome = run();
      await clock.advance(25_000);
      end.resolve();
      await clock.advance(10_000);
      assertEquals(await outcome, verb === "claim" ? "TIMEOUT" : "acknowledge");
      assertEquals(log.at("error").length, 1);
      assertEquals(clock.pending, 0);
    });
  }

  it("that hangs with one renewal is asked for the next", async () => {
    let renewals = 0;
    const { clock, dispatcher, run } = setUp({}, {
      renew: () => (renewals += 1, never()) as never,
    });
    const end = deferred();
    dispatcher.subscribe(Job, () => end.promise, { name: "bill" });
    const outcome = run();
    await clock.advance(60_000);
    assertEquals(renewals, 3);
    end.resolve();
    assertEquals(await outcome, "acknowledge");
  });

  it("that answers with no claim has failed", async () => {
    const answers: unknown[] = [undefined, null, {}, { status: "mine" }, { status: "claimed" }, 5];
    for (const answer of answers) {
      const { dispatcher, run, log } = setUp({}, { claim: () => Promise.resolve(answer) as never });
      let handled = 0;
      dispatcher.subscribe(Job, () => void handled++, { name: "bill" });
      assertEquals([await run(), handled, log.at("error").length], ["retry", 0, 1]);
    }
  });

  it("that says to come back in ages, or in no time that there is, is asked after a lease", async () => {
    for (const retryAfterMs of [1e12, NaN, -5, Infinity]) {
      const claim = () => Promise.resolve({ status: "inProgress", retryAfterMs } as const);
      const { dispatcher, clock, message } = setUp({}, { claim });
      dispatcher.subscribe(Job, () => {}, { name: "bill" });
      const outcome = await dispatch(dispatcher, message, { queue: "q", clock });
      assert(outcome.outcome === "retry");
      assertEquals(outcome.delayMs, retryAfterMs > 0 ? 30_000 : undefined);
    }
  });

  it("that has given the claim to another is reported, and not asked again", async () => {
    const { clock, dispatcher, run, log, calls } = setUp({}, {
      renew: () => Promise.resolve(false),
    });
    const end = deferred();
    dispatcher.subscribe(Job, () => end.promise, { name: "bill" });
    const outcome = run();
    await clock.advance(60_000);
    assertEquals([calls.filter((call) => call === "renew").length, log.at("warn").length], [1, 1]);
    end.resolve();
    assertEquals(await outcome, "acknowledge");
  });
});

describe("a claim ends with a request of SNS", () => {
  it("before 503 is answered", async () => {
    const { clock, dispatcher, inner } = setUp();
    let handled = 0;
    dispatcher.subscribe(Job, () => ++handled === 1 ? never() : undefined, { name: "bill" });
    const secret = "sixteen characters";
    const topic = "arn:aws:sns:eu-west-1:123456789012:jobs";
    const endpoint = snsEndpoint({ dispatcher, topics: [topic], clock, allowRaw: { secret } });
    const post = () =>
      endpoint(
        new Request(`https://shop.example/sns?secret=${encodeURIComponent(secret)}`, {
          method: "POST",
          headers: {
            "x-amz-sns-rawdelivery": "true",
            "x-amz-sns-message-type": "Notification",
            "x-amz-sns-message-id": "m-1",
            "x-amz-sns-topic-arn": topic,
          },
          body: '{"event_type_name":"Job","n":1}',
        }),
      );
    const first = post();
    // Its body is read in real time.
    await until(() => handled === 1, { what: "the handler to begin" });
    await clock.advance(13_000);
    assertEquals((await first).status, 503);
    assertEquals((await inner.claim("bill:m-1", 0)).status, "claimed");
    assertEquals([(await post()).status, handled], [200, 2]);
    await clock.advance(60_000);
    assertEquals(clock.pending, 0);
  });
});
