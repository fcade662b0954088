import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Dispatcher } from "../../../../mod.ts";
import { topologyOf } from "../../../../src/operate/topology/mod.ts";
import { billing, InvoiceSent, OrderPlaced, PrintLabel, shop } from "./services.ts";

describe("topologyOf()", () => {
  it("finds the topics, queues and subscriptions of all services", () => {
    const { topics, queues, subscriptions } = shop();
    assertEquals(topics, [{ name: "invoices" }, { name: "orders" }]);
    assertEquals(queues, [
      { name: "billing", deadLetterQueue: "billing-dlq", maxReceives: 5 },
      { name: "billing-dlq", retentionMs: 1_209_600_000, deadLettersOf: ["billing"] },
      { name: "shipping", visibilityTimeoutMs: 60_000 },
    ]);
    assertEquals(subscriptions, [
      { topic: "invoices", queue: "shipping", events: ["InvoiceSent"], raw: true },
      { topic: "orders", queue: "billing", events: ["OrderPlaced", "OrderCancelled"], raw: true },
    ]);
  });

  it("tells what each service handles and publishes", () => {
    const [orders, bill, warehouse] = shop().services;
    assertEquals(orders?.publishes.map(({ type, topic, queue }) => [type, topic ?? queue]), [
      ["OrderPlaced", "orders"],
      ["OrderCancelled", "orders"],
      ["PrintLabel", "shipping"],
    ]);
    assertEquals([bill?.name, bill?.queue], ["billing", "billing"]);
    assertEquals(bill?.publishes.map(({ type, version }) => [type, version]), [["InvoiceSent", 2]]);
    assertEquals(warehouse?.handles.map(({ type, topic, queue }) => [type, topic ?? queue]), [
      ["InvoiceSent", "invoices"],
      ["PrintLabel", "shipping"],
    ]);
  });

  it("filters nothing for a service that takes everything", () => {
    const dispatcher = new Dispatcher();
    dispatcher.subscribe(OrderPlaced, () => {});
    dispatcher.subscribeAll(() => {});
    const { subscriptions, services } = topologyOf({ dispatcher, queue: "audit" });
    assertEquals(subscriptions, [{ topic: "orders", queue: "audit", raw: true }]);
    assertEquals(services[0]?.handlesEverything, true);
  });

  it("keeps the envelope for the format of Python's Melange", () => {
    const { subscriptions } = topologyOf(billing({ format: "melange" }));
    assertEquals(subscriptions.map(({ raw }) => raw), [false]);
  });

  it("prefers the subscriptions that are named", () => {
    const filter = { tenant: ["a"] };
    const subscribeTo = [{ topic: "orders", filter, raw: false }, "prices"];
    const { subscriptions, topics } = topologyOf(billing({ subscribeTo }));
    assertEquals(subscriptions, [
      { topic: "orders", queue: "billing", filter, raw: false },
      { topic: "prices", queue: "billing", raw: true },
    ]);
    assertEquals(topics.map(({ name }) => name), ["invoices", "orders", "prices"]);
  });

  it("takes a topic beside the event's own", () => {
    const { topics } = topologyOf({
      name: "mirror",
      publishes: [{ event: InvoiceSent, topic: "copies" }],
    });
    assertEquals(topics, [{ name: "copies" }]);
  });

  const dispatcher = new Dispatcher();
  const REFUSED = [
    ["a service without a name", () => topologyOf({ publishes: [OrderPlaced] }), "has no name"],
    [
      "handlers without a queue",
      () => topologyOf({ name: "billing", dispatcher }),
      "has handlers and no queue",
    ],
    [
      "two of one name",
      () => topologyOf(billing(), billing({ queue: "b2", name: "billing" })),
      "called",
    ],
    [
      "two on one queue",
      () => topologyOf(billing(), billing({ name: "b2" })),
      "receive from the queue",
    ],
    [
      "an event that goes nowhere",
      () => topologyOf({ name: "press", publishes: [PrintLabel] }),
      'publishes "PrintLabel" nowhere',
    ],
    [
      "a dead-letter queue of another kind",
      () => topologyOf({ queue: "billing.fifo", deadLetterQueue: "billing-dlq" }),
      "not both FIFO",
    ],
    [
      "maxReceives alone",
      () => topologyOf({ queue: "billing", maxReceives: 3 }),
      "needs a deadLetterQueue",
    ],
    [
      "a dead-letter queue of no queue",
      () => topologyOf({ name: "press", deadLetterQueue: "dlq" }),
      "has no queue",
    ],
  ] as const;
  for (const [name, make, text] of REFUSED) {
    it(`refuses ${name}`, () => void assertThrows(make, TypeError, text));
  }
});
