import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  parseEventFromSns,
  snsHandler,
  sqsHandler,
} from "../../../../../backends/aws/hosts/lambda/mod.ts";
import type { SqsHandlerOptions } from "../../../../../backends/aws/hosts/lambda/mod.ts";
import { MemoryBackend } from "../../../../../backends/memory/mod.ts";
import { VirtualClock } from "../../../../../backends/memory/testing.ts";
import type { Sender, SendResult } from "../../../../../src/backend.ts";
import { Dispatcher, type DispatcherOptions } from "../../../../../src/handle/dispatcher.ts";
import type { HandlerContext } from "../../../../../src/handle/handler.ts";
import { DeadLetter, MelangeError } from "../../../../../src/support/errors.ts";
import { defineEvent, type Event, typed } from "../../../../../src/event/event.ts";
import { deadLetterFactsOf } from "../../../../../src/wire/dead_letter.ts";
import { openEnvelope } from "../../../../../src/wire/sns_envelope.ts";
import { MessagePublisher } from "../../../../../src/publish/publisher.ts";
import { until } from "../../../../wait.ts";
import {
  envelope,
  FIFO_ARN,
  fifoRecord,
  QUEUE_ARN,
  snsRecord,
  sqsRecord,
  TOPIC_ARN,
} from "./samples.ts";

const OrderPlaced = defineEvent("OrderPlaced", { schema: typed<{ orderId: string }>() });
const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });

type Handle = (event: Event, context: HandlerContext) => void | Promise<void>;

/** A dispatcher with one handler, the messages it got, and what was logged as an error. */
function setUp(handle: Handle = () => {}, options: DispatcherOptions = {}) {
  const clock = new VirtualClock();
  const started: string[] = [];
  const contexts: HandlerContext[] = [];
  const errors: unknown[][] = [];
  const nothing = () => {};
  const dispatcher = new Dispatcher({
    logger: { debug: nothing, info: nothing, warn: nothing, error: (...log) => errors.push(log) },
    ...options,
  });
  dispatcher.subscribe(OrderPlaced, async (event, context) => {
    started.push(context.message.id);
    contexts.push(context);
    await handle(event, context);
  });
  return { clock, dispatcher, started, contexts, errors };
}

function failing(...ids: string[]): Handle {
  return (_, { message }) => {
    if (ids.includes(message.id)) throw new Error("boom");
  };
}

