import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { DeclareQueueOptions, Delivery } from "../../../src/backend.ts";
import type { Result } from "../../../src/support/result.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { openEnvelope } from "../../../src/wire/sns_envelope.ts";
import type { OutgoingMessage } from "../../../src/wire/message.ts";
import { MemoryBackend, type MemoryBackendOptions } from "../../../backends/memory/mod.ts";
import { seededRandom, VirtualClock } from "../../../backends/memory/testing.ts";

const HOUR = 3_600_000;

function create(options: MemoryBackendOptions = {}) {
  const clock = new VirtualClock();
  const backend = new MemoryBackend({ clock, random: seededRandom(1), ...options });
  const receive = (queue: string, options = {}) =>
    backend.receive(queue, { max: 10, waitMs: 0, visibilityMs: 30_000, ...options });
  return { clock, backend, receive };
}

function message(body: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { body, attributes: {}, ...more };
}

async function rejectsWith(code: string, call: () => Promise<unknown>): Promise<MelangeError> {
  const error = await assertRejects(call);
  assertInstanceOf(error, MelangeError);
  assertEquals(error.code, code);
  return error;
}

const bodies = (deliveries: readonly Delivery[]) => deliveries.map(({ message }) => message.body);
const codes = (results: readonly Result[]) => results.map((r) => r.ok ? "ok" : r.error.code);

describe("MemoryBackend.send()", () => {
  it("gives one result per message: what is refused does not stop the others", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("q");
    const messages = [message("a"), message(""), message("c", { deduplicationId: "x" })];
    const results = await backend.send({ queue: "q" }, [...messages, message("d")]);
    assertEquals(codes(results), ["ok", "INVALID_MESSAGE", "INVALID_MESSAGE", "ok"]);
    assertEquals(bodies(await receive("q")), ["a", "d"]);
  });

  it("takes places at the call, before anything is awaited", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("q");
    const sends = ["a", "b", "c"].map((body) => backend.send({ queue: "q" }, [message(body)]));
    const received = receive("q");
    await Promise.all(sends);
    assertEquals(bodies(await received), ["a", "b", "c"]);
  });

  it("rejects with NOT_FOUND for a missing queue, and for a topic unless topics are created", async () => {
    const { backend } = create();
    await rejectsWith("NOT_FOUND", () => backend.send({ queue: "q" }, [message("a")]));
    const [result] = await backend.send({ topic: "t" }, [message("a")]);
    assertEquals(result?.ok, true);
    const strict = create({ createTopics: false }).backend;
    await rejectsWith("NOT_FOUND", () => strict.send({ topic: "t" }, [message("a")]));
  });

  it("rejects a call with more items or bytes than the limits, and stores nothing", async () => {
    const { backend } = create();
    await backend.declareQueue("q");
    const eleven = Array.from({ length: 11 }, () => message("a"));
    await rejectsWith("INVALID_MESSAGE", () => backend.send({ queue: "q" }, eleven));
    const half = message("x".repeat(524_288));
    await rejectsWith(
      "INVALID_MESSAGE",
      () => backend.send({ queue: "q" }, [half, half, message("a")]),
    );
    assertEquals((await backend.describeQueue("q")).available, 0);
    assertEquals(codes(await backend.send({ queue: "q" }, [half, half])), ["ok", "ok"]);
  });

  it("refuses one message above the limit of its kind of destination", async () => {
    const { backend } = create();
    await backend.declareQueue("q");
    const large = message("x".repeat(262_145));
    assertEquals(codes(await backend.send({ topic: "t" }, [large])), ["INVALID_MESSAGE"]);
    assertEquals(codes(await backend.send({ queue: "q" }, [large])), ["ok"]);
    const huge = message("x".repeat(1_048_577));
    const results = await backend.send({ queue: "q" }, [huge, message("a")]);
    assertEquals(codes(results), ["INVALID_MESSAGE", "ok"]);
  });

  it("keeps no reference to the bytes of an attribute", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("q", { subscribeTo: ["t"] });
    const bytes = new Uint8Array([1]);
    await backend.send({ topic: "t" }, [message("a", { attributes: { bytes } })]);
    bytes[0] = 2;
    const [delivery] = await receive("q");
    assertEquals(delivery?.message.attributes["bytes"], new Uint8Array([1]));
  });

  it("delays up to 15 minutes in virtual time", async () => {
    const { backend, clock, receive } = create();
    await backend.declareQueue("q");
    await backend.send({ queue: "q" }, [message("a", { delayMs: 900_000 })]);
    await clock.advance(899_999);
    assertEquals(await receive("q"), []);
    await clock.advance(1);
    assertEquals(bodies(await receive("q")), ["a"]);
  });

  it("makes ids from the random source: UUIDs that a seed repeats", async () => {
    const ids = [];
    for (const { backend } of [create(), create()]) {
      const [result] = await backend.send({ topic: "t" }, [message("a")]);
      assert(result?.ok);
      assertMatch(
        result.messageId,
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      ids.push(result.messageId);
    }
    assertEquals(ids[0], ids[1]);
  });

  it("accepts ARNs and URLs for names", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("arn:aws:sqs:eu-west-1:123456789012:q.fifo", {
      subscribeTo: ["arn:aws:sns:eu-west-1:123456789012:t.fifo"],
    });
    const outgoing = message("a", { group: "g", deduplicationId: "d" });
    await backend.send({ topic: "arn:aws:sns:eu-west-1:123456789012:t.fifo" }, [outgoing]);
    const url = "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo";
    await backend.send({ queue: url }, [{ ...outgoing, deduplicationId: "e" }]);
    assertEquals((await receive(url)).length, 2);
  });
});

