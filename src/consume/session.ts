import type { Delivery, Receiver, SettleResult } from "../backend.ts";
import { type Clock, type Random, reading } from "../support/clock.ts";
import type { Outcome } from "../handle/dispatch.ts";
import { describeError, type ErrorFacts, MelangeError } from "../support/errors.ts";
import { deadLetterCopy } from "../wire/dead_letter.ts";
import type { DeadLetterFacts } from "../wire/packed.ts";
import { Lanes, type Step } from "./lanes.ts";
import { type Lease, Leases } from "./leases.ts";
import type { Logger } from "../support/logger.ts";
import { isFifo } from "../wire/message.ts";
import { Polling } from "./polling.ts";
import { type Backoff, backoffMs, type RetryBudget } from "../support/retry.ts";
import { Settler } from "./settler.ts";

/** What a consumer counts, over all its sessions. */
export interface Counts {
  received: number;
  acknowledged: number;
  retried: number;
  deadLettered: number;
  lost: number;
  receiveErrors: number;
  lastReceiveAt: Date | undefined;
  lastError: (ErrorFacts & { when: Date }) | undefined;
}

/** Options of {@linkcode Session}. */
export interface SessionOptions {
  receiver: Receiver;
  queue: string;
  concurrency: number;
  visibilityTimeoutMs: number;
  waitMs: number;
  refillMs: number;
  ackLingerMs: number;
  redelivery: Backoff;
  clock: Clock;
  random: Random;
  budget: RetryBudget;
  logger: Logger;
  counts: Counts;
  /** Works on a delivery and says what becomes of it. Never rejects. */
  handle: (lease: Lease) => Promise<Outcome>;
  /** Is told what the service said to that. */
  settled?: (lease: Lease, result: SettleResult) => void;
}

/** The most messages that one receive is asked for. */
const RECEIVE_BATCH = 10;
/** A receive that is under way this much longer than its wait is given up when stopping. */
const RECEIVE_GRACE_MS = 1_000;
/** What is kept of a drain for giving back what did not finish. */
const RELEASE_SHARE = 0.2;
const RELEASE_MAX_MS = 1_000;
/** Even a forced stop takes this long if it must, to give back what it holds. */
const MIN_RELEASE_MS = 250;
/** So many messages may wait in FIFO lanes for each slot, before no more are received. */
const WAITING_PER_SLOT = 10;

/** One run of a consumer, from its first receive until everything it held is settled or given back. */
export class Session {
  /** Resolves when a drain is over. */
  readonly ended: Promise<void>;
  readonly #options: SessionOptions;
  readonly #fifo: boolean;
  readonly #leases: Leases;
  readonly #settler: Settler;
  readonly #lanes: Lanes;
  readonly #polling: Polling;
  readonly #settling = new Set<Promise<void>>();
  readonly #end = new AbortController();
  readonly #timers: (() => void)[] = [];
  #draining = false;
  #endsAt = Infinity;
  #resolveEnded = () => {};

