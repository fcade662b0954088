/**
 * De-duplication that several processes on one machine share, in an SQLite file.
 *
 * The database is passed in: `new DatabaseSync("events.db")` of `node:sqlite` (Deno, Node 22 and
 * later) or `new Database("events.db")` of `bun:sqlite`.
 *
 * @example
 * ```ts
 * import { SqliteDeduplicationStore } from "@melange/melange/deduplication/sqlite";
 * import { DatabaseSync } from "node:sqlite";
 *
 * const database = new DatabaseSync(":memory:");
 * const store = new SqliteDeduplicationStore({ database });
 * if ((await store.claim("bill:o-1", 60_000)).status !== "claimed") throw new Error("unexpected");
 * database.close();
 * ```
 *
 * @module
 */
import { type Clock, systemClock } from "../clock.ts";
import type { Claim, DeduplicationStore } from "../deduplication.ts";

/** The part of a database that is used: `DatabaseSync` of `node:sqlite`, `Database` of `bun:sqlite`. */
export interface SqliteDatabase {
  /** Runs statements without values. */
  exec(sql: string): unknown;
  /** Prepares one statement. */
  prepare(sql: string): SqliteStatement;
}

/** A prepared statement. */
export interface SqliteStatement {
  /** Runs it and gives the first row, if there is one. */
  get(...values: (string | number)[]): unknown;
  /** Runs it. */
  run(...values: (string | number)[]): unknown;
}

/** Options of {@linkcode SqliteDeduplicationStore}. */
export interface SqliteDeduplicationStoreOptions {
  /** The database; opened and closed by the caller. It is switched to WAL with `synchronous = NORMAL`. */
  database: SqliteDatabase;
  /** How long to wait for another process that writes, in milliseconds. Default: 5 000. */
  busyTimeoutMs?: number;
  /** Where time comes from: all processes must agree on it. Default: the machine's clock. */
  clock?: Clock;
}

/** How many keys are completed between two sweeps of those that are no longer remembered. */
const SWEEP_EVERY = 1_000;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS melange_deduplication (
  key TEXT PRIMARY KEY,
  token TEXT NOT NULL,
  done INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS melange_deduplication_expiry ON melange_deduplication (expires_at);`;

const CLAIM = `
INSERT INTO melange_deduplication (key, token, done, expires_at) VALUES (?, ?, 0, ?)
ON CONFLICT (key) DO UPDATE SET token = excluded.token, done = 0, expires_at = excluded.expires_at
WHERE melange_deduplication.expires_at <= ?
RETURNING token`;

const MARK = `
INSERT INTO melange_deduplication (key, token, done, expires_at) VALUES (?, '', 1, ?)
ON CONFLICT (key) DO UPDATE SET token = '', done = 1, expires_at = excluded.expires_at`;

/**
 * Remembers in an SQLite file which subscriber has handled which event. Its calls are synchronous
 * inside: each takes a write lock for well under a millisecond.
 */
export class SqliteDeduplicationStore implements DeduplicationStore {
  readonly #database: SqliteDatabase;
  readonly #clock: Clock;
  readonly #claim: SqliteStatement;
  readonly #look: SqliteStatement;
  readonly #complete: SqliteStatement;
  readonly #release: SqliteStatement;
  readonly #renew: SqliteStatement;
  readonly #mark: SqliteStatement;
  readonly #sweep: SqliteStatement;
  #completed = 0;

  /** Creates the table unless it exists. */
  constructor(options: SqliteDeduplicationStoreOptions) {
    const { database, busyTimeoutMs = 5_000, clock = systemClock } = options;
    this.#database = database;
    this.#clock = clock;
    database.exec(`PRAGMA busy_timeout = ${Math.trunc(busyTimeoutMs)}`);
    database.exec("PRAGMA journal_mode = WAL");
    // A commit is safe from a kill at once, and from a power cut at the next checkpoint.
    database.exec("PRAGMA synchronous = NORMAL");
    database.exec(SCHEMA);
    const table = "melange_deduplication";
    this.#claim = database.prepare(CLAIM);
    this.#look = database.prepare(`SELECT done, expires_at FROM ${table} WHERE key = ?`);
    this.#complete = database.prepare(
      `UPDATE ${table} SET done = 1, expires_at = ? WHERE key = ? AND token = ? RETURNING key`,
    );
    this.#release = database.prepare(
      `DELETE FROM ${table} WHERE key = ? AND token = ? AND done = 0`,
    );
    this.#renew = database.prepare(
      `UPDATE ${table} SET expires_at = ? WHERE key = ? AND token = ? AND done = 0 RETURNING key`,
    );
    this.#mark = database.prepare(MARK);
    this.#sweep = database.prepare(`DELETE FROM ${table} WHERE expires_at <= ?`);
  }

  /** Claims a key in one statement: of several processes, one gets it. */
  claim(key: string, leaseMs: number): Promise<Claim> {
    return attempt((): Claim => {
      const now = this.#clock.now();
      const token = crypto.randomUUID();
      if (this.#claim.get(key, token, now + leaseMs, now)) return { status: "claimed", token };
      const row = this.#row(key);
      if (row?.done) return { status: "completed" };
      return { status: "inProgress", retryAfterMs: Math.max(0, (row?.expiresAt ?? now) - now) };
    });
  }

  /** Marks a claimed key as done, and now and then forgets those whose time is over. */
  complete(key: string, token: string, retentionMs: number): Promise<void> {
    return attempt(() => {
      const now = this.#clock.now();
      this.#complete.get(now + retentionMs, key, token);
      this.#completed += 1;
      if (this.#completed % SWEEP_EVERY === 0) this.#sweep.run(now);
    });
  }

  /** Gives a claimed key back. */
  release(key: string, token: string): Promise<void> {
    return attempt(() => void this.#release.run(key, token));
  }

  /** Prolongs a lease, also one that has ended as long as nobody else has claimed it. */
  renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    return attempt(() => Boolean(this.#renew.get(this.#clock.now() + leaseMs, key, token)));
  }

  /**
   * Runs an effect on the same database and marks the key, in one transaction: a kill at any moment
   * leaves both or neither. Returns `false`, without running it, if the key was done before. Use it
   * inside a handler, with a key made of its name and the event's id, when even a crash must not
   * repeat the effect.
   * @throws what the effect throws; nothing of it is kept then
   */
  once(key: string, effect: () => void, retentionMs = 86_400_000): boolean {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const now = this.#clock.now();
      const row = this.#row(key);
      const fresh = !(row?.done && row.expiresAt > now);
      if (fresh) {
        effect();
        this.#mark.run(key, now + retentionMs);
      }
      this.#database.exec("COMMIT");
      return fresh;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #row(key: string): { done: boolean; expiresAt: number } | undefined {
    const row = this.#look.get(key) as { done: number; expires_at: number } | null | undefined;
    return row ? { done: row.done === 1, expiresAt: row.expires_at } : undefined;
  }
}

/** What a synchronous call gives or throws, as a promise. */
function attempt<T>(call: () => T): Promise<T> {
  return new Promise((resolve) => resolve(call()));
}