describe("MemoryBackend.receive()", () => {
  it("returns an empty list after the wait and not before", async () => {
    const { backend, clock, receive } = create();
    await backend.declareQueue("q");
    let ended = false;
    const received = receive("q", { waitMs: 20_000 }).then((list) => (ended = true, list));
    await clock.advance(19_999);
    assertEquals([ended, clock.pending], [false, 1]);
    await clock.advance(1);
    assertEquals([await received, clock.pending], [[], 0]);
  });

  it("wakes up when a message is sent, straight or through a topic, with the whole batch", async () => {
    const { backend, clock, receive } = create();
    await backend.declareQueue("q", { subscribeTo: ["t"] });
    for (const destination of [{ queue: "q" }, { topic: "t" }]) {
      const received = receive("q", { waitMs: 20_000 });
      await backend.send(destination, [message("a"), message("b")]);
      assertEquals(bodies(await received), ["a", "b"]);
    }
    assertEquals(clock.pending, 0);
  });

  it("wakes up when a delay ends, a lock ends, a lock is released, a FIFO group is free", async () => {
    const { backend, clock, receive } = create();
    await backend.declareQueue("q");
    await backend.send({ queue: "q" }, [message("a", { delayMs: 5_000 })]);
    const delayed = receive("q", { waitMs: 20_000, visibilityMs: 1_000 });
    await clock.advance(5_000);
    assertEquals(bodies(await delayed), ["a"]);
    const locked = receive("q", { waitMs: 20_000 });
    await clock.advance(1_000);
    const [delivery] = await locked;
    const released = receive("q", { waitMs: 20_000 });
    await backend.release("q", [{ receipt: delivery!.receipt, delayMs: 0 }]);
    assertEquals(bodies(await released), ["a"]);

    await backend.declareQueue("q.fifo");
    const group = { group: "g" };
    await backend.send({ queue: "q.fifo" }, [
      message("1", { ...group, deduplicationId: "1" }),
      message("2", { ...group, deduplicationId: "2" }),
    ]);
    const [first] = await receive("q.fifo", { max: 1 });
    const next = receive("q.fifo", { waitMs: 20_000 });
    await backend.acknowledge("q.fifo", [first!.receipt]);
    assertEquals(bodies(await next), ["2"]);
    assertEquals(clock.pending, 0);
  });

  it("serves those who wait in the order of their calls", async () => {
    const { backend, clock, receive } = create();
    await backend.declareQueue("q");
    const order: string[] = [];
    const waits = ["first", "second", "third"].map((name) =>
      receive("q", { max: 1, waitMs: 20_000 }).then((list) => {
        order.push(`${name} ${bodies(list)}`);
      })
    );
    assertEquals(clock.pending, 1, "one timer for all of them");
    await backend.send({ queue: "q" }, [message("a"), message("b")]);
    await clock.advance(20_000);
    await Promise.all(waits);
    assertEquals(order, ["first a", "second b", "third "]);
  });

  it("lets those who wait go before a receive that comes when a lock has just ended", async () => {
    const clock = new VirtualClock();
    let late = 0;
    // A machine whose timers come late: the time is up before the timer fires.
    const slow = { now: () => clock.now() + late, after: clock.after.bind(clock) };
    const { backend, receive } = create({ clock: slow });
    await backend.declareQueue("q");
    await backend.send({ queue: "q" }, [message("a", { delayMs: 10 })]);
    const waiting = receive("q", { waitMs: 1_000 });
    late = 50;
    assertEquals(await receive("q"), []);
    assertEquals(bodies(await waiting), ["a"]);
  });

  it("ends promptly with the reason when the signal aborts, and has taken nothing", async () => {
    const { backend, clock, receive } = create();
    await backend.declareQueue("q");
    const controller = new AbortController();
    const signal = countListeners(controller.signal);
    const reason = new Error("enough");
    const aborted = receive("q", { waitMs: 20_000, signal: controller.signal });
    const other = receive("q", { max: 1, waitMs: 20_000 });
    assertEquals(signal.count, 1);
    controller.abort(reason);
    assertStrictEquals(await aborted.catch((error) => error), reason);
    await backend.send({ queue: "q" }, [message("a"), message("b")]);
    assertEquals(bodies(await other), ["a"]);
    const [left] = await receive("q");
    assertEquals(left?.message.attempt, 1);
    assertEquals([signal.count, clock.pending], [0, 0]);
    const late = await assertRejects(() => receive("q", { signal: controller.signal }));
    assertStrictEquals(late, reason);
  });

  it("leaves no listener when it got something or its time was up", async () => {
    const { backend, clock, receive } = create();
    await backend.declareQueue("q");
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const got = receive("q", { waitMs: 20_000, signal });
    await backend.send({ queue: "q" }, [message("a")]);
    assertEquals((await got).length, 1);
    const empty = receive("q", { waitMs: 10, signal });
    await clock.advance(10);
    assertEquals([await empty, listeners.count], [[], 0]);
  });

  it("refuses numbers outside the limits", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("q");
    const wrong = [
      { max: 0 },
      { max: 11 },
      { max: NaN },
      { waitMs: 20_001 },
      { waitMs: -1 },
      { visibilityMs: 12 * HOUR + 1 },
      { visibilityMs: -1 },
    ];
    for (const options of wrong) {
      await assertRejects(() => receive("q", options), RangeError, "current value is");
    }
    assertEquals(await receive("q", { max: 1, visibilityMs: 12 * HOUR }), []);
  });

  it("rejects with NOT_FOUND at once for a missing queue, and while waiting when it is deleted", async () => {
    const { backend, clock, receive } = create();
    await rejectsWith("NOT_FOUND", () => receive("q", { waitMs: 20_000 }));
    await backend.declareQueue("q");
    const waiting = receive("q", { waitMs: 20_000 });
    await Promise.all([rejectsWith("NOT_FOUND", () => waiting), backend.deleteQueue("q")]);
    assertEquals(clock.pending, 0);
  });

  it("rejects with THROTTLED at the limit in flight, also when it waits already", async () => {
    const { backend, receive } = create({ inFlightLimit: 1 });
    await backend.declareQueue("q");
    const waits = [1, 2].map(() => receive("q", { max: 1, waitMs: 20_000 }));
    const second = rejectsWith("THROTTLED", () => waits[1]!);
    await backend.send({ queue: "q" }, [message("a"), message("b")]);
    assertEquals(bodies(await waits[0]!), ["a"]);
    assertEquals((await second).retryable, true);
  });

  it("has room for 120,000 messages in flight, as SQS, and not one more", async () => {
    const { backend, receive } = create({ random: () => 0 });
    await backend.declareQueue("q");
    const ten = Array.from({ length: 10 }, () => message("a"));
    for (let i = 0; i < 12_001; i++) await backend.send({ queue: "q" }, ten);
    let last: Delivery[] = [];
    for (let i = 0; i < 12_000; i++) last = await receive("q");
    assertEquals(last.length, 10);
    await rejectsWith("THROTTLED", () => receive("q"));
    await backend.acknowledge("q", last.slice(0, 3).map(({ receipt }) => receipt));
    assertEquals((await receive("q")).length, 3);
    await backend.close();
  });

  it("does not spin at the limit in flight of a FIFO queue", async () => {
    const { backend, clock, receive } = create({ inFlightLimit: 1 });
    await backend.declareQueue("q.fifo");
    const sent = ["a", "b"].map((id) => message(id, { group: id, deduplicationId: id }));
    await backend.send({ queue: "q.fifo" }, sent);
    assertEquals((await receive("q.fifo", { visibilityMs: 5_000 })).length, 1);
    const next = receive("q.fifo", { waitMs: 20_000 });
    await clock.advance(5_000);
    assertEquals((await next).length, 1);
  });
});

