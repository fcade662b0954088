/** Nothing that runs after a handler trusts what handlers, loggers, stores or backends give it. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { sqsHandler } from "../../backends/aws/hosts/lambda/mod.ts";
import { VirtualClock } from "../../backends/memory/testing.ts";
import type { Delivery, SettleResult } from "../../src/backend.ts";
import { dispatch } from "../../src/handle/dispatch.ts";
import { Dispatcher, type DispatcherOptions } from "../../src/handle/dispatcher.ts";
import type { Handler } from "../../src/handle/handler.ts";
import { DeadLetter, describeError, isDeadLetter, MelangeError } from "../../src/support/errors.ts";
import { guarded, type Logger } from "../../src/support/logger.ts";
import { circuitBreaker, retry } from "../../src/handle/middleware/mod.ts";
import type { ReceivedMessage } from "../../src/wire/message.ts";
import { SerializerRegistry } from "../../src/wire/serializer_registry.ts";
import { SynchronousEventBus } from "../../src/synchronous_event_bus.ts";
import { createWorld, Job, recordingLogger, type World } from "../fakes/world.ts";
import { deliveryOf, scriptedReceiver } from "../fakes/receiver.ts";
import { MessageConsumer } from "../../src/consume/consumer.ts";

/** What cannot be looked at without an error. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function throwing(name: string, error: object = new Error("x")): object {
  return Object.defineProperty(error, name, {
    get: () => {
      throw new Error("a getter of somebody's");
    },
  });
}

function circle(): object {
  const reason: { itself?: unknown } = {};
  reason.itself = reason;
  return reason;
}

function deadLetterFor(reason: unknown): object {
  return Object.assign(new DeadLetter("x"), { reason });
}

/** Everything that a handler of bad manners throws: a name, and how to make it. */
const THROWN: [string, () => unknown][] = [
  ...["name", "stack", "code", "message", "cause"].map((name): [string, () => unknown] => [
    `an error whose ${name} throws`,
    () => throwing(name),
  ]),
  ...["code", "retryAfterMs", "name"].map((name): [string, () => unknown] => [
    `one of ours whose ${name} throws`,
    () => throwing(name, new MelangeError("X", "x")),
  ]),
  ["an error whose name is a symbol", () => Object.assign(new Error("x"), { name: Symbol("x") })],
  ["an error whose name is a bigint", () => Object.assign(new Error("x"), { name: 10n })],
  ["an error whose stack is an object", () => Object.assign(new Error("x"), { stack: {} })],
  [
    "one of ours that asks for no time that there is",
    () => Object.assign(new MelangeError("X", "x"), { retryAfterMs: NaN }),
  ],
  [
    "one of ours that asks for a bigint",
    () => Object.assign(new MelangeError("X", "x"), { retryAfterMs: 10n }),
  ],
  ["a revoked proxy", revoked],
  ["a proxy of an error that traps everything", () =>
    new Proxy(new Error("x"), {
      get: () => {
        throw new Error("a trap");
      },
      has: () => {
        throw new Error("a trap");
      },
      getPrototypeOf: () => {
        throw new Error("a trap");
      },
    })],
  ["a DeadLetter with a bigint", () => deadLetterFor(10n)],
  ["a DeadLetter with a circle", () => deadLetterFor(circle())],
  ["a DeadLetter with a toJSON that throws", () =>
    deadLetterFor({
      toJSON: () => {
        throw new Error("x");
      },
    })],
  ["a DeadLetter whose reason throws", () => throwing("reason", new DeadLetter("x"))],
  ["a DeadLetter without a reason", () => deadLetterFor(undefined)],
  ["nothing", () => undefined],
  ["a symbol", () => Symbol("x")],
  ["an object without a prototype", () => Object.create(null)],
];

/** Everything that a handler of bad manners returns instead of a promise. */
const RETURNED: [string, () => unknown, string][] = [
  ["a thenable that throws", () => ({
    then: () => {
      throw throwing("stack");
    },
  }), "retry"],
  ["a thenable whose then throws", () => throwing("then", {}), "retry"],
  ["a thenable that rejects twice, with a proxy", () => ({
    then: (_: unknown, reject: (reason: unknown) => void) => (reject(revoked()), reject(1)),
  }), "retry"],
  ["a thenable that resolves, then throws", () => ({
    then: (resolve: () => void) => {
      resolve();
      throw new Error("too late");
    },
  }), "acknowledge"],
  ["a number", () => 5, "acknowledge"],
];

