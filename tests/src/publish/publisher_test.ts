import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { dispatch } from "../../../src/handle/dispatch.ts";
import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import type { Limits } from "../../../src/backend.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { defineEvent, derive, type Event, typed } from "../../../src/event/event.ts";
import type { ReceivedMessage } from "../../../src/wire/message.ts";
import { MessagePublisher, type MessagePublisherOptions } from "../../../src/publish/publisher.ts";
import { SerializerRegistry } from "../../../src/wire/serializer_registry.ts";
import { answer, fail, fakeSender, hang, lasting, passing, type Step } from "../../fakes/sender.ts";
import { countListeners } from "../../fakes/signal.ts";

const Note = defineEvent("Note", { topic: "notes", schema: typed<string>() });
const Order = defineEvent("Order", {
  topic: "orders",
  schema: v.object({ id: v.string(), lines: v.array(v.object({ price: v.number() })) }),
});

/** Checks its data when it is told to. */
function slowEvent(topic = "notes") {
  const checks: (() => void)[] = [];
  const Slow = defineEvent("Slow", {
    topic,
    group: () => "g",
    schema: {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value: unknown) =>
          new Promise<{ value: string }>((resolve) => {
            checks.push(() => resolve({ value: value as string }));
          }),
      },
    },
  });
  return { Slow: (data: string) => Slow(data), checks };
}

function setUp(
  { steps = [], limits = {}, ...options }:
    & { steps?: Step[]; limits?: Partial<Limits> }
    & Partial<MessagePublisherOptions> = {},
) {
  const clock = new VirtualClock({ now: 0 });
  const backend = fakeSender({ steps, limits });
  const publisher = new MessagePublisher({ backend, clock, random: () => 0.5, ...options });
  return { clock, backend, publisher };
}

/** What a publish came to, as one word. */
async function outcome(published: Promise<unknown>): Promise<string> {
  try {
    await published;
    return "ok";
  } catch (error) {
    return error instanceof MelangeError ? error.code : `reason ${error}`;
  }
}

const numbered = (count: number) => Array.from({ length: count }, (_, n) => Note(`${n}`));

/** Events that are made when they are asked for. */
function* countedEvents(count: number, onTaken: () => void) {
  for (let n = 0; n < count; n++) {
    onTaken();
    yield Note(`${n}`);
  }
}

const codes = (results: Awaited<ReturnType<MessagePublisher["publishAll"]>>) =>
  results.map((result) => result.ok ? "ok" : result.error.code);

describe("new MessagePublisher()", () => {
  it("refuses options that it cannot work with", () => {
    const backend = fakeSender();
    const create = (options: object) => () => new MessagePublisher({ backend, ...options });
    assertThrows(create({ backend: undefined }), TypeError, "pass { backend }");
    for (const value of [0, -1, 1.5, NaN, Infinity, "9"]) {
      assertThrows(create({ maxPending: value }), RangeError, "maxPending");
      assertThrows(create({ maxInFlight: value }), RangeError, "maxInFlight");
    }
    for (const value of [-1, NaN]) assertThrows(create({ lingerMs: value }), RangeError, "linger");
    for (const value of [0, NaN, -1]) {
      assertThrows(create({ retry: { maxAttempts: value } }), RangeError, "maxAttempts");
    }
    for (const key of ["baseMs", "maxMs", "deadlineMs"]) {
      assertThrows(create({ retry: { [key]: -1 } }), RangeError, key);
      assertThrows(create({ retry: { [key]: NaN } }), RangeError, key);
    }
    assertThrows(create({ format: "xml" }), TypeError, "format");
  });

  it("takes the options at the edge", () => {
    const backend = fakeSender();
    const retry = { maxAttempts: 1, baseMs: 0, maxMs: 0, deadlineMs: 0 };
    new MessagePublisher({ backend, maxPending: 1, maxInFlight: 1, lingerMs: 0, retry });
    new MessagePublisher({ backend, retry: { maxAttempts: Infinity, deadlineMs: Infinity } });
  });

  it("opens and starts nothing", () => {
    const { backend, clock } = setUp();
    assertEquals([backend.calls, clock.pending], [[], 0]);
  });
});

