/** Three services of a shop, for the tests of topologies. */
import { defineEvent, Dispatcher, typed } from "../../../../mod.ts";
import {
  type ServiceOptions,
  type Topology,
  topologyOf,
} from "../../../../src/operate/topology/mod.ts";

export const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: typed<{ orderId: string }>(),
});
export const OrderCancelled = defineEvent("OrderCancelled", {
  topic: "orders",
  schema: typed<{ orderId: string }>(),
});
export const InvoiceSent = defineEvent("InvoiceSent", {
  topic: "invoices",
  schema: typed<{ invoiceId: string }>(),
  version: 2,
});
export const PrintLabel = defineEvent("PrintLabel", { schema: typed<{ orderId: string }>() });

export function billing(options: Partial<ServiceOptions> = {}): ServiceOptions {
  const dispatcher = new Dispatcher();
  dispatcher.subscribe(OrderPlaced, () => {}, { name: "charge" });
  dispatcher.subscribe(OrderCancelled, () => {}, { name: "refund" });
  return {
    dispatcher,
    queue: "billing",
    deadLetterQueue: "billing-dlq",
    publishes: [InvoiceSent],
    ...options,
  };
}

export function shipping(): ServiceOptions {
  const dispatcher = new Dispatcher();
  dispatcher.subscribe(InvoiceSent, () => {}, { name: "pack" });
  dispatcher.subscribe(PrintLabel, () => {}, { name: "print" });
  return { name: "warehouse", dispatcher, queue: "shipping", visibilityTimeoutMs: 60_000 };
}

export function orders(): ServiceOptions {
  return {
    name: "orders",
    publishes: [OrderPlaced, OrderCancelled, { event: PrintLabel, queue: "shipping" }],
  };
}

export function shop(): Topology {
  return topologyOf(orders(), billing(), shipping());
}