describe("MemoryBackend settling", () => {
  it("gives one result per receipt and refuses more than ten", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("q");
    await backend.send({ queue: "q" }, [message("a"), message("b")]);
    const [a, b] = await receive("q");
    const results = await backend.acknowledge("q", [a!.receipt, "junk", a!.receipt]);
    assertEquals(codes(results), ["ok", "LOCK_LOST", "ok"]);
    const extensions = [{ receipt: b!.receipt, visibilityMs: 12 * HOUR + 1 }];
    assertEquals(codes(await backend.extend("q", extensions)), ["INVALID_MESSAGE"]);
    const many = Array<string>(11).fill(b!.receipt);
    await rejectsWith("INVALID_MESSAGE", () => backend.acknowledge("q", many));
    await rejectsWith("NOT_FOUND", () => backend.acknowledge("none", []));
  });

  it("does not take the receipts of a deleted queue for those of a new one of its name", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("q");
    await backend.send({ queue: "q" }, [message("old")]);
    const [old] = await receive("q");
    await backend.deleteQueue("q");
    await backend.declareQueue("q");
    await backend.send({ queue: "q" }, [message("new")]);
    const [taken] = await receive("q");
    assertEquals(codes(await backend.acknowledge("q", [old!.receipt])), ["LOCK_LOST"]);
    assertEquals(codes(await backend.acknowledge("q", [taken!.receipt])), ["ok"]);
  });

  it("an aborted signal ends a call before it changes anything", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("q");
    await backend.send({ queue: "q" }, [message("a")]);
    const [delivery] = await receive("q");
    const signal = AbortSignal.abort(new Error("enough"));
    const calls = [
      () => backend.acknowledge("q", [delivery!.receipt], { signal }),
      () => backend.send({ queue: "q" }, [message("b")], { signal }),
      () => backend.declareQueue("other", { signal }),
    ];
    for (const call of calls) assertStrictEquals(await assertRejects(call), signal.reason);
    assertEquals((await backend.describeQueue("q")).inFlight, 1);
    await rejectsWith("NOT_FOUND", () => backend.describeQueue("other"));
  });
});