  /** Prepares everything and receives nothing. */
  constructor(options: SessionOptions) {
    this.#options = options;
    const { receiver, queue, clock, concurrency, visibilityTimeoutMs: visibilityMs } = options;
    this.#fifo = keepsGroups(receiver, queue);
    this.ended = new Promise((resolve) => this.#resolveEnded = resolve);
    const shared = { ...options, signal: this.#end.signal };
    this.#leases = new Leases({ ...shared, visibilityMs });
    this.#settler = new Settler({
      ...shared,
      // A group waits for its acknowledgements, so they do not wait for others.
      lingerMs: this.#fifo ? 0 : options.ackLingerMs,
      alone: () => this.#draining || this.#lanes.running === 0,
    });
    this.#lanes = new Lanes({
      concurrency,
      clock,
      run: (lease) => this.#work(lease),
      drop: (leases) => leases.forEach((lease) => this.#giveBack(lease)),
      changed: () => this.#changed(),
    });
    this.#polling = new Polling({
      ...options,
      fifo: this.#fifo,
      batch: Math.min(RECEIVE_BATCH, concurrency),
      visibilityMs,
      room: () => this.#room(),
      take: (deliveries) => this.#take(deliveries),
      received: (error) => this.#received(error),
      ended: () => this.#changed(),
    });
  }

  /** Deliveries that are worked on. */
  get running(): number {
    return this.#lanes.running;
  }

  /** Deliveries held: running, waiting, or being settled. */
  get inFlight(): number {
    return this.#lanes.occupied + this.#lanes.waiting + this.#settling.size;
  }

  /** Whether it is stopping. */
  get draining(): boolean {
    return this.#draining;
  }

  /** The reading of the clock since which messages are wanted and no receive has succeeded. */
  get hungrySince(): number | undefined {
    return this.#polling.hungrySince;
  }

  /** Starts to receive. */
  start(): void {
    this.#polling.fill();
  }

  /** Works on one delivery that was received by hand; resolves when it is settled. Receives nothing. */
  async consume(delivery: Delivery): Promise<Outcome> {
    this.#polling.stop();
    this.#options.counts.received += 1;
    const lease = this.#leases.hold(delivery);
    const outcome = await this.#options.handle(lease);
    await this.#settleSafely(lease, { outcome, inPlace: false });
    await Promise.all(this.#settling);
    return outcome;
  }

  /**
   * Stops receiving, gives back what nobody works on, waits for the rest, and after `drainMs` ends
   * whatever is left. A second call may bring the end forward; it never puts it off.
   */
  drain(drainMs: number): void {
    const { waitMs, receiver, clock } = this.#options;
    const endsAt = reading(clock) + drainMs;
    if (this.#draining && endsAt >= this.#endsAt) return;
    this.#endsAt = endsAt;
    for (const cancel of this.#timers.splice(0)) cancel();
    const releaseMs = Math.min(RELEASE_MAX_MS, drainMs * RELEASE_SHARE);
    const receiveMs = receiver.guarantees.cancelsReceive
      ? 0
      : Math.min(drainMs - releaseMs, waitMs + RECEIVE_GRACE_MS);
    const reason = new MelangeError("STOPPED", "Cannot go on as the consumer is stopped");
    this.#draining = true;
    this.#polling.stop();
    this.#at(receiveMs, () => this.#polling.abort(reason));
    this.#at(drainMs - releaseMs, () => this.#leases.abort(reason));
    this.#at(Math.max(drainMs, MIN_RELEASE_MS), () => this.#end.abort(reason));
    for (const lease of this.#lanes.clear()) this.#giveBack(lease);
    this.#changed();
  }

  #at(ms: number, act: () => void): void {
    if (ms <= 0) act();
    else this.#timers.push(this.#options.clock.after(ms, act));
  }

  #room(): number {
    const { concurrency } = this.#options;
    if (this.#lanes.waiting >= concurrency * WAITING_PER_SLOT) return 0;
    return concurrency - this.#lanes.occupied - this.#settling.size;
  }

  /** Something ended: there may be room for more, or nothing left to wait for. */
  #changed(): void {
    if (this.#lanes.running === 0) this.#settler.hurry();
    if (!this.#draining) return this.#polling.fill();
    const idle = this.#lanes.running === 0 && this.#settling.size === 0 && this.#polling.idle;
    if (!idle) return;
    for (const cancel of this.#timers.splice(0)) cancel();
    this.#resolveEnded();
  }

  #received(error?: unknown): void {
    const { counts, clock, logger, queue } = this.#options;
    if (error === undefined) {
      counts.lastReceiveAt = new Date(clock.now());
      return;
    }
    counts.receiveErrors += 1;
    const facts = describeError(error);
    counts.lastError = { ...facts, when: new Date(clock.now()) };
    logger.warn("A receive failed and is tried again", { queue, error: facts });
  }

  #take(deliveries: Delivery[]): void {
    this.#options.counts.received += deliveries.length;
    for (const delivery of deliveries) {
      const lease = this.#leases.hold(delivery);
      if (this.#draining) this.#giveBack(lease);
      else this.#lanes.add(this.#laneOf(delivery), lease);
    }
  }

  /**
   * A message group of a FIFO queue; a group on a standard queue orders nothing. Where a broker does
   * not say the group, only the order of the whole queue keeps that of its groups.
   */
  #laneOf({ message, receipt }: Delivery): string {
    return this.#fifo ? `group:${message.group ?? ""}` : receipt;
  }

  async #work(lease: Lease): Promise<Step> {
    if (lease.lost) return this.#lost(lease);
    const outcome = await this.#options.handle(lease);
    return await this.#settleSafely(lease, { outcome, inPlace: this.#fifo });
  }

  /** Never rejects, as the lane would hold its slot for ever: what cannot be settled comes again. */
  async #settleSafely(
    lease: Lease,
    verdict: { outcome: Outcome; inPlace: boolean },
  ): Promise<Step> {
    try {
      return await this.#settle(lease, verdict);
    } catch (error) {
      this.#report("error", "A message could not be settled; it is retried", lease, {
        error: describeError(error),
      });
      lease.resume();
      return this.#retry(lease, {
        inPlace: verdict.inPlace,
        delayMs: this.#options.redelivery.baseMs,
      });
    }
  }

  /** Does what the outcome says; resolves to what that means for the lane. */
  async #settle(
    lease: Lease,
    { outcome, inPlace }: { outcome: Outcome; inPlace: boolean },
  ): Promise<Step> {
    if (lease.lost) return this.#lost(lease);
    if (outcome.outcome === "acknowledge") {
      const acknowledged = this.#settler.acknowledge(lease);
      this.#track(lease, acknowledged, "acknowledged");
      // In a group, a message that comes again must not come behind its followers.
      return !this.#fifo || (await acknowledged).ok ? "next" : "end";
    }
    if (outcome.outcome === "retry") return this.#retry(lease, { inPlace, ...outcome });
    if (await this.#deadLetter(lease, outcome.facts)) return "next";
    return lease.lost ? this.#lost(lease) : this.#retry(lease, { inPlace });
  }

  #lost(lease: Lease): Step {
    this.#options.counts.lost += 1;
    this.#report("warn", "A lock was lost before its message was settled", lease);
    this.#options.settled?.(lease, LOST);
    return "end";
  }

  #retry(
    lease: Lease,
    { inPlace, delayMs, uncounted = false }: {
      inPlace: boolean;
      delayMs?: number;
      uncounted?: boolean;
    },
  ): Step {
    const { random, redelivery, counts } = this.#options;
    const attempt = lease.delivery.message.attempt + lease.tries;
    const pauseMs = delayMs ?? backoffMs(attempt, redelivery, random);
    if (inPlace && !this.#draining) {
      counts.retried += 1;
      if (!uncounted) lease.tries += 1;
      this.#options.settled?.(lease, { ok: true });
      return { parkMs: pauseMs };
    }
    const released = this.#settler.release(lease, this.#draining ? 0 : pauseMs);
    this.#track(lease, released, "retried");
    return "end";
  }

  async #deadLetter(lease: Lease, facts: DeadLetterFacts): Promise<boolean> {
    const { receiver, counts, settled } = this.#options;
    const { message } = lease.delivery;
    const copy = deadLetterCopy(message, facts, receiver.limits.queue.messageBytes);
    const result = await this.#settler.deadLetter(lease, copy);
    settled?.(lease, result);
    if (result.ok) {
      counts.deadLettered += 1;
      return true;
    }
    const text = result.error.code === "UNSUPPORTED"
      ? "A message cannot be dead-lettered as its queue has no dead-letter queue; it is retried"
      : "A message could not be dead-lettered; it is retried";
    this.#report("error", text, lease, { ...facts, error: describeError(result.error) });
    lease.resume();
    return false;
  }

  /** Gives a message back that nobody worked on. */
  #giveBack(lease: Lease): void {
    this.#track(lease, this.#settler.release(lease, 0), undefined);
  }

  /** Keeps the slot until the service has answered. */
  #track(
    lease: Lease,
    settled: Promise<SettleResult>,
    count: "acknowledged" | "retried" | undefined,
  ): void {
    const { counts } = this.#options;
    const done = settled.then((result) => {
      this.#settling.delete(done);
      if (result.ok && count) counts[count] += 1;
      if (!result.ok) {
        if (result.error.code === "LOCK_LOST") counts.lost += 1;
        const error = describeError(result.error);
        this.#report("warn", "A message could not be settled; it comes again", lease, { error });
      }
      this.#options.settled?.(lease, result);
      this.#changed();
    });
    this.#settling.add(done);
  }

  #report(
    level: "warn" | "error",
    text: string,
    lease: Lease,
    fields: Record<string, unknown> = {},
  ): void {
    const { logger, queue } = this.#options;
    logger[level](text, { queue, messageId: lease.delivery.message.id, ...fields });
  }
}

/** Whether the messages of a group are handled in order, one at a time. */
export function keepsGroups(receiver: Receiver, queue: string): boolean {
  return isFifo(queue) && receiver.guarantees.groups;
}

const LOST: SettleResult = {
  ok: false,
  error: /* @__PURE__ */ new MelangeError(
    "LOCK_LOST",
    "Cannot settle a message as its lock is lost",
  ),
};
