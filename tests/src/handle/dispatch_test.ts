import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import {
  type DeduplicationStore,
  MemoryDeduplicationStore,
} from "../../../src/handle/deduplication/store.ts";
import { dispatch, type DispatchHooks, type Outcome } from "../../../src/handle/dispatch.ts";
import {
  Dispatcher,
  type DispatcherOptions,
  type Fallback,
} from "../../../src/handle/dispatcher.ts";
import type { HandlerContext } from "../../../src/handle/handler.ts";
import { DeadLetter, MelangeError } from "../../../src/support/errors.ts";
import { defineEvent, type Event, eventTypeOf, typed } from "../../../src/event/event.ts";
import type { ReceivedMessage } from "../../../src/wire/message.ts";
import { deferred, Job, recordingLogger, watch, watchedSignal } from "../../fakes/world.ts";

const Order = defineEvent("Order", {
  schema: v.object({ total: v.pipe(v.number(), v.transform(String)) }),
});
/** Stands for a secret in a body: it must turn up nowhere. */
const CANARY = "canary-7d1f";

function messageOf(overrides: Partial<ReceivedMessage> = {}): ReceivedMessage {
  return {
    id: "m-1",
    body: '{"n":1}',
    attributes: { manifest: "Job" },
    sentAt: new Date(0),
    attempt: 1,
    ...overrides,
  };
}

function setUp(options: DispatcherOptions = {}) {
  const log = recordingLogger();
  const dispatcher = new Dispatcher({ logger: log, ...options });
  const run = (message: Partial<ReceivedMessage> = {}, hooks: Partial<DispatchHooks> = {}) =>
    dispatch(dispatcher, messageOf(message), { queue: "q", ...hooks });
  return { dispatcher, log, run };
}

function kindOf(outcome: Outcome): string {
  return outcome.outcome === "deadLetter" ? `deadLetter:${outcome.facts.reason}` : outcome.outcome;
}

function codeOf(outcome: Outcome): unknown {
  if (outcome.outcome !== "retry") return undefined;
  return outcome.error instanceof MelangeError ? outcome.error.code : outcome.error;
}

