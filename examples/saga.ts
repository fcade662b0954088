/**
 * A saga by choreography: each service reacts to an event and publishes the next. Nobody directs;
 * a failure is an event too, and undoes what went before.
 *
 *     npx -y deno run examples/saga.ts
 */
import { defineEvent, EventBus, type EventBusOptions, typed } from "@melange/melange";
import { correlation } from "@melange/melange/middleware";
import { MemoryBackend } from "@melange/melange/memory";

type Order = { orderId: string; total: number };
const define = <const Name extends string>(name: Name, topic: string) =>
  defineEvent(name, { topic, schema: typed<Order>() });
const OrderPlaced = define("OrderPlaced", "orders");
const StockReserved = define("StockReserved", "stock");
const PaymentTaken = define("PaymentTaken", "payments");
const PaymentRefused = define("PaymentRefused", "payments");
const StockReturned = define("StockReturned", "stock");

const backend = new MemoryBackend();
// `correlation` marks what a handler publishes with the id of the event that began the story.
const options: EventBusOptions = { backend, middleware: [correlation()], concurrency: 1 };
const warehouse = new EventBus({ ...options, queue: "warehouse" });
const bank = new EventBus({ ...options, queue: "bank" });
const desk = new EventBus({ ...options, queue: "desk" });

warehouse.subscribe(OrderPlaced, async ({ data }, { publisher }) => {
  await publisher?.publish(StockReserved(data));
});
warehouse.subscribe(PaymentRefused, async ({ data }, { publisher }) => {
  await publisher?.publish(StockReturned(data));
});
bank.subscribe(StockReserved, async ({ data }, { publisher }) => {
  const next = data.total > 100 ? PaymentRefused : PaymentTaken;
  await publisher?.publish(next(data));
});

const ends = new Map<string, string>();
desk.subscribe({
  listensTo: [PaymentTaken, StockReturned],
  process: ({ type, data, correlationId }) =>
    void ends.set(correlationId ?? "", `${data.orderId} ends with ${type}`),
});

for (const bus of [warehouse, bank, desk]) {
  await bus.declare();
  bus.start();
}
const orders = [42, 420].map((total, index) => OrderPlaced({ orderId: `o-${index + 1}`, total }));
await desk.publishAll(orders);
for (let tries = 0; ends.size < orders.length && tries < 500; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
for (const { id } of orders) console.log(ends.get(id));
await Promise.all([warehouse, bank, desk].map((bus) => bus.stop()));

// Prints:
// o-1 ends with PaymentTaken
// o-2 ends with StockReturned
