import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { stub } from "@std/testing/mock";
import { dispatch } from "../../../src/handle/dispatch.ts";
import { Dispatcher, type DispatcherOptions } from "../../../src/handle/dispatcher.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { defineEvent, type Event, typed } from "../../../src/event/event.ts";
import { deadLetterCopy, deadLetterFactsOf } from "../../../src/wire/dead_letter.ts";
import { openEnvelope } from "../../../src/wire/sns_envelope.ts";
import { encode, type EncodeOptions, read } from "../../../src/wire/format.ts";
import type { Format } from "../../../src/wire/packed.ts";
import type { Attributes, OutgoingMessage, ReceivedMessage } from "../../../src/wire/message.ts";
import type { Serializer } from "../../../src/wire/serializer.ts";
import { SerializerRegistry } from "../../../src/wire/serializer_registry.ts";

const Order = defineEvent("Order", { topic: "orders", schema: typed<unknown>(), version: 3 });
const FORMATS: Format[] = ["plain", "melange", "cloudevents"];
const lines: Serializer = {
  id: 7,
  serialize: (data) => (data as string[]).join("\n"),
  deserialize: (text) => text.split("\n"),
};
const serializers = new SerializerRegistry({ byType: { Lines: lines } });
const SENT_AT = new Date("2026-01-02T03:04:05Z");

function orderOf(data: unknown): Event {
  return Order(data, {
    id: "e-1",
    occurredOn: new Date("2026-01-01T00:00:00.123Z"),
    correlationId: "c-1",
    causationId: "e-0",
  });
}

function encoded(event: Event, options: Partial<EncodeOptions> = {}): OutgoingMessage {
  return encode(event, { format: "plain", serializers, toQueue: true, ...options });
}

function received(body: string, attributes: Attributes = {}): ReceivedMessage {
  return { id: "m-1", body, attributes, sentAt: SENT_AT, attempt: 1 };
}

/** What arrives where a subscription is not raw. */
function wrapped({ body, attributes }: OutgoingMessage, others: object = {}): ReceivedMessage {
  const MessageAttributes = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      typeof value === "number"
        ? { Type: "Number", Value: String(value) }
        : { Type: "String", Value: value },
    ]),
  );
  return received(JSON.stringify({
    Type: "Notification",
    MessageId: "sns-1",
    TopicArn: "arn:aws:sns:eu-west-1:123456789012:orders",
    Message: body,
    Timestamp: "2026-01-01T00:00:00.000Z",
    SignatureVersion: "1",
    Signature: "c2ln",
    MessageAttributes,
    ...others,
  }));
}

/** All that a reader makes of a message. */
function decoded(message: ReceivedMessage, registry = serializers) {
  const envelope = read(openEnvelope(message));
  return { ...envelope.facts, data: envelope.data(registry, "Order") };
}

/** Why data cannot be read. */
function reasonOf(message: ReceivedMessage): string {
  const envelope = read(openEnvelope(message));
  const error = assertThrows(
    () => envelope.data(serializers, "Order"),
    MelangeError,
  ) as MelangeError;
  assertEquals([error.code, error.cause], ["UNDECODABLE", undefined]);
  return error.message;
}