describe("MemoryBackend dead letters", () => {
  it("moves a message to the dead-letter queue after maxReceives, and wakes who waits there", async () => {
    const { backend, clock, receive } = create();
    await backend.declareQueue("q", { deadLetterQueue: "dlq", maxReceives: 2 });
    await backend.send({ queue: "q" }, [message("bad", { attributes: { n: 1 } })]);
    const waiting = receive("dlq", { waitMs: 20_000 });
    const ids = [];
    for (let i = 0; i < 2; i++) {
      const [delivery] = await receive("q", { visibilityMs: 1_000 });
      ids.push(delivery!.message.id);
      await clock.advance(1_000);
    }
    assertEquals(await receive("q"), []);
    const [moved] = await waiting;
    assertEquals([moved?.message.id, moved?.message.body], [ids[0], "bad"]);
    assertEquals(moved?.message.attributes, { n: 1 });
  });

  it("keeps a message that was received too often while the dead-letter queue is missing", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("q", { deadLetterQueue: "dlq", maxReceives: 1 });
    await backend.deleteQueue("dlq");
    await backend.send({ queue: "q" }, [message("a")]);
    for (let i = 0; i < 3; i++) assertEquals((await receive("q", { visibilityMs: 0 })).length, 1);
  });

  it("survives dead-letter queues that form a circle", async () => {
    const { backend, clock, receive } = create();
    await backend.declareQueue("a", { deadLetterQueue: "b", maxReceives: 1 });
    await backend.declareQueue("b", { deadLetterQueue: "a", maxReceives: 1 });
    for (const queue of ["a", "b"]) {
      await backend.send({ queue }, [message(`from ${queue}`)]);
      assertEquals((await receive(queue, { visibilityMs: 1_000 })).length, 1);
    }
    const waits = ["a", "b"].map((queue) => receive(queue, { waitMs: 20_000 }));
    await clock.advance(1_000);
    assertEquals((await Promise.all(waits)).map(bodies), [["from b"], ["from a"]]);
    assertEquals(clock.pending, 0);
  });

  it("deadLetter() copies, then acknowledges; without such a queue it is UNSUPPORTED", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("plain");
    await backend.declareQueue("q", { deadLetterQueue: "dlq" });
    for (const queue of ["plain", "q"]) await backend.send({ queue }, [message("a")]);
    const [kept] = await receive("plain");
    const unsupported = [{ receipt: kept!.receipt, copy: message("copy") }];
    assertEquals(codes(await backend.deadLetter("plain", unsupported)), ["UNSUPPORTED"]);
    assertEquals((await backend.describeQueue("plain")).inFlight, 1);
    const [delivery] = await receive("q");
    const { receipt } = delivery!;
    const results = await backend.deadLetter("q", [
      { receipt, copy: message("") },
      { receipt: "junk", copy: message("junk") },
      { receipt, copy: message("copy") },
      { receipt, copy: message("again") },
    ]);
    assertEquals(codes(results), ["INVALID_MESSAGE", "LOCK_LOST", "ok", "ok"]);
    assertEquals(bodies(await receive("dlq")), ["copy"]);
    assertEquals((await backend.describeQueue("q")).inFlight, 0);
  });

  it("deadLetter() in FIFO queues de-duplicates by the broker's id of the message", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("q.fifo", { deadLetterQueue: "dlq.fifo" });
    const copies = [];
    for (const id of ["1", "2"]) {
      const outgoing = message("same", { group: "g", deduplicationId: id });
      await backend.send({ queue: "q.fifo" }, [outgoing]);
      const [delivery] = await receive("q.fifo");
      const { message: { id: brokerId }, receipt } = delivery!;
      const copy = { ...outgoing, deduplicationId: "the event's id" };
      assertEquals(codes(await backend.deadLetter("q.fifo", [{ receipt, copy }])), ["ok"]);
      copies.push(brokerId);
    }
    const dead = await receive("dlq.fifo");
    assertEquals(dead.map(({ message }) => message.deduplicationId), copies);
  });
});

