import { soundError, soundResults } from "../handle/answers.ts";
import type { Delivery, ExtendResult, Extension, Receiver } from "../backend.ts";
import { type Clock, limited, reading } from "../support/clock.ts";
import { MelangeError } from "../support/errors.ts";

/** Options of {@linkcode Leases}. */
export interface LeasesOptions {
  /** Whose locks are kept. */
  receiver: Receiver;
  /** The queue they are of. */
  queue: string;
  /** How long a receive or an extension locks, in milliseconds. */
  visibilityMs: number;
  /** Where time comes from. */
  clock: Clock;
  /** Ends extensions that are under way. */
  signal: AbortSignal;
}

/** The lock on one delivery, from its receive until it is settled or lost. */
export interface Lease {
  /** What is locked. */
  readonly delivery: Delivery;
  /** When it was received. */
  readonly receivedAt: Date;
  /** Aborts when the lock is lost, or by {@linkcode Lease.abort}. */
  readonly signal: AbortSignal;
  /** The reading of the clock at which the lock ends: nothing is settled later. */
  readonly lockedUntil: number;
  /** The reading at which the service's longest lock on it ends. */
  readonly longestUntil: number;
  /** Whether the lock is lost: somebody else may have the message. */
  readonly lost: boolean;
  /** Tries in this process, beyond those the broker counted. */
  tries: number;
  /** Locks for `ms` milliseconds from now. */
  extend(ms: number): Promise<ExtendResult>;
  /**
   * Stops extending; `false` if the lock is lost. With `inOrder`, an extension under way is waited
   * for, within its own time limit.
   */
  settle(options?: { inOrder?: boolean }): Promise<boolean>;
  /** Extends again: settling failed. */
  resume(): void;
}

// Shares are divisors: a bundler does not know that a division at the top of a module can be dropped.
/** Extensions begin when less than two thirds of the timeout are left: they fail twice before it matters. */
const EXTEND_BELOW_PART = 1.5;
/** Extensions that would be due within a twelfth of the timeout join an earlier request. */
const JOIN_WITHIN_PART = 12;
/** An extension may take two ninths of the lock, so that two that hang leave time for a third. */
const LIMIT_PART = 4.5;
/** The longest that an extension may take, in milliseconds. */
const MAX_LIMIT_MS = 10_000;
/** The least pause between the beginnings of two tries, as a share of the lock. */
const PAUSE_SHARE = 0.1;
/** Kept clear of the longest time that a service locks a message, and as a share of that. */
const CAP_MARGIN_MS = 60_000;
const CAP_MARGIN_SHARE = 0.1;

/**
 * Keeps the locks of all deliveries that this process holds, those that wait for a slot as well:
 * extends them at a third of their timeout, many in one request, never one twice at a time. A lock
 * that was refused or ran out is lost: its signal aborts, and it is never settled.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #held = new Set<HeldLease>();
  #cancelTimer = () => {};
  #timerAt = Infinity;

  /** Creates the keeper of no locks. */
  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Keeps the lock of a delivery that was received just now. */
  hold(delivery: Delivery): Lease {
    for (const other of this.#held) {
      // Received again while it is still here: the older lock must have ended.
      const { id } = other.delivery.message;
      if (id !== "" && id === delivery.message.id) other.lose();
    }
    const lease = new HeldLease(delivery, this.#options, {
      changed: () => this.#schedule(),
      done: () => this.#held.delete(lease),
      held: () => this.#held.add(lease),
    });
    this.#held.add(lease);
    this.#schedule();
    return lease;
  }

  /** Tells all who work on a delivery to end; the locks themselves are kept. */
  abort(reason: MelangeError): void {
    for (const lease of this.#held) lease.abort(reason);
  }

  #schedule(): void {
    let next = Infinity;
    for (const lease of this.#held) next = Math.min(next, lease.dueAt);
    if (next === this.#timerAt) return;
    this.#cancelTimer();
    this.#timerAt = next;
    if (next === Infinity) return;
    const { clock } = this.#options;
    this.#cancelTimer = clock.after(next - reading(clock), () => {
      this.#timerAt = Infinity;
      this.#tick();
    });
  }

  #tick(): void {
    const { clock, visibilityMs, receiver } = this.#options;
    const now = reading(clock);
    for (const lease of this.#held) if (lease.lockedUntil <= now) lease.lose();
    const due = [...this.#held].filter((lease) =>
      lease.extendable && lease.extendAt <= now + visibilityMs / JOIN_WITHIN_PART
    );
    const { entries } = receiver.limits.queue;
    for (let start = 0; start < due.length; start += entries) {
      void this.#extend(due.slice(start, start + entries));
    }
    this.#schedule();
  }

  async #extend(leases: HeldLease[]): Promise<void> {
    const { visibilityMs } = this.#options;
    const requests = leases.map((lease) => lease.extension(visibilityMs));
    const limitMs = Math.min(...leases.map((lease) => lease.limitMs));
    const results = sendExtensions(this.#options, requests, limitMs);
    await Promise.all(
      leases.map((lease, index) => lease.follow(results.then((all) => all[index]))),
    );
  }
}

