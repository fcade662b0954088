import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { defineEvent, type EventOverrides, typed } from "../../../src/event/event.ts";
import { MessagePublisher } from "../../../src/publish/publisher.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { binaryCloudEvents } from "../../../src/wire/binary_cloud_events.ts";
import { deadLetterCopy } from "../../../src/wire/dead_letter.ts";
import { encode, read } from "../../../src/wire/format.ts";
import type { Attributes, OutgoingMessage, ReceivedMessage } from "../../../src/wire/message.ts";
import { jsonOnly, type Serializer } from "../../../src/wire/serializer.ts";
import { SerializerRegistry } from "../../../src/wire/serializer_registry.ts";

const SENT_AT = new Date("2026-01-02T03:04:05Z");
const serializers = new SerializerRegistry();
const Order = defineEvent("Order", { topic: "orders", schema: typed<unknown>(), version: 3 });
const STORY: EventOverrides = {
  id: "e-1",
  occurredOn: new Date("2026-01-01T00:00:00.123Z"),
  correlationId: "c-1",
  causationId: "e-0",
};
const MORE = { source: "https://shop.example/", subject: "o-1", dataschema: "/s/3", tenant: "ü" };

function received(body: string, attributes: Attributes = {}): ReceivedMessage {
  return { id: "m-1", body, attributes, sentAt: SENT_AT, attempt: 1 };
}

function arrived({ body, attributes }: OutgoingMessage): ReceivedMessage {
  return received(body, attributes);
}

/** The message, and the message as it comes back from a dead-letter queue. */
function bothWays(message: ReceivedMessage): ReceivedMessage[] {
  const facts = { reason: "x", queue: "q", attempts: 1 };
  return [message, { ...message, ...deadLetterCopy(message, facts, 1_000_000), id: "m-2" }];
}

function decoded(message: ReceivedMessage) {
  const event = read(message);
  return { ...event.facts, data: event.data(serializers, "Order") };
}

/** A CloudEvent of somebody else, with other fields in place of some. */
function foreign(fields: Record<string, unknown>): ReceivedMessage {
  const usual = { specversion: "1.0", id: "ce-1", source: "/shop", type: "Order" };
  return received(JSON.stringify({ ...usual, ...fields }));
}

function reasonOf(message: ReceivedMessage): string {
  const event = read(message);
  const error = assertThrows(() => event.data(serializers, "Order"), MelangeError) as MelangeError;
  assertEquals([error.code, error.cause], ["UNDECODABLE", undefined]);
  return error.message;
}

const NOT_AS_TOLD = /the data of its CloudEvent is not what it should be$/;