describe("MemoryBackend topics", () => {
  const Paid = defineEvent("Paid", { schema: typed<number>() });

  it("copies to every subscribed queue, each with an id of its own, as its filter lets through", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("all", { subscribeTo: ["t"] });
    await backend.declareQueue("paid", { subscribeTo: [{ topic: "t", events: [Paid] }] });
    await backend.declareQueue("none", {
      subscribeTo: [{ topic: "t", events: [Paid], filter: { tenant: ["a"] } }],
    });
    const [sent] = await backend.send({ topic: "t" }, [
      message("1", { attributes: { manifest: "Paid", tenant: "b" } }),
      message("2", { attributes: { manifest: "Other", tenant: "a" } }),
    ]);
    const all = await receive("all");
    assertEquals(bodies(all), ["1", "2"]);
    const paid = await receive("paid");
    assertEquals(bodies(paid), ["1"]);
    assertEquals(paid[0]?.message.attributes, { manifest: "Paid", tenant: "b" });
    assertEquals(await receive("none"), []);
    assert(sent?.ok);
    assertEquals(new Set([sent.messageId, all[0]?.message.id, paid[0]?.message.id]).size, 3);
  });

  it("delivers an SNS envelope without raw delivery, which our reader opens", async () => {
    const { backend, clock, receive } = create();
    await backend.declareQueue("q", { subscribeTo: [{ topic: "t", raw: false }] });
    const attributes = { manifest: "Paid", n: 1.5, bytes: new Uint8Array([1, 2, 255]) };
    const [sent] = await backend.send({ topic: "t" }, [message("7", { attributes })]);
    const [delivery] = await receive("q");
    assert(sent?.ok && delivery);
    assertEquals(JSON.parse(delivery.message.body), {
      Type: "Notification",
      MessageId: sent.messageId,
      TopicArn: "arn:aws:sns:memory:000000000000:t",
      Message: "7",
      Timestamp: new Date(clock.now()).toISOString(),
      MessageAttributes: {
        manifest: { Type: "String", Value: "Paid" },
        n: { Type: "Number", Value: "1.5" },
        bytes: { Type: "Binary", Value: "AQL/" },
      },
    });
    assertEquals(delivery.message.attributes, {});
    const opened = openEnvelope(delivery.message);
    assertEquals([opened.body, opened.attributes], ["7", attributes]);
  });

  it("a FIFO topic numbers, de-duplicates for five minutes, and feeds FIFO and standard queues", async () => {
    const { backend, clock, receive } = create();
    const raw = false;
    await backend.declareQueue("q.fifo", { subscribeTo: ["t.fifo"] });
    await backend.declareQueue("plain", { subscribeTo: [{ topic: "t.fifo", raw }] });
    const outgoing = message("a", { group: "g", deduplicationId: "x" });
    const [first, second] = await backend.send({ topic: "t.fifo" }, [outgoing, outgoing]);
    assertEquals(first, second);
    assert(first?.ok && first.sequenceNumber);
    const [fifo, ...more] = await receive("q.fifo");
    assertEquals([fifo?.message.group, fifo?.message.deduplicationId], ["g", "x"]);
    assertEquals(more, []);
    const [plain, ...others] = await receive("plain");
    assertEquals(others, []);
    assertEquals(plain?.message.deduplicationId, undefined);
    const envelope = JSON.parse(plain!.message.body);
    assertEquals(envelope.SequenceNumber, first.sequenceNumber);
    assertEquals(Object.hasOwn(envelope, "MessageAttributes"), false);
    await backend.acknowledge("plain", [plain!.receipt]);
    await clock.advance(5 * 60_000);
    await backend.send({ topic: "t.fifo" }, [outgoing]);
    assertEquals((await receive("plain")).length, 1);
  });

  it("a FIFO topic needs a deduplication id or contentBasedDeduplication", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("q.fifo", { subscribeTo: ["t.fifo"] });
    const outgoing = message("a", { group: "g" });
    assertEquals(codes(await backend.send({ topic: "t.fifo" }, [outgoing])), ["INVALID_MESSAGE"]);
    await backend.declareTopic("t.fifo", { contentBasedDeduplication: true });
    const results = await backend.send({ topic: "t.fifo" }, [outgoing, outgoing]);
    assertEquals(codes(results), ["ok", "ok"]);
    assertEquals((await receive("q.fifo")).length, 1);
  });

  it("forwards the group of a standard topic to standard queues", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("q", { subscribeTo: ["t"] });
    await backend.send({ topic: "t" }, [message("a", { group: "tenant" })]);
    assertEquals((await receive("q"))[0]?.message.group, "tenant");
  });

  it("deleteTopic() and deleteQueue() end subscriptions and are success when there is nothing", async () => {
    const { backend, receive } = create();
    await backend.declareQueue("q", { subscribeTo: ["t"] });
    await backend.declareQueue("r", { subscribeTo: ["t"] });
    await backend.deleteQueue("r");
    await backend.send({ topic: "t" }, [message("a")]);
    await backend.deleteTopic("t");
    await backend.send({ topic: "t" }, [message("b")]);
    assertEquals(bodies(await receive("q")), ["a"]);
    await backend.deleteTopic("none");
    await backend.deleteQueue("none");
  });
});

