import type { Event } from "../../event/event.ts";
import type { PostgresClient } from "../../handle/deduplication/postgres.ts";
import { type AddOptions, type Outbox, type OutboxRow, rowOf } from "./row.ts";

/** The part of a database that is used: `DatabaseSync` of `node:sqlite`, `Database` of `bun:sqlite`. */
export interface SqliteOutboxDatabase {
  /** Runs statements without values. */
  exec(sql: string): unknown;
  /** Prepares one statement. */
  prepare(sql: string): {
    /** Runs the statement to the end, and throws every failure. */
    run(...values: (string | number)[]): unknown;
    /** Returns all rows. */
    all(...values: (string | number)[]): unknown;
  };
}

/**
 * Outbox in an SQLite file, in the table `melange_outbox`.
 *
 * @example
 * ```ts
 * import { defineEvent, typed } from "@melange/melange";
 * import { SqliteOutbox } from "@melange/melange/outbox";
 * import { DatabaseSync } from "node:sqlite";
 *
 * const schema = typed<{ orderId: string }>();
 * const OrderPlaced = defineEvent("OrderPlaced", { topic: "orders", schema });
 * const database = new DatabaseSync(":memory:");
 * const outbox = new SqliteOutbox({ database });
 * database.exec("BEGIN IMMEDIATE");
 * outbox.add(OrderPlaced({ orderId: "o-1" }));
 * database.exec("COMMIT");
 * console.log((await outbox.read(0, 10)).length); // prints: 1
 * database.close();
 * ```
 */
export class SqliteOutbox implements Outbox {
  readonly #database: SqliteOutboxDatabase;

  /** Creates the table unless it exists. The relay may have a connection of its own. */
  constructor({ database }: { database: SqliteOutboxDatabase }) {
    this.#database = database;
    database.exec(
      "CREATE TABLE IF NOT EXISTS melange_outbox (" +
        "id INTEGER PRIMARY KEY AUTOINCREMENT, group_name TEXT, entry TEXT NOT NULL)",
    );
  }

  /**
   * Writes an event; call it inside of the transaction on the same connection.
   * @throws {MelangeError} `INVALID_EVENT` or `INVALID_MESSAGE`; nothing is written
   */
  add(event: Event, options: AddOptions = {}): void {
    const { group, entry } = rowOf(event, options);
    const insert = "INSERT INTO melange_outbox (group_name, entry) VALUES (nullif(?, ''), ?)";
    this.#database.prepare(insert).run(group ?? "", entry);
  }

  /** Reads committed rows after an id, in order. */
  read(afterId: number, limit: number): Promise<OutboxRow[]> {
    return new Promise((resolve) => {
      const statement = this.#database.prepare(
        'SELECT id, group_name AS "group", entry FROM melange_outbox WHERE id > ? ORDER BY id LIMIT ?',
      );
      resolve(statement.all(afterId, limit) as OutboxRow[]);
    });
  }

  /** Deletes rows. */
  remove(ids: readonly number[]): Promise<void> {
    return new Promise((resolve) => {
      const list = JSON.stringify(ids);
      const text = "DELETE FROM melange_outbox WHERE id IN (SELECT value FROM json_each(?))";
      this.#database.prepare(text).run(list);
      resolve();
    });
  }
}

/**
 * Outbox in Postgres, in the table `melange_outbox`.
 *
 * @example
 * ```ts ignore
 * import { PostgresOutbox } from "@melange/melange/outbox";
 * import { Pool } from "pg";
 *
 * const outbox = new PostgresOutbox({ client: new Pool() });
 * await outbox.createTable();
 * ```
 */
export class PostgresOutbox implements Outbox {
  readonly #client: PostgresClient;

  /** Keeps the client of the relay; nothing is sent. */
  constructor({ client }: { client: PostgresClient }) {
    this.#client = client;
  }

  /** Creates the table unless it exists. */
  async createTable(): Promise<void> {
    await this.#client.query(
      "CREATE TABLE IF NOT EXISTS melange_outbox (" +
        "id bigserial PRIMARY KEY, group_name text, entry text NOT NULL)",
      [],
    );
  }

  /**
   * Writes an event in your transaction. A second transaction that adds to the same group waits for
   * the end of the first, so the order of a group is the order of commits.
   * @throws {MelangeError} `INVALID_EVENT` or `INVALID_MESSAGE`; nothing is written
   */
  async add(transaction: PostgresClient, event: Event, options: AddOptions = {}): Promise<void> {
    const { group, entry } = rowOf(event, options);
    if (group) {
      await transaction.query(
        "SELECT pg_advisory_xact_lock(hashtextextended('melange_outbox:' || $1::text, 0))",
        [group],
      );
    }
    const insert = "INSERT INTO melange_outbox (group_name, entry) VALUES (nullif($1, ''), $2)";
    await transaction.query(insert, [group ?? "", entry]);
  }

  /** Reads committed rows after an id, in order. */
  async read(afterId: number, limit: number): Promise<OutboxRow[]> {
    const answer = await this.#client.query(
      'SELECT id::float8 AS id, group_name AS "group", entry FROM melange_outbox ' +
        "WHERE id > $1 ORDER BY id LIMIT $2",
      [afterId, limit],
    );
    return (Array.isArray(answer) ? answer : (answer as { rows: OutboxRow[] }).rows) as OutboxRow[];
  }

  /** Deletes rows. */
  async remove(ids: readonly number[]): Promise<void> {
    await this.#client.query(
      "DELETE FROM melange_outbox WHERE id IN (SELECT value::bigint FROM json_array_elements_text($1::json))",
      [JSON.stringify(ids)],
    );
  }
}