describe("a CloudEvent of others", () => {
  it("brings source, subject, schema, extensions, and the story of Melange", () => {
    const message = foreign({
      ...{ subject: "o-1", dataschema: "/s", datacontenttype: "text/xml", tenant: "a", n: 5 },
      ...{ flag: false, correlationid: "c", causationid: "b", version: 2, data: "<a/>" },
    });
    for (const each of bothWays(message)) {
      assertEquals<unknown>(decoded(each), {
        ...{ type: "Order", id: "ce-1", occurredOn: SENT_AT },
        ...{ correlationId: "c", causationId: "b", version: 2, data: "<a/>" },
        cloudEvent: {
          ...{ source: "/shop", subject: "o-1", dataschema: "/s", datacontenttype: "text/xml" },
          ...{ tenant: "a", n: 5, flag: false },
        },
      });
      assertEquals(read(each).source, "/shop");
    }
  });

  it("keeps an extension called version that is no number of a version", () => {
    for (const version of ["1.2.0", "", "v2", true, -1]) {
      const event = decoded(foreign({ version, data: 1 }));
      assertEquals([event.version, event.cloudEvent], [undefined, { source: "/shop", version }]);
    }
    const { version, cloudEvent } = decoded(foreign({ version: "7", data: 1 }));
    assertEquals([version, cloudEvent], [7, { source: "/shop" }]);
  });

  it("takes null for no attribute, and for data", () => {
    const nothing = { subject: null, time: null, dataschema: null, data_base64: null, x: null };
    const { cloudEvent, occurredOn, data } = decoded(foreign({ ...nothing, data: null }));
    assertEquals([cloudEvent, occurredOn, data], [{ source: "/shop" }, SENT_AT, null]);
    assertEquals(decoded(foreign(nothing)).data, undefined);
    assertEquals(
      decoded(foreign({ data: null, data_base64: "AQI=" })).data,
      new Uint8Array([1, 2]),
    );
  });

  it("may have no data", () => {
    for (const each of bothWays(foreign({}))) assertEquals(decoded(each).data, undefined);
  });

  it("gives bytes as bytes, unless their content type is JSON", () => {
    const data_base64 = btoa('{"n":1}');
    const bytes = new TextEncoder().encode('{"n":1}');
    const types: [string | undefined, unknown][] = [
      [undefined, bytes],
      ["application/octet-stream", bytes],
      ["text/plain", bytes],
      ["application/jsonp", bytes],
      ["application/json", { n: 1 }],
      ["Application/Vnd.Shop+JSON ; charset=utf-8", { n: 1 }],
    ];
    for (const [datacontenttype, expected] of types) {
      const message = foreign({ data_base64, datacontenttype });
      for (const each of bothWays(message)) assertEquals(decoded(each).data, expected);
    }
  });

  it("keeps a text that is data, whatever its content type", () => {
    for (const datacontenttype of [undefined, "application/json", "text/plain"]) {
      assertEquals(decoded(foreign({ data: '{"n":1}', datacontenttype })).data, '{"n":1}');
    }
  });

  it("is refused in words of ours if its data cannot be read", () => {
    const json = { datacontenttype: "application/json" };
    assertMatch(reasonOf(foreign({ data_base64: "s3cret*" })), NOT_AS_TOLD);
    for (const data_base64 of [5, {}, [], true]) {
      assertMatch(reasonOf(foreign({ data_base64 })), NOT_AS_TOLD);
    }
    assertMatch(reasonOf(foreign({ data_base64: btoa("s3cret"), ...json })), NOT_AS_TOLD);
    for (const bytes of ["/w==", "Iv8i"]) {
      assertMatch(reasonOf(foreign({ data_base64: bytes, ...json })), NOT_AS_TOLD);
    }
    assertMatch(reasonOf(foreign({ data_base64: "AA==", data: 0 })), NOT_AS_TOLD);
    const content = { "content-type": "application/cloudevents+json" };
    for (const body of ["[]", "5", "s3cret", '"s3cret"', "null"]) {
      assertMatch(reasonOf(received(body, content)), /its body is no CloudEvent$/);
    }
  });

  it("may have any values in any field", () => {
    const values = [null, 5, 1.5, true, "", [], [1], {}, { a: 1 }, "\ud800", "x".repeat(10_000)];
    const names = ["id", "source", "type", "time", "specversion", "datacontenttype", "subject"];
    for (const name of [...names, "correlationid", "causationid", "version", "x", "__proto__"]) {
      for (const value of values) {
        const body = `{"specversion":"1.0","id":"a","source":"/b","type":"Order",
          ${JSON.stringify(name)}:${JSON.stringify(value)},"data":1}`;
        const attributes = { "content-type": "application/cloudevents+json" };
        const { id, occurredOn, data, version, correlationId } = decoded(
          received(body, attributes),
        );
        assert(typeof id === "string" && id !== "");
        assert(occurredOn instanceof Date && data === 1);
        assert(version === undefined || Number.isInteger(version), `${value}`);
        assert(correlationId === undefined || typeof correlationId === "string");
      }
    }
  });
});