describe("publish()", () => {
  it("resolves with the broker's id, and the sequence number if there is one", async () => {
    const { publisher } = setUp({
      steps: [
        () => [{ ok: true, messageId: "m-1" }],
        () => [{ ok: true, messageId: "m-2", sequenceNumber: "7" }],
      ],
    });
    assertEquals(await publisher.publish(Note("a")), { messageId: "m-1" });
    assertEquals(await publisher.publish(Note("a")), { messageId: "m-2", sequenceNumber: "7" });
  });

  it("goes to the event's topic, another topic, or a queue", async () => {
    const { publisher, backend } = setUp();
    await publisher.publish(Note("a"));
    await publisher.publish(Note("a"), { topic: "audit" });
    await publisher.publish(Note("a"), { queue: "billing", delayMs: 5_000 });
    await publisher.publish(Note("a", { topic: "own" }));
    assertEquals(backend.calls.map(({ destination }) => destination), [
      { topic: "notes" },
      { topic: "audit" },
      { queue: "billing" },
      { topic: "own" },
    ]);
    assertEquals(backend.calls.map(({ messages }) => messages[0]?.delayMs), [
      undefined,
      undefined,
      5_000,
      undefined,
    ]);
  });

  it("sends the user's attributes beside the library's own three", async () => {
    const { publisher, backend } = setUp();
    const event = Note("a", { id: "e-1", occurredOn: new Date(0) });
    await publisher.publish(event, { attributes: { tenant: "a", n: 5 } });
    assertEquals(backend.calls[0]?.messages, [{
      body: '"a"',
      attributes: {
        tenant: "a",
        n: 5,
        manifest: "Note",
        serializer_id: 1,
        melange: '{"id":"e-1","on":"1970-01-01T00:00:00.000Z","topic":"notes"}',
      },
    }]);
  });

  it("refuses, before anything is sent, what cannot be sent", async () => {
    const { publisher, backend } = setUp();
    const Nowhere = defineEvent("Nowhere", { schema: typed<unknown>() });
    const event = Note("a");
    const seven = Object.fromEntries(Array.from("abcdefg", (name) => [name, 1]));
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const cases: [string, RegExp, Event, object?][] = [
      ["INVALID_MESSAGE", /has no topic/, Nowhere(1)],
      ["INVALID_MESSAGE", /a topic and a queue/, event, { topic: "a", queue: "b" }],
      ["INVALID_MESSAGE", /at most 6 attributes.*value is 7/, event, { attributes: seven }],
      ["INVALID_MESSAGE", /"manifest" is taken/, event, { attributes: { manifest: "x" } }],
      ["INVALID_EVENT", /serialized/, Nowhere(cyclic), { queue: "q" }],
      ["INVALID_EVENT", /serialized/, Nowhere(undefined), { queue: "q" }],
      ["INVALID_EVENT", /serialized/, Nowhere(1n), { queue: "q" }],
      ["INVALID_EVENT", /not an event/, undefined as unknown as Event],
      ["INVALID_EVENT", /not an event/, null as unknown as Event],
      ["INVALID_EVENT", /not an event/, Note as unknown as Event],
      ["INVALID_EVENT", /not an event/, { type: "Note", data: 1, topic: "t" } as unknown as Event],
      ["INVALID_EVENT", /not an event/, { ...event, occurredOn: new Date(NaN) }],
      ["INVALID_EVENT", /not an event/, { ...event, id: "" }],
      ["INVALID_EVENT", /not an event/, { ...event, id: 5 as unknown as string }],
    ];
    for (const [code, text, event, options] of cases) {
      const error = await assertRejects(() => publisher.publish(event, options), MelangeError);
      assertEquals(error.code, code, `${text}`);
      assertMatch(error.message, text);
    }
    assertEquals(backend.calls, []);
  });

  it("refuses what breaks the rules of messages, by the sender's own limits, and sends the others", async () => {
    const { publisher, backend } = setUp({ limits: { messageBytes: 200, delayMs: 50 } });
    const results = await publisher.publishAll([
      { event: Note("good"), queue: "q" },
      { event: Note("x".repeat(200)), queue: "q" },
      { event: Note("name"), queue: "q", attributes: { "a b": 1 } },
      { event: Note("dedup"), queue: "q", deduplicationId: "d" },
      { event: Note("late"), queue: "q", delayMs: 51 },
      { event: Note("later"), queue: "q", delayMs: 50 },
      { event: Note("no group"), topic: "t.fifo" },
      { event: Note("bad group"), topic: "t.fifo", group: "a b" },
      { event: Note("first"), topic: "t.fifo", group: "g" },
      { event: Note("second"), topic: "t.fifo", group: "g", attributes: { "": "x" } },
      { event: Note("third"), topic: "t.fifo", group: "g" },
    ]);
    const no = "INVALID_MESSAGE";
    assertEquals(codes(results), ["ok", no, no, no, no, "ok", no, no, "ok", no, "ok"]);
    const texts = results.map((result) => result.ok ? "" : result.error.message);
    assertMatch(texts[1]!, /^Cannot send to queue "q" as a message takes at most 200 bytes/);
    assertMatch(texts[6]!, /^Cannot send to topic "t.fifo" as a FIFO destination needs a message/);
    assertEquals(backend.sent, [["good", "later"], ["first", "third"]]);
  });

  it("refuses what breaks the rules before it waits for others", async () => {
    const { publisher, backend, clock } = setUp({ lingerMs: 1_000 });
    const late = publisher.publish(Note("late"));
    assertEquals(
      await outcome(publisher.publish(Note("x"), { queue: "q.fifo" })),
      "INVALID_MESSAGE",
    );
    assertEquals(backend.calls, []);
    await clock.advance(1_000);
    assertEquals(await outcome(late), "ok");
  });

  it("refuses what breaks the rules once its schema has been asked, and lets others pass", async () => {
    const { Slow, checks } = slowEvent();
    const { publisher, backend } = setUp();
    const results = publisher.publishAll([
      { event: Slow("slow"), queue: "q", attributes: { "a b": 1 } },
      { event: Note("quick"), queue: "q" },
    ]);
    checks.forEach((check) => check());
    assertEquals(codes(await results), ["INVALID_MESSAGE", "ok"]);
    assertEquals(backend.sent, [["quick"]]);
  });

  it("refuses what MemoryBackend refuses as SQS would, and only that", async () => {
    const backend = new MemoryBackend();
    await backend.declareQueue("plain");
    await backend.declareQueue("line.fifo");
    const publisher = new MessagePublisher({ backend });
    const big = Note("x".repeat(1_048_576));
    const results = await publisher.publishAll([
      { event: Note("good"), queue: "plain" },
      { event: Note("no group"), queue: "line.fifo" },
      { event: big, queue: "plain" },
      { event: Note("bad name"), queue: "plain", attributes: { "a b": 1 } },
      { event: Note("dedup"), queue: "plain", deduplicationId: "d" },
      { event: Note("delay"), queue: "line.fifo", group: "g", delayMs: 1 },
      { event: Note("nobody"), queue: "missing" },
      { event: Note("also good"), queue: "line.fifo", group: "g" },
    ]);
    assertEquals(codes(results), [
      "ok",
      "INVALID_MESSAGE",
      "INVALID_MESSAGE",
      "INVALID_MESSAGE",
      "INVALID_MESSAGE",
      "INVALID_MESSAGE",
      "NOT_FOUND",
      "ok",
    ]);
    const [, group, size] = results;
    assertMatch(group?.ok === false ? group.error.message : "", /needs a message group/);
    assertMatch(size?.ok === false ? size.error.message : "", /at most 1048576 bytes/);
    await backend.close();
  });

  it("tells where data violates its schema, never what it was, and gives no cause", async () => {
    const { publisher, backend } = setUp();
    const secret = "4111-1111";
    const bad = Order({ id: "o-1", lines: [{ price: 1 }, { price: secret as unknown as number }] });
    const error = await assertRejects(() => publisher.publish(bad), MelangeError);
    assertEquals([error.code, error.cause, backend.calls], ["INVALID_EVENT", undefined, []]);
    assertMatch(error.message, /"Order".* at lines\.1\.price \(expected number\)$/);
    assert(!`${error.stack}`.includes(secret));
  });

  it("sends the input of a schema, not its output", async () => {
    const { publisher, backend } = setUp();
    const Measured = defineEvent("Measured", {
      topic: "t",
      schema: v.object({ value: v.pipe(v.string(), v.transform(Number)) }),
    });
    await publisher.publish(Measured({ value: "5" }));
    assertEquals(backend.sent, [[{ value: "5" }]]);
  });

  it("does not check an event that was put together by hand", async () => {
    const { publisher, backend } = setUp();
    await publisher.publish({
      type: "Order",
      topic: "t",
      data: "?",
      id: "e",
      occurredOn: new Date(),
    });
    assertEquals(backend.sent, [["?"]]);
  });

  it("publishes a received event again, with its id", async () => {
    const { publisher, backend } = setUp();
    const received: Event[] = [];
    const dispatcher = new Dispatcher();
    dispatcher.subscribe(Order, (event) => void received.push(event));
    const sent = Order({ id: "o-1", lines: [] }, { correlationId: "c" });
    await publisher.publish(sent);
    const { body, attributes } = backend.calls[0]!.messages[0]!;
    const message: ReceivedMessage = {
      id: "m",
      body,
      attributes,
      sentAt: new Date(0),
      attempt: 1,
    };
    await dispatch(dispatcher, message, { queue: "q" });
    await publisher.publish(received[0]!);
    await publisher.publish(derive(received[0]!, { topic: "audit" }));
    assertEquals(backend.calls[1]?.messages, backend.calls[0]?.messages);
    assertEquals(backend.calls[1]?.destination, { topic: "orders" });
    assertEquals(backend.calls[2]?.destination, { topic: "audit" });
  });

  it("refuses a received event whose schema has changed it beyond recognition", async () => {
    const { publisher, backend } = setUp();
    const At = defineEvent("At", {
      topic: "t",
      schema: v.object({ at: v.pipe(v.string(), v.transform((text) => new Date(text))) }),
    });
    const decoded = derive(At({ at: new Date(0) as unknown as string }), {});
    const error = await assertRejects(() => publisher.publish(decoded), MelangeError);
    assertEquals([error.code, backend.calls], ["INVALID_EVENT", []]);
    assertMatch(error.message, /at at$/);
  });
});