describe("encode()", () => {
  it("writes the plain format: the data, and three attributes", () => {
    for (const toQueue of [true, false]) {
      const { body, attributes } = encoded(orderOf({ n: 1 }), { toQueue });
      assertEquals(body, '{"n":1}');
      assertEquals(attributes, {
        manifest: "Order",
        serializer_id: 1,
        melange: JSON.stringify({
          id: "e-1",
          on: "2026-01-01T00:00:00.123Z",
          topic: "orders",
          v: 3,
          correlationId: "c-1",
          causationId: "e-0",
        }),
      });
    }
  });

  it("writes the melange format: wrapped for a queue, bare for a topic", () => {
    const event = orderOf({ n: 1 });
    const toQueue = encoded(event, { format: "melange" });
    assertEquals(toQueue.body, '{"Message":"{\\"n\\":1}"}');
    assertEquals(encoded(event, { format: "melange", toQueue: false }).body, '{"n":1}');
    assertEquals(Object.keys(toQueue.attributes), ["manifest", "serializer_id", "melange"]);
  });

  it("writes the cloudevents format: structured JSON, and its content type", () => {
    const { body, attributes } = encoded(orderOf({ n: 1 }), { format: "cloudevents" });
    assertEquals(JSON.parse(body), {
      specversion: "1.0",
      id: "e-1",
      source: "/orders",
      type: "Order",
      time: "2026-01-01T00:00:00.123Z",
      datacontenttype: "application/json",
      correlationid: "c-1",
      causationid: "e-0",
      version: 3,
      data: { n: 1 },
    });
    assertEquals(attributes["content-type"], "application/cloudevents+json");
    assertEquals(Object.keys(attributes).length, 4);
  });

  it("writes CloudEvents of data that is text, and of topics with any name", () => {
    const Lines = defineEvent("Lines", { schema: typed<string[]>() });
    const plain = encoded(Lines(["a", "b"]), { format: "cloudevents" });
    const { data, datacontenttype, source } = JSON.parse(plain.body);
    assertEquals([data, datacontenttype, source], ["a\nb", "text/plain", "/melange"]);
    const arn = "arn:aws:sns:eu-west-1:123456789012:a b";
    const named = encoded(Lines(["a"], { topic: arn }), { format: "cloudevents" });
    assertEquals(JSON.parse(named.body).source, `/${encodeURIComponent(arn)}`);
  });

  it("leaves six attributes to the user in every format, and no more", () => {
    const names = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, n]));
    for (const format of FORMATS) {
      const { attributes } = encoded(orderOf(1), { format, attributes: names(6) });
      assert(Object.keys(attributes).length <= 10);
      assertThrows(
        () => encoded(orderOf(1), { format, attributes: names(7) }),
        MelangeError,
        "at most 6",
      );
    }
  });

  it("refuses an attribute with a name of ours", () => {
    for (const name of ["manifest", "serializer_id", "melange", "content-type"]) {
      const error = assertThrows(
        () => encoded(orderOf(1), { attributes: { [name]: "mine" } }),
        MelangeError,
        `"${name}" is taken`,
      ) as MelangeError;
      assertEquals(error.code, "INVALID_MESSAGE");
    }
  });

  it("refuses data that cannot be serialized, without quoting it", () => {
    const data = { toJSON: () => JSON.parse("s3cret") };
    const error = assertThrows(() => encoded(orderOf(data)), MelangeError) as MelangeError;
    assertEquals([error.code, error.cause], ["INVALID_EVENT", undefined]);
    assert(!`${error.message}${error.stack}`.includes("s3cret"));
  });
});