describe("CloudEvents of ours", () => {
  const event = Order({ n: 1 }, { ...STORY, cloudEvent: MORE });

  it("carry source, subject, schema and extensions in every format", () => {
    for (const format of ["plain", "melange", "cloudevents"] as const) {
      for (const toQueue of [true, false]) {
        const message = arrived(encode(event, { format, serializers: jsonOnly, toQueue }));
        for (const each of bothWays(message)) {
          assertEquals<unknown>(decoded(each), { ...event }, format);
          assertEquals(read(each).source, undefined, "our id identifies an event of ours");
        }
      }
    }
  });

  it("have everything at the place of the specification", () => {
    const written = encode(event, { format: "cloudevents", serializers: jsonOnly, toQueue: true });
    assertEquals(JSON.parse(written.body), {
      ...{ specversion: "1.0", id: "e-1", type: "Order", time: "2026-01-01T00:00:00.123Z" },
      ...{ datacontenttype: "application/json", ...MORE },
      ...{ correlationid: "c-1", causationid: "e-0", version: 3, data: { n: 1 } },
    });
  });

  it("keep their own facts, whatever the extensions are called", () => {
    const cloudEvent = { id: "x", type: "x", specversion: "9", time: "x", data: "x", version: 9 };
    const odd = Order({ n: 1 }, { ...STORY, cloudEvent });
    const written = encode(odd, { format: "cloudevents", serializers: jsonOnly, toQueue: true });
    const { id, type, specversion, time, data, version } = JSON.parse(written.body);
    assertEquals([id, type, specversion, data, version], ["e-1", "Order", "1.0", { n: 1 }, 3]);
    assertEquals(time, "2026-01-01T00:00:00.123Z");
  });

  it("are refused with an attribute that no CloudEvent has, in every format", () => {
    const odd: [string, unknown][] = [
      ["Tenant", "a"],
      ["data_base64", "AA=="],
      ["a-b", "a"],
      ["", "a"],
      ["n", 1.5],
      ["n", NaN],
      ["list", []],
      ["nothing", null],
      ["map", { secret: "s3cret" }],
    ];
    for (const [name, value] of odd) {
      for (const format of ["plain", "cloudevents", binaryCloudEvents()] as const) {
        const wrong = Order(1, { cloudEvent: { [name]: value as string } });
        const error = assertThrows(
          () => encode(wrong, { format, serializers: jsonOnly, toQueue: true }),
          MelangeError,
          `cloudEvent has no valid "${name}"`,
        ) as MelangeError;
        assertEquals(error.code, "INVALID_EVENT");
        assert(!error.message.includes("s3cret"));
      }
    }
    const left = Order(1, { cloudEvent: { tenant: undefined } });
    encode(left, { format: "cloudevents", serializers: jsonOnly, toQueue: true });
  });
});