describe("publish() on failure", () => {
  it("tries again what may still succeed, at growing distances", async () => {
    const { publisher, backend, clock } = setUp({
      steps: [answer(passing()), fail(passing("OUTCOME_UNKNOWN")), answer(passing())],
    });
    const published = outcome(publisher.publish(Note("a")));
    await clock.advance(349);
    assertEquals(backend.calls.length, 3);
    await clock.advance(1);
    assertEquals([await published, backend.calls.length], ["ok", 4]);
  });

  it("waits as long as the service asks", async () => {
    const { publisher, backend, clock } = setUp({
      steps: [fail(passing("THROTTLED", { retryAfterMs: 5_000 }))],
    });
    const published = outcome(publisher.publish(Note("a")));
    await clock.advance(4_999);
    assertEquals(backend.calls.length, 1);
    await clock.advance(1);
    assertEquals(await published, "ok");
  });

  it("tells stored, refused and unknown apart", async () => {
    const twice = (...steps: Step[]) => ({ steps, retry: { maxAttempts: 2 } });
    const cases: [string, ReturnType<typeof twice>][] = [
      ["ok", twice(fail(passing("OUTCOME_UNKNOWN")))],
      ["THROTTLED", twice(answer(passing()), answer(passing()))],
      ["ACCESS_DENIED", twice(answer(lasting("ACCESS_DENIED")))],
      ["NOT_FOUND", twice(fail(lasting("NOT_FOUND")))],
      ["REFUSED", twice(answer(passing()), answer(lasting("REFUSED")))],
      ["OUTCOME_UNKNOWN", twice(fail(passing("OUTCOME_UNKNOWN")), fail(passing("THROTTLED")))],
      ["OUTCOME_UNKNOWN", twice(fail(passing("OUTCOME_UNKNOWN")), answer(lasting("REFUSED")))],
      ["OUTCOME_UNKNOWN", twice(fail(new TypeError("a bug in the backend")))],
      ["OUTCOME_UNKNOWN", twice(() => [], () => [])],
    ];
    for (const [expected, options] of cases) {
      const { publisher, clock } = setUp(options);
      const published = outcome(publisher.publish(Note("a")));
      await clock.advance(1_000);
      assertEquals([await published, clock.pending], [expected, 0]);
    }
  });

  it("gives up at the deadline", async () => {
    const { publisher, backend, clock } = setUp({
      steps: Array.from({ length: 99 }, () => answer(passing())),
      retry: { maxAttempts: Infinity, deadlineMs: 3_000, maxMs: 1_000 },
    });
    const published = outcome(publisher.publish(Note("a")));
    await clock.advance(3_000);
    assertEquals(await published, "THROTTLED");
    assert(backend.calls.length > 5 && backend.calls.length < 12, `${backend.calls.length} calls`);
  });

  it("does not keep others waiting for an event that is tried again", async () => {
    const { publisher, clock } = setUp({ steps: [answer("ok", passing())] });
    const [a, b] = [publisher.publish(Note("a")), publisher.publish(Note("b"))];
    await clock.advance(0);
    assertEquals(await a, { messageId: 'id of "a"' });
    assertEquals(await outcome(publisher.publish(Note("c"))), "ok");
    await clock.advance(1_000);
    await b;
  });

  it("lets no fault of one event touch those beside it", async () => {
    const { publisher, backend } = setUp({ steps: [answer("ok", lasting("REFUSED"))] });
    const bad = Order({ id: "o" } as never);
    const outcomes = [Note("a"), Note("b"), bad, Note("c")].map((event) =>
      outcome(publisher.publish(event, { topic: "t" }))
    );
    assertEquals(await Promise.all(outcomes), ["ok", "REFUSED", "INVALID_EVENT", "ok"]);
    assertEquals(backend.sent, [["a", "b", "c"]]);
  });
});