/** What the service said to an extension, and when it was asked. */
type Answer = { askedAt: number; visibilityMs: number; result: ExtendResult };

/** Never rejects. An answer that is not there in time counts as none; it may still come true. */
async function sendExtensions(
  { receiver, queue, clock, signal }: LeasesOptions,
  extensions: Extension[],
  limitMs: number,
): Promise<Answer[]> {
  const askedAt = reading(clock);
  const end = new AbortController();
  const ask = async () => await receiver.extend(queue, extensions, { signal: end.signal });
  let results: ExtendResult[];
  try {
    const answer = await limited(ask(), { clock, ms: limitMs, signal });
    results = soundResults(answer, extensions.length);
  } catch (cause) {
    results = extensions.map(() => ({ ok: false, error: soundError(cause) }));
    end.abort();
  }
  return extensions.map(({ visibilityMs }, index) => ({
    askedAt,
    visibilityMs,
    result: results[index] ?? LOST,
  }));
}

class HeldLease implements Lease {
  readonly delivery: Delivery;
  readonly receivedAt: Date;
  tries = 0;
  lost = false;
  lockedUntil: number;
  readonly longestUntil: number;
  /** When the next extension is due; later after a failed one. */
  extendAt: number;
  /** How long the service locked it last. */
  #lockedMs: number;
  #settling = false;
  /** Whether it is settled beside an extension that may still be under way. */
  #overtaken = false;
  #extending: Promise<unknown> | undefined;
  #resolveGone = () => {};
  readonly #gone = new Promise<void>((resolve) => this.#resolveGone = resolve);
  readonly #controller = new AbortController();
  readonly #options: LeasesOptions;
  readonly #on: { changed: () => void; done: () => void; held: () => void };

