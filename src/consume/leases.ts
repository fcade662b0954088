import type { Delivery } from "../backend.ts";
import { reading } from "../support/clock.ts";
import type { MelangeError } from "../support/errors.ts";
import { sendExtensions } from "./extensions.ts";
import { HeldLease, type Keeper, type Lease, type LeaseOptions } from "./lease.ts";

export type { Lease } from "./lease.ts";

/** Extensions that would be due soon after join an earlier request, a twelfth of the timeout. */
const JOIN_WITHIN_PART = 12;

/**
 * Keeper of the locks of all deliveries of a worker, also of deliveries that wait for a turn. Locks
 * are extended at a third of their timeout, many in one request, never one twice at a time. A
 * refused or expired lock is lost: the signal aborts, and the message is never settled. One timer
 * serves all locks, and moves only when a lock is due sooner.
 */
export class Leases {
  readonly #options: LeaseOptions;
  readonly #held = new Set<HeldLease>();
  readonly #byId = new Map<string, HeldLease>();
  readonly #keeper: Keeper = {
    changed: (lease) => {
      if (this.#held.has(lease)) this.#wakeAt(lease.dueAt);
    },
    drop: (lease) => this.#drop(lease),
    keepAgain: (lease) => {
      if (this.#byId.has(lease.delivery.message.id)) lease.lose();
      else this.#keep(lease);
    },
  };
  #cancelTimer = () => {};
  #timerAt = Infinity;

  /** Creates the keeper of no locks. */
  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Keeps the lock of a delivery that was received just now. */
  hold(delivery: Delivery): Lease {
    // Received again while it is still here: the older lock must have ended.
    this.#byId.get(delivery.message.id)?.lose();
    const lease = new HeldLease(delivery, this.#options, this.#keeper);
    this.#keep(lease);
    return lease;
  }

  /** Tells all handlers to end; the locks themselves are kept. */
  abort(reason: MelangeError): void {
    for (const lease of this.#held) lease.abort(reason);
  }

  #keep(lease: HeldLease): void {
    this.#held.add(lease);
    const { id } = lease.delivery.message;
    // Messages without an id have nothing in common.
    if (id !== "") this.#byId.set(id, lease);
    this.#wakeAt(lease.dueAt);
  }

  #drop(lease: HeldLease): void {
    this.#held.delete(lease);
    const { id } = lease.delivery.message;
    if (this.#byId.get(id) === lease) this.#byId.delete(id);
    if (this.#held.size > 0) return;
    this.#cancelTimer();
    this.#timerAt = Infinity;
  }

  #wakeAt(at: number): void {
    if (at >= this.#timerAt) return;
    const { clock } = this.#options;
    this.#cancelTimer();
    this.#timerAt = at;
    const inMs = Math.max(0, at - reading(clock));
    this.#cancelTimer = clock.after(inMs, () => this.#tick());
  }

  #tick(): void {
    const { clock } = this.#options;
    const now = reading(clock);
    this.#timerAt = Infinity;
    for (const lease of this.#held) if (lease.lockedUntil <= now) lease.lose();
    this.#extendDue(now);
    let next = Infinity;
    for (const lease of this.#held) next = Math.min(next, lease.dueAt);
    this.#wakeAt(next);
  }

  /** Extends the locks that are due, together with the locks that are due soon. */
  #extendDue(now: number): void {
    const { visibilityMs, receiver } = this.#options;
    const soon = now + visibilityMs / JOIN_WITHIN_PART;
    const due = [...this.#held].filter((lease) => lease.extendable && lease.extendAt <= soon);
    if (!due.some((lease) => lease.extendAt <= now)) return;
    const { entries } = receiver.limits.queue;
    for (let start = 0; start < due.length; start += entries) {
      void this.#extend(due.slice(start, start + entries));
    }
  }

  async #extend(leases: HeldLease[]): Promise<void> {
    const requests = leases.map((lease) => lease.extension(this.#options.visibilityMs));
    const limitMs = Math.min(...leases.map((lease) => lease.limitMs));
    const results = sendExtensions(this.#options, requests, limitMs);
    await Promise.all(
      leases.map((lease, index) => lease.follow(results.then((all) => all[index]))),
    );
  }
}
