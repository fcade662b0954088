/**
 * Writing some events otherwise than as JSON: the number of the serializer travels with each
 * message, so readers that know it read both old and new ones.
 *
 *     npx -y deno run examples/custom_serializer.ts
 */
import { defineEvent, EventBus, type Serializer, SerializerRegistry } from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";
import * as v from "valibot";

/** Comma-separated numbers: a third of the size of JSON for this data. */
const csv: Serializer = {
  id: 100, // 1 is JSON and 2 is taken; yours must never change
  serialize: (data) => (data as number[]).join(","),
  deserialize: (text) => text.split(",").map(Number),
};

const Measured = defineEvent("Measured", {
  topic: "measurements",
  schema: v.array(v.number()),
});
const Calibrated = defineEvent("Calibrated", {
  topic: "measurements",
  schema: v.object({ offset: v.number() }),
});

const bus = new EventBus({
  backend: new MemoryBackend(),
  queue: "statistics",
  concurrency: 1,
  // Writers choose by the event type; the others stay JSON.
  serializers: new SerializerRegistry({ byType: { Measured: csv } }),
});

const bodies: string[] = [];
bus.subscribe(Measured, (event, { message }) => {
  bodies.push(`${message.body} -> ${event.data.length} numbers`);
});
bus.subscribe(Calibrated, (event, { message }) => {
  bodies.push(`${message.body} -> offset ${event.data.offset}`);
});

await bus.declare();
bus.start();
await bus.publish(Measured([1.5, 2.25, 3]));
await bus.publish(Calibrated({ offset: 0.5 }));
for (let tries = 0; bodies.length < 2 && tries < 500; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await bus.stop();
for (const body of bodies) console.log(body);

// Prints:
// 1.5,2.25,3 -> 3 numbers
// {"offset":0.5} -> offset 0.5
