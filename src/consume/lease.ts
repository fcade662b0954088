import type { Delivery, ExtendResult, Extension } from "../backend.ts";
import { reading } from "../support/clock.ts";
import { MelangeError } from "../support/errors.ts";
import { type Answer, type ExtensionOptions, NOT_HELD, sendExtensions } from "./extensions.ts";

/** Lock on one delivery, from the receive until the message is settled or the lock is lost. */
export interface Lease {
  /** Delivery that is locked. */
  readonly delivery: Delivery;
  /** Time of the receive. */
  readonly receivedAt: Date;
  /** Signal that aborts when the lock is lost, or when a drain runs out. */
  readonly signal: AbortSignal;
  /** Reading of the clock at which the lock ends: nothing is settled later. */
  readonly lockedUntil: number;
  /** Reading of the clock at which the longest lock of the service ends. */
  readonly longestUntil: number;
  /** Tells that the lock is lost: another consumer may have the message. */
  readonly lost: boolean;
  /** Attempts in this process, beyond the receives of the broker's count. */
  tries: number;
  /** Locks for `ms` milliseconds from now. */
  extend(ms: number): Promise<ExtendResult>;
  /**
   * Ends all extending; resolves to `false` if the lock is lost. With `inOrder`, waits for an
   * extension under way, within the time limit of that extension.
   */
  settle(options?: { inOrder?: boolean }): Promise<boolean>;
  /** Extends again, after a settlement that failed. */
  resume(): void;
}

/** Parts that a lease needs. */
export interface LeaseOptions extends ExtensionOptions {
  /** Time that a receive or an extension locks, in milliseconds. */
  visibilityMs: number;
}

/** Owner of leases. A lease tells the owner each change of its time. */
export interface Keeper {
  /** Notes that the time at which a lease is due has changed. */
  changed(lease: HeldLease): void;
  /** Forgets a lease: nothing is due any more. */
  drop(lease: HeldLease): void;
  /** Keeps a lease again that was dropped. */
  keepAgain(lease: HeldLease): void;
}

/**
 * State of a lease. `held`: its lock runs, an extension may start. `extending`: one is under way.
 * `settling`: none may start any more. `lost`: another consumer may have the message.
 */
export type LeaseState = "held" | "extending" | "settling" | "lost";

// Some shares are divisors: no bundler drops a division at the top of a module.
/** Two thirds of the timeout are left when an extension starts: two may fail before it matters. */
const EXTEND_BELOW_PART = 1.5;
/** Two ninths of the lock are the time of an extension: two that hang leave time for a third. */
const LIMIT_PART = 4.5;
/** Longest time that an extension may take, in milliseconds. */
const MAX_LIMIT_MS = 10_000;
/** Least pause between the beginnings of two tries, as a share of the lock. */
const PAUSE_SHARE = 0.1;
/** Time kept clear of the longest lock of a service, in milliseconds and as a share. */
const CAP_MARGIN_MS = 60_000;
const CAP_MARGIN_SHARE = 0.1;

/** Record of one lock, in exactly one state. */
export class HeldLease implements Lease {
  readonly delivery: Delivery;
  readonly receivedAt: Date;
  readonly longestUntil: number;
  tries = 0;
  lockedUntil: number;
  /** Reading at which the next extension is due; later after a failed one. */
  extendAt: number;
  #state: LeaseState = "held";
  /** Time that the service locked for last, in milliseconds. */
  #lockedMs: number;
  /** Extension under way; resolves to whether the service said that the lock is lost. */
  #underWay: Promise<boolean> | undefined;
  #endWait = () => {};
  readonly #controller = new AbortController();
  readonly #options: LeaseOptions;
  readonly #keeper: Keeper;
  readonly #capAt: number;

  /** Begins to hold a delivery that was received just now. */
  constructor(delivery: Delivery, options: LeaseOptions, keeper: Keeper) {
    const { clock, visibilityMs, receiver } = options;
    const longestMs = receiver.limits.queue.visibilityMs;
    const now = reading(clock);
    this.delivery = delivery;
    this.receivedAt = new Date(clock.now());
    this.longestUntil = now + longestMs;
    this.#capAt = this.longestUntil - Math.min(CAP_MARGIN_MS, longestMs * CAP_MARGIN_SHARE);
    this.#lockedMs = visibilityMs;
    this.#options = options;
    this.#keeper = keeper;
    this.lockedUntil = delivery.message.lockedUntil ? now + visibilityMs : Infinity;
    this.extendAt = this.#nextExtension();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get lost(): boolean {
    return this.#state === "lost";
  }

