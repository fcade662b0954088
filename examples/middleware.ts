/**
 * A middleware is a function around a handler: yours beside those that come with the package.
 *
 *     npx -y deno run examples/middleware.ts
 */
import { defineEvent, EventBus, type Middleware, typed } from "@melange/melange";
import { correlation, retry, timeout } from "@melange/melange/middleware";
import { MemoryBackend } from "@melange/melange/memory";

const orders = { topic: "orders", schema: typed<{ orderId: string }>() };
const OrderPlaced = defineEvent("OrderPlaced", orders);
const CardCharged = defineEvent("CardCharged", { ...orders, topic: "payments" });

/** Tells how each event ended, after all tries inside. */
const audit: Middleware = (next) => async (event, context) => {
  try {
    await next(event, context);
    console.log(`${event.type}: done`);
  } catch (error) {
    console.log(`${event.type}: failed`);
    throw error; // swallowing it would acknowledge the message
  }
};

const bus = new EventBus({
  backend: new MemoryBackend(),
  queue: "billing",
  concurrency: 1,
  // The first is the outermost: `audit` sees what `retry` could not mend.
  middleware: [audit, correlation(), retry({ attempts: 3, baseMs: 10 }), timeout({ ms: 5_000 })],
});

let tries = 0;
bus.subscribe(OrderPlaced, async (event, { publisher }) => {
  if (++tries < 3) throw new Error("the bank is busy");
  await publisher?.publish(CardCharged({ orderId: event.data.orderId }));
});

const order = OrderPlaced({ orderId: "o-1" });
const ended = new Promise<void>((resolve) => {
  bus.subscribe(CardCharged, (event) => {
    console.log(`caused by the order: ${event.causationId === order.id}, after ${tries} tries`);
    resolve();
  });
});

await bus.declare();
bus.start();
await bus.publish(order);
await ended;
await bus.stop();

// Prints:
// OrderPlaced: done
// caused by the order: true, after 3 tries
// CardCharged: done
