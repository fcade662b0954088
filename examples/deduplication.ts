/**
 * Brokers deliver at least once, and publishers repeat what they are not sure of. A store of what
 * was handled makes a subscriber run once per event.
 *
 *     npx -y deno run examples/deduplication.ts
 */
import { defineEvent, EventBus, MemoryDeduplicationStore, typed } from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";

const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: typed<{ orderId: string }>(),
});

const bus = new EventBus({
  backend: new MemoryBackend(),
  queue: "billing",
  // Enough for one process. Several need a store that they share.
  deduplication: { store: new MemoryDeduplicationStore(), retentionMs: 86_400_000 },
});

let charged = 0;
// The name is part of what is remembered: it must not change with the next deploy.
bus.subscribe(OrderPlaced, () => void charged++, { name: "charge-card" });

let mailed = 0;
bus.subscribe(OrderPlaced, () => {
  mailed++;
  // This subscriber fails once. Only it runs again: the card is not charged twice.
  if (mailed === 1) throw new Error("no mail server");
}, { name: "send-mail" });

await bus.declare();
bus.start();

// The same event twice, as after a lost answer: same id, so it is known.
const event = OrderPlaced({ orderId: "o-1" });
await bus.publish(event);
await bus.publish(event);

for (let tries = 0; mailed < 2 && tries < 500; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await bus.stop();
console.log(`charged ${charged} time, mailed in try ${mailed}`);

// Prints:
// charged 1 time, mailed in try 2