const MESSAGE: ReceivedMessage = {
  id: "m-1",
  body: '{"n":1}',
  attributes: { manifest: "Job" },
  sentAt: new Date(0),
  attempt: 1,
};

function run(handler: () => unknown, options: DispatcherOptions = {}) {
  const log = recordingLogger();
  const dispatcher = new Dispatcher({ logger: log, ...options });
  dispatcher.subscribe(Job, handler as Handler, { name: "bad" });
  return dispatch(dispatcher, MESSAGE, { queue: "q" });
}

function thrower(make: () => unknown): () => never {
  return () => {
    throw make();
  };
}

describe("dispatch() retries what is thrown, whatever it is:", () => {
  for (const [what, make] of THROWN) {
    it(what, async () => {
      assertEquals((await run(thrower(make))).outcome, "retry");
      assertEquals((await run(() => Promise.reject(make()))).outcome, "retry");
      const middleware = [circuitBreaker(), retry({ attempts: 2, baseMs: 0 })];
      assertEquals((await run(thrower(make), { middleware })).outcome, "retry");
      const late = await run(thrower(make), { maxAttempts: 1 });
      assertEquals(late.outcome === "deadLetter" && late.facts.reason, "MAX_ATTEMPTS");
    });
  }
  for (const [what, make, outcome] of RETURNED) {
    it(`what is returned: ${what}`, async () => assertEquals((await run(make)).outcome, outcome));
  }
});

describe("a worker keeps its slots and stops, whatever a handler throws:", () => {
  async function works(world: World, handled: () => number, expected: number) {
    const consumer = world.consumer({ concurrency: 1, redelivery: { baseMs: 10, maxMs: 10 } });
    consumer.start();
    await world.clock.advance(60_000);
    assertEquals([handled() >= expected, consumer.status().running], [true, 0]);
    assertEquals(await world.count("dead"), THROWN.length);
    const stopped = consumer.stop();
    await world.clock.advance(15_000);
    await stopped;
    assertEquals([await world.count(), world.clock.pending], [0, 0]);
  }

  it("all of them, one after the other", async () => {
    const world = await createWorld({ declare: { deadLetterQueue: "dead", maxReceives: 2 } });
    let handled = 0;
    world.dispatcher.subscribe(Job, (event) => {
      handled += 1;
      throw THROWN[event.data.n]?.[1]();
    });
    await world.send(THROWN.map((_, index) => index));
    await works(world, () => handled, 2 * THROWN.length);
  });
});

describe("Lambda reports the one message alone", () => {
  it("of a batch in which a handler throws everything there is", async () => {
    const dispatcher = new Dispatcher({ logger: recordingLogger() });
    dispatcher.subscribe(Job, (event) => {
      if (event.data.n < THROWN.length) throw THROWN[event.data.n]?.[1]();
    });
    const record = (n: number) => ({
      messageId: `m-${n}`,
      body: JSON.stringify({ n }),
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:jobs",
      messageAttributes: { manifest: { dataType: "String", stringValue: "Job" } },
    });
    const Records = Array.from({ length: THROWN.length + 2 }, (_, n) => record(n));
    const { batchItemFailures } = await sqsHandler(dispatcher)({ Records });
    assertEquals(batchItemFailures.length, THROWN.length);
  });

  it("whose copy for the dead-letter queue cannot be made", async () => {
    const dispatcher = new Dispatcher({ logger: recordingLogger() });
    dispatcher.subscribe(Job, () => Promise.reject(new DeadLetter("x")));
    const sender = { limits: undefined, send: () => Promise.resolve([]) } as never;
    const handler = sqsHandler(dispatcher, { sender, deadLetterQueue: "dead" });
    const record = {
      messageId: "m-1",
      body: "{}",
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:jobs",
      messageAttributes: { manifest: { dataType: "String", stringValue: "Job" } },
    };
    const { batchItemFailures } = await handler({ Records: [record] });
    assertEquals(batchItemFailures, [{ itemIdentifier: "m-1" }]);
  });
});

