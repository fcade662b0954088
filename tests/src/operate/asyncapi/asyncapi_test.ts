import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { defineEvent, Dispatcher, type Schema, typed } from "../../../../mod.ts";
import { asyncApi } from "../../../../src/operate/asyncapi/mod.ts";
import { topologyOf } from "../../../../src/operate/topology/mod.ts";
import { shop } from "../topology/services.ts";

const OPTIONS = { title: "Shop", version: "1.0.0" };

/** A schema whose library makes JSON Schemas, as the standard proposes. */
function describing(schema: unknown): Schema<{ id: string }> {
  const standard = {
    version: 1 as const,
    vendor: "test",
    validate: (value: unknown) => ({ value: value as { id: string } }),
    jsonSchema: {
      input: ({ target }: { target: string }) => ({ $schema: target, ...schema as object }),
    },
  };
  return { "~standard": standard };
}

describe("asyncApi()", () => {
  it("describes topics and queues as channels, with their bindings", () => {
    const { channels } = asyncApi(shop(), OPTIONS);
    assertEquals(Object.keys(channels), ["invoices", "orders", "billing", "shipping"]);
    assertEquals(channels.orders, {
      address: "orders",
      messages: {
        OrderCancelled: { $ref: "#/components/messages/OrderCancelled" },
        OrderPlaced: { $ref: "#/components/messages/OrderPlaced" },
      },
      bindings: {
        sns: { name: "orders", ordering: { type: "standard" }, bindingVersion: "0.1.0" },
      },
    });
    assertEquals(channels.billing, {
      address: "billing",
      messages: {
        OrderCancelled: { $ref: "#/components/messages/OrderCancelled" },
        OrderPlaced: { $ref: "#/components/messages/OrderPlaced" },
      },
      bindings: {
        sqs: {
          queue: {
            name: "billing",
            fifoQueue: false,
            redrivePolicy: { deadLetterQueue: { name: "billing-dlq" }, maxReceiveCount: 5 },
          },
          deadLetterQueue: {
            name: "billing-dlq",
            fifoQueue: false,
            messageRetentionPeriod: 1_209_600,
          },
          bindingVersion: "0.2.0",
        },
      },
    });
  });

  it("describes what services send and receive", () => {
    const { operations } = asyncApi(shop(), OPTIONS);
    assertEquals(Object.keys(operations), [
      "orders.sends.orders",
      "orders.sends.shipping",
      "billing.sends.invoices",
      "billing.receives.billing",
      "warehouse.receives.shipping",
    ]);
    assertEquals(operations["billing.sends.invoices"], {
      action: "send",
      channel: { $ref: "#/channels/invoices" },
      messages: [{ $ref: "#/channels/invoices/messages/InvoiceSent" }],
      bindings: {
        sns: {
          consumers: [{
            protocol: "sqs",
            endpoint: { name: "shipping" },
            rawMessageDelivery: true,
            filterPolicy: { manifest: ["InvoiceSent"] },
          }],
          bindingVersion: "0.1.0",
        },
      },
    });
  });

  it("takes the JSON Schema of the schema itself, without its dialect", () => {
    const schema = describing({ type: "object", required: ["id"] });
    const event = defineEvent("Made", { topic: "t", schema });
    const { components } = asyncApi(topologyOf({ name: "maker", publishes: [event] }), OPTIONS);
    const { payload } = components.messages.Made as { payload: unknown };
    assertEquals(payload, { type: "object", required: ["id"] });
  });

  it("takes the JSON Schema of a function, and any data where there is none", () => {
    const jsonSchemaOf = ({ type }: { type: string }) => type === "OrderPlaced" ? false : true;
    const { components: { messages } } = asyncApi(shop(), { ...OPTIONS, jsonSchemaOf });
    const payloadOf = (type: string) => (messages[type] as { payload: unknown }).payload;
    assertEquals([payloadOf("OrderPlaced"), payloadOf("PrintLabel")], [{ not: {} }, {}]);
  });

  it("gives equal documents for equal topologies, whatever the order of types", () => {
    const made = (types: readonly string[]) => {
      const dispatcher = new Dispatcher();
      for (const type of types) {
        dispatcher.subscribe(defineEvent(type, { topic: "t", schema: typed() }), () => {});
      }
      return asyncApi(topologyOf({ dispatcher, queue: "q" }), OPTIONS).channels;
    };
    assertEquals(JSON.stringify(made(["B", "A"])), JSON.stringify(made(["A", "B"])));
  });

  it("refuses an event type that two services describe differently", () => {
    const event = (schema: unknown) => defineEvent("E", { topic: "t", schema: describing(schema) });
    const topology = topologyOf(
      { name: "one", publishes: [event({ type: "object" })] },
      { name: "two", publishes: [event({ type: "array" })] },
    );
    assertThrows(() => asyncApi(topology, OPTIONS), TypeError, 'the event "E"');
  });
});