describe("publish()", () => {
  it("refuses an attribute without a value", async () => {
    const { publisher } = setUp();
    const refused = (options: object) =>
      outcome(publisher.publish(Note("a"), { queue: "q", ...options } as never));
    assertEquals(await refused({ attributes: { x: undefined } }), "INVALID_MESSAGE");
    assertEquals(await refused({ attributes: { x: null } }), "INVALID_MESSAGE");
  });
});

describe("publishAll()", () => {
  it("refuses one deduplication id for all: FIFO would keep the first only", async () => {
    const { publisher, backend } = setUp();
    const options = { queue: "q.fifo", group: "g", deduplicationId: "same" };
    const publish = () => publisher.publishAll(numbered(2), options as never);
    await assertRejects(publish, TypeError, "each entry");
    assertEquals(backend.calls, []);
  });

  it("gives one result per event, in order, whatever fails", async () => {
    const { publisher, backend, clock } = setUp({
      steps: [answer("ok", lasting("REFUSED"), passing("OUTCOME_UNKNOWN"))],
      retry: { maxAttempts: 3 },
    });
    const bad = Order({ id: 5 } as never, { topic: "notes" });
    const results = publisher.publishAll([Note("a"), Note("b"), bad, Note("c"), 5 as never]);
    await clock.advance(1_000);
    assertEquals(codes(await results), ["ok", "REFUSED", "INVALID_EVENT", "ok", "INVALID_EVENT"]);
    assertEquals(backend.sent, [["a", "b", "c"], ["c"]]);
  });

  it("resolves to nothing for no events, without a request", async () => {
    const { publisher, backend } = setUp();
    assertEquals([await publisher.publishAll([]), backend.calls], [[], []]);
  });

  it("takes as few requests as the counts allow", async () => {
    for (const [events, requests] of [[1, 1], [10, 1], [11, 2], [25, 3], [1_000, 100]] as const) {
      const { publisher, backend } = setUp();
      const results = await publisher.publishAll(numbered(events));
      assertEquals([results.length, backend.calls.length], [events, requests]);
      assertEquals(backend.sent.flat(), numbered(events).map(({ data }) => data));
    }
  });

  it("takes as few requests as the bytes allow", async () => {
    const { publisher, backend } = setUp({ limits: { batchBytes: 3_000 } });
    const sizeOf = (text: string) => {
      const probe = setUp();
      return probe.publisher.publish(Note(text)).then(() =>
        probe.backend.sizeOf(probe.backend.calls[0]!.messages[0]!, { topic: "notes" })
      );
    };
    const overhead = await sizeOf("");
    const filling = (bytes: number) => Note("x".repeat(bytes - overhead));
    await publisher.publishAll([1_000, 1_000, 1_000, 1_000, 2_000, 1_001].map(filling));
    assertEquals(backend.sent.map((batch) => batch.length), [3, 2, 1]);
  });

  it("takes as few requests where a schema is asynchronous", async () => {
    const { publisher, backend } = setUp();
    const Checked = defineEvent("Checked", {
      topic: "t",
      schema: v.pipeAsync(v.string(), v.checkAsync(() => Promise.resolve(true))),
    });
    const results = await publisher.publishAll(Array.from("abcdefghijklmno", (c) => Checked(c)));
    assertEquals([codes(results).filter((code) => code === "ok").length, backend.calls.length], [
      15,
      2,
    ]);
  });

  it("lets an entry differ from the options of the call", async () => {
    const { publisher, backend } = setUp();
    await publisher.publishAll([
      Note("a"),
      { event: Note("b"), topic: "other" },
      { event: Note("c"), delayMs: 5, queue: "q" },
      { event: Note("d"), attributes: { own: 1 } },
      { event: Note("e"), queue: "r" },
    ], { queue: "q", delayMs: 9, attributes: { shared: 1 } });
    const seen = backend.calls.flatMap(({ destination, messages }) =>
      messages.map(({ body, attributes, delayMs }) => [
        JSON.parse(body),
        Object.values(destination)[0],
        delayMs,
        Object.keys(attributes)[0],
      ])
    );
    assertEquals(seen.sort(), [
      ["a", "q", 9, "shared"],
      ["b", "other", undefined, "shared"],
      ["c", "q", 5, "shared"],
      ["d", "q", 9, "own"],
      ["e", "r", undefined, "shared"],
    ]);
  });

  it("takes any iterable, and rejects only if that does", async () => {
    const { publisher, backend, clock } = setUp();
    async function* streamed() {
      for (const event of numbered(3)) yield await Promise.resolve(event);
    }
    assertEquals(codes(await publisher.publishAll(new Set(numbered(2)))), ["ok", "ok"]);
    assertEquals(codes(await publisher.publishAll(streamed())), ["ok", "ok", "ok"]);
    function* broken() {
      yield Note("last");
      throw new Error("no more");
    }
    await assertRejects(() => publisher.publishAll(broken()), Error, "no more");
    await clock.advance(0);
    assertEquals(backend.sent.flat().at(-1), "last");
  });

  it("reports each event that was not sent when the signal aborts, and no neighbour", async () => {
    const held = hang();
    const { publisher, backend } = setUp({ steps: [held], maxInFlight: 1 });
    const controller = new AbortController();
    const other = outcome(publisher.publish(Note("other")));
    const results = publisher.publishAll(numbered(15), { signal: controller.signal });
    await null;
    controller.abort(new Error("enough"));
    const given = await results;
    assertEquals(codes(given), [
      ...Array(9).fill("OUTCOME_UNKNOWN"),
      ...Array(6).fill("REFUSED"),
    ]);
    held.release();
    assertEquals([await other, backend.calls.length], ["ok", 1]);
  });
});

