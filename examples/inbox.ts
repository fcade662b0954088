/**
 * A handler whose effect and mark are one transaction: not even a kill between the two repeats the
 * effect. The database is SQLite here, and Postgres in the same way with `PostgresInbox`.
 *
 *     npx -y deno run examples/inbox.ts
 */
import { DatabaseSync } from "node:sqlite";
import { defineEvent, EventBus, typed } from "@melange/melange";
import { inbox, SqliteInbox } from "@melange/melange/inbox";
import { MemoryBackend } from "@melange/melange/memory";

const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: typed<{ orderId: string }>(),
});

const database = new DatabaseSync(":memory:");
database.exec("CREATE TABLE bills (order_id TEXT)");

let tries = 0;
const bill = inbox(
  new SqliteInbox({ database }),
  (event: ReturnType<typeof OrderPlaced>, _context, tx) => {
    tries++;
    tx.prepare("INSERT INTO bills VALUES (?)").run(event.data.orderId);
    // The first try fails after the effect: the transaction takes the bill back.
    if (tries === 1) throw new Error("out of paper");
  },
  { name: "bill" },
);

const bus = new EventBus({ backend: new MemoryBackend(), queue: "billing" });
bus.subscribe(OrderPlaced, bill, { name: "bill" });
await bus.declare();
bus.start();

// The same event twice, as after a lost answer: same id, so it is known.
const event = OrderPlaced({ orderId: "o-1" });
await bus.publish(event);
await bus.publish(event);

const bills = () => database.prepare("SELECT count(*) AS n FROM bills").get()?.n;
for (let turns = 0; bills() !== 1 && turns < 500; turns++) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await bus.stop();
console.log(`${bills()} bill`);
database.close();

// Prints:
// 1 bill
