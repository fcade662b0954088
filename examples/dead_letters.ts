/**
 * Events that cannot be handled go to the dead-letter queue with the reason, and are looked at there.
 *
 *     npx -y deno run examples/dead_letters.ts
 */
import {
  DeadLetter,
  deadLetterFactsOf,
  defineEvent,
  Dispatcher,
  MessageConsumer,
  MessagePublisher,
  typed,
} from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";

const CardCharged = defineEvent("CardCharged", {
  schema: typed<{ card: string; expired: boolean }>(),
});

const backend = new MemoryBackend();
// After 5 failed tries the queue itself moves a message there.
await backend.declareQueue("cards", { deadLetterQueue: "cards-dlq", maxReceives: 5 });
const publisher = new MessagePublisher({ backend });
await publisher.publish(CardCharged({ card: "c-1", expired: true }), { queue: "cards" });
await publisher.publish(CardCharged({ card: "c-2", expired: false }), { queue: "cards" });

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const dispatcher = new Dispatcher({ logger: silent });
dispatcher.subscribe(CardCharged, ({ data }) => {
  // Trying again is pointless: no retries, straight to the dead-letter queue.
  if (data.expired) throw new DeadLetter("card-expired");
}, { name: "charge" });

const consumer = new MessageConsumer({ backend, queue: "cards", dispatcher });
console.log((await consumer.consumeEvent())?.outcome);
console.log((await consumer.consumeEvent())?.outcome);

// By hand, message by message: `deliveries()` gives what `subscribe` hides.
const failed = new MessageConsumer({ backend, queue: "cards-dlq" });
for await (const delivery of failed.deliveries()) {
  const { reason, subscriber, attempts } = deadLetterFactsOf(delivery.message) ?? {};
  console.log(`${subscriber} gave up after ${attempts}: ${reason}; ${delivery.message.body}`);
  await delivery.ack();
  break; // leaving the loop drains the consumer
}

// Prints:
// deadLetter
// acknowledge
// charge gave up after 1: card-expired; {"card":"c-1","expired":true}
