/**
 * One event, two subscribers that do not know each other: a topic copies it to both queues.
 *
 *     npx -y deno run examples/publish_subscribe.ts
 */
import { defineEvent, EventBus } from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";
import * as v from "valibot";

const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: v.object({ orderId: v.string(), total: v.number() }),
});

// With `new AwsBackend()` of "@melange/melange/aws" the rest stays as it is.
const backend = new MemoryBackend();

// Two services, each with a queue of its own. Usually they are two programs.
const billing = new EventBus({ backend, queue: "billing" });
const shipping = new EventBus({ backend, queue: "shipping" });

const billed = new Promise<string>((resolve) => {
  billing.subscribe(OrderPlaced, ({ data }) => resolve(`charge ${data.total} for ${data.orderId}`));
});
const shipped = new Promise<string>((resolve) => {
  shipping.subscribe(OrderPlaced, ({ data }) => resolve(`pack ${data.orderId}`));
});

// Creates the queues, the topic, and subscriptions that let only OrderPlaced through.
await billing.declare();
await shipping.declare();
billing.start();
shipping.start();

// The publisher names neither of them. Any bus or MessagePublisher on the backend would do.
await billing.publish(OrderPlaced({ orderId: "o-1", total: 42 }));

console.log(await billed);
console.log(await shipped);

// Stopping waits for handlers that still run, and acknowledges what they have done.
await Promise.all([billing.stop(), shipping.stop()]);
const { available, inFlight } = await backend.describeQueue("billing");
console.log(`left in billing: ${available + inFlight}`);

// Prints:
// charge 42 for o-1
// pack o-1
// left in billing: 0
