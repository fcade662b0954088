/**
 * What the BroadcastChannel backend costs, beside the least that any protocol on such a channel
 * costs: bare posts whose receiver acknowledges every hundredth, and whose sender waits for that.
 * Both carry 2 000 messages from this context to a worker. Run with `deno bench -A bench/`.
 */
import { BroadcastChannelBackend } from "../backends/broadcast_channel/mod.ts";

const COUNT = 2_000;
const WINDOW = 100;
/** Both are measured as they are in a context that has been at it for a while. */
const WARM = { warmup: 30, n: 60 };
const BODY = JSON.stringify({ orderId: "o-12345", total: 42, currency: "EUR" });

const worker = new Worker(new URL("./broadcast_channel_worker.ts", import.meta.url), {
  type: "module",
});
const bare = new BroadcastChannel("bench-bare");
const backend = new BroadcastChannelBackend({ name: "bench" });
await new Promise((resolve) => worker.onmessage = resolve);
await backend.declareQueue("work", { subscribeTo: ["orders"] });

Deno.bench({
  name: `${COUNT} messages: bare channel, windows of ${WINDOW}`,
  group: "throughput",
  ...WARM,
  baseline: true,
  fn: async () => await sendBare(COUNT),
});

Deno.bench({
  name: `${COUNT} messages: sent, received, acknowledged`,
  group: "throughput",
  ...WARM,
  fn: async () => await sendAll(COUNT),
});

Deno.bench({
  name: "1 message and its answer: bare channel",
  group: "latency",
  baseline: true,
  fn: async () => await sendBare(1),
});

Deno.bench({
  name: "1 message: sent, received, acknowledged",
  group: "latency",
  fn: async () => await sendAll(1),
});

/** Posts, and waits for the acknowledgement of each window. */
async function sendBare(count: number): Promise<void> {
  for (let sent = 0; sent < count;) {
    const end = Math.min(count, sent + WINDOW);
    const acknowledged = new Promise((resolve) => bare.onmessage = resolve);
    for (; sent < end; sent++) {
      bare.postMessage({ number: sent, isLast: sent === end - 1, body: BODY });
    }
    await acknowledged;
  }
}

/** Publishes, and waits until the worker has acknowledged so many. */
async function sendAll(count: number): Promise<void> {
  const done = new Promise((resolve) => worker.onmessage = resolve);
  worker.postMessage(count);
  const calls = [];
  for (let sent = 0; sent < count; sent += 10) {
    const messages = Array.from({ length: Math.min(10, count - sent) }, () => ({
      body: BODY,
      attributes: { type: "OrderPlaced" },
    }));
    calls.push(backend.send({ topic: "orders" }, messages));
  }
  await Promise.all(calls);
  await done;
}