describe("dispatch() never rejects, whatever others are that it calls:", () => {
  const bad = thrower(revoked);
  const cases: [string, DispatcherOptions][] = [
    ["middleware that throws", { middleware: [() => bad] }],
    ["middleware that gives no promise", { middleware: [() => (() => 5) as never] }],
    ["a serializer that throws", {
      serializers: new SerializerRegistry({
        default: { id: 7, serialize: () => "x", deserialize: bad },
      }),
    }],
    ["serializers that throw", {
      serializers: Object.assign(new SerializerRegistry(), { byId: bad }),
    }],
    ["a store that throws", {
      deduplication: { store: { claim: bad, complete: bad, release: bad, renew: bad } },
    }],
    ["a store that is open to failures", {
      deduplication: {
        store: { claim: bad, complete: bad, release: bad, renew: bad },
        onFailure: "process",
      },
    }],
    ["a logger that throws", { logger: { debug: bad, info: bad, warn: bad, error: bad } }],
  ];
  for (const [what, options] of cases) {
    it(what, async () => {
      for (const handler of [() => {}, bad]) {
        const { outcome } = await run(handler, options);
        assert(["retry", "acknowledge", "deadLetter"].includes(outcome));
      }
    });
  }

  it("a message that cannot be looked at", async () => {
    const dispatcher = new Dispatcher({ logger: recordingLogger() });
    dispatcher.subscribeAll(() => {});
    const odd = [revoked(), {}, { ...MESSAGE, attributes: null }, throwing("body", { ...MESSAGE })];
    for (const message of odd) {
      const { outcome } = await dispatch(dispatcher, message as never, { queue: "q" });
      assertEquals(outcome, "deadLetter");
    }
  });
});

