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
import { type Clock, reading, systemClock } from "../../support/clock.ts";
import type { Claim, DeduplicationStore } from "./store.ts";
import { checkMs } from "../../support/duration.ts";

/** The part of a database that is used: `DatabaseSync` of `node:sqlite`, `Database` of `bun:sqlite`. */
export interface SqliteDatabase {
  /** Runs statements without values. */
  exec(sql: string): unknown;
  /** Prepares one statement. */
  prepare(sql: string): SqliteStatement;
}

/** A prepared statement. */
export interface SqliteStatement {
  /**
   * Runs the statement and returns the first row, if any. The store calls `get` only for reading.
   */
  get(...values: (string | number)[]): unknown;
  /** Runs the statement to the end, its commit included, and throws every failure. */
  run(...values: (string | number)[]): unknown;
}

/** Options of {@linkcode SqliteDeduplicationStore}. */
export interface SqliteDeduplicationStoreOptions {
  /**
   * The database; opened and closed by the caller. The store switches the database to WAL with
   * `synchronous = NORMAL`.
   */
  database: SqliteDatabase;
  /** The longest wait for another process that writes, in milliseconds. Default: 5 000. */
  busyTimeoutMs?: number;
  /** The source of time. Default: the machine's clock. */
  clock?: Clock;
}

/** The number of keys that are completed between two sweeps of forgotten keys. */
const SWEEP_EVERY = 1_000;
/** The lead of a process's time over the file's time at which the process moves the file's time on. */
const CLOCK_MS = 20;
/**
 * The longest step to the wall clock of a process that opens the file. The step ends the leases of
 * dead processes; the bound keeps completed keys if somebody has set the clock.
 */
