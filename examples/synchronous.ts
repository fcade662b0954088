/**
 * Within one program: publishing returns when every subscriber has run. No broker, no queue.
 *
 *     npx -y deno run examples/synchronous.ts
 */
import { defineEvent, SynchronousEventBus, typed } from "@melange/melange";

const StockChanged = defineEvent("StockChanged", {
  schema: typed<{ sku: string; left: number }>(),
});

const bus = new SynchronousEventBus();
const stock = new Map<string, number>();

bus.subscribe(StockChanged, ({ data }) => void stock.set(data.sku, data.left));

// A subscriber object says what it listens to by itself; `off` removes it.
const off = bus.subscribe({
  name: "reorder",
  listensTo: StockChanged,
  process({ data }) {
    if (data.left < 5) console.log(`reorder ${data.sku}`);
  },
});

bus.publish(StockChanged({ sku: "spice", left: 3 }));
console.log(`spice left: ${stock.get("spice")}`);

off();
bus.publish(StockChanged({ sku: "spice", left: 1 }));
console.log(`spice left: ${stock.get("spice")}, and nobody reorders`);

// What a handler throws, the publisher catches. The other handlers have run all the same.
bus.subscribe(StockChanged, () => {
  throw new Error("the shelf fell over");
});
try {
  bus.publish(StockChanged({ sku: "spice", left: 0 }));
} catch (error) {
  console.log(`${error instanceof Error && error.message}; spice left: ${stock.get("spice")}`);
}

// Prints:
// reorder spice
// spice left: 3
// spice left: 1, and nobody reorders
// the shelf fell over; spice left: 0