describe("a backend of somebody's", () => {
  const broken: [string, object][] = [
    ["an invalid date", { sentAt: new Date(NaN) }],
    ["a date that is text", { sentAt: "today" }],
    ["no date", { sentAt: undefined }],
    ["no count", { attempt: NaN }],
    ["a count of 0", { attempt: 0 }],
    ["no attributes", { attributes: undefined }],
    ["no body", { body: undefined }],
    ["no id", { id: undefined }],
    ["a group that is no text", { group: 5 }],
  ];
  for (const [what, wrong] of broken) {
    it(`that gives ${what} costs no slot: dead-lettered, retried, acknowledged`, async () => {
      const clock = new VirtualClock();
      const delivery = (n: number): Delivery => {
        const { receipt, message } = deliveryOf(`r${n}`, { id: `m${n}` });
        return { receipt, message: { ...message, ...wrong } };
      };
      const receiver = scriptedReceiver({
        clock,
        receive: (_options, call) => Promise.resolve(call <= 3 ? [delivery(call)] : []),
      });
      const dispatcher = new Dispatcher({ logger: recordingLogger(), onUnknown: "deadLetter" });
      const outcomes = ["dead", "again", "fine"];
      dispatcher.subscribeAll(() => {
        const next = outcomes.shift();
        if (next === "dead") throw new DeadLetter("x");
        if (next === "again") throw new Error("x");
      });
      const consumer = new MessageConsumer({
        backend: receiver,
        queue: "q",
        dispatcher,
        clock,
        concurrency: 1,
        random: () => 0.5,
      });
      consumer.start();
      await clock.advance(30_000);
      const settled = ["deadLetter", "release", "acknowledge"] as const;
      assertEquals(settled.flatMap((verb) => receiver.of(verb)).length, 3);
      const stopped = consumer.stop();
      await clock.advance(15_000);
      await stopped;
      assertEquals(clock.pending, 0);
    });
  }

  for (const answer of [undefined, null, {}, [undefined], [{ receipt: "r" }], [{ message: {} }]]) {
    it(`that receives ${JSON.stringify(answer)} is asked again, not at once`, async () => {
      const clock = new VirtualClock();
      const receiver = scriptedReceiver({ clock, receive: () => Promise.resolve(answer as never) });
      const dispatcher = new Dispatcher({ logger: recordingLogger() });
      const consumer = new MessageConsumer({ backend: receiver, queue: "q", dispatcher, clock });
      consumer.start();
      await clock.advance(10_000);
      const calls = receiver.of("receive").length;
      assert(calls > 1 && calls < 200, `${calls} receives in ten seconds`);
      assert(consumer.status().receiveErrors > 0);
      await consumer.stop();
      assertEquals(clock.pending, 0);
    });
  }

  const nonsense: unknown[] = [undefined, {}, [5], [{ ok: false }], [{ ok: false, error: "x" }]];
  for (const answer of nonsense) {
    it(`that settles with ${JSON.stringify(answer)} is asked again while the lock lasts`, async () => {
      for (const verb of ["acknowledge", "release", "deadLetter"] as const) {
        const world = await createWorld({ declare: { deadLetterQueue: "dead" } });
        world.dispatcher.subscribe(Job, () => {
          if (verb === "release") throw new Error("x");
          if (verb === "deadLetter") throw new DeadLetter("x");
        });
        world.receiver.faults[verb] = (next: () => Promise<SettleResult[]>) =>
          world.receiver.of(verb).length === 1 ? Promise.resolve(answer as never) : next();
        await world.send([1]);
        const consumer = world.consumer({ redelivery: { baseMs: 20_000, maxMs: 20_000 } });
        consumer.start();
        await world.clock.advance(5_000);
        assertEquals([world.receiver.of(verb).length, consumer.status().running], [2, 0]);
        await consumer.stop({ drainMs: 0 });
      }
    });
  }

  /** Errors that break whoever reads them. */
  const UNREADABLE: [string, () => unknown][] = [
    ["a revoked proxy", revoked],
    ...["code", "message", "retryable", "retryAfterMs"].map((name): [string, () => unknown] => [
      `one of ours whose ${name} throws`,
      () => throwing(name, new MelangeError("REFUSED", "x", { retryable: true })),
    ]),
    [
      "one of ours whose code is no text",
      () => Object.assign(new MelangeError("X", "x"), { code: 5n }),
    ],
  ];
  for (const [what, make] of UNREADABLE) {
    it(`whose receive rejects with ${what} makes nothing spin`, async () => {
      const clock = new VirtualClock();
      // What spins without a pause never lets the test go on: it ends here.
      const receive = (_: unknown, call: number) =>
        call > 100 ? new Promise<never>(() => {}) : Promise.reject(make());
      const receiver = scriptedReceiver({ clock, receive });
      const dispatcher = new Dispatcher({ logger: recordingLogger() });
      const consumer = new MessageConsumer({ backend: receiver, queue: "q", dispatcher, clock });
      consumer.start();
      await clock.advance(60_000);
      const calls = receiver.of("receive").length;
      assert(calls > 1 && calls < 100, `${calls} receives in a minute`);
      const stopped = consumer.stop();
      await clock.advance(15_000);
      await stopped;
      assertEquals(clock.pending, 0);
    });

    it(`that settles with ${what} costs no slot`, async () => {
      for (const verb of ["acknowledge", "release", "deadLetter"] as const) {
        for (const rejects of [true, false]) {
          const world = await createWorld({ declare: { deadLetterQueue: "dead" } });
          world.dispatcher.subscribe(Job, () => {
            if (verb === "release") throw new Error("x");
            if (verb === "deadLetter") throw new DeadLetter("x");
          });
          world.receiver.faults[verb] = (next: () => Promise<SettleResult[]>) => {
            if (world.receiver.of(verb).length > 1) return next();
            if (rejects) return Promise.reject(make());
            return Promise.resolve([{ ok: false, error: make() }] as never);
          };
          await world.send([1]);
          const consumer = world.consumer({ redelivery: { baseMs: 20_000, maxMs: 20_000 } });
          consumer.start();
          await world.clock.advance(100_000);
          assert(world.receiver.of(verb).length > 1);
          const stopped = consumer.stop();
          await world.clock.advance(15_000);
          await stopped;
          assertEquals([consumer.status().running, world.clock.pending], [0, 0]);
        }
      }
    });
  }

  it("that gives one delivery which cannot be read costs its neighbours nothing", async () => {
    const { message } = deliveryOf("odd");
    const odd: unknown[] = [
      revoked(),
      throwing("receipt", {}),
      { receipt: "odd", message: revoked() },
      ...["body", "attempt", "lockedUntil", "origin"].map((name) => ({
        receipt: "odd",
        message: throwing(name, { ...message }),
      })),
      { receipt: "odd", message: { ...message, attributes: throwing("manifest", {}) } },
    ];
    for (const one of odd) {
      const clock = new VirtualClock();
      const receiver = scriptedReceiver({
        clock,
        receive: (_, call) => Promise.resolve(call === 1 ? [one as Delivery, deliveryOf("r")] : []),
      });
      const dispatcher = new Dispatcher({ logger: recordingLogger() });
      dispatcher.subscribe(Job, () => {});
      const consumer = new MessageConsumer({ backend: receiver, queue: "q", dispatcher, clock });
      consumer.start();
      await clock.advance(5_000);
      const acknowledged = receiver.of("acknowledge").flatMap(({ items }) => items);
      assertEquals(acknowledged, [{ receipt: "r" }]);
      await consumer.stop();
    }
  });

  it("that gives attributes without a value can dead-letter such a message", async () => {
    for (const value of [null, 5n, Symbol("x"), NaN, {}, { type: 5 }, { type: "String" }]) {
      const clock = new VirtualClock();
      const { receipt, message } = deliveryOf("r");
      const attributes = { ...message.attributes, odd: value } as never;
      const receiver = scriptedReceiver({
        clock,
        receive: (_, call) =>
          Promise.resolve(call === 1 ? [{ receipt, message: { ...message, attributes } }] : []),
      });
      const dispatcher = new Dispatcher({ logger: recordingLogger() });
      dispatcher.subscribe(Job, () => Promise.reject(new DeadLetter("x")));
      const consumer = new MessageConsumer({ backend: receiver, queue: "q", dispatcher, clock });
      await consumer.consumeEvent();
      assertEquals(receiver.of("deadLetter").length, 1, String(value));
    }
  });

  it("that asks for no time that there is makes nothing spin", async () => {
    for (const retryAfterMs of [NaN, -1, "soon", 10n]) {
      const clock = new VirtualClock();
      const error = Object.assign(new MelangeError("REFUSED", "x", { retryable: true }), {
        retryAfterMs,
      });
      const receiver = scriptedReceiver({ clock, receive: () => Promise.reject(error) });
      const dispatcher = new Dispatcher({ logger: recordingLogger() });
      const consumer = new MessageConsumer({ backend: receiver, queue: "q", dispatcher, clock });
      consumer.start();
      await clock.advance(60_000);
      const calls = receiver.of("receive").length;
      assert(calls < 60, `${calls} receives in a minute`);
      await consumer.stop();
    }
  });
});

