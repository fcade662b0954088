import { type Clock, reading, systemClock } from "../../support/clock.ts";
import { isNumber } from "../../support/range.ts";
import { checkRange } from "../../support/range.ts";

/**
 * The answer to a claim.
 *
 * @category Handling
 */
export type Claim =
  /** The key was free: run, then complete or release with this token. */
  | { readonly status: "claimed"; readonly token: string }
  /** The key was completed before: do not run again. */
  | { readonly status: "completed" }
  /** Another claim is running: come back later. */
  | { readonly status: "inProgress"; readonly retryAfterMs?: number };

/**
 * Remembers which subscriber has handled which event. A claim is atomic and leased: of many claims
 * to a key at the same time, one succeeds, and the lease of a dead claimant ends. A token fences
 * the claim: a claimant without the lease can neither complete nor release the key of a later
 * claimant.
 *
 * Keys consist of the subscriber's name and the publisher's event id. So a publisher's repetition
 * is recognised even if the broker gave the message a new id. A kill between a handler's effect and
 * the mark repeats the effect, unless your transaction writes both.
 *
 * @category Handling
 */
export interface DeduplicationStore {
  /** Claims a key for `leaseMs` milliseconds. */
  claim(key: string, leaseMs: number): Promise<Claim>;
  /** Marks a claimed key as done for `retentionMs` milliseconds. */
  complete(key: string, token: string, retentionMs: number): Promise<void>;
  /** Gives a claimed key back: its handler failed. */
  release(key: string, token: string): Promise<void>;
  /**
   * Prolongs a lease to `leaseMs` milliseconds from now, also a lease that has ended while nobody
   * claimed the key. Resolves to `false` if another claim has the key since, or if the key was
   * completed or released.
   */
  renew(key: string, token: string, leaseMs: number): Promise<boolean>;
}

/**
 * Options of {@linkcode MemoryDeduplicationStore}.
 *
 * @category Handling
 */
export interface MemoryDeduplicationStoreOptions {
  /** The source of time. Default: the machine's clock. */
  clock?: Clock;
  /** The most completed keys that are remembered, with at most 64 million characters in all; the oldest are forgotten first. Default: 100 000. */
  maxEntries?: number;
}

/**
 * Highest number of characters of all keys. Event ids may be as long as a message, so few long ids
 * are kept.
 */
const MAX_CHARACTERS = 64_000_000;

/** A key that is running or done. */
interface Entry {
  token: string;
  leasedAt: number;
  expiresAt: number;
}

/**
 * Remembers in this process, which is enough for one worker. Several workers need a shared store.
 *
 * @example
 * ```ts
 * import { MemoryDeduplicationStore } from "@melange/melange";
 *
 * const store = new MemoryDeduplicationStore();
 * const claim = await store.claim("bill:o-1", 60_000);
 * if (claim.status === "claimed") await store.complete("bill:o-1", claim.token, 3_600_000);
 * if ((await store.claim("bill:o-1", 60_000)).status !== "completed") throw new Error("unexpected");
 * ```
 *
 * @category Handling
 */
export class MemoryDeduplicationStore implements DeduplicationStore {
  readonly #clock: Clock;
  readonly #maxEntries: number;
  readonly #running = new Map<string, Entry>();
  readonly #done = new Map<string, Entry>();
  /** Of all completed keys together. */
  #characters = 0;

  /** Creates an empty store. */
  constructor(options: MemoryDeduplicationStoreOptions = {}) {
    const { clock = systemClock, maxEntries = 100_000 } = options;
    checkRange(maxEntries, { cannot: "create a store", name: "maxEntries", min: 1, integer: true });
    this.#clock = clock;
    this.#maxEntries = maxEntries;
  }

  /** Claims a key; the claim is made before this returns. */
  claim(key: string, leaseMs: number): Promise<Claim> {
    if (!isMs(leaseMs)) return refused("claim a key", leaseMs);
    const now = reading(this.#clock);
    const done = this.#done.get(key);
    if (done && done.expiresAt > now) return Promise.resolve({ status: "completed" });
    const running = this.#running.get(key);
    // A clock without a reading that only goes forward was put back: the lease begins again.
    if (running && running.leasedAt > now) moveTo(running, now);
    if (running && running.expiresAt > now) {
      return Promise.resolve({ status: "inProgress", retryAfterMs: running.expiresAt - now });
    }
    const token = crypto.randomUUID();
    putLast(this.#running, key, { token, leasedAt: now, expiresAt: now + leaseMs });
    this.#forgetDead(now);
    return Promise.resolve({ status: "claimed", token });
  }

  /** Marks a key as done, and forgets the oldest of too many. */
  complete(key: string, token: string, retentionMs: number): Promise<void> {
    if (!isMs(retentionMs)) return refused("complete a key", retentionMs);
    if (this.#running.get(key)?.token === token) {
      this.#running.delete(key);
      const now = reading(this.#clock);
      this.#forget(key);
      this.#done.set(key, { token, leasedAt: now, expiresAt: now + retentionMs });
      this.#characters += key.length;
      this.#evict();
    }
    return Promise.resolve();
  }

  /** Gives a key back. */
  release(key: string, token: string): Promise<void> {
    if (this.#running.get(key)?.token === token) this.#running.delete(key);
    return Promise.resolve();
  }

  /** Prolongs a lease. An ended lease can be prolonged until another claim takes the key. */
  renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    if (!isMs(leaseMs)) return refused("renew a claim", leaseMs);
    const entry = this.#running.get(key);
    if (entry?.token !== token) return Promise.resolve(false);
    const now = reading(this.#clock);
    putLast(this.#running, key, { token, leasedAt: now, expiresAt: now + leaseMs });
    return Promise.resolve(true);
  }

  #evict(): void {
    const now = reading(this.#clock);
    for (const [key, entry] of this.#done) {
      const fits = this.#done.size <= this.#maxEntries && this.#characters <= MAX_CHARACTERS;
      if (fits && entry.expiresAt > now) return;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    if (this.#done.delete(key)) this.#characters -= key.length;
  }

  /**
   * Forgets ended claims that were neither completed nor released, once there are more than
   * `maxEntries`.
   */
  #forgetDead(now: number): void {
    for (const [key, entry] of this.#running) {
      if (this.#running.size <= this.#maxEntries || entry.expiresAt > now) return;
      this.#running.delete(key);
    }
  }
}

function isMs(value: unknown): boolean {
  return isNumber(value, 0, Number.MAX_VALUE);
}

function refused(action: string, ms: unknown): Promise<never> {
  return Promise.reject(
    new RangeError(
      `Cannot ${action} as its time must be 0 or more milliseconds, and finite: current value is ${typeof ms}`,
    ),
  );
}

/**
 * Puts an entry last. A map keeps the order of insertions, so the entry of the last change comes
 * last.
 */
function putLast(entries: Map<string, Entry>, key: string, entry: Entry): void {
  entries.delete(key);
  entries.set(key, entry);
}

function moveTo(entry: Entry, leasedAt: number): void {
  entry.expiresAt += leasedAt - entry.leasedAt;
  entry.leasedAt = leasedAt;
}
