/** The parts that the tests with the official packages of CloudEvents share. */
import { assertEquals } from "@std/assert";
import { defineEvent, typed } from "../../../src/event/event.ts";
import { binaryCloudEvents } from "../../../src/wire/binary_cloud_events.ts";
import { encode, read } from "../../../src/wire/format.ts";
import type { ReceivedMessage } from "../../../src/wire/message.ts";
import { jsonOnly } from "../../../src/wire/serializer.ts";
import { SerializerRegistry } from "../../../src/wire/serializer_registry.ts";

/** A message as the binding for HTTP has it. */
export interface HttpMessage {
  readonly headers: Record<string, string>;
  readonly body: string;
}

const OrderPlaced = defineEvent("OrderPlaced", { schema: typed<unknown>(), version: 3 });

/** An event of ours, as message of both modes. */
export function oursAs(mode: "binary" | "structured"): HttpMessage {
  const event = OrderPlaced({ orderId: "ö-1" }, {
    id: "e-1",
    occurredOn: new Date("2026-01-01T00:00:00.123Z"),
    correlationId: "c-1",
    causationId: "b-1",
    cloudEvent: {
      source: "https://shop.example/orders",
      subject: "ö 1",
      dataschema: "https://s/3",
    },
  });
  const format = mode === "binary" ? binaryCloudEvents() : "cloudevents";
  const { body, attributes } = encode(event, { format, serializers: jsonOnly, toQueue: true });
  const headers = Object.entries(attributes).map(([name, value]) => [name, String(value)]);
  return { headers: Object.fromEntries(headers), body };
}

/** What a package must find in our event. */
export const OURS = {
  specversion: "1.0",
  id: "e-1",
  source: "https://shop.example/orders",
  type: "OrderPlaced",
  subject: "ö 1",
  dataschema: "https://s/3",
  datacontenttype: "application/json",
  correlationid: "c-1",
  causationid: "b-1",
  data: { orderId: "ö-1" },
};

/** Checks that we find all of an event in what a package wrote. */
export function checkTheirs({ headers, body }: HttpMessage, expected: unknown): void {
  const attributes = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  const message: ReceivedMessage = {
    id: "m-1",
    body,
    attributes: Object.fromEntries(attributes),
    sentAt: new Date(0),
    attempt: 1,
  };
  const event = read(message);
  const { occurredOn, ...facts } = event.facts;
  const found = { ...facts, time: occurredOn, data: event.data(new SerializerRegistry(), "Order") };
  assertEquals<unknown>(found, expected);
}