describe("deliveries()", () => {
  it("refuses a reason that is no text, and leaves the message undecided", async () => {
    const world = await createWorld({ declare: { deadLetterQueue: "dead" } });
    await world.send([1]);
    for await (const delivery of world.consumer().deliveries()) {
      for (const reason of [10n, circle(), undefined, null, Symbol("x")]) {
        await assertRejects(() => delivery.deadLetter(reason as never), TypeError, "text");
      }
      await delivery.deadLetter("in the end");
      break;
    }
    assertEquals(await world.count("dead"), 1);
  });
});

describe("what reads thrown values", () => {
  it("describeError() and isDeadLetter() never throw, and tell text only", () => {
    for (const [what, make] of THROWN) {
      const facts = describeError(make());
      assertEquals(typeof facts.name, "string", what);
      assert(facts.code === undefined || typeof facts.code === "string", what);
      assertEquals(typeof isDeadLetter(make()), "boolean", what);
    }
  });

  it("SynchronousEventBus.publish() throws what the handler threw, and runs the others", () => {
    for (const [, make] of THROWN) {
      const bus = new SynchronousEventBus();
      const thrown = make();
      let others = 0;
      bus.subscribe(Job, thrower(() => thrown));
      bus.subscribe(Job, () => void others++);
      let caught: unknown = "nothing";
      try {
        bus.publish(Job({ n: 1 }));
      } catch (error) {
        caught = error;
      }
      assert(caught === thrown);
      assertEquals(others, 1);
    }
  });
});

