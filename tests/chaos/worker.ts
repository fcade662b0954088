/**
 * A worker process of the laboratory: handles, writes down what it did, drains on SIGTERM. It never
 * calls `exit`: it ends because nothing is left that could keep it alive.
 */
import { DatabaseSync } from "node:sqlite";
import { DeadLetter, Dispatcher, MessageConsumer } from "../../mod.ts";
import { AwsBackend } from "../../backends/aws/mod.ts";
import type { DeduplicationStore } from "../../mod.ts";
import { sleep, systemClock } from "../../src/support/clock.ts";
import { SqliteDeduplicationStore } from "../../src/handle/deduplication/sqlite.ts";
import { MACHINE, steppingClock } from "./clock_steps.ts";
import { WorkOrdered } from "./event.ts";
import { type Hold, holdOf } from "./hold.ts";
import { record } from "./records.ts";
import { readArguments } from "./settings.ts";

const settings = readArguments(Deno.args);
const { endpoint, log, queue, visibilityMs, waitMs, requestTimeoutMs, concurrency } = settings;
const SUBSCRIBER = "work";
// The machine of the workers is set by hours and days while they work.
const clock = steppingClock(MACHINE);
const database = new DatabaseSync(settings.database || ":memory:");
const store = new SqliteDeduplicationStore({ database, clock });
database.exec("CREATE TABLE IF NOT EXISTS effects (key TEXT, at INTEGER)");
const insert = database.prepare("INSERT INTO effects (key, at) VALUES (?, ?)");

/** Without the store there is no mark to wait after. */
const moments = settings.once === "store"
  ? ["start", "effect", "mark"] as const
  : ["start", "effect"] as const;
/** Of handlers that are done and not yet marked. */
const holds = new Map<string, Hold>();

/** Writes down what the store remembers, so that the judge knows what a kill met. */
const recorded: DeduplicationStore = {
  claim: (key, leaseMs) => store.claim(key, leaseMs),
  renew: (key, token, leaseMs) => store.renew(key, token, leaseMs),
  release: (key, token) => store.release(key, token),
  async complete(key, token, retentionMs) {
    await store.complete(key, token, retentionMs);
    const event = key.slice(SUBSCRIBER.length + 1);
    record(log, { key: event, step: "mark", at: Date.now() });
    const hold = holds.get(event);
    holds.delete(event);
    await hold?.("mark");
  },
};

const dispatcher = new Dispatcher({
  // Its lease is shorter than a lock: what a killed worker held is free when it comes again.
  ...(settings.once === "store"
    ? { deduplication: { store: recorded, leaseMs: visibilityMs / 2 } }
    : {}),
  maxAttempts: 4,
  logger: { debug() {}, info() {}, warn() {}, error() {} },
});
dispatcher.subscribe(WorkOrdered, async ({ data: { key, poison } }, { signal }) => {
  if (poison === "deadLetter") throw new DeadLetter("poison");
  if (poison === "throws") throw new Error("poison");
  const hold = holdOf({ log, key, moments });
  record(log, { key, step: "start", at: Date.now() });
  await hold("start", signal);
  await work(signal);
  if (settings.once !== "transaction") record(log, { key, step: "effect", at: Date.now() });
  else if (store.once(key, () => void insert.run(key, Date.now()))) {
    record(log, { key, step: "effect", at: Date.now() });
  }
  await hold("effect", signal);
  if (settings.once === "store") holds.set(key, hold);
}, { name: SUBSCRIBER });

function work(signal: AbortSignal): Promise<void> {
  const [least, most] = settings.handlerMs;
  return sleep(systemClock, least + Math.random() * (most - least), signal);
}

const backend = new AwsBackend({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  requestTimeoutMs,
  clock,
});
const consumer = new MessageConsumer({
  backend,
  queue,
  dispatcher,
  concurrency,
  visibilityTimeoutMs: visibilityMs,
  waitMs,
  clock,
  redelivery: { baseMs: 500, maxMs: 1_000 },
});
const stop = new AbortController();
const onSignal = () => stop.signal.aborted ? void consumer.stop({ drainMs: 1_000 }) : stop.abort();
Deno.addSignalListener("SIGTERM", onSignal);
await consumer.run({ signal: stop.signal, drainMs: settings.drainMs });
await backend.close();
Deno.removeSignalListener("SIGTERM", onSignal);
database.close();
