/**
 * Testing handlers with the real semantics and no real time: visibility, retries and dead letters
 * of an hour pass in no time.
 *
 *     npx -y deno run examples/testing_handlers.ts
 */
import { defineEvent, EventBus, typed } from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";
import { recordHandler, seededRandom, VirtualClock } from "@melange/melange/testing";

const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: typed<{ orderId: string }>(),
});

// In place of the machine's clock and of chance. Everything that waits or draws is given them.
const clock = new VirtualClock();
const random = seededRandom(1);
const backend = new MemoryBackend({ clock, random });
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const bus = new EventBus({ backend, queue: "billing", clock, random, logger });

const handler = recordHandler();
bus.subscribe(OrderPlaced, handler);
await bus.declare({ deadLetterQueue: "billing-dlq", maxReceives: 4 });
bus.start();

// A handler that works.
await bus.publish(OrderPlaced({ orderId: "o-1" }));
await clock.advance(1_000);
console.log(`calls: ${handler.events.length}`);

// A handler that fails twice, and is called again after growing pauses.
handler.failNext(2);
await bus.publish(OrderPlaced({ orderId: "o-2" }));
await clock.advance(60_000);
console.log(`calls: ${handler.events.length}`);

// A handler that always fails: an hour later the message is where it belongs.
handler.failNext(Infinity);
await bus.publish(OrderPlaced({ orderId: "o-3" }));
await clock.advance(3_600_000);
console.log(`calls: ${handler.events.length}`);
console.log(`dead letters: ${(await backend.describeQueue("billing-dlq")).available}`);

const stopped = bus.stop();
await clock.advance(10_000);
await stopped;

// Prints:
// calls: 1
// calls: 4
// calls: 8
// dead letters: 1
