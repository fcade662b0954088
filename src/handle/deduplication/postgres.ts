/**
 * De-duplication that all workers share, in Postgres, with a form that runs the effect in the same
 * transaction.
 *
 * The client is yours: a `Pool` of pg as it is, or
 * `{ query: (text, values) => sql.unsafe(text, values) }` for postgres.js.
 *
 * @example
 * ```ts ignore
 * import { PostgresDeduplicationStore } from "@melange/melange/deduplication/postgres";
 * import { Pool } from "pg";
 *
 * const store = new PostgresDeduplicationStore({ client: new Pool() });
 * await store.createTable();
 * ```
 *
 * @module
 */
import type { Claim, DeduplicationStore } from "./store.ts";
import { checkClient, inProgress, serverKey, strangeAnswer, wholeMs } from "./shared.ts";

/** A client of Postgres, or one connection with a transaction. */
export interface PostgresClient {
  /** Runs one statement; resolves to rows, or to an object with `rows`. */
  query(text: string, values: (string | number)[]): PromiseLike<unknown>;
}

/** Options of {@linkcode PostgresDeduplicationStore}. */
export interface PostgresDeduplicationStoreOptions {
  /** The client; opened and closed by the caller. */
  client: PostgresClient;
  /** The name of the table, with its schema if need be. Default: `"melange_deduplication"`. */
  table?: string;
}

/** The number of keys that are completed between two sweeps of forgotten keys. */
const SWEEP_EVERY = 1_000;
/** A moment after the given milliseconds, by the clock of the server. */
const after = (place: string) => `clock_timestamp() + ${place}::float8 * interval '1 millisecond'`;

/**
 * Remembers in Postgres which subscriber has handled which event. All times are times of the
 * server. Each call is one statement, and a claim that meets another is two.
 *
 * The calls reject with the error of the client, and with a `TypeError` if the answer is strange.
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 * import { PostgresDeduplicationStore } from "@melange/melange/deduplication/postgres";
 *
 * // `new Pool()` of pg in a program of yours.
 * const client = { query: (_text: string, _values: unknown[]) => Promise.resolve({ rows: [] }) };
 * const store = new PostgresDeduplicationStore({ client });
 * await store.createTable();
 * const dispatcher = new Dispatcher({ deduplication: { store } });
 * console.log(dispatcher.eventTypes.length); // prints: 0
 * ```
 */
export class PostgresDeduplicationStore implements DeduplicationStore {
  readonly #client: PostgresClient;
  readonly #table: string;
  #completed = 0;

  /**
   * Keeps the client; nothing is sent before the first call.
   * @throws {TypeError} if the client has no `query`, or if the table has another name than letters,
   * digits and underscores make
   */
  constructor(options: PostgresDeduplicationStoreOptions) {
    const { client, table = "melange_deduplication" } = options;
    checkClient(client, { server: "Postgres", functions: ["query"] });
    checkTable(table);
    this.#client = client;
    this.#table = table;
  }