describe("backpressure", () => {
  it("publish() waits for a place where too many have no result", async () => {
    const held = hang();
    const { publisher, backend, clock } = setUp({ steps: [held], maxPending: 2 });
    const outcomes = numbered(5).map((event) => outcome(publisher.publish(event)));
    await clock.advance(0);
    assertEquals(backend.sent, [["0", "1"]]);
    held.release();
    assertEquals(await Promise.all(outcomes), Array(5).fill("ok"));
    assertEquals(backend.sent.flat(), ["0", "1", "2", "3", "4"]);
    assert(backend.sent.every((batch) => batch.length <= 2));
  });

  it("publishAll() takes no more from an iterable than have a place", async () => {
    async function* streamed(events: Iterable<Event>) {
      for (const event of events) yield await Promise.resolve(event);
    }
    for (const asynchronous of [false, true]) {
      const held = hang();
      const { publisher, clock, backend } = setUp({
        steps: [held],
        maxPending: 10,
        maxInFlight: 1,
      });
      let taken = 0;
      const events = countedEvents(1_000, () => taken += 1);
      const results = publisher.publishAll(asynchronous ? streamed(events) : events);
      await clock.advance(1_000);
      assert(taken >= 10 && taken <= 11, `took ${taken}`);
      held.release();
      await clock.advance(0);
      assertEquals((await results).length, 1_000);
      assertEquals(backend.sent.flat(), Array.from({ length: 1_000 }, (_, n) => `${n}`));
    }
  });

  it("keeps the order of the calls, also of those that wait", async () => {
    const { publisher, backend, clock } = setUp({ maxPending: 2, maxInFlight: 1 });
    let n = 0;
    const next = (): Promise<unknown> => publisher.publish(Note(`${n++}`));
    const chains = Array.from({ length: 7 }, async () => {
      for (let i = 0; i < 20; i++) {
        await next();
        for (let turn = 0; turn < i; turn++) await null;
      }
    });
    await clock.advance(0);
    await Promise.all(chains);
    assertEquals(backend.sent.flat(), Array.from({ length: 140 }, (_, n) => `${n}`));
  });

  it("lets no more requests to one destination go at once than it may", async () => {
    for (const maxInFlight of [undefined, 1, 3]) {
      const { publisher, backend } = setUp(maxInFlight === undefined ? {} : { maxInFlight });
      await publisher.publishAll(numbered(500));
      assertEquals([backend.open.most, backend.calls.length], [maxInFlight ?? 8, 50]);
    }
  });

  it("frees the place of an event that gives up while it waits, and no other", async () => {
    const held = hang();
    const { publisher, backend, clock } = setUp({ steps: [held], maxPending: 1 });
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const first = outcome(publisher.publish(Note("a")));
    const given = ["b", "c", "d"].map((data) =>
      outcome(publisher.publish(Note(data), { signal: controller.signal }))
    );
    const last = outcome(publisher.publish(Note("e")));
    await clock.advance(0);
    controller.abort("enough");
    assertEquals([...await Promise.all(given), listeners.now], [
      ...Array(3).fill("reason enough"),
      0,
    ]);
    await clock.advance(100);
    assertEquals(backend.sent, [["a"]]);
    held.release();
    assertEquals([await first, await last], ["ok", "ok"]);
  });

  it("remembers no destinations that have nothing to do", async () => {
    const { publisher, backend } = setUp();
    let reads = 0;
    const { limits } = backend;
    Object.defineProperty(backend, "limits", {
      get() {
        reads += 1;
        return limits;
      },
    });
    for (const topic of ["a", "b", "c", "a", "b", "c"]) {
      await publisher.publish(Note("x"), { topic });
    }
    assertEquals(reads, 6, "once for each time that it is not remembered");
  });
});

describe("lingerMs", () => {
  it("lets events of several turns share a request", async () => {
    const { publisher, backend, clock } = setUp({ lingerMs: 50 });
    const published = [outcome(publisher.publish(Note("a")))];
    await clock.advance(49);
    published.push(outcome(publisher.publish(Note("b"))));
    assertEquals(backend.calls.length, 0);
    await clock.advance(1);
    assertEquals(await Promise.all(published), ["ok", "ok"]);
    assertEquals([backend.sent, clock.pending], [[["a", "b"]], 0]);
  });

  it("does not hold back a full batch", async () => {
    const { publisher, backend } = setUp({ lingerMs: 50 });
    await publisher.publishAll(numbered(20));
    assertEquals(backend.calls.length, 2);
  });

  it("keeps destinations apart", async () => {
    const { publisher, backend, clock } = setUp({ lingerMs: 50 });
    const published = ["x", "y", "x"].map((topic) => publisher.publish(Note(topic), { topic }));
    await clock.advance(50);
    await Promise.all(published);
    assertEquals(backend.sent, [["x", "x"], ["y"]]);
  });
});