describe("binary content mode", () => {
  const binary = (overrides: EventOverrides, data: unknown = { n: 1 }) =>
    encode(Order(data, { ...STORY, ...overrides }), {
      format: binaryCloudEvents({ source: "/shop" }),
      serializers: jsonOnly,
      toQueue: true,
      attributes: { priority: 1 },
    });

  it("is the data, and attributes with the names of the binding for HTTP", () => {
    assertEquals(binary({ cloudEvent: { subject: "o-1" } }), {
      body: '{"n":1}',
      attributes: {
        ...{ priority: 1, manifest: "Order", "content-type": "application/json" },
        ...{ "ce-specversion": "1.0", "ce-id": "e-1", "ce-type": "Order", "ce-source": "/shop" },
        ...{ "ce-time": "2026-01-01T00:00:00.123Z", "ce-subject": "o-1" },
        ...{ "ce-correlationid": "c-1", "ce-causationid": "e-0", "ce-version": "3" },
      },
    });
  });

  it("is read back, also out of a dead-letter queue", () => {
    const values = [{ n: 1 }, [], "text", "", null, 5, { Message: "123" }];
    for (const value of values) {
      const message = arrived(binary({ cloudEvent: { subject: "o-1" } }, value));
      const { topic: _, ...expected } = Order(value, { ...STORY });
      for (const each of bothWays(message)) {
        const cloudEvent = { source: "/shop", datacontenttype: "application/json", subject: "o-1" };
        assertEquals<unknown>(decoded(each), { ...expected, cloudEvent });
        assertEquals(read(each).source, "/shop");
      }
    }
  });

  it("keeps any text of an attribute, also where the writer escaped it", () => {
    for (const subject of ["100%", "%C3%BC", 'ü "q"', "a b"]) {
      const written = binary({ cloudEvent: { subject } });
      assertEquals(decoded(arrived(written)).cloudEvent?.subject, subject);
    }
    const attributes = { "ce-specversion": "1.0", "ce-id": "1", "ce-subject": "%C3%BC%20%22q%22" };
    assertEquals(decoded(received("{}", attributes)).cloudEvent?.subject, 'ü "q"');
  });

  it("takes the source of the event, of the format, of the topic", () => {
    const sourceOf = (format: ReturnType<typeof binaryCloudEvents>, overrides: EventOverrides) =>
      encode(Order(1, overrides), { format, serializers: jsonOnly, toQueue: true })
        .attributes["ce-source"];
    assertEquals(sourceOf(binaryCloudEvents({ source: "/a" }), { cloudEvent: MORE }), MORE.source);
    assertEquals(sourceOf(binaryCloudEvents({ source: "/a" }), {}), "/a");
    assertEquals(sourceOf(binaryCloudEvents(), {}), "/orders");
  });

  it("has room for three attributes more, and says so to the publisher", async () => {
    const backend = new MemoryBackend({ clock: new VirtualClock() });
    await backend.declareQueue("q");
    const publisher = new MessagePublisher({ backend, format: binaryCloudEvents() });
    const Plain = defineEvent("Plain", { schema: typed<unknown>() });
    const cloudEvent = { subject: "s", dataschema: "/s", tenant: "a" };
    await publisher.publish(Plain(1, { cloudEvent }), { queue: "q" });
    const options = { queue: "q", attributes: { priority: 1 } };
    const error = await assertRejects(
      () => publisher.publish(Plain(1, { cloudEvent }), options),
      MelangeError,
      "at most 10 attributes: current value is 11",
    );
    assertEquals(error.code, "INVALID_MESSAGE");
    const structured = new MessagePublisher({ backend, format: "cloudevents" });
    await structured.publish(Plain(1, { cloudEvent }), options);
    assertThrows(
      () => new MessagePublisher({ backend, format: { write: () => {} } as unknown as "plain" }),
      TypeError,
      "format must be",
    );
  });

  it("carries the text of another serializer, and finds the serializer again", () => {
    const lines: Serializer = {
      id: 7,
      serialize: (data) => (data as string[]).join("\n"),
      deserialize: (text) => text.split("\n"),
    };
    const registry = new SerializerRegistry({ byType: { Order: lines } });
    const format = binaryCloudEvents();
    const written = encode(Order(["a", "b"]), { format, serializers: registry, toQueue: true });
    assertEquals(written.attributes["content-type"], "text/plain");
    assertEquals(read(arrived(written)).data(registry, "Order"), ["a", "b"]);
  });

  it("of others is read by its content type, and without one as JSON or text", () => {
    const attributes = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s" };
    const data = (body: string, contentType?: string) =>
      decoded(received(body, {
        ...attributes,
        ...(contentType ? { "content-type": contentType } : {}),
      })).data;
    assertEquals(data('{"n":1}'), { n: 1 });
    assertEquals(data("hello"), "hello");
    assertEquals(data('{"n":1}', "text/plain"), '{"n":1}');
    assertEquals(data('{"n":1}', "application/json"), { n: 1 });
    const wrong = { ...attributes, "content-type": "application/json" };
    assertMatch(reasonOf(received("s3cret", wrong)), NOT_AS_TOLD);
  });

  it("survives attributes of any type", () => {
    for (const value of [5, new Uint8Array([1]), { type: "String.x", value: "y" }, ""]) {
      for (const name of ["ce-id", "ce-source", "ce-type", "ce-time", "content-type", "ce-x"]) {
        const attributes = { "ce-specversion": "1.0", [name]: value };
        const { id, occurredOn } = decoded(received("{}", attributes));
        assert(typeof id === "string" && id !== "" && occurredOn instanceof Date);
      }
    }
  });
});