function failuresOf(...ids: string[]) {
  return { batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe("sqsHandler()", () => {
  it("hands AWS's sample over as it is", async () => {
    const { dispatcher, contexts } = setUp();
    const attributes = {
      manifest: { stringValue: "OrderPlaced", dataType: "String" },
      count: { stringValue: "7", dataType: "Number" },
      exact: { stringValue: "0.10", dataType: "Number.float" },
      bytes: { binaryValue: "AAEC", dataType: "Binary", futureField: true },
      ["__proto__"]: { stringValue: "own", dataType: "String" },
      constructor: { stringValue: "own", dataType: "String" },
    };
    const record = sqsRecord("m-1", { messageAttributes: attributes, futureField: {} });
    assertEquals(await sqsHandler(dispatcher)({ Records: [record] }), failuresOf());
    const { message, queue, attempt } = contexts[0]!;
    assertEquals({ queue, attempt }, { queue: "my-queue", attempt: 3 });
    assertEquals(message.sentAt, new Date(1545082649183));
    assertEquals(message.body, '{"orderId":"o-1"}');
    assertEquals(Object.entries(message.attributes), [
      ["manifest", "OrderPlaced"],
      ["count", 7],
      ["exact", { type: "Number.float", value: "0.10" }],
      ["bytes", Uint8Array.of(0, 1, 2)],
      ["__proto__", "own"],
      ["constructor", "own"],
    ]);
  });

  it("hands AWS's FIFO sample over as it is", async () => {
    const { dispatcher, contexts } = setUp();
    await sqsHandler(dispatcher)({ Records: [fifoRecord("m-1", "g-1")] });
    const { id, group, deduplicationId, sequenceNumber } = contexts[0]!.message;
    assertEquals({ id, group, deduplicationId, sequenceNumber }, {
      id: "m-1",
      group: "g-1",
      deduplicationId: "deduplication-m-1",
      sequenceNumber: "18849496460467696128",
    });
    assertEquals(contexts[0]?.queue, "my-queue.fifo");
  });

  it("opens the envelope of SNS", async () => {
    const { dispatcher, contexts } = setUp();
    const record = sqsRecord("m-1", { body: envelope("sns-1"), messageAttributes: {} });
    assertEquals(await sqsHandler(dispatcher)({ Records: [record] }), failuresOf());
    assertEquals(contexts[0]?.message.id, "sns-1");
  });

  it("reports the record of an envelope by the id that SQS gave it", async () => {
    const { dispatcher } = setUp(failing("sns-1"));
    const record = sqsRecord("m-1", { body: envelope("sns-1"), messageAttributes: {} });
    assertEquals(await sqsHandler(dispatcher)({ Records: [record] }), failuresOf("m-1"));
  });

  it("reports exactly those that failed, in the order of the batch", async () => {
    const { dispatcher, started } = setUp(failing("m-2", "m-5", "m-9"));
    const Records = Array.from({ length: 10 }, (_, index) => sqsRecord(`m-${index}`));
    assertEquals(await sqsHandler(dispatcher)({ Records }), failuresOf("m-2", "m-5", "m-9"));
    assertEquals(started.length, 10);
  });

  it("reports an id once, also where one of two records with it succeeded", async () => {
    let first = true;
    const { dispatcher } = setUp(() => {
      if (first) {
        first = false;
        throw new Error("boom");
      }
    });
    const Records = [sqsRecord("m-1"), sqsRecord("m-1")];
    assertEquals(await sqsHandler(dispatcher)({ Records }), failuresOf("m-1"));
  });

  it("reports what is unknown or cannot be decoded, unless that is to be acknowledged", async () => {
    const Records = [
      sqsRecord("m-1", { messageAttributes: {} }),
      sqsRecord("m-2", { body: "not json" }),
    ];
    const strict = setUp();
    const { errors } = strict;
    assertEquals(await sqsHandler(strict.dispatcher)({ Records }), failuresOf("m-1", "m-2"));
    assertEquals(errors.length, 2);
    const loose = setUp(() => {}, { onUnknown: "acknowledge", onUndecodable: "acknowledge" });
    assertEquals(await sqsHandler(loose.dispatcher)({ Records }), failuresOf());
  });

  it("handles `concurrency` messages at once, and all of them", async () => {
    let running = 0;
    let most = 0;
    const { dispatcher, started } = setUp(async () => {
      most = Math.max(most, ++running);
      await settled();
      running -= 1;
    });
    const Records = Array.from({ length: 20 }, (_, index) => sqsRecord(`m-${index}`));
    await sqsHandler(dispatcher, { concurrency: 3 })({ Records });
    assertEquals(most, 3);
    assertEquals(started.length, 20);
  });

  it("gives the handlers its publisher, and flushes it before it returns", async () => {
    const backend = new MemoryBackend();
    await backend.declareQueue("pings");
    const clock = new VirtualClock();
    const publisher = new MessagePublisher({ backend, lingerMs: 60_000, clock });
    const { dispatcher } = setUp((_, context) => {
      void context.publisher?.publish(Ping({ at: 1 }), { queue: "pings" });
    });
    await sqsHandler(dispatcher, { publisher })({ Records: [sqsRecord("m-1")] });
    assertEquals((await backend.describeQueue("pings")).available, 1);
    await backend.close();
  });

  it("keeps invocations in one process apart", async () => {
    const waiting: (() => void)[] = [];
    const { dispatcher } = setUp((event) =>
      new Promise((resolve, reject) => {
        const { orderId } = event.data as { orderId: string };
        waiting.push(orderId === "bad" ? () => reject(new Error("boom")) : resolve);
      })
    );
    const handler = sqsHandler(dispatcher);
    const bad = { body: '{"orderId":"bad"}' };
    const one = handler({ Records: [sqsRecord("m-1", bad), sqsRecord("m-2")] });
    const two = handler({ Records: [sqsRecord("m-1"), sqsRecord("m-2", bad)] });
    await until(() => waiting.length >= 4, {
      what: "four handlers to start",
      saw: () => waiting.length,
    });
    for (const finish of waiting) finish();
    assertEquals(await Promise.all([one, two]), [failuresOf("m-1"), failuresOf("m-2")]);
  });
});

describe("sqsHandler() on a FIFO queue", () => {
  it("reports the failed one and what follows it in its group, and does not start that", async () => {
    const { dispatcher, started } = setUp(failing("a-2"));
    const Records = [
      fifoRecord("a-1", "a"),
      fifoRecord("b-1", "b"),
      fifoRecord("a-2", "a"),
      fifoRecord("a-3", "a"),
      fifoRecord("b-2", "b"),
      fifoRecord("a-4", "a"),
    ];
    assertEquals(await sqsHandler(dispatcher)({ Records }), failuresOf("a-2", "a-3", "a-4"));
    assertEquals(started.toSorted(), ["a-1", "a-2", "b-1", "b-2"]);
  });

  it("handles a group in order, one at a time, and groups at once", async () => {
    const log: string[] = [];
    const { dispatcher } = setUp(async (_, { message }) => {
      log.push(`+${message.id}`);
      await settled();
      log.push(`-${message.id}`);
    });
    const Records = ["a-1", "a-2", "b-1", "b-2"].map((id) => fifoRecord(id, id[0]!));
    await sqsHandler(dispatcher)({ Records });
    const of = (group: string) => log.filter((entry) => entry[1] === group);
    assertEquals(of("a"), ["+a-1", "-a-1", "+a-2", "-a-2"]);
    assertEquals(of("b"), ["+b-1", "-b-1", "+b-2", "-b-2"]);
    assertEquals(log.slice(0, 2), ["+a-1", "+b-1"]);
  });

  it("goes on in a group after a message that was copied to the dead-letter queue", async () => {
    const { sender, sent } = fakeSender();
    const { dispatcher } = setUp((_, { message }) => {
      if (message.id === "a-1") throw new DeadLetter("no");
    });
    const Records = [fifoRecord("a-1", "a"), fifoRecord("a-2", "a")];
    const options = { sender, deadLetterQueue: "dead.fifo" };
    assertEquals(await sqsHandler(dispatcher, options)({ Records }), failuresOf());
    assertEquals(sent.map(({ group, deduplicationId }) => ({ group, deduplicationId })), [
      { group: "a", deduplicationId: "a-1" },
    ]);
  });

  it("keeps the order of the whole batch where a record hides its group", async () => {
    const { dispatcher, started } = setUp();
    const { attributes: _, ...hidden } = fifoRecord("a-2", "a");
    const Records = [fifoRecord("a-1", "a"), { ...hidden, body: 1 }, fifoRecord("a-3", "a")];
    assertEquals(await sqsHandler(dispatcher)({ Records }), failuresOf("a-2", "a-3"));
    assertEquals(started, ["a-1"]);
  });

  it("does not take a group on a standard queue for an order", async () => {
    const { dispatcher } = setUp(failing("m-1"));
    const Records = ["m-1", "m-2"].map((id) =>
      fifoRecord(id, "tenant", { eventSourceARN: QUEUE_ARN })
    );
    assertEquals(await sqsHandler(dispatcher)({ Records }), failuresOf("m-1"));
  });
});

describe("sqsHandler() with its time", () => {
  const within = (ms: number) => ({ getRemainingTimeInMillis: () => ms });

  it("aborts the handlers with TIMEOUT a margin before the end, and reports what is not finished", async () => {
    const { clock, dispatcher, contexts, started } = setUp(
      (_, { message }) => message.id === "m-1" ? undefined : new Promise(() => {}),
      { onUnknown: "acknowledge" },
    );
    const Records = ["m-1", "m-2", "m-3", "m-4"].map((id) => sqsRecord(id));
    Records.push(sqsRecord("unknown", { messageAttributes: {} }));
    const options = { clock, concurrency: 2, marginMs: 400 };
    const result = sqsHandler(dispatcher, options)({ Records }, within(10_000));
    await clock.advance(9_599);
    assertEquals(contexts.at(-1)?.signal.aborted, false);
    await clock.advance(1);
    assertEquals(contexts.at(-1)?.signal.reason.code, "TIMEOUT");
    assertEquals(await result, failuresOf("m-2", "m-3", "m-4", "unknown"));
    assertEquals(started, ["m-1", "m-2", "m-3"]);
  });

  it("leaves handlers half of the time where the margin is more", async () => {
    const { clock, dispatcher, contexts } = setUp(() => new Promise(() => {}));
    const result = sqsHandler(dispatcher, { clock })({ Records: [sqsRecord("m-1")] }, within(600));
    await clock.advance(299);
    assertEquals(contexts[0]?.signal.aborted, false);
    await clock.advance(1);
    assertEquals(await result, failuresOf("m-1"));
  });

  it("does not wait for a copy, or for a publisher, beyond it", async () => {
    const { clock, dispatcher } = setUp(() => {
      throw new DeadLetter("no");
    });
    const { sender } = fakeSender(() => new Promise(() => {}));
    const publisher = {
      publish: () => Promise.reject(),
      publishAll: () => Promise.reject(),
      flush: () => new Promise<void>(() => {}),
    };
    const options = { clock, sender, deadLetterQueue: "dead", publisher };
    const result = sqsHandler(dispatcher, options)({ Records: [sqsRecord("m-1")] }, within(5_000));
    await clock.advance(4_000);
    assertEquals(await result, failuresOf("m-1"));
  });

  it("leaves no timer behind", async () => {
    const { clock, dispatcher } = setUp();
    await sqsHandler(dispatcher, { clock })({ Records: [sqsRecord("m-1")] }, within(5_000));
    assertEquals(clock.pending, 0);
  });

  it("keeps a second for the answer unless it is told otherwise, or nothing", async () => {
    for (const [options, expected] of [[{}, 4_000], [{ marginMs: 0 }, 5_000]] as const) {
      const { clock, dispatcher, contexts } = setUp(() => new Promise(() => {}));
      const handler = sqsHandler(dispatcher, { clock, ...options });
      const result = handler({ Records: [sqsRecord("m-1")] }, within(5_000));
      await clock.advance(expected - 1);
      assertEquals(contexts[0]?.signal.aborted, false);
      await clock.advance(1);
      assertEquals(contexts[0]?.signal.aborted, true);
      assertEquals(await result, failuresOf("m-1"));
    }
  });

  it("waits for what its publisher still sends, and not beyond it", async () => {
    let flushed = () => {};
    const publisher = {
      publish: () => Promise.reject(),
      publishAll: () => Promise.reject(),
      flush: () => new Promise<void>((resolve) => flushed = resolve),
    };
    for (const [invoke, answer] of [[sqsHandler, failuresOf()], [snsHandler, undefined]] as const) {
      const { clock, dispatcher } = setUp();
      const Records = [invoke === sqsHandler ? sqsRecord("m-1") : snsRecord("m-1")];
      const handler = invoke(dispatcher, { clock, publisher });
      for (const inTime of [true, false]) {
        let returned = false;
        const result = handler({ Records }, within(5_000));
        void result.then(() => returned = true);
        await clock.advance(3_999);
        assertEquals(returned, false);
        if (inTime) flushed();
        else await clock.advance(1);
        assertEquals(await result, answer);
        assertEquals(clock.pending, 0);
      }
    }
  });

  it("ends a copy that is under way, and the pause before it is tried again", async () => {
    for (const hangs of [true, false]) {
      const { clock, dispatcher } = setUp(() => {
        throw new DeadLetter("no");
      });
      const signals: (AbortSignal | undefined)[] = [];
      const retryAfterMs = 60_000;
      const error = new MelangeError("THROTTLED", "slow down", { retryable: true, retryAfterMs });
      const { sender } = fakeSender();
      const send: Sender["send"] = (_destination, _messages, options) => {
        signals.push(options?.signal);
        return hangs ? new Promise(() => {}) : Promise.resolve([{ ok: false, error }]);
      };
      const options = { clock, sender: { ...sender, send }, deadLetterQueue: "dead" };
      const handler = sqsHandler(dispatcher, options);
      const result = handler({ Records: [sqsRecord("m-1")] }, within(5_000));
      await clock.advance(3_999);
      assertEquals(signals.map((signal) => signal?.aborted), [false]);
      await clock.advance(1);
      assertEquals(await result, failuresOf("m-1"));
      assertEquals(signals.map((signal) => signal?.reason.code), ["TIMEOUT"]);
      assertEquals(clock.pending, 0);
    }
  });
});

describe("sqsHandler() with what is dead-lettered", () => {
  const dead: Handle = () => {
    throw new DeadLetter("card-expired");
  };

  it("copies it with its facts, then counts it as done", async () => {
    const { dispatcher } = setUp(dead);
    const { sender, sent, destinations } = fakeSender();
    const options = { sender, deadLetterQueue: "dead" };
    const Records = [sqsRecord("m-1")];
    assertEquals(await sqsHandler(dispatcher, options)({ Records }), failuresOf());
    assertEquals(destinations, [{ queue: "dead" }]);
    const { body, attributes } = sent[0]!;
    const facts = deadLetterFactsOf({ body, attributes, id: "", sentAt: new Date(), attempt: 1 });
    assertEquals(facts, { reason: "card-expired", queue: "my-queue", attempts: 3 });
  });

  it("dead-letters at maxAttempts", async () => {
    const { dispatcher } = setUp(failing("m-1"), { maxAttempts: 3 });
    const { sender, sent } = fakeSender();
    const options = { sender, deadLetterQueue: "dead" };
    assertEquals(
      await sqsHandler(dispatcher, options)({ Records: [sqsRecord("m-1")] }),
      failuresOf(),
    );
    assertEquals(sent.length, 1);
  });

  it("reports it as failed without a sender, and says so", async () => {
    const { dispatcher, errors } = setUp(dead);
    assertEquals(await sqsHandler(dispatcher)({ Records: [sqsRecord("m-1")] }), failuresOf("m-1"));
    assertEquals(errors.length, 1);
  });

  it("tries a copy again, and reports the message as failed where that is in vain", async () => {
    const { dispatcher, clock, errors } = setUp(dead);
    let calls = 0;
    const error = new MelangeError("THROTTLED", "slow down", { retryable: true });
    const { sender } = fakeSender(() => {
      calls += 1;
      return Promise.resolve([{ ok: false, error }]);
    });
    const options = { sender, deadLetterQueue: "dead", clock, random: () => 0.5 };
    const result = sqsHandler(dispatcher, options)({ Records: [sqsRecord("m-1")] });
    await clock.advance(10_000);
    assertEquals(await result, failuresOf("m-1"));
    assertEquals(calls, 4);
    assertEquals(errors.length, 1);
  });

  it("reports it as failed where the sender throws, or gives no result", async () => {
    for (const answer of [() => Promise.reject(new Error("down")), () => Promise.resolve([])]) {
      const { dispatcher, clock } = setUp(dead);
      const { sender } = fakeSender(answer);
      const options = { sender, deadLetterQueue: "dead", clock, random: () => 0 };
      const result = sqsHandler(dispatcher, options)({ Records: [sqsRecord("m-1")] });
      await clock.advance(1_000);
      assertEquals(await result, failuresOf("m-1"));
    }
  });

  it("tries a copy again of which the sender gave no result", async () => {
    const { dispatcher, clock } = setUp(dead);
    let calls = 0;
    const { sender } = fakeSender(() => {
      calls += 1;
      return Promise.resolve(calls < 3 ? [] : [{ ok: true, messageId: "copy" }]);
    });
    const options = { sender, deadLetterQueue: "dead", clock, random: () => 0.5 };
    const result = sqsHandler(dispatcher, options)({ Records: [sqsRecord("m-1")] });
    await clock.advance(1_000);
    assertEquals([await result, calls], [failuresOf(), 3]);
  });
});

describe("addresses of local brokers", () => {
  const queues: Record<string, [eventSourceARN: string | undefined, queue: string]> = {
    "only name of a region": ["arn:aws:sqs:elasticmq:000000000000:q", "q"],
    "nine zeros": ["arn:aws:sqs:elasticmq:000000000:my-queue", "my-queue"],
    "no region": ["arn:aws:sqs::000000000000:q", "q"],
    "capitals": ["arn:AWS:sqs:Local:Root:q", "q"],
    "a name alone": ["my-queue", "my-queue"],
    "a URL": ["http://localhost:4566/000000000000/my-queue", "my-queue"],
    "nothing at all": [undefined, ""],
  };
  for (const [name, [eventSourceARN, queue]] of Object.entries(queues)) {
    it(`sqsHandler() takes ${name} for a queue`, async () => {
      const { dispatcher, contexts } = setUp();
      const record = sqsRecord("m-1", { eventSourceARN });
      assertEquals(await sqsHandler(dispatcher)({ Records: [record] }), failuresOf());
      assertEquals(contexts.map((context) => context.queue), [queue]);
    });
  }

  for (const TopicArn of ["arn:aws:sns:local:000000000:t", "t", null]) {
    it(`snsHandler() takes ${TopicArn} for a topic`, async () => {
      const { dispatcher, contexts } = setUp();
      await snsHandler(dispatcher)({ Records: [snsRecord("s-1", { TopicArn })] });
      assertEquals(contexts.map(({ queue }) => queue), [TopicArn ? "t" : ""]);
    });
  }

  it("sqsHandler() keeps the order of FIFO queues of others, and where no queue is named", async () => {
    for (const eventSourceARN of ["arn:aws:sqs:elasticmq:000000000:q.fifo", undefined]) {
      const { dispatcher } = setUp(failing("m-1"));
      const Records = ["m-1", "m-2"].map((id) => fifoRecord(id, "a", { eventSourceARN }));
      const other = fifoRecord("m-3", "b", { eventSourceARN });
      assertEquals(
        await sqsHandler(dispatcher)({ Records: [...Records, other] }),
        failuresOf("m-1", "m-2"),
      );
    }
  });
});

describe("context.message.origin", () => {
  it("is what a queue says of a message", async () => {
    const { dispatcher, contexts } = setUp();
    const attributes = {
      SenderId: "AROA:session",
      AWSTraceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793",
      DeadLetterQueueSourceArn: FIFO_ARN,
    };
    const none = { SenderId: null, AWSTraceHeader: "" };
    await sqsHandler(dispatcher)({
      Records: [sqsRecord("m-1", { attributes }), sqsRecord("m-2", { attributes: none })],
    });
    assertEquals(contexts.map(({ message }) => message.origin), [{
      senderId: "AROA:session",
      traceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793",
      deadLetterSource: FIFO_ARN,
    }, undefined]);
  });

  it("is what the envelope of SNS in a queue says, too", async () => {
    const { dispatcher, contexts } = setUp();
    const body = envelope("sns-1", { Subject: "Hello" });
    await sqsHandler(dispatcher)({ Records: [sqsRecord("m-1", { body, messageAttributes: {} })] });
    assertEquals(contexts[0]?.message.origin, {
      senderId: "AIDAIENQZJOLO23YVJ4VO",
      topic: TOPIC_ARN,
      subject: "Hello",
      publishedAt: new Date("2019-01-02T12:45:07.000Z"),
    });
  });

  it("is what SNS says to a function of its own", async () => {
    const { dispatcher, contexts } = setUp();
    await snsHandler(dispatcher)({ Records: [snsRecord("s-1")] });
    await snsHandler(dispatcher)({
      Records: [snsRecord("s-2", { Subject: null, Timestamp: "soon" })],
    });
    assertEquals(contexts.map(({ message }) => message.origin), [{
      topic: TOPIC_ARN,
      subject: "TestInvoke",
      publishedAt: new Date("2019-01-02T12:45:07.000Z"),
    }, { topic: TOPIC_ARN }]);
  });

  it("of an attribute with both values the one of its type is read", async () => {
    const { dispatcher, contexts } = setUp();
    const both = { stringValue: "text", binaryValue: "AAEC" };
    const messageAttributes = {
      manifest: { ...both, dataType: "String", stringValue: "OrderPlaced" },
      number: { ...both, dataType: "Number", stringValue: "7" },
      bytes: { ...both, dataType: "Binary" },
      empty: { ...both, dataType: "String", binaryValue: "" },
    };
    await sqsHandler(dispatcher)({ Records: [sqsRecord("m-1", { messageAttributes })] });
    const { number, bytes, empty } = contexts[0]!.message.attributes;
    assertEquals([number, bytes, empty], [7, Uint8Array.of(0, 1, 2), "text"]);
  });

  it("a copy that is dead-lettered keeps the trace and the envelope", async () => {
    const { dispatcher } = setUp(() => {
      throw new DeadLetter("no");
    });
    const { sender, sent } = fakeSender();
    const attributes = { AWSTraceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793" };
    const body = envelope("sns-1", { Subject: "Hello" });
    const record = sqsRecord("m-1", { attributes, body, messageAttributes: {} });
    const handler = sqsHandler(dispatcher, { sender, deadLetterQueue: "dlq" });
    assertEquals(await handler({ Records: [record] }), failuresOf());
    assertEquals(sent[0]?.traceHeader, attributes.AWSTraceHeader);
    const arrived = openEnvelope({ ...sent[0]!, id: "m-2", sentAt: new Date(), attempt: 1 });
    assertEquals(arrived.origin, {
      topic: TOPIC_ARN,
      subject: "Hello",
      publishedAt: new Date("2019-01-02T12:45:07.000Z"),
    });
  });
});

describe("sqsHandler() with malformed events", () => {
  const malformed: Record<string, unknown> = {
    "no body": { body: undefined },
    "a body that is an object": { body: {} },
    "attributes that are a list": { messageAttributes: [] },
    "attributes that are text": { messageAttributes: "manifest" },
    "an attribute that is null": { messageAttributes: { manifest: null } },
    "an attribute without a type": { messageAttributes: { manifest: { stringValue: "a" } } },
    "an attribute without a value": { messageAttributes: { manifest: { dataType: "String" } } },
    "an attribute that is no base64": {
      messageAttributes: { manifest: { dataType: "Binary", binaryValue: "%" } },
    },
    "a receive count that is a number": { attributes: { ApproximateReceiveCount: 1 } },
    "a queue that is a number": { eventSourceARN: 1 },
    "a queue that is a topic": { eventSourceARN: TOPIC_ARN },
    "bytes whose text alone is there": {
      messageAttributes: { manifest: { dataType: "Binary", stringValue: "OrderPlaced" } },
    },
  };
  for (const [name, fields] of Object.entries(malformed)) {
    it(`fails a record with ${name} alone`, async () => {
      const { dispatcher, started, errors } = setUp();
      const Records = [
        sqsRecord("m-1"),
        sqsRecord("m-2", fields as Record<string, unknown>),
        sqsRecord("m-3"),
      ];
      assertEquals(await sqsHandler(dispatcher)({ Records }), failuresOf("m-2"));
      assertEquals(started, ["m-1", "m-3"]);
      assertEquals(errors.length, 1);
    });
  }

  it("takes null for what is missing, and counts that make no sense for one", async () => {
    const { dispatcher, contexts } = setUp();
    const [a, b] = [
      sqsRecord("m-1", {
        attributes: { ApproximateReceiveCount: null, MessageGroupId: null },
      }),
      sqsRecord("m-2", { attributes: { ApproximateReceiveCount: "NaN", SentTimestamp: "soon" } }),
    ];
    assertEquals(await sqsHandler(dispatcher)({ Records: [a, b] }), failuresOf());
    assertEquals(contexts.map(({ attempt }) => attempt), [1, 1]);
    assert(contexts.every(({ message }) => !Number.isNaN(message.sentAt.getTime())));
  });

  it("takes a record that does not say of which service it is", async () => {
    const { dispatcher, started } = setUp();
    const { eventSource: _, ...record } = sqsRecord("m-1");
    assertEquals(await sqsHandler(dispatcher)({ Records: [record] }), failuresOf());
    assertEquals(started, ["m-1"]);
  });

  const events: Record<string, unknown> = {
    "undefined": undefined,
    "null": null,
    "text": "{}",
    "an object without records": { detail: {} },
    "records that are no list": { Records: {} },
    "no record": { Records: [] },
    "a record that is null": { Records: [sqsRecord("m-1"), null] },
    "a record without id": { Records: [sqsRecord("m-1"), sqsRecord("")] },
    "a record whose id is a number": { Records: [{ ...sqsRecord("m-1"), messageId: 1 }] },
    "an event of SNS": { Records: [snsRecord("m-1")] },
    "an event of another service": {
      Records: [sqsRecord("m-1", { eventSource: "aws:kinesis" })],
    },
    "a record of another service among others": {
      Records: [sqsRecord("m-1"), sqsRecord("m-2", { eventSource: "aws:kinesis" })],
    },
  };
  for (const [name, event] of Object.entries(events)) {
    it(`throws UNDECODABLE for ${name}, before a handler runs`, async () => {
      const { dispatcher, started } = setUp();
      const error = await assertRejects(() => sqsHandler(dispatcher)(event), MelangeError);
      assertEquals(error.code, "UNDECODABLE");
      assertEquals(started, []);
    });
  }
});

describe("sqsHandler() options", () => {
  const { sender } = fakeSender();
  const wrong: [SqsHandlerOptions, string][] = [
    [{ concurrency: 0 }, "concurrency must be an integer, 1 or more: current value is 0"],
    [{ concurrency: 1.5 }, "concurrency must be an integer, 1 or more: current value is 1.5"],
    [{ marginMs: -1 }, "marginMs must be 0 or more: current value is -1"],
    [{ sender }, "deadLetterQueue is missing"],
    [{ deadLetterQueue: "dead" }, "sender is missing"],
  ];
  const send = () => Promise.resolve([]);
  const ofAnyType: [Record<string, unknown>, text: string][] = [
    [{ sender: {}, deadLetterQueue: "dead" }, "sender is a backend"],
    [{ sender: { send }, deadLetterQueue: ["dead"] }, "deadLetterQueue a name"],
    [{ sender: { send }, deadLetterQueue: "" }, "deadLetterQueue a name"],
    [{ sender: null, deadLetterQueue: "dead" }, "sender is a backend"],
    [{ concurrency: "5" }, "an integer, 1 or more"],
    [{ marginMs: "5" }, "marginMs must be a number"],
    [{ marginMs: [5] }, "marginMs must be a number"],
    [{ marginMs: null }, "marginMs must be a number"],
  ];
  for (const [options, text] of ofAnyType) {
    it(`are refused of other types: ${JSON.stringify(options)}`, () => {
      assertThrows(() => sqsHandler(new Dispatcher(), options), Error, text);
    });
  }

  it("are refused without a dispatcher, before the first event", () => {
    for (const dispatcher of [undefined, null, {}, () => {}]) {
      assertThrows(() => sqsHandler(dispatcher as unknown as Dispatcher), TypeError);
      assertThrows(() => snsHandler(dispatcher as unknown as Dispatcher), TypeError);
    }
  });

  for (const [options, text] of wrong) {
    it(`are refused: ${text}`, () => {
      assertThrows(() => sqsHandler(new Dispatcher(), options), Error, text);
    });
  }

  it("may say one at once, and no margin", async () => {
    let most = 0;
    let running = 0;
    const { dispatcher, started } = setUp(async () => {
      most = Math.max(most, ++running);
      await settled();
      running -= 1;
    });
    const handler = sqsHandler(dispatcher, { concurrency: 1, marginMs: 0 });
    const Records = ["m-1", "m-2", "m-3"].map((id) => sqsRecord(id));
    assertEquals(await handler({ Records }), failuresOf());
    assertEquals([most, started.length], [1, 3]);
  });
});

describe("snsHandler()", () => {
  it("hands AWS's sample over as it was published", async () => {
    const { dispatcher, contexts } = setUp();
    await snsHandler(dispatcher)({ Records: [snsRecord("sns-1")] });
    const { queue, message } = contexts[0]!;
    assertEquals(queue, "sns-lambda");
    assertEquals(message.id, "sns-1");
    assertEquals(message.sentAt, new Date("2019-01-02T12:45:07.000Z"));
    assertEquals(message.attributes, {
      manifest: "OrderPlaced",
      TestBinary: new TextEncoder().encode("TestBinary"),
    });
  });

  it("throws, without a word of the message, if one of its records must come again", async () => {
    const { dispatcher, started } = setUp((_, { message }) => {
      if (message.id === "sns-2") throw new Error('boom {"orderId":"o-1"}');
    });
    const Records = ["sns-1", "sns-2", "sns-3"].map((id) => snsRecord(id));
    const error = await assertRejects(() => snsHandler(dispatcher)({ Records }), MelangeError);
    assertEquals(error.code, "HANDLER_FAILED");
    assertEquals(
      error.message,
      "Cannot finish 1 of 3 messages of SNS: the invocation must be retried",
    );
    assertEquals(error.cause, undefined);
    assertEquals(started.length, 3);
  });

  it("throws for what is dead-lettered, unknown or malformed", async () => {
    const { dispatcher } = setUp(() => {
      throw new DeadLetter("no");
    });
    const records = [
      snsRecord("sns-1"),
      snsRecord("sns-2", { MessageAttributes: {} }),
      snsRecord("sns-3", { Message: 1 }),
      snsRecord("sns-4", { TopicArn: QUEUE_ARN }),
    ];
    for (const record of records) {
      await assertRejects(() => snsHandler(dispatcher)({ Records: [record] }), MelangeError);
    }
  });

  it("gives the handlers its publisher, and flushes it also where one failed", async () => {
    const log: string[] = [];
    const publisher = {
      publish: () => Promise.reject(),
      publishAll: () => Promise.reject(),
      flush: () => Promise.resolve(void log.push("flushed")),
    };
    const { dispatcher } = setUp((_, context) => {
      log.push(context.publisher === publisher ? "given" : "missing");
      throw new Error("boom");
    });
    const result = snsHandler(dispatcher, { publisher })({ Records: [snsRecord("sns-1")] });
    await assertRejects(() => result, MelangeError);
    assertEquals(log, ["given", "flushed"]);
  });

  it("aborts the handlers with TIMEOUT, then throws", async () => {
    const { clock, dispatcher, contexts } = setUp(() => new Promise(() => {}));
    const context = { getRemainingTimeInMillis: () => 3_000 };
    const result = snsHandler(dispatcher, { clock })({ Records: [snsRecord("sns-1")] }, context);
    const thrown = assertRejects(() => result, MelangeError);
    await clock.advance(2_000);
    await thrown;
    assertEquals(contexts[0]?.signal.reason.code, "TIMEOUT");
    assertEquals(clock.pending, 0);
  });

  it("throws UNDECODABLE for events of others", async () => {
    const { dispatcher } = setUp();
    for (const event of [undefined, {}, { Records: [] }, { Records: [sqsRecord("m-1")] }]) {
      const error = await assertRejects(() => snsHandler(dispatcher)(event), MelangeError);
      assertEquals(error.code, "UNDECODABLE");
    }
  });

  it("leaves no timer behind, and says that the invocation may be retried", async () => {
    let fails = false;
    const { clock, dispatcher } = setUp(() => {
      if (fails) throw new Error("boom");
    });
    const handler = snsHandler(dispatcher, { clock });
    const invoke = () =>
      handler({ Records: [snsRecord("sns-1")] }, { getRemainingTimeInMillis: () => 3_000 });
    await invoke();
    assertEquals(clock.pending, 0);
    fails = true;
    assertEquals((await assertRejects(invoke, MelangeError)).retryable, true);
    assertEquals(clock.pending, 0);
  });
});

describe("parseEventFromSns()", () => {
  const types = [OrderPlaced, Ping];

  it("reads the event of SNS, of one record, and of a queue behind a topic", async () => {
    const queued = sqsRecord("m-1", { body: envelope("sns-1"), messageAttributes: {} });
    const samples = [
      { Records: [snsRecord("sns-1")] },
      snsRecord("sns-1"),
      { Records: [queued] },
      queued,
    ];
    for (const sample of samples) {
      const event = await parseEventFromSns(sample, { types });
      assert(OrderPlaced.is(event));
      assertEquals(event.data.orderId, "o-1");
      assertEquals(event.id, "sns-1");
    }
  });

  it("gives the output of the schema, typed", async () => {
    const Priced = defineEvent("OrderPlaced", {
      schema: {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: () => Promise.resolve({ value: { total: 42 } }),
        },
      } as ReturnType<typeof typed<{ total: number }>>,
    });
    const event = await parseEventFromSns(snsRecord("sns-1"), { types: [Priced] });
    const total: number = event.data.total;
    assertEquals(total, 42);
  });

  it("names a message that names no type as it is told", async () => {
    const record = snsRecord("sns-1", { MessageAttributes: {} });
    const event = await parseEventFromSns(record, { types: [Ping], defaultEvent: Ping });
    assertEquals(event.type, "Ping");
  });

  it("names foreign messages, and brings old data up to date, as a dispatcher does", async () => {
    const Priced = defineEvent("Priced", {
      version: 2,
      schema: typed<{ cents: number }>(),
      upcast: { 1: (data: { euros: number }) => ({ cents: data.euros * 100 }) },
    });
    const types = [Priced];
    const foreign = snsRecord("a", {
      ...{ MessageAttributes: {}, Subject: "Priced", Message: '{"detail":{"cents":5}}' },
    });
    const first = await parseEventFromSns(foreign, {
      types,
      typeOf: ({ origin }) => origin?.subject,
      dataOf: ({ body }) => JSON.parse(body).detail,
    });
    assertEquals([first.data.cents, first.version], [5, 2]);
    const manifest = { manifest: { Type: "String", Value: "Priced" } };
    const old = snsRecord("b", { MessageAttributes: manifest, Message: '{"euros":3}' });
    const second = await parseEventFromSns(old, { types });
    assertEquals([second.data.cents, second.version], [300, 2]);
    const typeOf = () => "Other";
    await assertRejects(
      () => parseEventFromSns(foreign, { types, typeOf }),
      MelangeError,
      "unknown",
    );
  });

  const refusing = defineEvent("OrderPlaced", {
    schema: {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => ({ issues: [{ message: "o-1", path: ["orderId"] }] }),
      },
    },
  });
  const wrong: Record<string, [unknown, string]> = {
    "an unknown type": [
      snsRecord("a", { MessageAttributes: { manifest: { Type: "String", Value: "Other" } } }),
      "its type is unknown",
    ],
    "no type": [snsRecord("a", { MessageAttributes: null }), "it names no event type"],
    "data that is no JSON": [snsRecord("a", { Message: "{" }), "its body is not JSON"],
    "two records": [{ Records: [snsRecord("a"), snsRecord("b")] }, "its event has 2 records"],
    "a malformed record": [
      snsRecord("a", { Message: 1 }),
      "its record is malformed at Sns.Message",
    ],
    "nothing": [undefined, "its event is not one of SQS"],
  };
  for (const [name, [event, text]] of Object.entries(wrong)) {
    it(`throws UNDECODABLE for ${name}`, async () => {
      const error = await assertRejects(
        () => parseEventFromSns(event, { types }),
        MelangeError,
        text,
      );
      assertEquals(error.code, "UNDECODABLE");
    });
  }

  it("throws UNDECODABLE with the path for data that violates its schema", async () => {
    await assertRejects(
      () => parseEventFromSns(snsRecord("a"), { types: [refusing] }),
      MelangeError,
      'its data violates the schema of "OrderPlaced" at orderId',
    );
  });
});

/** A sender that keeps what it is given, or answers as it is told. */
function fakeSender(answer?: () => Promise<SendResult[]>) {
  const sent: Parameters<Sender["send"]>[1][number][] = [];
  const destinations: unknown[] = [];
  const backend = new MemoryBackend();
  const sender: Sender = {
    limits: backend.limits,
    sizeOf: () => 1,
    send(destination, messages) {
      destinations.push(destination);
      sent.push(...messages);
      return answer?.() ?? Promise.resolve(messages.map(() => ({ ok: true, messageId: "1" })));
    },
  };
  return { sender, sent, destinations };
}

describe("sqsHandler() on a dead-letter queue", () => {
  it("tells which queue the broker moved a message out of, and no facts of an earlier death", async () => {
    const source = "arn:aws:sqs:eu-west-1:123456789012:jobs";
    const dead = { reason: "BAD_CARD", queue: "jobs", attempts: 1 };
    const told: unknown[] = [];
    const dispatcher = new Dispatcher();
    dispatcher.subscribeAll((_event, { message }) => {
      told.push(message.origin?.deadLetterSource, deadLetterFactsOf(message)?.reason);
    });
    const melange = JSON.stringify({ id: "e-1", on: "", dead });
    const messageAttributes = {
      manifest: { dataType: "String", stringValue: "Job" },
      melange: { dataType: "String", stringValue: melange },
    };
    for (const attributes of [{}, { DeadLetterQueueSourceArn: source }]) {
      await sqsHandler(dispatcher)({
        Records: [sqsRecord("m-1", { attributes, messageAttributes })],
      });
    }
    assertEquals(told, [undefined, "BAD_CARD", source, undefined]);
  });
});
