/**
 * The three services of the shop in one process, on the memory backend: plan, create, run.
 *
 *     npx -y deno run examples/shop/main.ts
 */
import { MessageConsumer, MessagePublisher } from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";
import { planOf, topologyOf } from "@melange/melange/topology";
import { OrderPlaced } from "./events.ts";
import { services } from "./topology.ts";

const backend = new MemoryBackend();
const topology = topologyOf(...services);
const plan = await planOf(backend, topology);
console.log(`${plan}`);
await plan.apply();
console.log(`${await planOf(backend, topology)}`);

const publisher = new MessagePublisher({ backend });
await publisher.publish(OrderPlaced({ orderId: "o-1", total: 42 }));
// The event goes from service to service; each handles one message.
for (const name of ["billing", "shipping", "orders"]) {
  const { queue, dispatcher } = services.find((service) => service.queue === name)!;
  const consumer = new MessageConsumer({
    backend,
    queue: queue!,
    dispatcher: dispatcher!,
    publisher,
  });
  await consumer.consumeEvent();
}
await backend.close();

// Prints:
// + topic invoices: is missing
// + topic orders: is missing
// + topic parcels: is missing
// + queue billing: is missing
// + queue billing-dlq: is missing
// + queue orders: is missing
// + queue orders-dlq: is missing
// + queue shipping: is missing
// + queue shipping-dlq: is missing
// + subscription invoices -> shipping: is missing
// + subscription orders -> billing: is missing
// + subscription parcels -> orders: is missing
// Nothing to change
// invoice for order o-1
// parcel for order o-1
// order o-1 is on its way