const START_MS = 3_600_000;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS melange_deduplication (
  key TEXT PRIMARY KEY,
  token TEXT NOT NULL,
  done INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS melange_deduplication_expiry ON melange_deduplication (expires_at);
CREATE TABLE IF NOT EXISTS melange_deduplication_clock (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  now INTEGER NOT NULL
);`;

// No statement that writes returns rows: what a commit fails with is lost by those who stop at the
// first row, as `get` does.
const CLAIM = `
INSERT INTO melange_deduplication (key, token, done, expires_at) VALUES (?, ?, 0, ?)
ON CONFLICT (key) DO UPDATE SET token = excluded.token, done = 0, expires_at = excluded.expires_at
WHERE melange_deduplication.expires_at <= ?`;

const LOOK = "SELECT token, done, expires_at FROM melange_deduplication WHERE key = ?";

const COMPLETE =
  "UPDATE melange_deduplication SET done = 1, expires_at = ? WHERE key = ? AND token = ?";

const RELEASE = "DELETE FROM melange_deduplication WHERE key = ? AND token = ? AND done = 0";

const RENEW =
  "UPDATE melange_deduplication SET expires_at = ? WHERE key = ? AND token = ? AND done = 0";

const MARK = `
INSERT INTO melange_deduplication (key, token, done, expires_at) VALUES (?, '', 1, ?)
ON CONFLICT (key) DO UPDATE SET token = '', done = 1, expires_at = excluded.expires_at`;

const SWEEP = "DELETE FROM melange_deduplication WHERE expires_at <= ?";

const READ_CLOCK = "SELECT now FROM melange_deduplication_clock WHERE id = 1";

const SET_CLOCK = `
INSERT INTO melange_deduplication_clock (id, now) VALUES (1, ?)
ON CONFLICT (id) DO UPDATE SET now = max(now, excluded.now)`;

const STATEMENTS = {
  claim: CLAIM,
  look: LOOK,
  complete: COMPLETE,
  release: RELEASE,
  renew: RENEW,
  mark: MARK,
  sweep: SWEEP,
  readClock: READ_CLOCK,
  setClock: SET_CLOCK,
};

/**
 * Remembers in an SQLite file which subscriber has handled which event. The calls are synchronous
 * inside: each takes a write lock for well under a millisecond. A call whose commit fails (a full
 * disk) rejects with the error of the database.
 *
 * Leases go by a clock in the file. Every process moves the clock on by the time that has passed
 * for the process. A process that opens the file moves the clock on to the wall clock, by an hour
 * at the most. So setting the wall clock while processes run neither ends a lease nor makes a lease
 * longer.
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 * import { SqliteDeduplicationStore } from "@melange/melange/deduplication/sqlite";
 * import { DatabaseSync } from "node:sqlite";
 *
 * const store = new SqliteDeduplicationStore({ database: new DatabaseSync(":memory:") });
 * const dispatcher = new Dispatcher({ deduplication: { store } });
 * console.log(dispatcher.options.deduplication?.store === store); // prints: true
 * ```
 */
export class SqliteDeduplicationStore implements DeduplicationStore {
  readonly #database: SqliteDatabase;
  readonly #clock: Clock;
  readonly #statements: Record<keyof typeof STATEMENTS, SqliteStatement>;
  /** The time of the file at the last call, and the reading of the clock at that moment. */
  #seen: { time: number; reading: number };
  #completed = 0;

  /** Creates the table unless it exists. */
  constructor(options: SqliteDeduplicationStoreOptions) {
    const { database, busyTimeoutMs = 5_000, clock = systemClock } = options;
    checkMs(busyTimeoutMs, { cannot: "open a store", name: "busyTimeoutMs" });
    this.#database = database;
    this.#clock = clock;
    database.exec(`PRAGMA busy_timeout = ${Math.trunc(busyTimeoutMs)}`);
    keepLog(database);
    // A commit is safe from a kill at once, and from a power cut at the next checkpoint.
    database.exec("PRAGMA synchronous = NORMAL");
    database.exec(SCHEMA);
    const prepared = Object.entries(STATEMENTS).map(([name, sql]) => [name, database.prepare(sql)]);
    this.#statements = Object.fromEntries(prepared);
    const wall = Math.trunc(clock.now());
    const shared = this.#shared() ?? wall;
    const time = Math.max(shared, Math.min(wall, shared + START_MS));
    this.#seen = { time, reading: reading(clock) };
    // At once: another process that opens the file next goes by it, whatever its wall clock says.
    this.#statements.setClock.run(time);
  }

  /** Claims a key in one statement. Of several processes, only one gets the key. */
  claim(key: string, leaseMs: number): Promise<Claim> {
    return attempt((): Claim => {
      checkMs(leaseMs, { cannot: "claim a key", name: "leaseMs" });
      const now = this.#now();
      const token = crypto.randomUUID();
      this.#statements.claim.run(stored(key), token, now + leaseMs, now);
      const row = this.#row(key);
      if (row?.token === token) return { status: "claimed", token };
      if (row?.done) return { status: "completed" };
      return { status: "inProgress", retryAfterMs: Math.max(0, (row?.expiresAt ?? now) - now) };
    });
  }

  /** Marks a claimed key as done, and now and then forgets old keys. */
  complete(key: string, token: string, retentionMs: number): Promise<void> {
    return attempt(() => {
      checkMs(retentionMs, { cannot: "complete a key", name: "retentionMs" });
      const now = this.#now();
      this.#statements.complete.run(now + retentionMs, stored(key), token);
      this.#completed += 1;
      if (this.#completed % SWEEP_EVERY === 0) this.#statements.sweep.run(now);
    });
  }

  /** Gives a claimed key back. */
  release(key: string, token: string): Promise<void> {
    return attempt(() => void this.#statements.release.run(stored(key), token));
  }

  /** Prolongs a lease. An ended lease can be prolonged until another claim takes the key. */
  renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    return attempt(() => {
      checkMs(leaseMs, { cannot: "renew a claim", name: "leaseMs" });
      const now = this.#now();
      this.#statements.renew.run(now + leaseMs, stored(key), token);
      const row = this.#row(key);
      return row?.token === token && !row.done;
    });
  }

  /**
   * Runs an effect on the same database and marks the key, in one transaction: a kill at any moment
   * leaves both or neither. Returns `false`, without running the effect, if the key was done
   * before. Use `once` inside a handler, with a key of subscriber name and event id, when even a
   * crash must not repeat the effect.
   * @throws {TypeError} if the effect is no function, is asynchronous or a generator, or returns a
   * promise, because the transaction ends when the effect returns. Then nothing is marked
   * @throws {RangeError} if `retentionMs` is negative or not finite
   * @throws the error of the effect or of the commit. Then nothing is kept
   */
  once(key: string, effect: () => void, retentionMs = 86_400_000): boolean {
    if (typeof effect !== "function" || !SYNCHRONOUS.test(tagOf(effect))) throw notSynchronous();
    checkMs(retentionMs, { cannot: "run an effect once", name: "retentionMs" });
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const now = this.#now();
      const row = this.#row(key);
      const fresh = !(row?.done && row.expiresAt > now);
      if (fresh) {
        run(effect);
        this.#statements.mark.run(stored(key), now + retentionMs);
      }
      this.#database.exec("COMMIT");
      return fresh;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** Rolls back. A second rollback fails, which must not hide the cause of the first. */
  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // The database has done it, as after some failed commits.
    }
  }

  /**
   * Returns the time of the file, which never goes back, and goes forward as time passes for any
   * process.
   */
  #now(): number {
    const now = reading(this.#clock);
    const passed = Math.max(0, now - this.#seen.reading);
    const shared = this.#shared() ?? -Infinity;
    const time = Math.max(shared, this.#seen.time + passed);
    this.#seen = { time, reading: now };
    if (time - shared >= CLOCK_MS) this.#statements.setClock.run(Math.trunc(time));
    return Math.trunc(time);
  }

  #shared(): number | undefined {
    const row = this.#statements.readClock.get() as { now: number } | null | undefined;
    return row?.now;
  }

  #row(key: string): Row | undefined {
    const row = this.#statements.look.get(stored(key)) as
      | { token: string; done: number; expires_at: number }
      | null
      | undefined;
    if (!row) return undefined;
    const { token, done, expires_at: expiresAt } = row;
    return { token, done: done === 1, expiresAt };
  }
}

interface Row {
  token: string;
  done: boolean;
  expiresAt: number;
}

/**
 * Turns the write-ahead log of the file on, which makes commits cheap. The change needs the file
 * alone and does not wait: where another process has the file, the store works without a log, or
 * with the log that the other process has turned on.
 */
function keepLog(database: SqliteDatabase): void {
  try {
    database.exec("PRAGMA journal_mode = WAL");
  } catch {
    // A database that does not work at all fails at the next statement.
  }
}

/**
 * Returns a key in a form that SQLite can keep. A lone surrogate and a zero are spelled out, so
 * that different keys stay different. All other keys stay unchanged.
 */
function stored(key: string): string {
  return key.replace(UNSTORABLE, (character) => {
    return `\uFFFE${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

const UNSTORABLE = /[\0\uFFFE\p{Cs}]/gu;

const SYNCHRONOUS = /^\[object Function\]$/;

function tagOf(effect: unknown): string {
  return Object.prototype.toString.call(effect);
}

function run(effect: () => unknown): void {
  const result = effect();
  const isObject = (typeof result === "object" && result !== null) || typeof result === "function";
  // A promise, or a generator that has not begun.
  if (!isObject || !("then" in result || "next" in result)) return;
  Promise.resolve(result).catch(() => {});
  throw notSynchronous();
}

function notSynchronous(): TypeError {
  return new TypeError(
    "Cannot run an effect once as it must be a function that is done when it returns, not an asynchronous one",
  );
}

/** Turns the result or the error of a synchronous call into a promise. */
function attempt<T>(call: () => T): Promise<T> {
  return new Promise((resolve) => resolve(call()));
}
