/**
 * De-duplication that all workers share, in Deno KV.
 *
 * @example
 * ```ts ignore
 * import { DenoKvDeduplicationStore } from "@melange/melange/deduplication/deno-kv";
 *
 * const store = new DenoKvDeduplicationStore({ kv: await Deno.openKv() });
 * ```
 *
 * @module
 */
import { type Clock, reading, sleep, systemClock } from "../../support/clock.ts";
import type { Claim, DeduplicationStore } from "./store.ts";
import { checkClient, inProgress, serverKey, wholeMs } from "./shared.ts";

/** The part of `Deno.Kv` that is used. */
export interface DenoKv {
  /** Reads an entry; the default consistency is strong. */
  get(key: string[]): Promise<{ value: unknown; versionstamp: string | null }>;
  /** Begins an operation of several parts. */
  atomic(): DenoKvOperation;
}

/** An operation that is done as a whole, or not at all. */
export interface DenoKvOperation {
  /** Asks for an entry to be unchanged. */
  check(entry: { key: string[]; versionstamp: string | null }): DenoKvOperation;
  /** Sets an entry. */
  set(key: string[], value: unknown, options?: { expireIn?: number }): DenoKvOperation;
  /** Deletes an entry. */
  delete(key: string[]): DenoKvOperation;
  /** Resolves to `ok: false` if a check failed. */
  commit(): Promise<{ ok: boolean }>;
}

/** Options of {@linkcode DenoKvDeduplicationStore}. */
export interface DenoKvDeduplicationStoreOptions {
  /** The database; opened and closed by the caller. */
  kv: DenoKv;
  /** The beginning of all keys. Default: `"melange-deduplication"`. */
  prefix?: string;
  /** The source of time. Default: the machine's clock. */
  clock?: Clock;
}

/** The longest wait for another process that writes to the file, in milliseconds. */
const BUSY_MS = 5_000;
/** The longest pause between two tries, in milliseconds. */
const PAUSE_MS = 20;

interface Entry {
  token: string;
  done: boolean;
  expiresAt: number;
}

/** The time that the database keeps an entry beyond its end, in milliseconds: a day. */
const KEPT_MS = 86_400_000;

/**
 * Remembers in Deno KV which subscriber has handled which event, by `atomic().check()`. Deno KV has
 * no clock that can be asked. So the clocks of the workers must agree: a clock that is ahead by more
 * than a lease ends leases of others. The database's own expiry only tidies up.
 *
 * @example
 * ```ts ignore
 * import { Dispatcher } from "@melange/melange";
 * import { DenoKvDeduplicationStore } from "@melange/melange/deduplication/deno-kv";
 *
 * const store = new DenoKvDeduplicationStore({ kv: await Deno.openKv() });
 * const dispatcher = new Dispatcher({ deduplication: { store } });
 * ```
 */
export class DenoKvDeduplicationStore implements DeduplicationStore {
  readonly #kv: DenoKv;
  readonly #prefix: string;
  readonly #clock: Clock;

  /**
   * Keeps the database; nothing is read before the first claim.
   * @throws {TypeError} if `kv` has no `get` and `atomic`
   */
  constructor(options: DenoKvDeduplicationStoreOptions) {
    const { kv, prefix = "melange-deduplication", clock = systemClock } = options;
    checkClient(kv, { server: "Deno KV", functions: ["get", "atomic"] });
    this.#kv = kv;
    this.#prefix = prefix;
    this.#clock = clock;
  }

  /** Claims a key. Of several workers, only one gets the key. */
  async claim(key: string, leaseMs: number): Promise<Claim> {
    const ms = wholeMs(leaseMs, { cannot: "claim a key", name: "leaseMs" });
    const token = crypto.randomUUID();
    const found = await this.#read(key);
    const now = this.#clock.now();
    const { entry } = found;
    if (entry && entry.expiresAt > now) {
      return entry.done ? { status: "completed" } : inProgress(entry.expiresAt - now);
    }
    const isSet = await this.#put(found, { token, done: false, expiresAt: now + ms });
    // Another claim was faster; its lease is as new as this one.
    return isSet ? { status: "claimed", token } : inProgress(ms);
  }

  /** Marks a claimed key as done. */
  async complete(key: string, token: string, retentionMs: number): Promise<void> {
    const ms = wholeMs(retentionMs, { cannot: "complete a key", name: "retentionMs" });
    await this.#change(key, (found) => {
      if (found.entry?.token !== token) return undefined;
      return this.#put(found, { token, done: true, expiresAt: this.#clock.now() + ms });
    });
  }

  /** Gives a claimed key back. */
  async release(key: string, token: string): Promise<void> {
    await this.#change(key, (found) => {
      if (found.entry?.token !== token || found.entry.done) return undefined;
      return this.#commit(() => this.#kv.atomic().check(found).delete(found.key));
    });
  }

  /** Prolongs a lease. An ended lease can be prolonged until another claim takes the key. */
  async renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    const ms = wholeMs(leaseMs, { cannot: "renew a claim", name: "leaseMs" });
    return await this.#change(key, (found) => {
      if (found.entry?.token !== token || found.entry.done) return undefined;
      return this.#put(found, { token, done: false, expiresAt: this.#clock.now() + ms });
    });
  }

  /** Changes an entry, anew if it was changed in between. Resolves to `false` if there is nothing to change. */
  async #change(
    key: string,
    change: (found: Found) => Promise<boolean> | undefined,
  ): Promise<boolean> {
    for (;;) {
      const changed = change(await this.#read(key));
      if (!changed) return false;
      if (await changed) return true;
    }
  }

  async #read(key: string): Promise<Found> {
    const path = [this.#prefix, await serverKey(key)];
    const { value, versionstamp } = await this.#patiently(() => this.#kv.get(path));
    return { key: path, versionstamp, entry: entryOf(value) };
  }

  #put(found: Found, entry: Entry): Promise<boolean> {
    const expireIn = Math.max(1, entry.expiresAt - this.#clock.now()) + KEPT_MS;
    return this.#commit(() => this.#kv.atomic().check(found).set(found.key, entry, { expireIn }));
  }

  async #commit(operation: () => DenoKvOperation): Promise<boolean> {
    const { ok } = await this.#patiently(() => operation().commit());
    return ok;
  }

  /** Calls again while another process writes to the file of a local database. */
  async #patiently<T>(call: () => Promise<T>): Promise<T> {
    const until = reading(this.#clock) + BUSY_MS;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const isBusy = /database is locked/.test(`${(error as Error | undefined)?.message}`);
        if (!isBusy || reading(this.#clock) >= until) throw error;
        await sleep(this.#clock, 1 + Math.random() * PAUSE_MS);
      }
    }
  }
}

interface Found {
  key: string[];
  versionstamp: string | null;
  entry: Entry | undefined;
}

function entryOf(value: unknown): Entry | undefined {
  if (value === null || value === undefined) return undefined;
  const { token, done, expiresAt } = value as Partial<Entry>;
  if (typeof token === "string" && typeof done === "boolean" && typeof expiresAt === "number") {
    return { token, done, expiresAt };
  }
  throw new TypeError("Cannot use a store as an entry was written by something else");
}