describe("eager", () => {
  it("false lets a lone event leave at once, and those behind it share the next request", async () => {
    const first = hang();
    const { publisher, backend, clock } = setUp({ steps: [first] });
    const published = [publisher.publish(Note("a"))];
    await clock.advance(0);
    assertEquals(backend.sent, [["a"]]);
    for (const data of ["b", "c", "d"]) {
      published.push(publisher.publish(Note(data)));
      await clock.advance(1);
    }
    assertEquals(backend.calls.length, 1);
    first.release();
    await Promise.all(published);
    assertEquals([backend.sent, clock.pending], [[["a"], ["b", "c", "d"]], 0]);
  });

  it("false holds back neither full requests nor what is left over of them", async () => {
    const { publisher, backend } = setUp({ steps: [hang(), hang(), hang()] });
    void publisher.publishAll(numbered(25));
    await Promise.resolve();
    assertEquals(backend.sent.map((batch) => batch.length), [10, 10, 5]);
    void publisher.publishAll(numbered(11));
    await Promise.resolve();
    assertEquals(backend.sent.map((batch) => batch.length), [10, 10, 5, 10]);
  });

  it("false waits 100 ms at the most for an answer that does not come", async () => {
    const { publisher, backend, clock } = setUp({ steps: [hang(), hang()] });
    void publisher.publish(Note("hung"));
    await clock.advance(40);
    void publisher.publish(Note("b"));
    await clock.advance(59);
    assertEquals(backend.sent, [["hung"]]);
    await clock.advance(1);
    assertEquals(backend.sent, [["hung"], ["b"]]);
    void publisher.publish(Note("c"));
    await clock.advance(99);
    assertEquals(backend.calls.length, 2, "the second holds up a third");
    await clock.advance(1);
    assertEquals(backend.sent, [["hung"], ["b"], ["c"]]);
  });

  it("false does not wait for what is tried again, only for its first answer", async () => {
    const { publisher, backend, clock } = setUp({ steps: [answer(passing())] });
    const failing = publisher.publish(Note("a"));
    await clock.advance(1);
    await publisher.publish(Note("b"));
    assertEquals(backend.sent, [["a"], ["b"]]);
    await clock.advance(1_000);
    await failing;
    assertEquals(backend.sent, [["a"], ["b"], ["a"]]);
  });

  it("false keeps destinations apart", async () => {
    const { publisher, backend, clock } = setUp({ steps: [hang()] });
    void publisher.publish(Note("a"), { topic: "x" });
    await clock.advance(0);
    await publisher.publish(Note("b"), { topic: "y" });
    assertEquals(backend.sent, [["a"], ["b"]]);
  });

  it("true lets each event leave at once, as far as requests may be under way", async () => {
    const { publisher, backend, clock } = setUp({ steps: [hang(), hang()], eager: true });
    for (const data of ["a", "b"]) {
      void publisher.publish(Note(data));
      await clock.advance(0);
    }
    assertEquals([backend.sent, clock.pending], [[["a"], ["b"]], 0]);
  });

  for (const [eager, requests] of [[true, 200], [false, 101]] as const) {
    it(`${eager} takes ${requests} requests for 200 events in a second, each 10 ms under way`, async () => {
      const { publisher, backend, clock } = setUp({ eager });
      const send = backend.send.bind(backend);
      backend.send = (...call) =>
        new Promise((resolve) => clock.after(10, () => resolve(send(...call))));
      const published = [];
      for (let at = 0; at < 200; at++) {
        published.push(publisher.publish(Note(`${at}`)));
        await clock.advance(5);
      }
      await clock.advance(20);
      await Promise.all(published);
      assertEquals(backend.calls.length, requests);
      assertEquals(backend.sent.flat(), Array.from({ length: 200 }, (_, at) => `${at}`));
    });
  }
});

describe("signal", () => {
  it("rejects with its reason before anything is done, if it has aborted", async () => {
    const { publisher, backend, clock } = setUp();
    const reason = new Error("before");
    const signal = AbortSignal.abort(reason);
    const { Slow, checks } = slowEvent();
    const error = await assertRejects(() => publisher.publish(Slow("a"), { signal }));
    assertStrictEquals(error, reason);
    await clock.advance(100);
    assertEquals([backend.calls, checks], [[], []]);
  });

  it("takes back what waits for its batch, and leaves no timer", async () => {
    const { publisher, backend, clock } = setUp({ lingerMs: 50 });
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const published = outcome(publisher.publish(Note("a"), { signal: controller.signal }));
    await clock.advance(10);
    controller.abort("enough");
    assertEquals([await published, clock.pending, listeners.now], ["reason enough", 0, 0]);
    await publisher.close();
    assertEquals(backend.calls, []);
  });

  it("leaves the neighbours of what it takes back in their batch", async () => {
    const { publisher, backend, clock } = setUp({ lingerMs: 50 });
    const controller = new AbortController();
    const { signal } = controller;
    const outcomes = [
      publisher.publish(Note("a")),
      publisher.publish(Note("b"), { signal }),
      publisher.publish(Note("c"), { signal: new AbortController().signal }),
    ].map(outcome);
    controller.abort("enough");
    await clock.advance(50);
    assertEquals(await Promise.all(outcomes), ["ok", "reason enough", "ok"]);
    assertEquals(backend.sent, [["a", "c"]]);
  });

  it("rejects with OUTCOME_UNKNOWN on the wire, and does not cancel the batch", async () => {
    const held = hang();
    const { publisher, backend, clock } = setUp({ steps: [held] });
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const mine = outcome(publisher.publish(Note("a"), { signal: controller.signal }));
    const other = outcome(publisher.publish(Note("b")));
    await clock.advance(0);
    controller.abort("enough");
    assertEquals([await mine, listeners.now], ["OUTCOME_UNKNOWN", 0]);
    held.release();
    assertEquals([await other, backend.calls.length], ["ok", 1]);
  });

  it("ends a batch that all its callers have given up, with what it waits for", async () => {
    const { publisher, backend, clock } = setUp({
      steps: [hang(), answer(passing(), passing())],
    });
    for (const topic of ["hung", "failing"]) {
      const [mine, other] = [new AbortController(), new AbortController()];
      const outcomes = [mine, other].map(({ signal }) =>
        outcome(publisher.publish(Note(topic), { topic, signal }))
      );
      const listeners = countListeners(mine.signal);
      await clock.advance(10);
      mine.abort();
      assertEquals([backend.calls.at(-1)?.signal?.aborted, await outcomes[0]], [
        false,
        "OUTCOME_UNKNOWN",
      ]);
      other.abort();
      assertEquals([backend.calls.at(-1)?.signal?.aborted, await outcomes[1]], [
        true,
        "OUTCOME_UNKNOWN",
      ]);
      assertEquals(listeners.now, 0);
    }
    await publisher.close();
    await clock.advance(100);
    assertEquals(clock.pending, 0, "nobody waits for the batch that hangs");
    await clock.advance(60_000);
    assertEquals(backend.calls.length, 2);
  });

  it("does not end a batch in which somebody still waits, only when nobody does", async () => {
    const { publisher, backend, clock } = setUp({
      steps: [answer(passing(), passing()), answer(passing(), "ok")],
    });
    const controller = new AbortController();
    const mine = outcome(publisher.publish(Note("a"), { signal: controller.signal }));
    const other = outcome(publisher.publish(Note("b")));
    await clock.advance(10);
    controller.abort();
    assertEquals(backend.calls[0]?.signal?.aborted, false);
    await clock.advance(100);
    assertEquals([await mine, await other], ["OUTCOME_UNKNOWN", "ok"]);
    await clock.advance(60_000);
    assertEquals([backend.sent, clock.pending], [[["a", "b"], ["a", "b"]], 0]);
  });

  it("rejects with its reason while the data is still being checked", async () => {
    const { Slow, checks } = slowEvent();
    const { publisher, backend, clock } = setUp();
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const { signal } = controller;
    const outcomes = [
      outcome(publisher.publish(Slow("a"), { signal })),
      outcome(publisher.publish(Note("b"), { signal })),
      outcome(publisher.publish(Note("c"))),
    ];
    await clock.advance(0);
    controller.abort("enough");
    assertEquals(await Promise.all(outcomes), ["reason enough", "reason enough", "ok"]);
    checks[0]?.();
    await clock.advance(0);
    assertEquals([backend.sent, listeners.now], [[["c"]], 0]);
  });

  it("gives up many that wait behind one whose data is being checked, and sends none of them", async () => {
    const { publisher, backend, clock } = setUp();
    const { Slow, checks } = slowEvent();
    const controller = new AbortController();
    const { signal } = controller;
    const given = [Slow("a"), ...numbered(10)].map((event) =>
      outcome(publisher.publish(event, { signal }))
    );
    const last = outcome(publisher.publish(Note("last")));
    await clock.advance(0);
    assertEquals([checks.length, backend.calls.length], [1, 0]);
    controller.abort("enough");
    assertEquals(await Promise.all(given), Array(11).fill("reason enough"));
    assertEquals([await last, backend.sent], ["ok", [["last"]]]);
  });

  it("is left without listeners, however long it lives", async () => {
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const { Slow, checks } = slowEvent();
    const { publisher, clock } = setUp({
      steps: [answer(passing()), answer(lasting("REFUSED"))],
      maxPending: 3,
    });
    const outcomes = [
      ...numbered(20),
      Slow("slow"),
      Order({} as never),
      Note("last"),
    ].map((event) => outcome(publisher.publish(event, { signal, topic: "notes" })));
    await clock.advance(1_000);
    checks[0]?.();
    await clock.advance(1_000);
    await Promise.all(outcomes);
    assert(listeners.added > 20);
    assertEquals(listeners.now, 0);
  });
});

