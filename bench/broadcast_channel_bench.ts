/**
 * What the BroadcastChannel backend costs, beside the least that any protocol on such a channel
 * costs: bare posts whose receiver acknowledges every hundredth, and whose sender waits for that.
 * All carry 2 000 messages from this context to a worker, which has 32 receives under way. Run with
 * `deno bench -A bench/broadcast_channel_bench.ts` on a machine that does nothing else.
 */
import { BroadcastChannelBackend } from "../backends/broadcast_channel/mod.ts";

/** A worker that consumes, and a backend that publishes to it. */
interface Pair {
  worker: Worker;
  backend: BroadcastChannelBackend;
}

const COUNT = 2_000;
const WINDOW = 100;
/** All are measured as they are in a context that has been at it for a while. */
const WARM = { warmup: 30, n: 60 };
const BODY = JSON.stringify({ orderId: "o-12345", total: 42, currency: "EUR" });

const bare = new BroadcastChannel("bench-bare");
const leading = await createPair("bench-leader", "here");
const following = await createPair("bench-follower", "worker");

Deno.bench({
  name: `${COUNT} messages: bare channel, windows of ${WINDOW}`,
  group: "throughput",
  ...WARM,
  baseline: true,
  fn: async () => await sendBare(COUNT),
});

Deno.bench({
  name: `${COUNT} messages: sent by the leader, received, acknowledged`,
  group: "throughput",
  ...WARM,
  fn: async () => await sendAll(leading, COUNT),
});

Deno.bench({
  name: `${COUNT} messages: sent by another, received, acknowledged`,
  group: "throughput",
  ...WARM,
  fn: async () => await sendAll(following, COUNT),
});

Deno.bench({
  name: "1 message and its answer: bare channel",
  group: "latency",
  baseline: true,
  fn: async () => await sendBare(1),
});

Deno.bench({
  name: "1 message: sent by the leader, received, acknowledged",
  group: "latency",
  fn: async () => await sendAll(leading, 1),
});

/** Opens a backend here and one in a worker; the first of them leads. */
async function createPair(name: string, first: "here" | "worker"): Promise<Pair> {
  const backend = first === "here" ? await open(name) : undefined;
  const worker = await start(name);
  return { worker, backend: backend ?? await open(name) };
}

async function open(name: string): Promise<BroadcastChannelBackend> {
  const backend = new BroadcastChannelBackend({ name });
  await backend.declareQueue("work", { subscribeTo: ["orders"] });
  return backend;
}

async function start(name: string): Promise<Worker> {
  const url = new URL(`./broadcast_channel_worker.ts?name=${name}`, import.meta.url);
  const worker = new Worker(url, { type: "module" });
  await new Promise((resolve) => worker.onmessage = resolve);
  return worker;
}

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
async function sendAll({ worker, backend }: Pair, count: number): Promise<void> {
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