describe("read()", () => {
  const values = [
    { n: 1, deep: [{ ü: "\u{1F600}\n\"'<&>" }] },
    [],
    "text",
    "",
    0,
    null,
    false,
    { Message: "hello" },
    { Type: "Notification", TopicArn: "a", MessageId: "b", Message: "c" },
    { event_type_name: "Other", topic: "t", occurred_on: "2020-01-01" },
    { specversion: "1.0", id: "x", source: "/y", type: "Other", data: 1 },
    { text: "\ud800" },
  ];

  for (const format of FORMATS) {
    it(`gives back what was written as ${format}, whatever it looks like, by every way`, () => {
      for (const value of values) {
        const event = { ...orderOf(value) };
        const toQueue = encoded(event, { format });
        const toTopic = encoded(event, { format, toQueue: false });
        const arrivals = [
          received(toQueue.body, toQueue.attributes),
          received(toTopic.body, toTopic.attributes),
          wrapped(toTopic),
        ];
        for (const arrival of arrivals) assertEquals<unknown>(decoded(arrival), event);
      }
    });
  }

  it("finds the serializer by the id that came along", () => {
    const Lines = defineEvent("Lines", { schema: typed<string[]>() });
    for (const format of FORMATS) {
      for (const toQueue of [true, false]) {
        const { body, attributes } = encoded(Lines(["a", "b"]), { format, toQueue });
        assertEquals(decoded(received(body, attributes)).data, ["a", "b"]);
        assertEquals(decoded(wrapped({ body, attributes })).data, ["a", "b"]);
      }
    }
  });

  it("reads what Python's Melange sent to a queue and to a topic", () => {
    const attributes = { manifest: "Order", serializer_id: 1 };
    const expected = { type: "Order", id: "m-1", occurredOn: SENT_AT, data: { n: 1 } };
    const queued = received('{"Message": "{\\"n\\": 1}"}', attributes);
    assertEquals<unknown>(decoded(queued), expected);
    const published = wrapped({ body: '{"n": 1}', attributes });
    assertEquals<unknown>(decoded(published), { ...expected, id: "sns-1" });
    const text = { manifest: "Order", serializer_id: { type: "Number", value: "1" } };
    assertEquals<unknown>(decoded(received('{"Message": "{\\"n\\": 1}"}', text)), expected);
  });

  it("takes only a single Message for a wrapper", () => {
    const attributes = { manifest: "Order", serializer_id: 1 };
    for (const body of ['{"Message":"1","other":2}', '{"Message":1}', '{"message":"1"}']) {
      assertEquals(decoded(received(body, attributes)).data, JSON.parse(body));
    }
  });

  it("leaves the Message of others alone: without the marks of Melange, and in a copy of it", () => {
    const facts = { reason: "x", queue: "q", attempts: 1 };
    for (const attributes of [{}, { manifest: "Order" }, { serializer_id: 1 }, { type: "x" }]) {
      const message = received('{"Message":"123"}', attributes);
      const copy = { ...message, ...deadLetterCopy(message, facts, 1_000_000) };
      for (const each of [message, copy]) {
        assertEquals(decoded(each).data, { Message: "123" }, JSON.stringify(attributes));
      }
    }
  });

  it("reads what Melange 6 sent to a queue and to a topic, also after a dead-letter queue", () => {
    const attributes = { event_type: "Order" };
    const expected = { type: "Order", id: "m-1", occurredOn: SENT_AT, data: { n: 1 } };
    const queued = received('{"Message": "{\\"n\\": 1}"}', attributes);
    assertEquals<unknown>(decoded(queued), expected);
    const published = wrapped({ body: '{"n": 1}', attributes });
    assertEquals<unknown>(decoded(published), { ...expected, id: "sns-1" });
    const copy = deadLetterCopy(queued, { reason: "x", queue: "q", attempts: 1 }, 1_000_000);
    assertEquals<unknown>(decoded({ ...queued, ...copy }), expected);
  });

  it("finds no type in the manifest of Python's serializer for JSON, which is always the same", () => {
    for (const attributes of [{ manifest: "json", serializer_id: 1 }, { event_type: "json" }]) {
      const queued = received('{"Message": "{\\"n\\": 1}"}', attributes);
      const copy = deadLetterCopy(queued, { reason: "x", queue: "q", attempts: 1 }, 1_000_000);
      for (const message of [queued, { ...queued, ...copy }]) {
        const { type, data } = decoded(message);
        assertEquals([type, data], [undefined, { n: 1 }]);
      }
    }
    const Json = defineEvent("json", { schema: typed<number>() });
    const { body, attributes } = encoded(Json(5));
    assertEquals(decoded(received(body, attributes)).type, "json");
  });

  it("reads the first Melange, bare and in an envelope", () => {
    const body = JSON.stringify({
      event_type_name: "Order",
      topic: "orders",
      occurred_on: "2020-05-06T07:08:09Z",
      n: 1,
    });
    const expected = {
      type: "Order",
      topic: "orders",
      occurredOn: new Date("2020-05-06T07:08:09Z"),
      data: { n: 1 },
    };
    assertEquals<unknown>(decoded(received(body)), { ...expected, id: "m-1" });
    const enveloped = wrapped({ body, attributes: {} });
    assertEquals<unknown>(decoded(enveloped), { ...expected, id: "sns-1" });
    const odd = received('{"event_type_name":"Order","occurred_on":"soon","topic":5}');
    assertEquals<unknown>(decoded(odd), {
      type: "Order",
      id: "m-1",
      occurredOn: SENT_AT,
      data: {},
    });
  });

  it("reads CloudEvents of others, by their content type and by their looks", () => {
    const cloudEvent = {
      specversion: "1.0",
      id: "ce-1",
      source: "/shop",
      type: "com.example.order",
      time: "2020-05-06T07:08:09Z",
      data: { n: 1 },
    };
    const body = JSON.stringify(cloudEvent);
    const expected = {
      type: "com.example.order",
      id: "ce-1",
      occurredOn: new Date("2020-05-06T07:08:09Z"),
      cloudEvent: { source: "/shop" },
      data: { n: 1 },
    };
    assertEquals<unknown>(decoded(received(body)), expected);
    const attributes = { "content-type": "Application/CloudEvents+JSON; charset=utf-8" };
    assertEquals<unknown>(decoded(received(body, attributes)), expected);
    assertEquals<unknown>(decoded(wrapped({ body, attributes: {} })), expected);
    const text = JSON.stringify({ ...cloudEvent, data: "<a/>", datacontenttype: "text/xml" });
    assertEquals(decoded(received(text)).data, "<a/>");
  });

  it("names no type where the message does not", () => {
    for (const body of ['{"n":1}', "5", "[]", "hello", "", '{"type":"Order"}']) {
      const { facts } = read(received(body));
      assertEquals(facts, { type: undefined, id: "m-1", occurredOn: SENT_AT });
    }
    assertEquals(decoded(received('{"n":1}')).data, { n: 1 });
  });

  it("never runs pickle, and says what it was", () => {
    const attributes = { manifest: "Order", serializer_id: 2 };
    const body = "cos\nsystem\n(S'true'\ntR.";
    for (const arrival of [received(body, attributes), wrapped({ body, attributes })]) {
      assertMatch(reasonOf(arrival), /Python's pickle, which is never executed/);
    }
  });

  it("tells which serializer is missing, and never what was in the body", () => {
    const attributes = { manifest: "Order", serializer_id: 42 };
    assertMatch(reasonOf(received("s3cret", attributes)), /id 42 is registered: add it/);
    assertMatch(reasonOf(received("s3cret{", { manifest: "Order" })), /body is not JSON$/);
    assertMatch(
      reasonOf(received('{"Message":"s3cret{"}', { manifest: "O", serializer_id: 1 })),
      /is not JSON$/,
    );
    const strict = new SerializerRegistry({
      serializers: [{
        id: 9,
        serialize: String,
        deserialize: (text) => {
          throw new Error(text);
        },
      }],
    });
    const envelope = read(received("s3cret", { manifest: "Order", serializer_id: 9 }));
    const error = assertThrows(() => envelope.data(strict, "Order"), MelangeError) as MelangeError;
    assertMatch(error.message, /the serializer 9 refused its body$/);
    assertEquals([error.code, error.cause], ["UNDECODABLE", undefined]);
  });

  it("survives attributes that lie", () => {
    const odd: Attributes[] = [
      { melange: "no json" },
      { melange: "[]" },
      { melange: '{"id":5}' },
      { melange: '{"id":"e","on":5,"v":"x","format":"other","topic":{},"dead":[]}' },
      { melange: '{"id":"e","on":"soon","dead":{"reason":1}}' },
      { melange: new Uint8Array([1]) },
      { "content-type": 5 },
    ];
    for (const attributes of odd) {
      const event = decoded(received('{"n":1}', { manifest: "Order", ...attributes }));
      assertEquals([event.type, event.data, event.occurredOn], ["Order", { n: 1 }, SENT_AT]);
    }
  });

  it("lets no key reach a prototype, by any way", () => {
    const poison = '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"n":1}';
    const bodies = [
      poison,
      JSON.stringify({ Message: poison }),
      `{"specversion":"1.0","id":"a","source":"b","type":"Order","data":${poison}}`,
      `{"event_type_name":"Order",${poison.slice(1)}`,
    ];
    const attributes: Attributes[] = [{ manifest: "Order" }, {}, JSON.parse(poison)];
    for (const body of bodies) {
      for (const given of attributes) {
        for (const arrival of [received(body, given), wrapped({ body, attributes: {} })]) {
          const data = Object.assign({}, decoded(arrival).data) as { admin?: boolean };
          assertEquals(data.admin, undefined);
        }
      }
    }
    const envelope = `{"Type":"Notification","MessageId":"m","TopicArn":"t","Message":"1",
      "MessageAttributes":{"__proto__":{"Type":"String","Value":"x"}},"__proto__":{"admin":1}}`;
    const opened = openEnvelope(received(envelope));
    assertEquals((opened as { admin?: number }).admin, undefined);
    assertEquals(Object.getPrototypeOf(opened.attributes), Object.prototype);
    assertEquals(({} as { admin?: boolean }).admin, undefined);
  });

  it("survives hostile bodies, and never throws before the data is asked for", () => {
    const nested = "[".repeat(100_000) + "]".repeat(100_000);
    const bodies = [
      "",
      " ",
      "\u0000",
      "{",
      "nul",
      "\ud800",
      '"\ud800"',
      "\ufeff{}",
      nested,
      nested.slice(0, 100_000),
      `{"Message":${JSON.stringify(nested)}}`,
      `{"__proto__":${nested}}`,
      '{"a":'.repeat(50_000),
      "9".repeat(100_000),
      '{"Type":"Notification"}',
      '{"Type":"Notification","TopicArn":1,"MessageId":2,"Message":3}',
      '{"specversion":"1.0","id":"a","source":"b","type":"c"}',
    ];
    for (const body of bodies) {
      for (const attributes of [{}, { manifest: "Order" }, { "content-type": CLOUD }]) {
        const envelope = read(openEnvelope(received(body, attributes)));
        try {
          envelope.data(serializers, "Order");
        } catch (error) {
          assert(error instanceof MelangeError, `${error}`);
          assertEquals([error.code, error.cause], ["UNDECODABLE", undefined]);
        }
      }
    }
  });

  it("parses a body at most once, and no body that is not asked for", () => {
    const event = orderOf({ n: "body" });
    const cases = FORMATS.flatMap((format) => [
      encoded(event, { format }),
      encoded(event, { format, toQueue: false }),
    ]).map(({ body, attributes }) => received(body, attributes));
    cases.push(
      received('{"n":"body"}'),
      received('{"event_type_name":"Order","n":"body"}'),
      received('{"specversion":"1.0","id":"body","source":"b","type":"c","data":1}'),
      received('{"n":"body","kind":"Notification"}'),
      wrapped(encoded(event, { toQueue: false })),
    );
    for (const message of cases) {
      const texts: string[] = [];
      const real = JSON.parse;
      const parse = stub(JSON, "parse", (text, reviver) => {
        texts.push(text);
        return real(text, reviver);
      });
      try {
        decoded(message);
      } finally {
        parse.restore();
      }
      assertEquals(texts.length, new Set(texts).size, `${message.body} parsed twice`);
    }
  });

  it("reads a date of the first Melange in any form, and takes nothing else for one", () => {
    const dates: [unknown, Date][] = [
      ["2020-05-06T07:08:09Z", new Date("2020-05-06T07:08:09Z")],
      [1_600_000_000_000, new Date(1_600_000_000_000)],
      [null, SENT_AT],
      [true, SENT_AT],
      [[2020], SENT_AT],
      ["", SENT_AT],
      [1e300, SENT_AT],
    ];
    for (const [occurred_on, expected] of dates) {
      const body = JSON.stringify({ event_type_name: "Order", occurred_on });
      const { occurredOn } = decoded(received(body)) as { occurredOn: Date };
      assertEquals(occurredOn, expected, `${occurred_on}`);
    }
  });

  it("reads when a CloudEvent occurred from our attribute, else from its body, else when it was sent", () => {
    const occurredOn = (on: string | undefined, time: string | undefined) => {
      const body = { specversion: "1.0", id: "1", source: "s", type: "Order", time, data: 1 };
      const melange = JSON.stringify({ id: "e-1", on, format: "cloudevents" });
      const message = received(JSON.stringify(body), {
        "content-type": "application/cloudevents+json",
        melange,
      });
      return read(message).facts.occurredOn.toISOString();
    };
    const [first, second] = ["2026-01-01T00:00:01.000Z", "2026-01-01T00:00:02.000Z"];
    assertEquals(occurredOn(first, second), first);
    assertEquals(occurredOn(undefined, second), second);
    assertEquals(occurredOn("yesterday", second), second);
    assertEquals(occurredOn(undefined, "yesterday"), SENT_AT.toISOString());
  });

  it("reads a CloudEvent that tells no time, no id and no type, and one whose content type tells more", () => {
    const attributes = { "content-type": "Application/CloudEvents+JSON; charset=utf-8" };
    const bare = decoded(received('{"specversion":"1.0","data":{"n":1}}', attributes));
    assertEquals<unknown>(bare, {
      type: undefined,
      id: "m-1",
      occurredOn: SENT_AT,
      data: { n: 1 },
    });
  });
});

const CLOUD = "application/cloudevents+json";

describe("openEnvelope()", () => {
  const plain = encoded(orderOf({ n: 1 }), { toQueue: false, attributes: { tenant: "a", n: 5 } });

  it("takes body, attributes and the id that is the same in every queue", () => {
    const { id, body, attributes } = openEnvelope(wrapped(plain));
    assertEquals([id, body], ["sns-1", '{"n":1}']);
    assertEquals(attributes, plain.attributes);
  });

  it("keeps what the queue knows", () => {
    const message = { ...wrapped(plain), group: "g", sequenceNumber: "5", attempt: 3 };
    const { group, sequenceNumber, attempt, sentAt } = openEnvelope(message);
    assertEquals([group, sequenceNumber, attempt, sentAt], ["g", "5", 3, SENT_AT]);
  });

  it("reads attributes of every type without loss", () => {
    const MessageAttributes = {
      bytes: { Type: "Binary", Value: "AQI=" },
      long: { Type: "Number", Value: "12345678901234567890" },
      list: { Type: "String.Array", Value: '["a"]' },
      broken: { Type: "Binary", Value: "***" },
      odd: { Type: "String" },
      odder: "x",
    };
    assertEquals(openEnvelope(wrapped(plain, { MessageAttributes })).attributes, {
      bytes: new Uint8Array([1, 2]),
      long: { type: "Number", value: "12345678901234567890" },
      list: { type: "String.Array", value: '["a"]' },
    });
  });

  it("opens the envelope of a FIFO topic, which has no signature, and one without attributes", () => {
    const message = wrapped(plain, { Signature: undefined, MessageAttributes: undefined });
    assertEquals([openEnvelope(message).body, openEnvelope(message).attributes], ['{"n":1}', {}]);
  });

  it("leaves alone what only looks like one", () => {
    const whole = {
      Type: "Notification",
      TopicArn: "arn:aws:sns:eu-west-1:123456789012:orders",
      MessageId: "sns-1",
      Message: "{}",
    };
    const bodies: unknown[] = [
      { Message: "{}" },
      ...Object.keys(whole).map((key) => ({ ...whole, [key]: undefined })),
      ...Object.keys(whole).map((key) => ({ ...whole, [key]: { a: 1 } })),
      { ...whole, Type: "SubscriptionConfirmation" },
      [whole],
      "Notification",
    ];
    for (const body of bodies) {
      const message = received(JSON.stringify(body));
      assertEquals(openEnvelope(message), message);
    }
    const ours = received(JSON.stringify(whole), { manifest: "Order" });
    assertEquals(openEnvelope(ours), ours);
  });
});

describe("deadLetterCopy()", () => {
  const facts = { reason: "card-expired", queue: "billing", subscriber: "charge", attempts: 3 };
  const arrived = (message: OutgoingMessage): ReceivedMessage => ({
    ...received(message.body, message.attributes),
    id: "m-9",
    sentAt: new Date("2027-01-01T00:00:00Z"),
  });

  it("is the message as it was published, with its facts", () => {
    const { body, attributes } = encoded(orderOf({ n: 1 }), { attributes: { tenant: "a" } });
    for (const message of [received(body, attributes), wrapped({ body, attributes })]) {
      const copy = deadLetterCopy(message, facts, 1_000_000);
      assertEquals([copy.body, copy.attributes.tenant], [body, "a"]);
      assertEquals(deadLetterFactsOf(arrived(copy)), facts);
      assertEquals<unknown>(decoded(arrived(copy)), { ...orderOf({ n: 1 }) });
    }
  });

  it("is read like the original when it is redriven, whoever wrote that", () => {
    const originals = [
      ...FORMATS.map((format) => {
        const { body, attributes } = encoded(orderOf({ n: 1 }), { format });
        return received(body, attributes);
      }),
      received('{"Message": "{\\"n\\": 1}"}', { manifest: "Order", serializer_id: 1 }),
      wrapped({ body: '{"n": 1}', attributes: { manifest: "Order", serializer_id: 1 } }),
      received('{"event_type_name":"Order","occurred_on":"2020-05-06T07:08:09Z","n":1}'),
      received(
        '{"specversion":"1.0","id":"ce-1","source":"/a","type":"Order","time":"2020-05-06T07:08:09Z","data":{"n":1}}',
      ),
      received('{"n":1}'),
      received('{"Message":"hello","n":1}'),
    ];
    for (const original of originals) {
      const copy = deadLetterCopy(original, facts, 1_000_000);
      assertEquals(deadLetterFactsOf(arrived(copy)), facts);
      assertEquals(decoded(arrived(copy)), decoded(original), original.body);
    }
  });

  it("goes as it was received where what was published cannot be sent to a queue", () => {
    const MessageAttributes = Object.fromEntries(
      Array.from({ length: 11 }, (_, n) => [`a${n}`, { Type: "String", Value: "x" }]),
    );
    const envelope = { Type: "Notification", MessageId: "s", TopicArn: "t", Message: "{}" };
    const body = JSON.stringify({ ...envelope, MessageAttributes });
    const copy = deadLetterCopy(received(body, {}), facts, 1_000_000);
    assertEquals([copy.body, copy.attributes], [body, {}]);
  });

  it("goes without its facts where there is no room for them", () => {
    const ten = Object.fromEntries(Array.from("abcdefghij", (name) => [name, "x"]));
    const foreign = deadLetterCopy(received("{}", ten), facts, 1_000_000);
    assertEquals(foreign.attributes, ten);
    const { body, attributes } = encoded(orderOf("x".repeat(900)));
    const large = deadLetterCopy(received(body, attributes), facts, 1_100);
    assertEquals([large.attributes, deadLetterFactsOf(arrived(large))], [attributes, undefined]);
  });

  it("keeps the envelope's facts and the trace, however often it dies", () => {
    const { body, attributes } = encoded(orderOf({ n: 1 }), { attributes: { tenant: "a" } });
    const envelope = JSON.parse(wrapped({ body, attributes }).body);
    const more = { TopicArn: "arn:aws:sns:x:1:t", Subject: "S", Timestamp: "2026-05-06T07:08:09Z" };
    const traceHeader = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
    let message: ReceivedMessage = {
      ...received(JSON.stringify({ ...envelope, ...more }), {}),
      origin: { traceHeader, senderId: "AIDA" },
    };
    for (let death = 0; death < 3; death++) {
      const copy = deadLetterCopy(message, facts, 1_000_000);
      assertEquals(copy.traceHeader, traceHeader);
      assertEquals(Object.keys(copy.attributes).length, 4);
      message = { ...arrived(copy), origin: { traceHeader: copy.traceHeader! } };
      assertEquals(openEnvelope(message).origin, {
        traceHeader,
        topic: more.TopicArn,
        subject: more.Subject,
        publishedAt: new Date(more.Timestamp),
      });
    }
  });

  it("is stored without what a broker called a trace and is none", () => {
    for (const traceHeader of ["", "x", "Root=\u0001", `Root=${"1".repeat(501)}`, "a b=c"]) {
      const message = { ...received("{}", {}), origin: { traceHeader } };
      assertEquals("traceHeader" in deadLetterCopy(message, facts, 1_000_000), false);
    }
  });

  it("keeps the envelope itself where there is no room for its facts", () => {
    const ten = Object.fromEntries(
      Array.from("abcdefghij", (name) => [name, { Type: "String", Value: "x" }]),
    );
    const more = { TopicArn: "t", Subject: "S", MessageAttributes: ten };
    const body = JSON.stringify({ Type: "Notification", MessageId: "s", Message: "{}", ...more });
    const copy = deadLetterCopy(received(body, {}), facts, 1_000_000);
    const { origin, attributes } = openEnvelope(arrived(copy));
    assertEquals([origin?.subject, Object.keys(attributes).length], ["S", 10]);
  });

  it("has a group in a FIFO queue also where the broker did not say one", () => {
    const fifo = deadLetterCopy(received("{}", {}), { ...facts, queue: "b.fifo" }, 1_000_000);
    assertEquals([fifo.group, fifo.deduplicationId], ["m-1", "m-1"]);
    assertEquals("group" in deadLetterCopy(received("{}", {}), facts, 1_000_000), false);
  });

  it("keeps the group, and in a FIFO queue goes by the broker's id", () => {
    const { body, attributes } = encoded(orderOf(1));
    const message = { ...received(body, attributes), group: "g", deduplicationId: "e-1" };
    const fifo = deadLetterCopy(message, { ...facts, queue: "billing.fifo" }, 1_000_000);
    assertEquals([fifo.group, fifo.deduplicationId], ["g", "m-1"]);
    assertEquals("deduplicationId" in deadLetterCopy(message, facts, 1_000_000), false);
  });

  it("tells the latest facts of a message that is dead-lettered again", () => {
    const { body, attributes } = encoded(orderOf(1));
    const first = deadLetterCopy(received(body, attributes), facts, 1_000_000);
    const again = { reason: "MAX_ATTEMPTS", queue: "other", attempts: 5 };
    assertEquals(deadLetterFactsOf(arrived(deadLetterCopy(arrived(first), again, 1e6))), again);
  });
});

describe("the origin of a message", () => {
  const time = "2026-05-06T07:08:09.000Z";

  it("is read out of the envelope, whatever that has", () => {
    const read = (more: Record<string, unknown>) => {
      const envelope = { Type: "Notification", MessageId: "s", TopicArn: "t", Message: "{}" };
      return openEnvelope(received(JSON.stringify({ ...envelope, ...more }), {})).origin;
    };
    assertEquals(read({}), { topic: "t" });
    const all = { topic: "t", subject: "S", publishedAt: new Date(time) };
    assertEquals(read({ Subject: "S", Timestamp: time }), all);
    assertEquals(read({ Subject: 1, Timestamp: "soon" }), { topic: "t" });
    assertEquals(read({ Subject: null, Timestamp: null, TopicArn: "" }), undefined);
  });

  it("of a copy is what it was copied with, and nothing else of that kind", () => {
    const read = (origin: unknown) => {
      const melange = JSON.stringify({ id: "e", on: "", origin });
      return openEnvelope({ ...received("{}", { melange }), origin: { senderId: "we" } }).origin;
    };
    assertEquals(read({ topic: "t", at: time }), {
      senderId: "we",
      topic: "t",
      publishedAt: new Date(time),
    });
    for (const origin of ["x", [], null, { topic: 1, subject: {}, at: "soon" }]) {
      assertEquals(read(origin), { senderId: "we" });
    }
  });

  it("is missing where nobody says anything", () => {
    const { body, attributes } = encoded(orderOf(1));
    assertEquals("origin" in openEnvelope(received(body, attributes)), false);
  });
});

describe("deadLetterFactsOf()", () => {
  it("is undefined for what the broker moved, and for facts that are none", () => {
    const { body, attributes } = encoded(orderOf(1));
    assertEquals(deadLetterFactsOf(received(body, attributes)), undefined);
    for (const dead of ["x", [], {}, { reason: "r", queue: "q" }, { reason: 1, queue: "q" }]) {
      const melange = JSON.stringify({ id: "e", on: "", dead });
      assertEquals(deadLetterFactsOf(received("{}", { melange })), undefined);
    }
  });
});

describe("dispatch() of messages by others", () => {
  /** Which events the handlers of "Order" got, and what became of the message. */
  async function handled(message: ReceivedMessage, options: DispatcherOptions = {}) {
    const events: Event[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const dispatcher = new Dispatcher({ logger, ...options });
    dispatcher.subscribe(Order, (event) => void events.push(event));
    const outcome = await dispatch(dispatcher, message, { queue: "q" });
    return { events, outcome };
  }

  it("gives a body without metadata to the default event, and only where there is one", async () => {
    const message = received('{"n":1}');
    const { events } = await handled(message, { defaultEvent: Order });
    assertEquals(events.map(({ type, data, id }) => [type, data, id]), [
      ["Order", { n: 1 }, "m-1"],
    ]);
    const unknown = await handled(message);
    assertEquals(unknown.events, []);
    assertEquals(unknown.outcome.outcome, "deadLetter");
  });

  it("does not give a message of another type to the default event", async () => {
    const { events } = await handled(received("{}", { manifest: "Other" }), {
      defaultEvent: Order,
    });
    assertEquals(events, []);
  });

  it("gives pickle to nobody", async () => {
    const message = received("cos\nsystem\n", { manifest: "Order", serializer_id: 2 });
    const { events, outcome } = await handled(message);
    assertEquals(events, []);
    assert(outcome.outcome === "deadLetter");
    assertEquals(outcome.facts.reason, "UNDECODABLE");
  });
});
