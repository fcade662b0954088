/**
 * The handlers of a worker. The command line loads them from here, and so can any other host:
 *
 *     deno task broker
 *     deno task declare --queue billing --handlers examples/handlers.ts --dead-letter billing-dlq
 *     deno task consume --queue billing --handlers examples/handlers.ts
 *     deno task publish OrderPlaced '{"orderId":"o-1","total":42}' --handlers examples/handlers.ts
 */
import { DeadLetter, defineEvent, Dispatcher } from "@melange/melange";
import * as v from "valibot";

export const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: v.object({ orderId: v.string(), total: v.number() }),
});

export const OrderCancelled = defineEvent("OrderCancelled", {
  topic: "orders",
  schema: v.object({ orderId: v.string() }),
});

export const dispatcher = new Dispatcher();

// Resolving acknowledges the message, throwing tries it again later.
dispatcher.subscribe(OrderPlaced, async (event, context) => {
  const { orderId, total } = event.data;
  // No retry makes a total positive: such an order goes to the dead-letter queue at once.
  if (total <= 0) throw new DeadLetter("total-not-positive");
  await Promise.resolve();
  console.log(`charge ${total} for ${orderId} (attempt ${context.attempt})`);
}, { name: "charge-card" });

dispatcher.subscribe(OrderCancelled, (event) => {
  console.log(`refund ${event.data.orderId}`);
}, { name: "refund" });
