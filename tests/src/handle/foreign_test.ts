/** Messages of other systems: the recipes, and options that fail. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { snsHandler, sqsHandler } from "../../../backends/aws/hosts/lambda/mod.ts";
import { defineEvent, type Event, typed } from "../../../src/event/event.ts";
import { dispatch } from "../../../src/handle/dispatch.ts";
import { Dispatcher, type DispatcherOptions } from "../../../src/handle/dispatcher.ts";
import type { Attributes, ReceivedMessage } from "../../../src/wire/message.ts";
import { recordingLogger } from "../../fakes/world.ts";
import * as recipes from "./foreign_recipes.ts";

function received(body: unknown, attributes: Attributes = {}): ReceivedMessage {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { id: "m-1", body: text, attributes, sentAt: new Date(0), attempt: 1 };
}

const base64 = (value: unknown) => {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
};

/** Dispatches a message; returns all that subscribers of everything and of a type got. */
async function handled(message: ReceivedMessage, options: DispatcherOptions, type?: string) {
  const log = recordingLogger();
  const dispatcher = new Dispatcher({ logger: log, ...options });
  const events: Event[] = [];
  const all: Event[] = [];
  const Type = defineEvent(type ?? "Other", { version: 2, schema: typed<unknown>() });
  dispatcher.subscribe(Type, (event) => void events.push(event));
  dispatcher.subscribeAll((event) => void all.push(event));
  const { outcome, ...rest } = await dispatch(dispatcher, message, { queue: "q" });
  const facts = "facts" in rest ? rest.facts : undefined;
  return { events, all, outcome, reason: facts?.reason, log: JSON.stringify(log.lines) };
}

