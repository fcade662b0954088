/** A worker process of the laboratory: handles, writes down what it did, drains on SIGTERM. */
import { DatabaseSync } from "node:sqlite";
import { DeadLetter, Dispatcher, MessageConsumer } from "../../mod.ts";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { SqliteDeduplicationStore } from "../../src/deduplication/sqlite.ts";
import { QUEUE, VISIBILITY_MS, WorkOrdered } from "./event.ts";
import { record } from "./records.ts";

const [endpoint, log, databaseFile] = Deno.args as [string, string, string];
const database = new DatabaseSync(databaseFile);
const store = new SqliteDeduplicationStore({ database });
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

const dispatcher = new Dispatcher({
  // Its lease is not longer than a lock: what a killed worker held is free when it comes again.
  deduplication: { store, leaseMs: VISIBILITY_MS },
  maxAttempts: 4,
  logger: quiet,
});
dispatcher.subscribe(WorkOrdered, async ({ data: { key, poison } }) => {
  if (poison === "deadLetter") throw new DeadLetter("poison");
  if (poison === "throws") throw new Error("poison");
  record(log, { key, step: "start", at: Date.now() });
  await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 10));
  record(log, { key, step: "effect", at: Date.now() });
}, { name: "work" });

const backend = new AwsBackend({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});
const consumer = new MessageConsumer({
  backend,
  queue: QUEUE,
  dispatcher,
  concurrency: 64,
  visibilityTimeoutMs: VISIBILITY_MS,
  waitMs: 1_000,
  redelivery: { baseMs: 500, maxMs: 1_000 },
});
const stop = new AbortController();
Deno.addSignalListener("SIGTERM", () => stop.abort());
await consumer.run({ signal: stop.signal, drainMs: 5_000 });
await backend.close();
database.close();
Deno.exit(0);