describe("flush() and close()", () => {
  it("flush() sends what lingers, and resolves when it has its result", async () => {
    const { publisher, backend, clock } = setUp({ lingerMs: 60_000 });
    const results = publisher.publishAll(numbered(13));
    await publisher.flush();
    assertEquals([backend.calls.length, clock.now(), clock.pending], [2, 0, 0]);
    assertEquals((await results).length, 13);
  });

  it("flush() waits for events that are still being checked, and hurries them too", async () => {
    const { Slow, checks } = slowEvent();
    const { publisher, backend, clock } = setUp({ lingerMs: 60_000 });
    const published = outcome(publisher.publish(Slow("a")));
    let flushed = false;
    void publisher.flush().then(() => flushed = true);
    await clock.advance(100);
    assertEquals([flushed, backend.calls.length], [false, 0]);
    checks[0]?.();
    await clock.advance(0);
    assertEquals([flushed, backend.sent, await published], [true, [["a"]], "ok"]);
  });

  it("flush() waits for events that wait for a place, and for retries", async () => {
    const { publisher, backend, clock } = setUp({
      lingerMs: 60_000,
      maxPending: 1,
      steps: [answer(passing())],
    });
    const outcomes = numbered(3).map((event) => outcome(publisher.publish(event)));
    const flushed = publisher.flush();
    await clock.advance(1_000);
    await flushed;
    assertEquals(await Promise.all(outcomes), ["ok", "ok", "ok"]);
    assertEquals(backend.sent, [["0"], ["0"], ["1"], ["2"]]);
  });

  it("flush() never rejects, and lingering goes on after it", async () => {
    const { publisher, backend, clock } = setUp({
      lingerMs: 50,
      steps: [answer(lasting("REFUSED"))],
    });
    const refused = outcome(publisher.publish(Note("a")));
    await publisher.flush();
    assertEquals(await refused, "REFUSED");
    const published = outcome(publisher.publish(Note("b")));
    await clock.advance(49);
    assertEquals(backend.calls.length, 1);
    await clock.advance(1);
    assertEquals(await published, "ok");
  });

  it("flush() does not wait for what is published after it was called", async () => {
    const held = hang();
    const { publisher, clock } = setUp({
      steps: [undefined, held].map((step) => step ?? answer()),
    });
    void publisher.publish(Note("a"));
    let flushed = false;
    void publisher.flush().then(() => flushed = true);
    const later = outcome(publisher.publish(Note("b"), { topic: "other" }));
    await clock.advance(0);
    assertEquals(flushed, true);
    held.release();
    await later;
  });

  it("close() delivers or reports everything, hung sends included", async () => {
    const held = hang(answer("ok", lasting("REFUSED")));
    const { Slow, checks } = slowEvent("other");
    const { publisher, backend, clock } = setUp({ steps: [held], lingerMs: 1_000, maxPending: 3 });
    const outcomes = [Note("a"), Note("b"), Slow("c"), Note("d")].map((event) =>
      outcome(publisher.publish(event))
    );
    let closed = false;
    void publisher.close().then(() => closed = true);
    await clock.advance(100);
    assertEquals(closed, false);
    held.release();
    await clock.advance(0);
    assertEquals(closed, false);
    checks[0]?.();
    await clock.advance(0);
    assertEquals(await Promise.all(outcomes), ["ok", "REFUSED", "ok", "ok"]);
    assertEquals([closed, backend.sent.flat().sort(), clock.pending], [true, [..."abcd"], 0]);
  });

  it("close() lets nothing more in, and tells so", async () => {
    const { publisher, backend } = setUp();
    await publisher.close();
    await publisher.close();
    assertEquals(await outcome(publisher.publish(Note("a"))), "CLOSED");
    assertEquals(codes(await publisher.publishAll(numbered(2))), ["CLOSED", "CLOSED"]);
    assertEquals(backend.calls, []);
  });

  it("close() in the middle of publishAll() loses no result", async () => {
    const held = hang();
    const { publisher, backend, clock } = setUp({ steps: [held], maxPending: 10 });
    const results = publisher.publishAll(numbered(30));
    await clock.advance(0);
    const closed = publisher.close();
    held.release();
    await closed;
    const given = codes(await results);
    const stored = given.filter((code) => code === "ok").length;
    assertEquals(given.length, 30);
    assertEquals(given.filter((code) => code === "CLOSED").length, 30 - stored);
    assertEquals(backend.sent.flat().length, stored);
    assert(stored >= 10);
  });

  it("Symbol.asyncDispose closes", async () => {
    const { publisher } = setUp();
    await publisher[Symbol.asyncDispose]();
    assertEquals(await outcome(publisher.publish(Note("a"))), "CLOSED");
  });
});

