/**
 * A body that does not fit goes to a store, and the message carries a pointer to it. Bodies travel
 * compressed and encrypted. In production the store is `s3Payloads` of ./payloads/s3.
 *
 *     npx -y deno run examples/payloads.ts
 */
import { defineEvent, EventBus, typed } from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";
import { aesGcm, gzip, memoryPayloads } from "@melange/melange/payloads";

const Scanned = defineEvent("Scanned", {
  topic: "scans",
  schema: typed<{ pages: number[][] }>(),
});

const store = memoryPayloads();
// From a secret store, in production. Rotation: the new key to all readers, then `current`.
const keys = { "2026-11": crypto.getRandomValues(new Uint8Array(32)) };
const codecs = [gzip(), aesGcm({ keys, current: "2026-11" })];

const backend = new MemoryBackend();
const bus = new EventBus({
  backend,
  queue: "archive",
  payloads: { store, overBytes: 262_144, codecs },
});

let handled = 0;
bus.subscribe(Scanned, ({ data: { pages } }, { message }) => {
  handled++;
  const size = message.body.length > 262_144 ? "large" : "small";
  console.log(`archived ${pages.length} page(s), a ${size} body`);
});

await bus.declare();
const random = (length: number) => [...crypto.getRandomValues(new Uint8Array(length))];
await bus.publish(Scanned({ pages: [random(100)] }));
console.log(`${store.objects.size} bodies in the store`);
await bus.publish(Scanned({ pages: Array.from({ length: 20 }, () => random(50_000)) }));
console.log(`${store.objects.size} body in the store`);

bus.start();
for (let tries = 0; handled < 2 && tries < 500; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await bus.stop();

// Prints:
// 0 bodies in the store
// 1 body in the store
// archived 1 page(s), a small body
// archived 20 page(s), a large body
