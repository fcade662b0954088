/**
 * Handlers whose effect and mark are one transaction, so that not even a kill repeats an effect.
 *
 * @example
 * ```ts
 * import { defineEvent, Dispatcher, typed } from "@melange/melange";
 * import { inbox, SqliteInbox } from "@melange/melange/inbox";
 * import { DatabaseSync } from "node:sqlite";
 *
 * const OrderPlaced = defineEvent("OrderPlaced", { schema: typed<{ orderId: string }>() });
 * const database = new DatabaseSync(":memory:");
 * database.exec("CREATE TABLE bills (order_id TEXT)");
 * const store = new SqliteInbox({ database });
 *
 * const bill = inbox(store, (event, _context, tx) => {
 *   const { orderId } = event.data as { orderId: string };
 *   tx.prepare("INSERT INTO bills VALUES (?)").run(orderId);
 * }, { name: "bill" });
 * new Dispatcher().subscribe(OrderPlaced, bill, { name: "bill" });
 * database.close();
 * ```
 *
 * @module
 */
import type { Event } from "../../event/event.ts";
import { checkMs } from "../../support/duration.ts";
import type { Handler, HandlerContext } from "../handler.ts";
import { deduplicationKey } from "./key.ts";
import type { PostgresClient, PostgresDeduplicationStore } from "./postgres.ts";
import { serverKey } from "./shared.ts";
import type { SqliteDatabase } from "./sqlite.ts";

/** Runs effects in transactions that mark a key. */
export interface InboxStore<Transaction> {
  /**
   * Marks the key and runs the effect, in one transaction. Resolves to `false`, without a run, if
   * the key was marked before. Rejects with the error of the effect or of the commit.
   */
  transact(
    key: string,
    effect: (transaction: Transaction) => unknown,
    retentionMs: number,
  ): Promise<boolean>;
}

/** Options of {@linkcode inbox}. */
export interface InboxOptions {
  /** The name of the subscriber, which is part of the key and must not change with a deploy. */
  name: string;
  /** The time for which a handled event is remembered, in milliseconds. Default: 24 hours. */
  retentionMs?: number;
}

/**
 * Returns a handler that runs in a transaction of the store, once per event. A failed handler is
 * rolled back and retried. Two deliveries at the same time run one after the other. Use it in place
 * of `deduplication` of the dispatcher, not beside it.
 * @throws {TypeError} if the name is empty
 * @throws {RangeError} if `retentionMs` is negative or not finite
 *
 * @example
 * ```ts
 * import { inbox, SqliteInbox } from "@melange/melange/inbox";
 * import { DatabaseSync } from "node:sqlite";
 *
 * const database = new DatabaseSync(":memory:");
 * database.exec("CREATE TABLE bills (order_id TEXT)");
 * const bill = inbox(new SqliteInbox({ database }), (event, _context, tx) => {
 *   tx.prepare("INSERT INTO bills VALUES (?)").run(event.id);
 * }, { name: "bill" });
 * console.log(typeof bill); // prints: function
 * database.close();
 * ```
 */
export function inbox<Transaction, E extends Event = Event>(
  store: InboxStore<Transaction>,
  handler: (event: E, context: HandlerContext, transaction: Transaction) => unknown,
  options: InboxOptions,
): Handler<E> {
  const { name, retentionMs = 86_400_000 } = options;
  if (typeof name !== "string" || name === "") {
    throw new TypeError("Cannot create an inbox as name must be the name of the subscriber");
  }
  checkMs(retentionMs, { cannot: "create an inbox", name: "retentionMs" });
  return async (event, context) => {
    const { id, cloudEvent } = event;
    const key = deduplicationKey(name, { source: cloudEvent?.source, facts: { id } });
    if (key === undefined) {
      throw new TypeError(`Cannot handle "${event.type}" once as the event has no id`);
    }
    const effect = async (transaction: Transaction) => {
      await handler(event, context, transaction);
      // The message is another worker's by now.
      context.signal.throwIfAborted();
    };
    await store.transact(key, effect, retentionMs);
  };
}

/** Options of {@linkcode PostgresInbox}. */
export interface PostgresInboxOptions<Transaction extends PostgresClient> {
  /** The store whose table keeps the marks. */
  store: PostgresDeduplicationStore;
  /**
   * Runs a function in a transaction: commits when the function resolves, and rolls back when it
   * rejects. For pg: `BEGIN`, `COMMIT`, `ROLLBACK` on one client of the pool; for postgres.js:
   * `sql.begin`.
   */
  transaction: <T>(run: (transaction: Transaction) => Promise<T>) => Promise<T>;
}

