/**
 * A worker of the incident: `worker.ts ENDPOINT DATABASE MODE`. It charges cards, once per order.
 * Broken, it gives every order up; the victim stops in the middle of its second order, and waits.
 */
import { DatabaseSync } from "node:sqlite";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { DeadLetter, Dispatcher, MessageConsumer } from "../../mod.ts";
import { SqliteDeduplicationStore } from "../../src/handle/deduplication/sqlite.ts";
import { OrderPlaced } from "./order_placed.ts";

const [endpoint = "", path = "", mode = ""] = Deno.args;
const database = new DatabaseSync(path);
const store = new SqliteDeduplicationStore({ database });
database.exec("CREATE TABLE IF NOT EXISTS charges (orderId TEXT, total INTEGER)");
const charge = database.prepare("INSERT INTO charges (orderId, total) VALUES (?, ?)");
let handled = 0;

const dispatcher = new Dispatcher({ deduplication: { store, leaseMs: 1_000 } });
dispatcher.subscribe(OrderPlaced, async ({ data: { orderId, total } }) => {
  if (total < 0) throw new DeadLetter("BAD_TOTAL");
  if (mode === "broken") throw new DeadLetter("CARD_DOWN");
  handled += 1;
  if (mode === "victim" && handled === 2) {
    console.log("holding");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
  // Slower than letters come back, so that there is work for both workers.
  await new Promise((resolve) => setTimeout(resolve, 40));
  charge.run(orderId, total);
}, { name: "charge-card" });

const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const backend = new AwsBackend({ endpoint, region: "us-east-1", credentials });
const consumer = new MessageConsumer({
  backend,
  queue: "billing",
  dispatcher,
  // One at a time: a kill meets one order, before its card was charged.
  concurrency: 1,
  visibilityTimeoutMs: 2_000,
  waitMs: 1_000,
});
const stop = new AbortController();
Deno.addSignalListener("SIGTERM", () => stop.abort());
console.log("working");
await consumer.run({ signal: stop.signal });
Deno.exit(0);
