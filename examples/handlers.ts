/**
 * The handlers of a shop. The command line loads them from here, and so do the other hosts: Lambda,
 * an HTTPS endpoint, tests, browser tabs. What becomes of an event is up to its handlers alone:
 * resolving acknowledges it, throwing tries it again later, `DeadLetter` gives it up.
 *
 *     npx -y deno task broker
 *     npx -y deno task declare --queue billing --handlers examples/handlers.ts --dead-letter billing-dlq
 *     npx -y deno task consume --queue billing --handlers examples/handlers.ts
 *     npx -y deno task publish OrderPlaced '{"orderId":"o-1","total":42}' --handlers examples/handlers.ts
 */
import { DeadLetter, defineEvent, Dispatcher } from "@melange/melange";
import * as v from "valibot";

export const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: v.object({
    orderId: v.string(),
    total: v.number(),
    quantity: v.optional(v.number(), 1),
  }),
});

export const OrderCancelled = defineEvent("OrderCancelled", {
  topic: "orders",
  schema: v.object({ orderId: v.string(), shipped: v.optional(v.boolean(), false) }),
});

export const dispatcher = new Dispatcher();

dispatcher.subscribe(OrderPlaced, async (event, context) => {
  const { orderId, total } = event.data;
  // No retry makes a total positive: such an order goes to the dead-letter queue at once.
  if (total <= 0) throw new DeadLetter("total-not-positive");
  await Promise.resolve();
  console.log(`charge ${total} for ${orderId} (attempt ${context.attempt})`);
}, { name: "charge-card" });

// Both handlers of an order run. If one throws, both run again: charging twice must do no harm, or
// `new Dispatcher({ deduplication })` remembers who is done.
const IN_STOCK = 100;
dispatcher.subscribe(OrderPlaced, (event) => {
  if (event.data.quantity > IN_STOCK) throw new Error("out of stock, for now");
}, { name: "reserve-stock" });

dispatcher.subscribe(OrderCancelled, (event) => {
  const { orderId, shipped } = event.data;
  if (orderId.startsWith("legacy-")) throw new DeadLetter("order-of-old-shop");
  if (shipped) throw new Error("the parcel is not back yet");
  console.log(`refund ${orderId}`);
}, { name: "refund" });