describe("dispatch()", () => {
  it("hands the event and its context to the handler", async () => {
    const { dispatcher, run, log } = setUp();
    let seen: { event: Event; context: HandlerContext } | undefined;
    dispatcher.subscribe(Job, (event, context) => void (seen = { event, context }));
    const packed = JSON.stringify({ id: "e-1", on: "2026-01-02T03:04:05.000Z", topic: "jobs" });
    const message = { attributes: { manifest: "Job", melange: packed, tenant: "a" }, attempt: 3 };
    const receivedAt = new Date(5);
    assertEquals(kindOf(await run(message, { receivedAt })), "acknowledge");
    const { event, context } = seen ?? {};
    assertEquals(event, {
      id: "e-1",
      type: "Job",
      topic: "jobs",
      data: { n: 1 },
      occurredOn: new Date("2026-01-02T03:04:05.000Z"),
    });
    assert(event && eventTypeOf(event) === Job);
    assertEquals([context?.attempt, context?.queue, context?.receivedAt], [3, "q", receivedAt]);
    assertEquals(context?.message, messageOf(message));
    assertEquals([context?.signal.aborted, context?.publisher], [false, undefined]);
    context?.logger.info("seen", { by: "the handler" });
    assertEquals(log.lines.at(-1), {
      level: "info",
      text: "seen",
      fields: { by: "the handler" },
    });
    assertEquals(Object.keys(context ?? {}).toSorted(), [
      "attempt",
      "extend",
      "logger",
      "message",
      "queue",
      "receivedAt",
      "signal",
    ]);
  });

  it("gives the handlers what the host has: publisher, attempt, extension, signal", async () => {
    const { dispatcher, run } = setUp();
    const publisher = { publish: () => Promise.reject(), publishAll: () => Promise.reject() };
    const extended: number[] = [];
    const extend = (ms: number) => Promise.resolve(void extended.push(ms));
    const { signal } = new AbortController();
    dispatcher.subscribe(Job, async (_event, context) => {
      await context.extend(5_000);
      assert(context.publisher === publisher && context.signal === signal);
      assertEquals(context.attempt, 7);
    });
    assertEquals(kindOf(await run({}, { publisher, extend, signal, attempt: 7 })), "acknowledge");
    assertEquals(extended, [5_000]);
  });

  it("rejects an extension with UNSUPPORTED where the host has no lock", async () => {
    const { dispatcher, run } = setUp();
    dispatcher.subscribe(Job, (_event, context) => context.extend(1));
    assertEquals(codeOf(await run()), "UNSUPPORTED");
  });

  it("hands out the output of the schema, also to who takes everything", async () => {
    const { dispatcher, run } = setUp();
    const seen: unknown[] = [];
    dispatcher.subscribe(Order, (event) => void seen.push(event.data.total));
    dispatcher.subscribeAll((event) => void seen.push(event.data));
    await run({ body: '{"total":5}', attributes: { manifest: "Order" } });
    assertEquals(seen, ["5", { total: "5" }]);
  });

  it("opens the envelope of SNS", async () => {
    const { dispatcher, run } = setUp();
    const seen: string[] = [];
    dispatcher.subscribe(
      Job,
      (event, { message }) => void seen.push(message.id, message.body, event.id),
    );
    const body = JSON.stringify({
      Type: "Notification",
      MessageId: "sns-1",
      TopicArn: "arn:aws:sns:eu-west-1:000000000000:jobs",
      Message: '{"n":1}',
      MessageAttributes: { manifest: { Type: "String", Value: "Job" } },
    });
    assertEquals(kindOf(await run({ body, attributes: {} })), "acknowledge");
    assertEquals(seen, ["sns-1", '{"n":1}', "sns-1"]);
  });

  it("uses the default event where a message names no type", async () => {
    const { dispatcher, run } = setUp({ defaultEvent: Job });
    const seen: unknown[] = [];
    dispatcher.subscribe(Job, (event) => void seen.push(event.data.n));
    assertEquals(kindOf(await run({ attributes: {} })), "acknowledge");
    assertEquals(seen, [1]);
    assertEquals(
      kindOf(await run({ attributes: { manifest: "Other" } })),
      "deadLetter:UNKNOWN_TYPE",
    );
  });

  it("wraps each subscriber in the middleware, the first one outermost", async () => {
    const calls: string[] = [];
    let made = 0;
    const mark = (name: string) => (next: (event: Event, context: HandlerContext) => unknown) => {
      made += 1;
      return async (event: Event, context: HandlerContext) => {
        calls.push(`${name}>`);
        await next(event, context);
        calls.push(`<${name}`);
      };
    };
    const { dispatcher, run } = setUp({ middleware: [mark("a"), mark("b")] });
    dispatcher.subscribe(Job, () => void calls.push("handler"));
    await run();
    await run();
    assertEquals(calls.slice(0, 5), ["a>", "b>", "handler", "<b", "<a"]);
    assertEquals(made, 2);
    dispatcher.subscribeAll(() => {});
    assertEquals(made, 4);
  });

  it("retries when a handler throws, now or later, whatever it throws", async () => {
    const throwers: (() => void | Promise<void>)[] = [
      () => {
        throw new Error("now");
      },
      () => Promise.reject(new Error("later")),
      () => Promise.reject(undefined),
      () => {
        throw "text";
      },
    ];
    for (const thrower of throwers) {
      const { dispatcher, run, log } = setUp();
      dispatcher.subscribe(Job, thrower, { name: "bill" });
      assertEquals(kindOf(await run()), "retry");
      const [line] = log.at("warn");
      assertEquals(line?.fields.subscriber, "bill");
      assertEquals([line?.fields.messageId, line?.fields.attempt], ["m-1", 1]);
    }
  });

  it("waits for every subscriber before it decides", async () => {
    const { dispatcher, run } = setUp();
    const slow = deferred();
    dispatcher.subscribe(Job, () => Promise.reject(new Error("fast")));
    dispatcher.subscribe(Job, () => slow.promise);
    const outcome = run();
    const watched = watch(outcome);
    await new VirtualClock().advance(0);
    assertEquals(watched.state, "pending");
    slow.resolve();
    assertEquals(kindOf(await outcome), "retry");
  });

  const behaviours = {
    acknowledge: () => {},
    retry: () => Promise.reject(new Error("boom")),
    deadLetter: () => Promise.reject(new DeadLetter("expired")),
  };
  const mixes: [(keyof typeof behaviours)[], string][] = [
    [["acknowledge", "acknowledge"], "acknowledge"],
    [["acknowledge", "retry"], "retry"],
    [["retry", "acknowledge"], "retry"],
    [["acknowledge", "deadLetter"], "deadLetter:expired"],
    [["deadLetter", "retry"], "deadLetter:expired"],
    [["retry", "deadLetter"], "deadLetter:expired"],
    [["retry", "acknowledge", "deadLetter"], "deadLetter:expired"],
  ];
  for (const [mix, expected] of mixes) {
    it(`decides ${expected} where subscribers say ${mix.join(", ")}`, async () => {
      const { dispatcher, run } = setUp();
      const ran: string[] = [];
      for (const kind of mix) {
        dispatcher.subscribe(Job, () => {
          ran.push(kind);
          return behaviours[kind]();
        }, { name: kind + ran.length + dispatcher.subscriptionsTo("Job").length });
      }
      assertEquals(kindOf(await run()), expected);
      assertEquals(ran, mix);
    });
  }

  it("tells in the facts who gave up, where, why and after how many tries", async () => {
    const { dispatcher, run } = setUp();
    dispatcher.subscribe(Job, behaviours.deadLetter, { name: "bill" });
    assertEquals(await run({ attempt: 4 }), {
      outcome: "deadLetter",
      facts: { reason: "expired", queue: "q", attempts: 4, subscriber: "bill" },
    });
  });

  it("recognises a DeadLetter of another copy of the library", async () => {
    const { dispatcher, run } = setUp();
    const foreign = Object.assign(new Error("x"), {
      reason: "foreign",
      [Symbol.for("@melange/melange/DeadLetter")]: true,
    });
    dispatcher.subscribe(Job, () => Promise.reject(foreign));
    assertEquals(kindOf(await run()), "deadLetter:foreign");
  });

  it("dead-letters what failed maxAttempts times", async () => {
    const { dispatcher, run } = setUp({ maxAttempts: 3 });
    dispatcher.subscribe(Job, behaviours.retry, { name: "bill" });
    assertEquals(kindOf(await run({ attempt: 2 })), "retry");
    const outcome = await run({ attempt: 3 });
    assertEquals(outcome, {
      outcome: "deadLetter",
      facts: { reason: "MAX_ATTEMPTS", queue: "q", attempts: 3, subscriber: "bill" },
    });
    assertEquals(kindOf(await run({ attempt: 1 }, { attempt: 5 })), "deadLetter:MAX_ATTEMPTS");
  });

  it("takes the host's limit of attempts where it has none of its own", async () => {
    const own = setUp({ maxAttempts: 9 });
    const none = setUp();
    for (const { dispatcher } of [own, none]) dispatcher.subscribe(Job, behaviours.retry);
    assertEquals(kindOf(await none.run({ attempt: 99 })), "retry");
    assertEquals(
      kindOf(await none.run({ attempt: 5 }, { maxAttempts: 5 })),
      "deadLetter:MAX_ATTEMPTS",
    );
    assertEquals(kindOf(await own.run({ attempt: 5 }, { maxAttempts: 5 })), "retry");
  });

  const unreadable: [string, Partial<ReceivedMessage>][] = [
    ["no JSON", { body: `{${CANARY}` }],
    ["a foreign serializer", { attributes: { manifest: "Job", serializer_id: 2 } }],
    ["a violated schema", { body: `{"total":"${CANARY}"}`, attributes: { manifest: "Order" } }],
  ];
  const fallbacks: [Fallback | undefined, string][] = [
    ["retry", "retry"],
    ["deadLetter", "deadLetter:"],
    ["acknowledge", "acknowledge"],
    [undefined, "deadLetter:"],
  ];
  for (const [fallback, expected] of fallbacks) {
    for (const [what, message] of unreadable) {
      it(`onUndecodable ${fallback ?? "by default"} decides about ${what}, logged once`, async () => {
        const { dispatcher, run, log } = setUp(fallback ? { onUndecodable: fallback } : {});
        let calls = 0;
        dispatcher.subscribe({ listensTo: [Job, Order], process: () => void calls++ });
        dispatcher.subscribeAll(() => void calls++);
        const outcome = await run(message);
        assertEquals(kindOf(outcome), expected.replace(/:$/, ":UNDECODABLE"));
        if (fallback === "retry") assertEquals(codeOf(outcome), "UNDECODABLE");
        assertEquals([calls, log.lines.length], [0, 1]);
        assertEquals(log.lines[0]?.fields.then, fallback ?? "deadLetter");
        assertEquals(log.lines[0]?.fields.messageId, "m-1");
        assert(typeof log.lines[0]?.fields.reason === "string");
        assert(!JSON.stringify([log.lines, outcome]).includes(CANARY));
      });
    }
    it(`onUnknown ${fallback ?? "by default"} decides about what nobody wants, logged once`, async () => {
      const { dispatcher, run, log } = setUp(fallback ? { onUnknown: fallback } : {});
      dispatcher.subscribe(Order, () => {});
      for (const attributes of [{ manifest: "Job" }, {}] as Record<string, string>[]) {
        log.lines.length = 0;
        const outcome = await run({ body: CANARY, attributes });
        assertEquals(kindOf(outcome), expected.replace(/:$/, ":UNKNOWN_TYPE"));
        assertEquals(log.lines.length, 1);
        assertEquals(log.lines[0]?.fields.then, fallback ?? "deadLetter");
        assert(!JSON.stringify(log.lines).includes(CANARY));
      }
    });
  }

  it("lets those handle a message whose schema it fits", async () => {
    const Other = defineEvent("Job", { schema: v.object({ other: v.string() }) });
    const { dispatcher, run } = setUp({ onUndecodable: "acknowledge" });
    const seen: number[] = [];
    dispatcher.subscribe(Job, (event) => void seen.push(event.data.n));
    dispatcher.subscribe(Other, () => void seen.push(-1));
    assertEquals(kindOf(await run()), "acknowledge");
    assertEquals(seen, [1]);
  });

  it("reads the attempts of who fails in a way that quotes the body, and logs none of it", async () => {
    const { dispatcher, run, log } = setUp();
    const body = JSON.stringify({ n: 1, secret: CANARY, lines: `\n    at ${CANARY}` });
    class QuotingError extends Error {
      override name = "QuotingError";
      code = "E_QUOTE";
      body = body;
    }
    dispatcher.subscribe(Job, (_event, { message }) => {
      throw new QuotingError(`bad: ${message.body}\n    at ${CANARY} (x.ts:1:1)`, {
        cause: message.body,
      });
    });
    dispatcher.subscribe(Job, () => Promise.reject(new DeadLetter("code", { cause: CANARY })));
    dispatcher.subscribe(Job, () => Promise.reject(body));
    await run({ body });
    assertEquals(log.lines.length, 3);
    assertEquals((log.lines[0]?.fields.error as { code: string }).code, "E_QUOTE");
    assert(!JSON.stringify(log.lines).includes(CANARY));
  });

  it("logs the reason why a message cannot be handled, and shortens what its sender wrote", async () => {
    const { dispatcher, run, log } = setUp({ onUnknown: "acknowledge", onUndecodable: "retry" });
    dispatcher.subscribe(Job, () => {});
    await run({ attributes: {} });
    await run({ attributes: { manifest: "Nobody" } });
    await run({ body: "{" });
    await run({ id: "i".repeat(101), attributes: { manifest: "T".repeat(101) } });
    const [nameless, unwanted, broken, long] = log.lines.map(({ fields }) => fields);
    assertEquals(nameless, {
      queue: "q",
      messageId: "m-1",
      reason: "names no event type",
      then: "acknowledge",
    });
    assertEquals(unwanted, {
      queue: "q",
      messageId: "m-1",
      type: "Nobody",
      reason: "has no subscriber",
      then: "acknowledge",
    });
    assertEquals([broken?.type, broken?.then], ["Job", "retry"]);
    assertEquals([long?.messageId, long?.type], ["i".repeat(100), "T".repeat(100)]);
  });

  it("takes the host's time for that of the receive where the host does not tell it", async () => {
    const clock = new VirtualClock({ now: 1_234 });
    const { dispatcher, run } = setUp();
    const seen: Date[] = [];
    dispatcher.subscribe(Job, (_event, { receivedAt }) => void seen.push(receivedAt));
    await run({}, { clock });
    assertEquals(seen, [new Date(1_234)]);
  });
});

