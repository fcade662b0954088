/**
 * Data that changed twice, and a queue that still holds all three versions of it.
 *
 *     npx -y deno run examples/versions.ts
 */
import { defineEvent, EventBus, typed } from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";
import * as v from "valibot";

/** Events as older programs published them. */
const First = defineEvent("OrderPlaced", { schema: typed<{ id: string; total: number }>() });
const Second = defineEvent("OrderPlaced", {
  version: 2,
  schema: typed<{ orderId: string; total: number }>(),
});

/** The event type of today. Handlers and schema know this shape only. */
const OrderPlaced = defineEvent("OrderPlaced", {
  version: 3,
  schema: v.object({ orderId: v.string(), cents: v.number() }),
  upcast: {
    1: (data: { id: string; total: number }) => ({ orderId: data.id, total: data.total }),
    2: ({ orderId, total }: { orderId: string; total: number }) => ({
      orderId,
      cents: Math.round(total * 100),
    }),
  },
});

const bus = new EventBus({ backend: new MemoryBackend(), queue: "billing", concurrency: 1 });
const seen: string[] = [];
bus.subscribe(OrderPlaced, ({ data }) => void seen.push(`${data.orderId}: ${data.cents} cents`));

await bus.declare();
await bus.publish(First({ id: "o-1", total: 4.2 }), { queue: "billing" });
await bus.publish(Second({ orderId: "o-2", total: 42 }), { queue: "billing" });
await bus.publish(OrderPlaced({ orderId: "o-3", cents: 420 }), { queue: "billing" });
bus.start();
for (let tries = 0; seen.length < 3 && tries < 500; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await bus.stop();
for (const line of seen) console.log(line);

// Prints:
// o-1: 420 cents
// o-2: 4200 cents
// o-3: 420 cents
