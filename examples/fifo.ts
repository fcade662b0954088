/**
 * Order where it matters: events of one group are handled one after the other, groups at the same
 * time. A failed event holds up its own group and no other.
 *
 *     npx -y deno run examples/fifo.ts
 */
import { defineEvent, EventBus, typed } from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";

const Moved = defineEvent("Moved", {
  // A name that ends in .fifo makes a FIFO topic, and a FIFO queue below.
  topic: "accounts.fifo",
  schema: typed<{ account: string; amount: number }>(),
  // Events without an order between them belong in different groups.
  group: (data) => data.account,
});

const bus = new EventBus({
  backend: new MemoryBackend(),
  queue: "ledger.fifo",
  redelivery: { baseMs: 20, maxMs: 50 },
  logger: { debug() {}, info() {}, warn() {}, error: console.error },
});

const ledger: Record<string, number[]> = { ada: [], bob: [] };
const done = new Promise<void>((resolve) => {
  bus.subscribe(Moved, ({ data }, { attempt }) => {
    // Ada's first try fails. Her second event waits for it; Bob's do not.
    if (data.account === "ada" && data.amount === 1 && attempt < 3) throw new Error("try again");
    ledger[data.account]?.push(data.amount);
    if (Object.values(ledger).flat().length === 6) resolve();
  });
});

await bus.declare();
bus.start();
await bus.publishAll([1, 2, 3].flatMap((amount) => [
  Moved({ account: "ada", amount }),
  Moved({ account: "bob", amount }),
]));
await done;
await bus.stop();

console.log(`ada: ${ledger.ada}`);
console.log(`bob: ${ledger.bob}`);

// Prints:
// ada: 1,2,3
// bob: 1,2,3