describe("dispatch() and its signals", () => {
  it("retries at once when the host's signal aborts, even if a handler goes on", async () => {
    const { dispatcher, run } = setUp();
    const never = deferred();
    let aborted = false;
    dispatcher.subscribe(Job, (_event, { signal }) => {
      signal.addEventListener("abort", () => aborted = true);
      return never.promise;
    });
    const controller = new AbortController();
    const outcome = run({}, { signal: controller.signal });
    await new VirtualClock().advance(0);
    const reason = new MelangeError("LOCK_LOST", "gone");
    controller.abort(reason);
    const result = await outcome;
    assertEquals([kindOf(result), codeOf(result), aborted], ["retry", "LOCK_LOST", true]);
    never.reject(new Error("later, and unobserved"));
  });

  for (
    const [code, level, text] of [
      ["STOPPED", "info", "A handler was stopped; its message is given back"],
      ["LOCK_LOST", "warn", "A handler failed"],
    ] as const
  ) {
    it(`logs a handler that ${code} ended as ${level}`, async () => {
      const { dispatcher, log, run } = setUp();
      const host = new AbortController();
      dispatcher.subscribe(Job, () => {
        host.abort(new MelangeError(code, "over"));
        return new Promise(() => {});
      });
      await run({}, { signal: host.signal });
      assertEquals(log.lines.map((line) => [line.level, line.text]), [[level, text]]);
    });
  }

  it("retries without a handler when the signal has aborted before", async () => {
    const { dispatcher, run } = setUp();
    let calls = 0;
    dispatcher.subscribe(Job, () => void calls++);
    const outcome = await run({}, { signal: AbortSignal.abort(new MelangeError("STOPPED", "x")) });
    assertEquals([kindOf(outcome), codeOf(outcome), calls], ["retry", "STOPPED", 0]);
  });

  it("handlerTimeoutMs aborts the signal and retries, and leaves no timer", async () => {
    const clock = new VirtualClock();
    const { dispatcher, run } = setUp({ handlerTimeoutMs: 5_000 });
    let reason: unknown;
    dispatcher.subscribe(Job, (_event, { signal }) => {
      signal.addEventListener("abort", () => reason = signal.reason);
      return new Promise(() => {});
    }, { name: "slow" });
    const outcome = run({}, { clock, signal: new AbortController().signal });
    await clock.advance(4_999);
    assertEquals(reason, undefined);
    await clock.advance(1);
    assertEquals([kindOf(await outcome), codeOf(await outcome)], ["retry", "TIMEOUT"]);
    assertInstanceOf(reason, MelangeError);
    assertEquals(clock.pending, 0);
  });

  it("takes its timer and its listeners back when the handlers are done", async () => {
    const clock = new VirtualClock();
    const { dispatcher, run } = setUp({ handlerTimeoutMs: 5_000 });
    dispatcher.subscribe(Job, () => {});
    dispatcher.subscribe(Job, () => Promise.reject(new Error("boom")));
    const { signal, listeners } = watchedSignal();
    await run({}, { clock, signal });
    await clock.advance(0);
    assertEquals([clock.pending, listeners.size], [0, 0]);
  });

  it("leaves no listener where there is no time limit", async () => {
    const { dispatcher, run } = setUp();
    dispatcher.subscribe(Job, () => {});
    const { signal, listeners } = watchedSignal();
    await run({}, { signal });
    await new VirtualClock().advance(0);
    assertEquals(listeners.size, 0);
  });
});