/** A message of each system as it arrives, with the type and the data that a recipe finds. */
const MESSAGES: Record<keyof typeof recipes, [ReceivedMessage, string, unknown]> = {
  eventBridge: [
    received({
      ...{ version: "0", id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718", source: "com.shop" },
      ...{ "detail-type": "Order Placed", account: "111122223333", region: "eu-west-1" },
      ...{ time: "2026-05-06T07:08:09Z", resources: [], detail: { orderId: "ö-1" } },
    }),
    "Order Placed",
    { orderId: "ö-1" },
  ],
  s3: [
    received({
      Records: [{
        ...{ eventVersion: "2.1", eventSource: "aws:s3", awsRegion: "eu-west-1" },
        ...{ eventTime: "2026-05-06T07:08:09.000Z", eventName: "ObjectCreated:Put" },
        s3: { bucket: { name: "invoices" }, object: { key: "a+b.pdf", size: 1024 } },
      }],
    }),
    "ObjectCreated:Put",
    [{
      ...{ eventVersion: "2.1", eventSource: "aws:s3", awsRegion: "eu-west-1" },
      ...{ eventTime: "2026-05-06T07:08:09.000Z", eventName: "ObjectCreated:Put" },
      s3: { bucket: { name: "invoices" }, object: { key: "a+b.pdf", size: 1024 } },
    }],
  ],
  massTransit: [
    received({
      ...{ messageId: "181c0000-6393-3630-36a4-08daf4e7c6da", requestId: null },
      ...{ conversationId: "181c0000-6393-3630-eb2f-08daf4e7c6db", headers: {} },
      messageType: ["urn:message:Shop.Contracts:OrderPlaced", "urn:message:Shop.Contracts:Fact"],
      ...{ message: { orderId: "o-1" }, sentTime: "2026-05-06T07:08:09.715882Z" },
    }),
    "Shop.Contracts:OrderPlaced",
    { orderId: "o-1" },
  ],
  nServiceBus: [
    received({
      Headers: {
        "NServiceBus.MessageId": "cf79765e-0123-45bf-a41b-a42d00a867c9",
        "NServiceBus.ContentType": "application/json",
        "NServiceBus.EnclosedMessageTypes":
          "Shop.OrderPlaced, Shop.Contracts, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null",
      },
      ...{ Body: base64({ OrderId: "ö-1" }), S3BodyKey: null, ReplyToAddress: null },
    }),
    "Shop.OrderPlaced",
    { OrderId: "ö-1" },
  ],
  spring: [
    received({ orderId: "o-1" }, { JavaType: "shop.OrderPlaced", contentType: "application/json" }),
    "shop.OrderPlaced",
    { orderId: "o-1" },
  ],
  laravel: [
    received({
      ...{ uuid: "5a4d2b0e-0f0b-4b39-9d6e-4ad9a3f4b7c1", displayName: "App\\Jobs\\SendReceipt" },
      ...{ job: "Illuminate\\Queue\\CallQueuedHandler@call", maxTries: null, timeout: null },
      data: {
        commandName: "App\\Jobs\\SendReceipt",
        command: 'O:20:"App\\Jobs\\SendReceipt":0:{}',
      },
    }),
    "App\\Jobs\\SendReceipt",
    { commandName: "App\\Jobs\\SendReceipt", command: 'O:20:"App\\Jobs\\SendReceipt":0:{}' },
  ],
  celery: [
    received(base64({
      body: base64([["ö-1"], { urgent: true }, { callbacks: null, errbacks: null, chain: null }]),
      ...{ "content-encoding": "utf-8", "content-type": "application/json" },
      headers: { lang: "py", task: "shop.tasks.charge", id: "c1", root_id: "c1", retries: 0 },
      properties: { correlation_id: "c1", body_encoding: "base64", delivery_mode: 2 },
    })),
    "shop.tasks.charge",
    [["ö-1"], { urgent: true }, { callbacks: null, errbacks: null, chain: null }],
  ],
  snsSubject: [
    received({
      ...{ Type: "Notification", MessageId: "sns-1", Subject: "OrderPlaced" },
      TopicArn: "arn:aws:sns:eu-west-1:123456789012:orders",
      ...{ Message: '{"orderId":"o-1"}', Timestamp: "2026-05-06T07:08:09.000Z" },
    }),
    "OrderPlaced",
    { orderId: "o-1" },
  ],
};

describe("the recipe for messages of", () => {
  for (const [name, [message, type, data]] of Object.entries(MESSAGES)) {
    it(`${name} finds type and data, for the subscribers of the type and of everything`, async () => {
      const options = recipes[name as keyof typeof recipes];
      const { events, all, outcome } = await handled(message, options, type);
      assertEquals(outcome, "acknowledge");
      for (const event of [...events, ...all]) assertEquals([event.type, event.data], [type, data]);
      assertEquals([events.length, all.length], [1, 1]);
      const { all: unnamed } = await handled(message, options);
      assertEquals(unnamed.map(({ type }) => type), [type]);
    });
  }

  it("S3 knows the notification that S3 sends at first", async () => {
    const body = { Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "invoices" };
    const { all } = await handled(received(body), recipes.s3);
    assertEquals(all.map(({ type, data }) => [type, data]), [["s3:TestEvent", undefined]]);
  });
});

describe("typeOf and dataOf", () => {
  const typeOf = () => "Foreign";

  it("are not asked about messages of ours", async () => {
    const asked = () => {
      throw new Error("asked");
    };
    const ours: ReceivedMessage[] = [
      received("1", { manifest: "Job" }),
      received('{"Message":"1"}', { event_type: "Job" }),
      received({ specversion: "1.0", id: "1", source: "/s", type: "Job", data: 1 }),
    ];
    for (const message of ours) {
      const { events } = await handled(message, { typeOf: asked, dataOf: asked }, "Job");
      assertEquals(events.map(({ data }) => data), [1]);
    }
  });

  it("work alone: without dataOf the body is the data, without typeOf the default event is the type", async () => {
    const message = received({ n: 1 });
    const { events } = await handled(message, { typeOf }, "Foreign");
    assertEquals(events.map(({ data }) => data), [{ n: 1 }]);
    const Foreign = defineEvent("Foreign", { schema: typed<unknown>() });
    const options = { defaultEvent: Foreign, dataOf: ({ id }: ReceivedMessage) => id };
    const named = await handled(message, options, "Foreign");
    assertEquals(named.all.map(({ data }) => data), ["m-1"]);
  });

  it("leave a message to the default event, and without one to onUnknown", async () => {
    const message = received({ n: 1 });
    const Foreign = defineEvent("Foreign", { schema: typed<unknown>() });
    for (const nothing of [undefined, null as unknown as undefined]) {
      const none = { typeOf: () => nothing };
      const named = await handled(message, { ...none, defaultEvent: Foreign }, "Foreign");
      assertEquals([named.events.length, named.all.length], [1, 1]);
      const unknown = await handled(message, none);
      assertEquals([unknown.all, unknown.reason], [[], "UNKNOWN_TYPE"]);
      assertStringIncludes(unknown.log, "names no event type");
    }
  });

  it("bring Python's JSON, whose manifest names no type, to the default event", async () => {
    const Foreign = defineEvent("Foreign", { schema: typed<unknown>() });
    const message = received('{"Message":"{\\"n\\":1}"}', { manifest: "json", serializer_id: 1 });
    const { events } = await handled(message, { defaultEvent: Foreign }, "Foreign");
    assertEquals(events.map(({ data }) => data), [{ n: 1 }]);
  });

  it("may give text and bytes for data, of bodies that are no JSON", async () => {
    const dataOf = ({ body }: ReceivedMessage) => body;
    const { events, outcome } = await handled(received("<a/>"), { typeOf, dataOf }, "Foreign");
    assertEquals([events[0]?.data, outcome], ["<a/>", "acknowledge"]);
    const undecodable = await handled(received("<s3cret/>"), { typeOf }, "Foreign");
    assertEquals([undecodable.events, undecodable.reason], [[], "UNDECODABLE"]);
  });

  const thrown = () => {
    throw new Error("s3cret");
  };
  const odd: [string, DispatcherOptions, string][] = [
    ["a typeOf that throws", { typeOf: thrown }, "typeOf threw"],
    ["a typeOf that throws nothing", {
      typeOf: () => {
        throw undefined;
      },
    }, "typeOf threw"],
    ...[5, {}, [], "", true, Symbol("s3cret"), ["s3cret"]].map((value) =>
      [`a typeOf that returns a ${typeof value}`, {
        typeOf: () => value as string,
      }, "typeOf returned no name"] as [string, DispatcherOptions, string]
    ),
    ["a typeOf that returns a promise", {
      typeOf: (() => Promise.reject(new Error("s3cret"))) as never,
    }, "typeOf returned a promise"],
    ["a typeOf whose value throws at every look", {
      typeOf: () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy as string;
      },
    }, "typeOf threw"],
    ["a dataOf that throws", { typeOf, dataOf: thrown }, "dataOf threw"],
    ["a dataOf that returns a promise", {
      typeOf,
      dataOf: () => Promise.reject(new Error("s3cret")),
    }, "dataOf returned a promise"],
  ];
  for (const [what, options, reason] of odd) {
    it(`cost a message alone: ${what}`, async () => {
      const { all, outcome, log, ...rest } = await handled(received("1"), options, "Foreign");
      assertEquals([all, outcome, rest.reason], [[], "deadLetter", "UNDECODABLE"]);
      assertStringIncludes(log, reason);
      assert(!log.includes("s3cret"), log);
    });
  }

  it("must be functions", () => {
    for (const key of ["typeOf", "dataOf"]) {
      const options = { [key]: "OrderPlaced" } as DispatcherOptions;
      assertThrows(() => new Dispatcher(options), TypeError, `${key} must be a function`);
    }
  });

  it("are the same behind Lambda", async () => {
    const types: string[] = [];
    const dispatcher = new Dispatcher({
      typeOf: (message) => message.origin?.subject ?? recipes.eventBridge.typeOf?.(message),
    });
    dispatcher.subscribeAll(({ type }) => void types.push(type));
    const [{ body }] = MESSAGES.eventBridge;
    const attributes = { ApproximateReceiveCount: "1", SentTimestamp: "1" };
    const record = { messageId: "1", receiptHandle: "r", body, attributes, messageAttributes: {} };
    const source = { eventSource: "aws:sqs", eventSourceARN: "arn:aws:sqs:eu-west-1:1:q" };
    await sqsHandler(dispatcher)({ Records: [{ ...record, ...source }] });
    const Sns = {
      ...{ MessageId: "m-1", TopicArn: "arn:aws:sns:eu-west-1:123456789012:pings" },
      ...{ Subject: "Ping", Message: '{"at":1}' },
    };
    await snsHandler(dispatcher)({ Records: [{ EventSource: "aws:sns", Sns }] });
    assertEquals(types, ["Order Placed", "Ping"]);
  });
});