  constructor(
    delivery: Delivery,
    options: LeasesOptions,
    on: { changed: () => void; done: () => void; held: () => void },
  ) {
    const { clock, visibilityMs, receiver } = options;
    const now = reading(clock);
    this.delivery = delivery;
    this.receivedAt = new Date(clock.now());
    this.longestUntil = now + receiver.limits.queue.visibilityMs;
    this.#lockedMs = visibilityMs;
    this.#options = options;
    this.#on = on;
    this.lockedUntil = delivery.message.lockedUntil ? now + visibilityMs : Infinity;
    this.extendAt = this.#nextExtension();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether an extension may be sent now, and would gain time. */
  get extendable(): boolean {
    return !this.lost && !this.#settling && !this.#extending && this.lockedUntil < this.#capAt();
  }

  /** When something has to be done about this lease. */
  get dueAt(): number {
    return this.extendable ? Math.min(this.extendAt, this.lockedUntil) : this.lockedUntil;
  }

  /** How long an extension may take: two may hang, and a third still comes in time. */
  get limitMs(): number {
    return Math.min(this.#keptMs / LIMIT_PART, MAX_LIMIT_MS);
  }

  /** What the times of extensions are shares of: one by hand may lock for longer, but is not renewed sooner. */
  get #keptMs(): number {
    return Math.min(this.#lockedMs, this.#options.visibilityMs);
  }

  abort(reason: MelangeError): void {
    this.#controller.abort(reason);
  }

  lose(): void {
    if (this.lost) return;
    this.lost = true;
    this.#on.done();
    this.#resolveGone();
    this.abort(
      new MelangeError("LOCK_LOST", "Cannot go on with a message as its lock is lost"),
    );
  }

  async extend(ms: number): Promise<ExtendResult> {
    while (this.#extending) await this.#extending;
    if (this.lost || this.#settling) return LOST;
    if (this.#capAt() <= reading(this.#options.clock)) return REFUSED;
    const answer = sendExtensions(this.#options, [this.extension(ms)], this.limitMs);
    await this.follow(answer.then(([first]) => first));
    return this.lost ? LOST : (await answer)[0]?.result ?? LOST;
  }

  /** What to ask for: never beyond the longest time that the service locks. */
  extension(ms: number): Extension {
    const left = this.#capAt() - reading(this.#options.clock);
    const visibilityMs = Math.max(0, Math.min(ms, left));
    return { receipt: this.delivery.receipt, visibilityMs };
  }

  /** Waits for the answer to an extension and takes note of it; not longer than the lock lasts. */
  async follow(answer: Promise<Answer | undefined>): Promise<void> {
    const noted = answer.then((answer) => answer && this.#note(answer));
    this.#extending = Promise.race([noted, this.#gone]);
    await this.#extending;
    this.#extending = undefined;
    this.#on.changed();
  }

  #note({ askedAt, visibilityMs, result }: Answer): void {
    if (result.ok) {
      this.lockedUntil = askedAt + visibilityMs;
      this.#lockedMs = visibilityMs;
      this.extendAt = this.#nextExtension();
      return;
    }
    const { code, retryAfterMs = 0 } = result.error;
    // An acknowledgement that overtook it ended the lock, and tells itself what became of it.
    if (code === "LOCK_LOST" && !this.#overtaken) return this.lose();
    const now = reading(this.#options.clock);
    // However long the service asks to wait, one more try comes before the lock ends.
    const asked = Math.min(now + retryAfterMs, this.lockedUntil - this.limitMs);
    this.extendAt = Math.max(asked, askedAt + this.#keptMs * PAUSE_SHARE);
  }

  /**
   * An acknowledgement waits for no extension: once it is done there is nothing left to lock, and
   * what the extension says is of no use. What gives the lock back does wait, as an extension that
   * came after it would hide the message again, and so does what copies only under a lock.
   */
  async settle({ inOrder = false }: { inOrder?: boolean } = {}): Promise<boolean> {
    this.#settling = true;
    this.#overtaken = !inOrder;
    if (inOrder) await this.#extending;
    this.#on.done();
    this.#on.changed();
    if (reading(this.#options.clock) >= this.lockedUntil) this.lose();
    return !this.lost;
  }

  resume(): void {
    this.#settling = false;
    this.#overtaken = false;
    if (this.lost) return;
    this.#on.held();
    this.#on.changed();
  }

  #nextExtension(): number {
    return this.lockedUntil - this.#options.visibilityMs / EXTEND_BELOW_PART;
  }

  #capAt(): number {
    const { visibilityMs } = this.#options.receiver.limits.queue;
    return this.longestUntil - Math.min(CAP_MARGIN_MS, visibilityMs * CAP_MARGIN_SHARE);
  }
}

/** To ask for the rest, which is nothing, would end the lock. */
const REFUSED: ExtendResult = {
  ok: false,
  error: /* @__PURE__ */ new MelangeError(
    "REFUSED",
    "Cannot extend a lock beyond the longest time that the service locks a message",
  ),
};

const LOST: ExtendResult = {
  ok: false,
  error: /* @__PURE__ */ new MelangeError(
    "LOCK_LOST",
    "Cannot extend a lock that is lost or being settled",
  ),
};