describe("MemoryBackend.declareQueue()", () => {
  it("describes what it made and leaves alone what a later call does not name", async () => {
    const { backend } = create();
    const declared = await backend.declareQueue("q", {
      deadLetterQueue: "dlq",
      visibilityTimeoutMs: 5_000,
    });
    const expected = {
      name: "q",
      address: "q",
      available: 0,
      inFlight: 0,
      delayed: 0,
      visibilityTimeoutMs: 5_000,
      deadLetterQueue: "dlq",
      maxReceives: 5,
    };
    assertEquals(declared, expected);
    assertEquals(await backend.declareQueue("q"), expected);
    const changed = await backend.declareQueue("q", { maxReceives: 7 });
    assertEquals(changed, { ...expected, maxReceives: 7 });
    assertEquals((await backend.describeQueue("dlq")).visibilityTimeoutMs, 30_000);
  });

  it("keeps messages 4 days by default, and 14 in a dead-letter queue it makes", async () => {
    const { backend, clock } = create();
    await backend.declareQueue("q", { deadLetterQueue: "dlq" });
    for (const queue of ["q", "dlq"]) await backend.send({ queue }, [message("a")]);
    const available = async () => [
      (await backend.describeQueue("q")).available,
      (await backend.describeQueue("dlq")).available,
    ];
    await clock.advance(96 * HOUR - 1);
    assertEquals(await available(), [1, 1]);
    await clock.advance(1);
    assertEquals(await available(), [0, 1]);
    await clock.advance(240 * HOUR);
    assertEquals(await available(), [0, 0]);
  });

  it("subscribes again with another filter, and leaves other subscriptions alone", async () => {
    const { backend, receive } = create();
    const filter = { k: ["a"] };
    await backend.declareQueue("q", { subscribeTo: ["t", { topic: "u", filter }] });
    filter.k[0] = "b";
    const send = () => backend.send({ topic: "u" }, [message("x", { attributes: { k: "a" } })]);
    await send();
    assertEquals((await receive("q")).length, 1, "the filter was copied");
    await backend.declareQueue("q", { subscribeTo: [{ topic: "u", filter }] });
    await send();
    assertEquals(await receive("q"), []);
    await backend.send({ topic: "t" }, [message("y")]);
    assertEquals(bodies(await receive("q")), ["y"]);
  });

  const refused: [queue: string, options: DeclareQueueOptions, code: string][] = [
    ["", {}, "INVALID_MESSAGE"],
    ["q".repeat(81), {}, "INVALID_MESSAGE"],
    ["q.x", {}, "INVALID_MESSAGE"],
    ["q", { subscribeTo: ["t t"] }, "INVALID_MESSAGE"],
    ["q.fifo", { subscribeTo: ["t"] }, "INVALID_MESSAGE"],
    ["q.fifo", { deadLetterQueue: "dlq" }, "INVALID_MESSAGE"],
    ["q", { deadLetterQueue: "dlq.fifo" }, "INVALID_MESSAGE"],
    ["q", { deadLetterQueue: "q" }, "INVALID_MESSAGE"],
    ["q", { contentBasedDeduplication: true }, "INVALID_MESSAGE"],
    ["q", { maxReceives: 3 }, "CONFIGURATION"],
    ["q", { subscribeTo: [{ topic: "t", filter: { k: [] } }] }, "CONFIGURATION"],
    ["q", { subscribeTo: [{ topic: "t", events: [] }] }, "CONFIGURATION"],
    ["q", { visibilityTimeoutMs: 12 * HOUR + 1 }, "RangeError"],
    ["q", { retentionMs: 59_999 }, "RangeError"],
    ["q", { delayMs: 900_001 }, "RangeError"],
    ["q", { deadLetterQueue: "dlq", maxReceives: 0 }, "RangeError"],
    ["q", { delayMs: NaN }, "RangeError"],
  ];
  for (const [queue, options, code] of refused) {
    it(`refuses ${JSON.stringify(options)} for "${queue.slice(0, 9)}" and creates nothing`, async () => {
      const { backend } = create({ createTopics: false });
      const error = await assertRejects(() => backend.declareQueue(queue, options));
      assertEquals(error instanceof MelangeError ? error.code : (error as Error).name, code);
      for (const name of ["q", "q.fifo", "dlq"]) {
        await rejectsWith("NOT_FOUND", () => backend.describeQueue(name));
      }
      await rejectsWith("NOT_FOUND", () => backend.send({ topic: "t" }, [message("a")]));
    });
  }

  it("declareTopic() refuses a name and de-duplication that SNS refuses", async () => {
    const { backend } = create();
    assertEquals(await backend.declareTopic("t.fifo"), { name: "t.fifo", address: "t.fifo" });
    await rejectsWith("INVALID_MESSAGE", () => backend.declareTopic("t t"));
    const options = { contentBasedDeduplication: true };
    await rejectsWith("INVALID_MESSAGE", () => backend.declareTopic("t", options));
  });
});