describe("what never settles while an event is prepared", () => {
  const never = () => new Promise<never>(() => {});
  const stuck = (topic: string) =>
    defineEvent("Stuck", {
      topic,
      group: () => "g",
      schema: {
        "~standard": { version: 1, vendor: "test", validate: (): Promise<never> => never() },
      },
    });

  for (const topic of ["notes", "notes.fifo"]) {
    it(`holds others up for the deadline of a publish, and no longer (${topic})`, async () => {
      const { publisher, backend, clock } = setUp();
      const options = { topic, group: "g" };
      const first = outcome(publisher.publish(Note("a"), options));
      const held = outcome(publisher.publish(stuck(topic)("b")));
      const next = outcome(publisher.publish(Note("c"), options));
      const elsewhere = outcome(publisher.publish(Note("d"), { queue: "elsewhere" }));
      await clock.advance(59_999);
      assertEquals([await first, await elsewhere], ["ok", "ok"]);
      assertEquals(backend.sent, [["a"], ["d"]]);
      await clock.advance(1);
      assertEquals([await held, await next, clock.pending], ["TIMEOUT", "ok", 0]);
      assertEquals(backend.sent, [["a"], ["d"], ["c"]]);
    });
  }

  it("is told as not sent, and what it was", async () => {
    const { publisher, clock } = setUp({ retry: { deadlineMs: 5_000 } });
    const publishing = assertRejects(() => publisher.publish(stuck("t")("b")), MelangeError);
    await clock.advance(5_000);
    const { code, message, retryable } = await publishing;
    assertEquals([code, retryable], ["TIMEOUT", false]);
    assertMatch(message, /^Cannot publish "Stuck" as no answer came in time$/);
  });

  it("does not keep close() and flush() waiting for ever", async () => {
    for (const end of ["close", "flush"] as const) {
      const { publisher, clock } = setUp();
      const results = publisher.publishAll([stuck("notes")("a"), Note("b")]);
      let ended = false;
      const ending = publisher[end]().then(() => ended = true);
      await clock.advance(59_999);
      assertEquals(ended, false);
      await clock.advance(1);
      await ending;
      assertEquals(codes(await results), ["TIMEOUT", "ok"]);
    }
  });

  it("gives its place among those without a result back", async () => {
    const { publisher, clock } = setUp({ maxPending: 2 });
    const held = [1, 2].map(() => outcome(publisher.publish(stuck("t")("a"))));
    const next = outcome(publisher.publish(Note("b")));
    await clock.advance(60_000);
    assertEquals([await Promise.all(held), await next], [["TIMEOUT", "TIMEOUT"], "ok"]);
  });

  it("has its own time, not that of the events it waited for", async () => {
    const { Slow, checks } = slowEvent();
    const { publisher, clock } = setUp({ maxPending: 1 });
    const held = outcome(publisher.publish(stuck("t")("a")));
    const slow = outcome(publisher.publish(Slow("b")));
    await clock.advance(60_000);
    await clock.advance(59_999);
    checks[0]!();
    await clock.advance(0);
    assertEquals([await held, await slow, clock.pending], ["TIMEOUT", "ok", 0]);
  });

  it("has a second at least: without retries, a schema may take its time all the same", async () => {
    const { Slow, checks } = slowEvent();
    const { publisher, clock } = setUp({ retry: { deadlineMs: 0 } });
    const slow = outcome(publisher.publish(Slow("a")));
    await clock.advance(999);
    checks[0]!();
    await clock.advance(0);
    assertEquals(await slow, "ok");
    const held = outcome(publisher.publish(stuck("t")("b")));
    await clock.advance(1_000);
    assertEquals(await held, "TIMEOUT");
  });

  it("leaves neither timer nor listener behind when it is given up", async () => {
    const { publisher, clock } = setUp();
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const { signal } = controller;
    const held = outcome(publisher.publish(stuck("t")("a"), { signal }));
    await clock.advance(10);
    controller.abort("enough");
    assertEquals([await held, clock.pending], ["reason enough", 0]);
    const other = new AbortController();
    const others = countListeners(other.signal);
    const late = outcome(publisher.publish(stuck("t")("a"), { signal: other.signal }));
    await clock.advance(60_000);
    assertEquals([await late, listeners.now, others.now], ["TIMEOUT", 0, 0]);
  });

  it("is refused at once where there is nothing to wait for: a serializer that rejects, a group", async () => {
    for (const format of ["plain", "melange", "cloudevents"] as const) {
      const serialize = () => Promise.reject(new Error("s3cret"));
      const serializers = new SerializerRegistry({
        byType: { Note: { id: 9, deserialize: String, serialize } },
      });
      const { publisher, backend } = setUp({ serializers, format });
      const published = publisher.publish(Note("a"), { queue: "q" });
      assertEquals([await outcome(published), backend.calls], ["INVALID_EVENT", []]);
    }
    const Grouped = defineEvent("Grouped", {
      topic: "t.fifo",
      schema: typed<string>(),
      group: never as never,
    });
    const { publisher, backend } = setUp();
    const [grouped, next] = await publisher.publishAll([Grouped("a"), Note("b")]);
    assertEquals(codes([grouped!, next!]), ["INVALID_MESSAGE", "ok"]);
    assertEquals(backend.sent, [["b"]]);
  });
});