/** A store that notes its calls and fails where it is told to. */
function watchedStore(clock: VirtualClock) {
  const store = new MemoryDeduplicationStore({ clock });
  const calls: string[] = [];
  const fail: { [verb: string]: (() => never | Promise<never>) | undefined } = {};
  const watched: DeduplicationStore = {
    claim: (key, ms) => note("claim", key, () => store.claim(key, ms)),
    complete: (key, token, ms) => note("complete", key, () => store.complete(key, token, ms)),
    release: (key, token) => note("release", key, () => store.release(key, token)),
    renew: (key, token, ms) => note("renew", key, () => store.renew(key, token, ms)),
  };
  function note<T>(verb: string, key: string, run: () => Promise<T>): Promise<T> {
    calls.push(`${verb} ${key}`);
    return fail[verb]?.() ?? run();
  }
  return { store: watched, calls, fail };
}

describe("dispatch() with de-duplication", () => {
  function setUpOnce(
    options: Partial<DispatcherOptions & { onFailure: "retry" | "process" }> = {},
  ) {
    const { onFailure, ...rest } = options;
    const clock = new VirtualClock();
    const watched = watchedStore(clock);
    const { dispatcher, log, run } = setUp({
      ...rest,
      deduplication: {
        store: watched.store,
        leaseMs: 30_000,
        retentionMs: 3_600_000,
        ...(onFailure ? { onFailure } : {}),
      },
    });
    const again = (message: Partial<ReceivedMessage> = {}, hooks: Partial<DispatchHooks> = {}) =>
      run(message, { clock, ...hooks });
    return { ...watched, clock, dispatcher, log, run: again };
  }
  const byPublisher = (id: string) => ({
    attributes: { manifest: "Job", melange: JSON.stringify({ id, on: "" }) },
  });

  it("runs an event once, by the publisher's id, whatever the broker's id is", async () => {
    const { dispatcher, run, calls } = setUpOnce();
    let handled = 0;
    dispatcher.subscribe(Job, () => void handled++, { name: "bill" });
    assertEquals(kindOf(await run({ id: "m-1", ...byPublisher("e-1") })), "acknowledge");
    assertEquals(kindOf(await run({ id: "m-2", ...byPublisher("e-1") })), "acknowledge");
    assertEquals(handled, 1);
    assertEquals(calls, ["claim bill:e-1", "complete bill:e-1", "claim bill:e-1"]);
    await run({ id: "m-1", ...byPublisher("e-2") });
    assertEquals(handled, 2);
  });

  it("goes by the broker's id where there is no other", async () => {
    const { dispatcher, run } = setUpOnce();
    let handled = 0;
    dispatcher.subscribe(Job, () => void handled++, { name: "bill" });
    await run({ id: "m-1" });
    await run({ id: "m-1" });
    await run({ id: "m-2" });
    assertEquals(handled, 2);
  });

  it("remembers as long as it is told", async () => {
    const { clock, dispatcher, run } = setUpOnce();
    let handled = 0;
    dispatcher.subscribe(Job, () => void handled++, { name: "bill" });
    await run();
    await clock.advance(3_599_999);
    await run();
    assertEquals(handled, 1);
    await clock.advance(1);
    await run();
    assertEquals(handled, 2);
  });

  it("runs again only those subscribers that did not complete", async () => {
    const { dispatcher, run, calls } = setUpOnce();
    const ran: string[] = [];
    let broken = true;
    dispatcher.subscribe(Job, () => void ran.push("good"), { name: "good" });
    dispatcher.subscribe(Job, () => {
      ran.push("bad");
      if (broken) throw new Error("boom");
    }, { name: "bad" });
    assertEquals(kindOf(await run()), "retry");
    assert(calls.includes("release bad:m-1"));
    broken = false;
    assertEquals(kindOf(await run()), "acknowledge");
    assertEquals(ran, ["good", "bad", "bad"]);
  });

  it("retries later what is in progress elsewhere, and counts it as no failure", async () => {
    const { store, clock, dispatcher, run } = setUpOnce({ maxAttempts: 1 });
    let handled = 0;
    dispatcher.subscribe(Job, () => void handled++, { name: "bill" });
    await store.claim("bill:m-1", 30_000);
    await clock.advance(10_000);
    const outcome = await run();
    assertEquals([kindOf(outcome), codeOf(outcome), handled], ["retry", "CONFLICT", 0]);
    assertEquals(outcome.outcome === "retry" && outcome.delayMs, 20_000);
    await clock.advance(20_000);
    assertEquals(kindOf(await run()), "acknowledge");
  });

  it("renews its claim as long as the handler runs", async () => {
    const { store, clock, dispatcher, run, calls } = setUpOnce();
    const end = deferred();
    dispatcher.subscribe(Job, () => end.promise, { name: "bill" });
    const outcome = run();
    await clock.advance(100_000);
    assertEquals(calls.filter((call) => call.startsWith("renew")).length, 10);
    assertEquals((await store.claim("bill:m-1", 1)).status, "inProgress");
    end.resolve();
    assertEquals(kindOf(await outcome), "acknowledge");
    assertEquals(clock.pending, 0);
  });

  it("starts no handler when the message is given up while it claims", async () => {
    const { clock, dispatcher, run, store, fail } = setUpOnce();
    let handled = 0;
    const claimed = deferred();
    fail.claim = undefined;
    const { claim } = store;
    store.claim = async (key, ms) => {
      const result = await claim(key, ms);
      await claimed.promise;
      return result;
    };
    dispatcher.subscribe(Job, () => void handled++, { name: "bill" });
    const controller = new AbortController();
    const outcome = run({}, { signal: controller.signal });
    await clock.advance(0);
    controller.abort(new MelangeError("LOCK_LOST", "gone"));
    assertEquals(codeOf(await outcome), "LOCK_LOST");
    claimed.resolve();
    await clock.advance(0);
    assertEquals([handled, clock.pending], [0, 0]);
    assertEquals((await claim("bill:m-1", 1)).status, "claimed");
  });

  const down = () => Promise.reject(new Error(`refused: ${CANARY}`));
  const downAtOnce = () => {
    throw new Error(`refused: ${CANARY}`);
  };
  for (const fails of [down, downAtOnce]) {
    const how = fails === down ? "rejects" : "throws";

    it(`fails closed when the store ${how}, loudly`, async () => {
      const { dispatcher, run, fail, log } = setUpOnce({ maxAttempts: 1 });
      let handled = 0;
      dispatcher.subscribe(Job, () => void handled++, { name: "bill" });
      fail.claim = fails;
      assertEquals([kindOf(await run({ attempt: 9 })), handled], ["retry", 0]);
      assertEquals(log.at("error").length, 1);
      assertEquals(log.at("error")[0]?.fields.key, "bill:m-1");
      assert(!JSON.stringify(log.lines).includes(CANARY));
    });

    it(`fails open where it is told to when the store ${how}, loudly`, async () => {
      const { dispatcher, run, fail, log } = setUpOnce({ onFailure: "process" });
      let handled = 0;
      dispatcher.subscribe(Job, () => void handled++, { name: "bill" });
      fail.claim = fails;
      assertEquals([kindOf(await run()), handled], ["acknowledge", 1]);
      assertEquals(log.at("error").length, 1);
    });

    it(`acknowledges what was handled although the mark ${how}, loudly`, async () => {
      const { clock, dispatcher, run, fail, log } = setUpOnce();
      dispatcher.subscribe(Job, () => {}, { name: "bill" });
      fail.complete = fails;
      assertEquals(kindOf(await run()), "acknowledge");
      assertEquals([log.at("error").length, clock.pending], [1, 0]);
    });

    it(`keeps the error of the handler although the release ${how}, loudly`, async () => {
      const { dispatcher, run, fail, log } = setUpOnce();
      dispatcher.subscribe(Job, () => Promise.reject(new DeadLetter("expired")), { name: "bill" });
      fail.release = fails;
      assertEquals(kindOf(await run()), "deadLetter:expired");
      assertEquals(log.at("error").length, 1);
    });

    it(`goes on renewing although a renewal ${how}, loudly`, async () => {
      const { clock, dispatcher, run, fail, log, calls } = setUpOnce();
      const end = deferred();
      dispatcher.subscribe(Job, () => end.promise, { name: "bill" });
      const outcome = run();
      fail.renew = fails;
      await clock.advance(10_000);
      assertEquals(log.at("error").length, 1);
      fail.renew = undefined;
      await clock.advance(10_000);
      assertEquals(calls.filter((call) => call.startsWith("renew")).length, 2);
      end.resolve();
      assertEquals(kindOf(await outcome), "acknowledge");
      assertEquals(clock.pending, 0);
    });
  }

  it("takes a real failure before one that does not count", async () => {
    const { store, dispatcher, run } = setUpOnce({ maxAttempts: 2 });
    dispatcher.subscribe(Job, () => {}, { name: "elsewhere" });
    dispatcher.subscribe(Job, () => Promise.reject(new Error("boom")), { name: "bad" });
    await store.claim("elsewhere:m-1", 30_000);
    assertEquals(codeOf(await run()) instanceof Error, true);
    assertEquals(kindOf(await run({ attempt: 2 })), "deadLetter:MAX_ATTEMPTS");
  });

  it("does not stand in the way of the signal while the store hangs", async () => {
    const { dispatcher, run, fail } = setUpOnce();
    dispatcher.subscribe(Job, () => {}, { name: "bill" });
    fail.claim = () => new Promise(() => {});
    const controller = new AbortController();
    const outcome = run({}, { signal: controller.signal });
    controller.abort(new MelangeError("STOPPED", "stop"));
    assertEquals(codeOf(await outcome), "STOPPED");
  });

  it("renews no more once the handler is done, also when a renewal is under way then", async () => {
    const clock = new VirtualClock();
    const { store, calls, fail } = watchedStore(clock);
    const { dispatcher, run } = setUp({ deduplication: { store, leaseMs: 30_000 } });
    const end = deferred();
    const renewed = deferred();
    dispatcher.subscribe(Job, () => end.promise, { name: "bill" });
    const renewals = () => calls.filter((call) => call.startsWith("renew")).length;
    const running = run({}, { clock });
    await clock.advance(9_999);
    assertEquals(renewals(), 0);
    fail.renew = () => renewed.promise as Promise<never>;
    await clock.advance(1);
    assertEquals(renewals(), 1);
    end.resolve();
    assertEquals(kindOf(await running), "acknowledge");
    renewed.resolve();
    await clock.advance(60_000);
    assertEquals([renewals(), clock.pending], [1, 0]);
  });

  it("claims for a minute and remembers for a day unless it is told otherwise", async () => {
    const clock = new VirtualClock();
    const asked: number[] = [];
    const memory = new MemoryDeduplicationStore({ clock });
    const store: DeduplicationStore = {
      claim: (key, ms) => (asked.push(ms), memory.claim(key, ms)),
      complete: (key, token, ms) => (asked.push(ms), memory.complete(key, token, ms)),
      release: (key, token) => memory.release(key, token),
      renew: (key, token, ms) => memory.renew(key, token, ms),
    };
    const { dispatcher, run } = setUp({ deduplication: { store } });
    dispatcher.subscribe(Job, () => {}, { name: "bill" });
    await run({}, { clock });
    assertEquals(asked, [60_000, 86_400_000]);
  });
});