describe("MemoryBackend.close()", () => {
  it("rejects what waits and every later call with CLOSED, and leaves no timer", async () => {
    const { backend, clock, receive } = create();
    await backend.declareQueue("q");
    const waiting = rejectsWith("CLOSED", () => receive("q", { waitMs: 20_000 }));
    await backend.close();
    await waiting;
    assertEquals(clock.pending, 0);
    await rejectsWith("CLOSED", () => receive("q"));
    await rejectsWith("CLOSED", () => backend.send({ queue: "q" }, []));
    await rejectsWith("CLOSED", () => backend.declareTopic("t"));
    await backend.close();
    await backend[Symbol.asyncDispose]();
  });
});

describe("MemoryBackend", () => {
  it("takes limits of its own and works on the clock of the machine", async () => {
    const backend = new MemoryBackend({ limits: { queue: { messageBytes: 3 } } });
    assertEquals(backend.limits.queue.messageBytes, 3);
    assertEquals(backend.limits.queue.entries, 10);
    assertEquals(backend.limits.topic.messageBytes, 262_144);
    await backend.declareQueue("q");
    const waiting = backend.receive("q", { max: 1, waitMs: 20_000, visibilityMs: 1_000 });
    const results = await backend.send({ queue: "q" }, [message("abcd"), message("abc")]);
    assertEquals(codes(results), ["INVALID_MESSAGE", "ok"]);
    assertEquals(bodies(await waiting), ["abc"]);
    assertEquals(backend.sizeOf(message("é", { attributes: { a: 1 } }), { queue: "q" }), 10);
    await backend.close();
  });
});

/** Counts the listeners that a signal has. */
function countListeners(signal: AbortSignal): { count: number } {
  const counter = { count: 0 };
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<AbortSignal["addEventListener"]>) => {
    counter.count++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<AbortSignal["removeEventListener"]>) => {
    counter.count--;
    removeEventListener.apply(signal, args);
  };
  return counter;
}