  /** Creates the table unless it exists. Run it once, with rights that workers need not have. */
  async createTable(): Promise<void> {
    await this.#rows(
      `CREATE TABLE IF NOT EXISTS ${this.#table} (key text COLLATE "C" PRIMARY KEY, token text NOT NULL, ` +
        "done boolean NOT NULL, expires_at timestamptz NOT NULL)",
      [],
    );
    const index = `${this.#table.replace(/^.*\./, "")}_expiry`;
    await this.#rows(`CREATE INDEX IF NOT EXISTS ${index} ON ${this.#table} (expires_at)`, []);
  }

  /** Claims a key. Of several workers, only one gets the key. */
  async claim(key: string, leaseMs: number): Promise<Claim> {
    const ms = wholeMs(leaseMs, { cannot: "claim a key", name: "leaseMs" });
    const token = crypto.randomUUID();
    const stored = await serverKey(key);
    const taken = await this.#rows(
      `INSERT INTO ${this.#table} AS d (key, token, done, expires_at) ` +
        `VALUES ($1, $2, false, ${after("$3")}) ON CONFLICT (key) DO UPDATE ` +
        `SET token = excluded.token, done = false, expires_at = ${after("$3")} ` +
        "WHERE d.expires_at <= clock_timestamp() RETURNING token",
      [stored, token, ms],
    );
    if (taken.length > 0) return { status: "claimed", token };
    const [row] = await this.#rows(
      "SELECT done::int AS done, " +
        "ceil(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::float8 AS left_ms " +
        `FROM ${this.#table} WHERE key = $1`,
      [stored],
    );
    if (row && Number(row.done) === 1) return { status: "completed" };
    return inProgress(row?.left_ms);
  }

  /** Marks a claimed key as done, and now and then forgets old keys. */
  async complete(key: string, token: string, retentionMs: number): Promise<void> {
    const ms = wholeMs(retentionMs, { cannot: "complete a key", name: "retentionMs" });
    await this.#rows(
      `UPDATE ${this.#table} SET done = true, expires_at = ${after("$3")} ` +
        "WHERE key = $1 AND token = $2",
      [await serverKey(key), token, ms],
    );
    this.#completed += 1;
    if (this.#completed % SWEEP_EVERY === 0) await this.sweep();
  }

  /** Gives a claimed key back. */
  async release(key: string, token: string): Promise<void> {
    await this.#rows(
      `DELETE FROM ${this.#table} WHERE key = $1 AND token = $2 AND NOT done`,
      [await serverKey(key), token],
    );
  }

  /** Prolongs a lease. An ended lease can be prolonged until another claim takes the key. */
  async renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    const ms = wholeMs(leaseMs, { cannot: "renew a claim", name: "leaseMs" });
    const rows = await this.#rows(
      `UPDATE ${this.#table} SET expires_at = ${after("$3")} ` +
        "WHERE key = $1 AND token = $2 AND NOT done RETURNING token",
      [await serverKey(key), token, ms],
    );
    return rows.length > 0;
  }

  /** Deletes keys that are forgotten: those completed whose time is over, and leases a day later. */
  async sweep(): Promise<void> {
    await this.#rows(
      `DELETE FROM ${this.#table} WHERE expires_at <= clock_timestamp() ` +
        "AND (done OR expires_at <= clock_timestamp() - interval '1 day')",
      [],
    );
  }

  /**
   * Marks a key inside of your transaction; resolves to `false` if the key was done before, and then
   * do nothing. The mark holds the key until the transaction ends, so a second transaction with the
   * key waits for the first. A commit keeps the effects of the transaction and the mark, a rollback
   * or a kill keeps neither. Any isolation level works; `SERIALIZABLE` and `REPEATABLE READ` fail a
   * second transaction with the error 40001 instead.
   * @throws {RangeError} if `retentionMs` is negative or not finite
   */
  async mark(
    transaction: PostgresClient,
    key: string,
    options: { retentionMs?: number } = {},
  ): Promise<boolean> {
    const { retentionMs = 86_400_000 } = options;
    const ms = wholeMs(retentionMs, { cannot: "mark a key", name: "retentionMs" });
    const answer = await transaction.query(
      `INSERT INTO ${this.#table} AS d (key, token, done, expires_at) ` +
        `VALUES ($1, '', true, ${after("$2")}) ON CONFLICT (key) DO UPDATE ` +
        `SET token = '', done = true, expires_at = ${after("$2")} ` +
        "WHERE NOT d.done OR d.expires_at <= clock_timestamp() RETURNING key",
      [await serverKey(key), ms],
    );
    return rowsOf(answer).length > 0;
  }

  async #rows(text: string, values: (string | number)[]): Promise<Row[]> {
    return rowsOf(await this.#client.query(text, values));
  }
}

type Row = Record<string, unknown>;

function rowsOf(answer: unknown): Row[] {
  if (Array.isArray(answer)) return answer;
  const rows = (answer as { rows?: unknown } | null | undefined)?.rows;
  if (Array.isArray(rows)) return rows;
  throw strangeAnswer("use a store", "Postgres", answer);
}

/** Refuses a name that would have to be quoted. */
function checkTable(table: string): void {
  if (/^([A-Za-z_]\w{0,54}\.)?[A-Za-z_]\w{0,54}$/.test(table)) return;
  throw new TypeError(
    "Cannot create a store as table must be a name of letters, digits and underscores",
  );
}
