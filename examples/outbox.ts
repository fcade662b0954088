/**
 * Events that are published if, and only if, a transaction commits. The database is SQLite here, and
 * Postgres in the same way with `PostgresOutbox`.
 *
 *     npx -y deno run examples/outbox.ts
 */
import { DatabaseSync } from "node:sqlite";
import { defineEvent, EventBus, typed } from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";
import { OutboxRelay, SqliteOutbox } from "@melange/melange/outbox";

const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: typed<{ orderId: string }>(),
});

const database = new DatabaseSync(":memory:");
database.exec("CREATE TABLE orders (order_id TEXT)");
const outbox = new SqliteOutbox({ database });

function place(orderId: string, isPaid: boolean): void {
  database.exec("BEGIN IMMEDIATE");
  database.prepare("INSERT INTO orders VALUES (?)").run(orderId);
  outbox.add(OrderPlaced({ orderId }));
  database.exec(isPaid ? "COMMIT" : "ROLLBACK");
}

const bus = new EventBus({ backend: new MemoryBackend(), queue: "billing" });
const seen: string[] = [];
bus.subscribe(OrderPlaced, ({ data }) => void seen.push(data.orderId), { name: "bill" });
await bus.declare();
bus.start();

place("o-1", true);
place("o-2", false);
place("o-3", true);

const relay = new OutboxRelay({ outbox, publisher: bus });
console.log(`published ${await relay.run()}, and then ${await relay.run()}`);

for (let turns = 0; seen.length < 2 && turns < 500; turns++) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await bus.stop();
console.log(seen.sort().join(", "));
database.close();

// Prints:
// published 2, and then 0
// o-1, o-3