describe("a logger", () => {
  it("whose methods reject, or give thenables of bad manners, touches nobody", async () => {
    const unhandled: unknown[] = [];
    const note = (event: Event & { reason?: unknown }) => {
      event.preventDefault();
      unhandled.push(event.reason);
    };
    globalThis.addEventListener?.("unhandledrejection", note);
    const answers = [
      () => Promise.reject(new Error("no disk")),
      () => ({ then: (_: unknown, reject: (reason: unknown) => void) => reject(revoked()) }),
      () => throwing("then", {}),
      thrower(() => new Error("no disk")),
    ];
    for (const answer of answers) {
      const logger = { debug: answer, info: answer, warn: answer, error: answer } as Logger;
      for (const level of ["debug", "info", "warn", "error"] as const) guarded(logger)[level]("x");
      assertEquals((await run(thrower(() => new Error("x")), { logger })).outcome, "retry");
      const noisy: Handler = (_event, context) => context.logger.error("from a handler");
      assertEquals((await run(noisy as never, { logger })).outcome, "acknowledge");
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
    globalThis.removeEventListener?.("unhandledrejection", note);
    assertEquals(unhandled, []);
  });

  it("is called as a method of itself, and nothing waits for it", async () => {
    const lines: string[] = [];
    class Lines {
      debug() {}
      info() {}
      error() {}
      warn(text: string): Promise<void> {
        this.add(text);
        return new Promise(() => {});
      }
      add(text: string) {
        lines.push(text);
      }
    }
    await run(thrower(() => new Error("x")), { logger: new Lines() });
    assertEquals(lines, ["A handler failed"]);
  });
});

describe("what a handler does to its message", () => {
  const attributes = () => ({
    manifest: "Job",
    text: "as sent",
    bytes: new Uint8Array([1]),
    typed: { type: "String.x", value: "as sent" },
  });

  /** All that a handler can reach, whatever the types say. */
  function spoil(message: ReceivedMessage): void {
    const { attributes, sentAt } = message as unknown as {
      attributes: { text: string; bytes: Uint8Array; typed: { value: string } };
      sentAt: Date;
    };
    attributes.text = "spoilt";
    attributes.bytes[0] = 99;
    attributes.typed.value = "spoilt";
    sentAt.setTime(0);
    Object.assign(message, { body: "{}", id: "spoilt", attempt: 99 });
  }

  async function assertIntact(world: World): Promise<void> {
    const [dead] = await world.peek("dead");
    const { text, bytes, typed } = dead?.message.attributes ?? {};
    assertEquals({ manifest: "Job", text, bytes, typed } as unknown, attributes());
    assertEquals(dead?.message.body, '{"n":1}');
  }

  async function createSpoilt(): Promise<World> {
    const world = await createWorld({ declare: { deadLetterQueue: "dead" } });
    await world.send([1], { attributes: attributes() });
    return world;
  }

  it("gets neither into its next try nor into the dead-letter queue", async () => {
    const world = await createSpoilt();
    const bodies: string[] = [];
    world.dispatcher.subscribe(Job, (event, { message, attempt }) => {
      bodies.push(message.body);
      spoil(message);
      event.occurredOn.setTime(0);
      throw attempt === 1 ? new Error("x") : new DeadLetter("x");
    });
    const consumer = world.consumer({ redelivery: { baseMs: 0, maxMs: 0 } });
    await consumer.consumeEvent();
    await consumer.consumeEvent();
    assertEquals(bodies, ['{"n":1}', '{"n":1}']);
    await assertIntact(world);
  });

  it("by hand gets not into the dead-letter queue either", async () => {
    const world = await createSpoilt();
    for await (const delivery of world.consumer().deliveries()) {
      spoil(delivery.message);
      await delivery.deadLetter("x");
      break;
    }
    await assertIntact(world);
  });

  it("of Lambda gets not into the copy either", async () => {
    const dispatcher = new Dispatcher({ logger: recordingLogger() });
    dispatcher.subscribe(Job, (_event, { message }) => {
      Object.assign(message, { body: "{}" });
      Object.assign(message.attributes, { manifest: "Other" });
      throw new DeadLetter("x");
    });
    const world = await createWorld();
    await world.backend.declareQueue("dead");
    const handler = sqsHandler(dispatcher, { sender: world.backend, deadLetterQueue: "dead" });
    const record = {
      messageId: "m-1",
      body: '{"n":1}',
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:jobs",
      messageAttributes: { manifest: { dataType: "String", stringValue: "Job" } },
    };
    assertEquals(await handler({ Records: [record] }), { batchItemFailures: [] });
    const [dead] = await world.peek("dead");
    assertEquals([dead?.message.body, dead?.message.attributes.manifest], ['{"n":1}', "Job"]);
  });

  it("gives no other subscriber another context", async () => {
    const attempts: number[] = [];
    const dispatcher = new Dispatcher({ logger: recordingLogger() });
    for (const name of ["a", "b"]) {
      dispatcher.subscribe(Job, (_event, context) => {
        attempts.push(context.attempt);
        Object.assign(context, { attempt: 99, signal: undefined });
      }, { name });
    }
    await dispatch(dispatcher, MESSAGE, { queue: "q" });
    assertEquals(attempts, [1, 1]);
  });
});

describe("subscribe()", () => {
  it("refuses a name that is no text: de-duplication would fail of it at each event", () => {
    for (const name of [5, null, {}, Symbol("x"), ["a"]]) {
      const dispatcher = new Dispatcher();
      const add = () => dispatcher.subscribe(Job, () => {}, { name: name as never });
      assertThrows(add, TypeError, "must be text");
      const subscriber = { name: name as never, listensTo: Job, process: () => {} };
      assertThrows(() => dispatcher.subscribe(subscriber), TypeError, "must be text");
    }
  });
});