  /** Tells whether an extension may be sent now, and would gain time. */
  get extendable(): boolean {
    return this.#state === "held" && this.lockedUntil < this.#capAt;
  }

  /** Reading at which something has to be done about this lease. */
  get dueAt(): number {
    return this.extendable ? Math.min(this.extendAt, this.lockedUntil) : this.lockedUntil;
  }

  /** Time limit of an extension, in milliseconds: two may hang, and a third still comes in time. */
  get limitMs(): number {
    return Math.min(this.#keptMs / LIMIT_PART, MAX_LIMIT_MS);
  }

  /** Base of all shares: an extension by hand may lock for longer, but is not renewed sooner. */
  get #keptMs(): number {
    return Math.min(this.#lockedMs, this.#options.visibilityMs);
  }

  /** Tells the handlers to end; the lock itself is kept. */
  abort(reason: MelangeError): void {
    this.#controller.abort(reason);
  }

  /** Gives the lock up for lost. */
  lose(): void {
    if (this.lost) return;
    this.#state = "lost";
    this.#keeper.drop(this);
    this.#endWait();
    this.abort(new MelangeError("LOCK_LOST", "Cannot go on with a message as its lock is lost"));
  }

  async extend(ms: number): Promise<ExtendResult> {
    while (this.#state === "extending") await this.#underWay;
    if (this.#state !== "held") return NOT_HELD;
    if (this.#capAt <= reading(this.#options.clock)) return REFUSED;
    const answer = sendExtensions(this.#options, [this.extension(ms)], this.limitMs);
    await this.follow(answer.then(([first]) => first));
    return this.lost ? NOT_HELD : (await answer)[0]?.result ?? NOT_HELD;
  }

  /** Returns a request for `ms` milliseconds, cut to the longest time that the service locks. */
  extension(ms: number): Extension {
    const left = this.#capAt - reading(this.#options.clock);
    const visibilityMs = Math.max(0, Math.min(ms, left));
    return { receipt: this.delivery.receipt, visibilityMs };
  }

  /** Waits for the answer to an extension and takes note of it; not longer than the lock lasts. */
  async follow(answer: Promise<Answer | undefined>): Promise<void> {
    this.#state = "extending";
    const ended = new Promise<boolean>((resolve) => this.#endWait = () => resolve(false));
    const noted = answer.then((it) => it !== undefined && this.#note(it));
    this.#underWay = Promise.race([noted, ended]);
    const refused = await this.#underWay;
    this.#underWay = undefined;
    // A settlement that overtook the extension ended the lock, and tells itself what became of it.
    if (this.#state === "extending") {
      this.#state = "held";
      if (refused) this.lose();
    }
    this.#keeper.changed(this);
  }

  /** Takes note of an answer; returns whether the service said that the lock is lost. */
  #note({ askedAt, visibilityMs, result }: Answer): boolean {
    if (result.ok) {
      this.lockedUntil = askedAt + visibilityMs;
      this.#lockedMs = visibilityMs;
      this.extendAt = this.#nextExtension();
      return false;
    }
    const { code, retryAfterMs = 0 } = result.error;
    if (code === "LOCK_LOST") return true;
    const now = reading(this.#options.clock);
    // However long the service asks to wait, one more try comes before the lock ends.
    const asked = Math.min(now + retryAfterMs, this.lockedUntil - this.limitMs);
    this.extendAt = Math.max(asked, askedAt + this.#keptMs * PAUSE_SHARE);
    return false;
  }

  /**
   * Settles the lease. An acknowledgement waits for no extension: after an acknowledgement there is
   * nothing left to lock, and the answer to the extension is of no use. A release does wait, as a
   * later extension would hide the message again. A dead letter waits as well, because it copies
   * only under a lock.
   */
  async settle({ inOrder = false }: { inOrder?: boolean } = {}): Promise<boolean> {
    if (this.lost) return false;
    this.#state = "settling";
    const refused = inOrder && await this.#underWay;
    this.#keeper.drop(this);
    if (refused || reading(this.#options.clock) >= this.lockedUntil) this.lose();
    return !this.lost;
  }

  resume(): void {
    if (this.lost) return;
    this.#state = this.#underWay ? "extending" : "held";
    this.#keeper.keepAgain(this);
  }

  #nextExtension(): number {
    return this.lockedUntil - this.#options.visibilityMs / EXTEND_BELOW_PART;
  }
}

/** Result of asking for the rest, which is nothing: such a request would end the lock. */
const REFUSED: ExtendResult = {
  ok: false,
  error: /* @__PURE__ */ new MelangeError(
    "REFUSED",
    "Cannot extend a lock beyond the longest time that the service locks a message",
  ),
};