describe("dispatch() on what others wrote", () => {
  it("never rejects, whatever the message is", async () => {
    const { dispatcher, run } = setUp();
    dispatcher.subscribeAll(() => {});
    const messages: Partial<ReceivedMessage>[] = [
      { body: "", attributes: {} },
      { body: "null", attributes: { manifest: "" } },
      { body: "[]", attributes: { manifest: "Job", melange: "no JSON", serializer_id: "x" } },
      { body: '{"Type":"Notification"}', attributes: {} },
      { body: '{"specversion":"1.0","id":"1","source":"/","type":"T"}', attributes: {} },
    ];
    for (const message of messages) {
      assert(["acknowledge", "deadLetter"].includes((await run(message)).outcome));
    }
  });

  it("takes a schema that throws for data that cannot be read", async () => {
    const thrower = () => {
      throw new Error(CANARY);
    };
    for (const validate of [thrower, () => Promise.reject(new Error(CANARY))]) {
      const { dispatcher, run, log } = setUp();
      const schema = { "~standard": { ...typed<unknown>()["~standard"], validate } };
      dispatcher.subscribe(defineEvent("Job", { schema }), () => {});
      assertEquals(kindOf(await run()), "deadLetter:UNDECODABLE");
      assert(!JSON.stringify(log.lines).includes(CANARY));
    }
  });
});
