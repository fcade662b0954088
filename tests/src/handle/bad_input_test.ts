/** Whatever somebody sends: an error for that message alone, never a crash, never acknowledged. */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { defineEvent } from "../../../src/event/event.ts";
import type { Schema } from "../../../src/event/schema.ts";
import { dispatch } from "../../../src/handle/dispatch.ts";
import { Dispatcher, type DispatcherOptions } from "../../../src/handle/dispatcher.ts";
import { deadLetterCopy } from "../../../src/wire/dead_letter.ts";
import type { Attributes, ReceivedMessage } from "../../../src/wire/message.ts";
import { recordingLogger } from "../../fakes/world.ts";
import * as recipes from "./foreign_recipes.ts";

/** A schema of objects with a number, and nothing else. */
const schema: Schema<{ n: number }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof (value as { n?: unknown } | null)?.n === "number"
        ? { value: value as { n: number } }
        : { issues: [{ message: "s3cret" }] },
  },
};
const Job = defineEvent("Job", {
  version: 2,
  schema,
  upcast: { 1: (data: { m: { n: number } }) => ({ n: data.m.n }) },
});

function received(body: string, attributes: Attributes = {}): ReceivedMessage {
  return { id: "m-1", body, attributes, sentAt: new Date(0), attempt: 1 };
}

/** Dispatches a message that must be given up, with no text of it in the log. */
async function refused(message: ReceivedMessage, options: DispatcherOptions = {}) {
  const log = recordingLogger();
  const dispatcher = new Dispatcher({ logger: log, ...options });
  dispatcher.subscribe(Job, () => {
    throw new Error("handled");
  });
  const before = JSON.stringify(Object.getOwnPropertyNames(Object.prototype));
  const outcome = await dispatch(dispatcher, message, { queue: "q" });
  assertEquals(JSON.stringify(Object.getOwnPropertyNames(Object.prototype)), before);
  // Ids and the names of types are told, cut to a hundred characters.
  const text = JSON.stringify(
    log.lines.map(({ text, fields: { messageId: _, type: __, ...fields } }) => [text, fields]),
  );
  assert(!text.includes("s3cret"), text.slice(0, 500));
  assert(outcome.outcome === "deadLetter", `${message.body.slice(0, 100)}: ${outcome.outcome}`);
  // What is given up can be copied, too.
  if (message.body.length < 10_000) deadLetterCopy(message, outcome.facts, 100_000);
}

const DEEP = "[".repeat(500_000) + "]".repeat(500_000);
const OURS = { manifest: "Job", serializer_id: 1 };
const CLOUD = { "content-type": "application/cloudevents+json" };
const envelope = (message: unknown, attributes: unknown = {}) =>
  JSON.stringify({
    ...{ Type: "Notification", MessageId: "s", TopicArn: "t" },
    ...{ Message: message, MessageAttributes: attributes },
  });
const cloudEvent = (fields: string) =>
  `{"specversion":"1.0","id":"a","source":"/b","type":"Job","version":2,${fields}}`;

describe("dispatch() of bad input", () => {
  it("refuses what is nested 500,000 deep, in every wrapper", async () => {
    const messages = [
      received(`{"Message":${JSON.stringify(DEEP)}}`, OURS),
      received(envelope(`{"__proto__":${DEEP}}`, { manifest: { Type: "String", Value: "Job" } })),
      received(cloudEvent(`"data":${DEEP}`), CLOUD),
      received("1", { ...OURS, melange: `{"id":"a","ce":${DEEP}}` }),
    ];
    for (const message of messages) await refused(message);
  });

  const VALUES = [null, -1.5, true, "", "s3cret", ["s3cret"], { s3cret: "s3cret" }];

  it("refuses wrong types in every field of every wrapper", async () => {
    const wrappers: Record<string, Record<string, unknown>> = {
      message: { Message: "s3cret" },
      envelope: JSON.parse(envelope("s3cret")),
      cloudEvent: { ...JSON.parse(cloudEvent('"data":"s3cret"')), subject: "s", time: "t", x: 1 },
      first: { event_type_name: "Job", topic: "t", occurred_on: "o" },
      eventBridge: { "detail-type": "Job", detail: "s3cret" },
      s3: { Records: [{ eventName: "Job" }], Event: "e" },
      massTransit: { messageType: ["urn:message:Job"], message: "s3cret" },
      nServiceBus: { Headers: { "NServiceBus.EnclosedMessageTypes": "Job" }, Body: "s3cret" },
      laravel: { displayName: "Job", data: "s3cret" },
      celery: { headers: { task: "Job" }, body: "s3cret" },
    };
    for (const [name, wrapper] of Object.entries(wrappers)) {
      const recipe = recipes[name as keyof typeof recipes] ?? {};
      for (const key of [...Object.keys(wrapper), "__proto__", "constructor", "data_base64"]) {
        for (const value of VALUES) {
          const pair = `${JSON.stringify(key)}:${JSON.stringify(value)}`;
          const others = JSON.stringify({ ...wrapper, [key]: undefined });
          const body = others === "{}" ? `{${pair}}` : `${others.slice(0, -1)},${pair}}`;
          const text = name === "celery" ? btoa(body) : body;
          for (const attributes of [{}, OURS, CLOUD, { event_type: "Job" }]) {
            await refused(received(text, attributes), recipe);
          }
        }
      }
    }
  });

  it("refuses wrong types in every attribute of ours, and of CloudEvents", async () => {
    const values = ["", "s3cret", 5, NaN, new Uint8Array([255]), { type: "s3cret", value: "x" }];
    const packed = ["id", "on", "topic", "v", "correlationId", "causationId", "format", "source"];
    const texts = [...packed, "ce", "origin", "dead", "__proto__"].flatMap((key) =>
      VALUES.map((value) => `{"id":"a",${JSON.stringify(key)}:${JSON.stringify(value)}}`)
    );
    const names = ["manifest", "serializer_id", "melange", "content-type", "event_type"];
    for (const name of [...names, "ce-specversion", "ce-type", "ce-id", "ce-time", "ce-version"]) {
      for (const value of name === "melange" ? [...values, ...texts] : values) {
        await refused(received('"s3cret"', { ...OURS, [name]: value }));
        await refused(received('"s3cret"', { "ce-specversion": "1.0", [name]: value }));
      }
    }
  });

  it("refuses base64 and UTF-8 that are none", async () => {
    for (const bad of ["s3cret*", "=", "A", "////", "gA=="]) {
      await refused(received(cloudEvent(`"datacontenttype":"a/json","data_base64":"${bad}"`)));
      await refused(received(bad), { ...recipes.celery, defaultEvent: Job });
      const body = { Headers: { "NServiceBus.EnclosedMessageTypes": "Job" }, Body: bad };
      await refused(received(JSON.stringify(body)), recipes.nServiceBus);
      const bytes = {
        manifest: { Type: "String", Value: "Job" },
        x: { Type: "Binary", Value: bad },
      };
      await refused(received(envelope("s3cret", bytes)));
    }
  });

  it("refuses versions of any kind", async () => {
    for (const v of ["-1", "0", "1.5", "3", "1e400", "-1e400", '"2"', "null", "[]", "{}", "true"]) {
      const melange = `{"id":"a","v":${v}}`;
      await refused(received('"s3cret"', { ...OURS, melange }));
      await refused(received(cloudEvent(`"version":${v},"data":"s3cret"`)));
    }
  });
});