/**
 * Inbox in Postgres. A handler gets the connection with the transaction.
 *
 * @example
 * ```ts ignore
 * import { PostgresDeduplicationStore } from "@melange/melange/deduplication/postgres";
 * import { PostgresInbox } from "@melange/melange/inbox";
 * import postgres from "postgres";
 *
 * const sql = postgres();
 * const client = { query: (text, values) => sql.unsafe(text, values) };
 * const store = new PostgresInbox({
 *   store: new PostgresDeduplicationStore({ client }),
 *   transaction: (run) =>
 *     sql.begin((tx) => run({ query: (text, values) => tx.unsafe(text, values) })),
 * });
 * ```
 */
export class PostgresInbox<Transaction extends PostgresClient = PostgresClient>
  implements InboxStore<Transaction> {
  readonly #options: PostgresInboxOptions<Transaction>;

  /** Keeps the options; nothing is sent before the first event. */
  constructor(options: PostgresInboxOptions<Transaction>) {
    this.#options = options;
  }

  /** Marks the key, which makes other transactions with the key wait, and runs the effect. */
  transact(
    key: string,
    effect: (transaction: Transaction) => unknown,
    retentionMs: number,
  ): Promise<boolean> {
    const { store, transaction } = this.#options;
    return transaction(async (inside) => {
      const isFresh = await store.mark(inside, key, { retentionMs });
      if (isFresh) await effect(inside);
      return isFresh;
    });
  }
}

/** Options of {@linkcode SqliteInbox}. */
export interface SqliteInboxOptions<Database extends SqliteDatabase> {
  /**
   * The database, opened and closed by the caller. A connection of the inbox alone: whatever runs
   * on the connection while a handler waits falls into the handler's transaction.
   */
  database: Database;
}

const SCHEMA = `CREATE TABLE IF NOT EXISTS melange_inbox (
  key TEXT PRIMARY KEY, expires_at INTEGER NOT NULL
) WITHOUT ROWID`;
const LOOK = "SELECT 1 AS found FROM melange_inbox WHERE key = ? AND expires_at > ?";
const MARK = `INSERT INTO melange_inbox (key, expires_at) VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at`;
const SWEEP = "DELETE FROM melange_inbox WHERE expires_at <= ?";
/** The number of events between two sweeps of forgotten events. */
const SWEEP_EVERY = 1_000;

/**
 * Inbox in an SQLite file. A handler gets the database, inside of a transaction. Handlers of one
 * inbox run one after the other, because a connection has one transaction at a time.
 *
 * @example
 * ```ts
 * import { SqliteInbox } from "@melange/melange/inbox";
 * import { DatabaseSync } from "node:sqlite";
 *
 * // A connection of its own: handlers of the inbox take its transactions.
 * const database = new DatabaseSync(":memory:");
 * const store = new SqliteInbox({ database });
 * console.log(store instanceof SqliteInbox); // prints: true
 * database.close();
 * ```
 */
export class SqliteInbox<Database extends SqliteDatabase = SqliteDatabase>
  implements InboxStore<Database> {
  readonly #database: Database;
  #last: Promise<unknown> = Promise.resolve();
  #handled = 0;

  /** Creates the table unless it exists. Waits up to five seconds for other processes that write. */
  constructor({ database }: SqliteInboxOptions<Database>) {
    this.#database = database;
    database.exec("PRAGMA busy_timeout = 5000");
    database.exec(SCHEMA);
  }

  /** Runs the effect and marks the key, after the transactions before. */
  transact(
    key: string,
    effect: (transaction: Database) => unknown,
    retentionMs: number,
  ): Promise<boolean> {
    const done = this.#last.then(async () => {
      const stored = await serverKey(key);
      return await this.#inTransaction(() => this.#once(stored, effect, retentionMs));
    });
    this.#last = done.catch(() => {});
    return done;
  }

  async #once(
    key: string,
    effect: (transaction: Database) => unknown,
    retentionMs: number,
  ): Promise<boolean> {
    const database = this.#database;
    const now = Date.now();
    if (database.prepare(LOOK).get(key, now)) return false;
    await effect(database);
    database.prepare(MARK).run(key, Math.trunc(now + retentionMs));
    this.#handled += 1;
    if (this.#handled % SWEEP_EVERY === 0) database.prepare(SWEEP).run(now);
    return true;
  }

  async #inTransaction<T>(run: () => Promise<T>): Promise<T> {
    const database = this.#database;
    database.exec("BEGIN IMMEDIATE");
    try {
      const result = await run();
      database.exec("COMMIT");
      return result;
    } catch (error) {
      try {
        database.exec("ROLLBACK");
      } catch {
        // The database has done it, as after some failed commits.
      }
      throw error;
    }
  }
}
