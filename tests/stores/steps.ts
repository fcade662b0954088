/**
 * A program that a kill meets at a step of its choice: `steps.ts WHAT AT N`. Each statement and each
 * publish is a step; before the step N the program kills itself. Run again without a kill, it
 * completes the work. Works on the SQLite file or the Postgres port AT.
 */
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { defineEvent, type EventPublisher, type HandlerContext, typed } from "../../mod.ts";
import { inbox, PostgresInbox, SqliteInbox } from "../../src/handle/deduplication/inbox.ts";
import {
  type PostgresClient,
  PostgresDeduplicationStore,
} from "../../src/handle/deduplication/postgres.ts";
import {
  type Outbox,
  OutboxRelay,
  PostgresOutbox,
  SqliteOutbox,
} from "../../src/operate/outbox/mod.ts";

const [what, at, number, log] = Deno.args as [string, string, string, string];
const killAt = Number(number);
let steps = 0;

function step(): void {
  steps++;
  if (steps === killAt) Deno.kill(Deno.pid, "SIGKILL");
}

const Placed = defineEvent("Placed", {
  topic: "orders.fifo",
  schema: typed<{ n: number }>(),
  group: () => "all",
});
const event = (n: number) => Placed({ n }, { id: `event-${n}` });
const context = { signal: new AbortController().signal } as HandlerContext;
const EVENTS = [1, 2, 3];

const publisher: EventPublisher = {
  publish: () => Promise.reject(new Error("unexpected")),
  async publishAll(entries) {
    const results = [];
    for await (const entry of entries) {
      step();
      Deno.writeTextFileSync(log, `${"event" in entry ? entry.event.id : entry.id}\n`, {
        append: true,
      });
      step();
      results.push({ ok: true, messageId: "1" } as const);
    }
    return results;
  },
};

await ({ sqliteInbox, sqliteOutbox, postgresInbox, postgresOutbox }[what])!();
console.log(`steps ${steps}`);

/** A database whose statements are steps. */
function sqlite(): DatabaseSync {
  const database = new DatabaseSync(at);
  const stepped = (target: object, names: string[]): object =>
    new Proxy(target, {
      get(object, name) {
        const member = Reflect.get(object, name);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          if (names.includes(String(name))) step();
          const result = member.apply(object, args);
          return name === "prepare" ? stepped(result, ["run", "get", "all"]) : result;
        };
      },
    });
  return stepped(database, ["exec"]) as DatabaseSync;
}

async function sqliteInbox() {
  const database = sqlite();
  database.exec("CREATE TABLE IF NOT EXISTS effects (id TEXT)");
  const handle = inbox(new SqliteInbox({ database }), async ({ id }, _, tx) => {
    tx.prepare("INSERT INTO effects VALUES (?)").run(id);
    await Promise.resolve();
    tx.prepare("SELECT 1").get();
  }, { name: "count" });
  for (const n of EVENTS) await handle(event(n), context);
}

async function sqliteOutbox() {
  const database = sqlite();
  database.exec("PRAGMA busy_timeout = 5000");
  database.exec("CREATE TABLE IF NOT EXISTS effects (id TEXT PRIMARY KEY)");
  const outbox = new SqliteOutbox({ database });
  for (const n of EVENTS) {
    const { id } = event(n);
    if (database.prepare("SELECT 1 FROM effects WHERE id = ?").get(id)) continue;
    database.exec("BEGIN IMMEDIATE");
    database.prepare("INSERT INTO effects VALUES (?)").run(id);
    outbox.add(event(n));
    database.exec("COMMIT");
  }
  await relay(outbox);
}

async function relay(outbox: Outbox) {
  await new OutboxRelay({ outbox, publisher }).run();
}

async function postgres<T>(
  run: (
    client: PostgresClient,
    transaction: <R>(run: (tx: PostgresClient) => Promise<R>) => Promise<R>,
  ) => Promise<T>,
) {
  const client = new pg.Client({ host: "127.0.0.1", port: Number(at), user: "postgres" });
  await client.connect();
  const stepped: PostgresClient = {
    query(text, values) {
      step();
      return client.query(text, values);
    },
  };
  await run(stepped, async (inside) => {
    await stepped.query("BEGIN", []);
    try {
      const result = await inside(stepped);
      await stepped.query("COMMIT", []);
      return result;
    } catch (error) {
      await stepped.query("ROLLBACK", []);
      throw error;
    }
  });
  await client.end();
}

async function postgresInbox() {
  await postgres(async (client, transaction) => {
    const store = new PostgresDeduplicationStore({ client });
    const handle = inbox(new PostgresInbox({ store, transaction }), async ({ id }, _, tx) => {
      await tx.query("INSERT INTO effects_inbox VALUES ($1)", [id]);
      await tx.query("SELECT 1", []);
    }, { name: "count" });
    for (const n of EVENTS) await handle(event(n), context);
  });
}

async function postgresOutbox() {
  await postgres(async (client, transaction) => {
    const outbox = new PostgresOutbox({ client });
    for (const n of EVENTS) {
      await transaction(async (tx) => {
        const { id } = event(n);
        const insert = "INSERT INTO effects_outbox VALUES ($1) ON CONFLICT DO NOTHING RETURNING id";
        const { rows } = await tx.query(insert, [id]) as { rows: unknown[] };
        if (rows.length > 0) await outbox.add(tx, event(n));
      });
    }
    await relay(outbox);
  });
}
