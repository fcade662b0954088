/**
 * A worker as a program of its own, on Deno, Node.js and Bun: the handlers come from handlers.ts, and
 * SIGTERM drains it.
 *
 *     npx -y deno run examples/worker.ts      node worker.ts      bun worker.ts
 */
import process from "node:process";
import { MessageConsumer, MessagePublisher } from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";
import { dispatcher, OrderPlaced } from "./handlers.ts";

// In production: `new AwsBackend()`, a queue that was declared when the service was deployed, and
// somebody else who publishes.
const backend = new MemoryBackend();
await backend.declareQueue("billing", { deadLetterQueue: "billing-dlq" });
const publisher = new MessagePublisher({ backend });
await publisher.publishAll([
  OrderPlaced({ orderId: "o-1", total: 42 }),
  OrderPlaced({ orderId: "o-2", total: 7 }),
  OrderPlaced({ orderId: "o-3", total: -1 }),
], { queue: "billing" });

// `publisher` is handed to the handlers: what they publish goes out on the same backend.
const consumer = new MessageConsumer({
  backend,
  queue: "billing",
  dispatcher,
  publisher,
  concurrency: 1,
});

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => stop.abort());

// This example stops by itself when all three have ended.
const timer = setInterval(() => {
  const { acknowledged, deadLettered } = consumer.status();
  if (acknowledged + deadLettered === 3) stop.abort();
}, 10);

// Starts, waits for the signal, lets handlers finish, gives back what has not begun, resolves.
await consumer.run({ signal: stop.signal, drainMs: 8_000 });
clearInterval(timer);
await publisher.close();

const { acknowledged, deadLettered } = consumer.status();
console.log(`${acknowledged} handled, ${deadLettered} dead-lettered`);
process.exit();

// Prints:
// charge 42 for o-1 (attempt 1)
// charge 7 for o-2 (attempt 1)
// 2 handled, 1 dead-lettered
