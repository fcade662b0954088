/**
 * One queue for events of ours and for messages of another system: here Amazon EventBridge.
 *
 *     npx -y deno run examples/foreign_messages.ts
 */
import { defineEvent, EventBus } from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";
import * as v from "valibot";

const OrderPlaced = defineEvent("OrderPlaced", {
  schema: v.object({ orderId: v.string() }),
});
/** The name that EventBridge has for its event. */
const OrderShipped = defineEvent("Order Shipped", {
  schema: v.object({ orderId: v.string(), carrier: v.string() }),
});

const backend = new MemoryBackend();
const bus = new EventBus({
  backend,
  queue: "billing",
  concurrency: 1,
  // Asked only about messages that name no type of ours.
  typeOf: ({ body }) => JSON.parse(body)["detail-type"],
  dataOf: ({ body }) => JSON.parse(body).detail,
});

const seen: string[] = [];
bus.subscribe(OrderPlaced, ({ data }) => void seen.push(`placed ${data.orderId}`));
bus.subscribe(OrderShipped, ({ data }) => void seen.push(`${data.carrier} has ${data.orderId}`));
bus.subscribeAll(({ type }) => void seen.push(`also seen: ${type}`));

await bus.declare();
bus.start();
await bus.publish(OrderPlaced({ orderId: "o-1" }), { queue: "billing" });
const detail = { orderId: "o-1", carrier: "Sandworm Express" };
const body = JSON.stringify({ version: "0", "detail-type": "Order Shipped", detail });
await backend.send({ queue: "billing" }, [{ body, attributes: {} }]);
for (let tries = 0; seen.length < 4 && tries < 500; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await bus.stop();
for (const line of seen) console.log(line);

// Prints:
// placed o-1
// also seen: OrderPlaced
// Sandworm Express has o-1
// also seen: Order Shipped
