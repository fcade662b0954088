import type { Delivery, Receiver, SettleResult } from "../backend.ts";
import { reading } from "../support/clock.ts";
import { MelangeError } from "../support/errors.ts";
import type { Outcome } from "../handle/dispatch.ts";
import type { Logger } from "../support/logger.ts";
import type { RetryBudget } from "../support/retry.ts";
import { isFifo } from "../wire/message.ts";
import type { Counts } from "./counts.ts";
import { drainTimes } from "./drain.ts";
import { type Lease, Leases } from "./leases.ts";
import { Receives } from "./receives.ts";
import type { CompleteSettings } from "./settings.ts";
import { Settlement, type Step } from "./settlement.ts";
import { Settler } from "./settler.ts";
import { Shares, takeOne } from "./shares.ts";
import { Turns } from "./turns.ts";

/** Options of {@linkcode Worker}. */
export interface WorkerOptions extends Omit<CompleteSettings, "drainMs"> {
  /** Receiver of the messages. */
  receiver: Receiver;
  /** Queue of the messages. */
  queue: string;
  /** Bound of retries, shared with other workers of the consumer. */
  budget: RetryBudget;
  /** Receiver of log lines. */
  logger: Logger;
  /** Numbers to keep. */
  counts: Counts;
  /**
   * Works on a delivery and resolves to the outcome. Never rejects. `leaveSlot` gives the slot to
   * another delivery before the work is done.
   */
  handle: (lease: Lease, leaveSlot?: () => void) => Promise<Outcome>;
  /** Tells that nothing may be received now. Default: never. */
  isPaused?: () => boolean;
  /** Called with each answer of the service to a settlement. Default: none. */
  settled?: (lease: Lease, result: SettleResult) => void;
}

/**
 * Deliveries that are handled one after the other. On a standard queue, a group is one delivery.
 */
interface Group {
  readonly key: string | undefined;
  readonly leases: Lease[];
  /** Tells that the first delivery is handled or settled; otherwise the group waits or pauses. */
  busy: boolean;
}

/** Largest number of messages of one receive. */
const RECEIVE_BATCH = 10;
/** Messages that may wait for each slot, in FIFO groups above all, before no more are received. */
const WAITING_PER_SLOT = 10;

/**
 * One run of a consumer, from the first receive until each message is settled or given back. A loop
 * asks for messages while there is room. Each group of messages runs in a function, which takes a
 * turn, handles, settles, and pauses or goes on.
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #fifo: boolean;
  readonly #leases: Leases;
  readonly #settler: Settler;
  readonly #settlement: Settlement;
  readonly #receives: Receives;
  readonly #turns: Turns;
  readonly #shares: Shares | undefined;
  readonly #groups = new Map<string, Group>();
  /** Functions that end the pauses of groups. */
  readonly #pauses = new Set<() => void>();
  readonly #stopping = new AbortController();
  readonly #end = new AbortController();
  readonly #timers: (() => void)[] = [];
  /** Deliveries of the last answer that are not handled yet. */
  readonly #fresh = new Set<Lease>();
  /** Deliveries held: running, waiting, pausing, or being settled. */
  #held = 0;
  /** Deliveries whose settlement has no answer yet. */
  #settling = 0;
  /** Messages that receives under way may bring. */
  #asked = 0;
  #endsAt = Infinity;
  #wake: (() => void) | undefined;

  /** Prepares everything and receives nothing. */
  constructor(options: WorkerOptions) {
    const { receiver, queue, concurrency, visibilityTimeoutMs: visibilityMs } = options;
    const shared = { ...options, signal: this.#end.signal, stopping: this.#stopping.signal };
    this.#options = options;
    this.#fifo = keepsGroups(receiver, queue);
    this.#turns = new Turns(concurrency);
    const { concurrencyPerGroup } = options;
    if (!this.#fifo && concurrencyPerGroup) this.#shares = new Shares(concurrencyPerGroup);
    this.#leases = new Leases({ ...shared, visibilityMs });
    this.#settler = new Settler({
      ...shared,
      // A group waits for its acknowledgements, so they do not wait for others.
      lingerMs: this.#fifo ? 0 : options.ackLingerMs,
      alone: () => this.draining || this.#turns.running === 0,
    });
    this.#settlement = new Settlement({ ...shared, settler: this.#settler });
    this.#receives = new Receives({
      ...shared,
      fifo: this.#fifo,
      batch: Math.min(RECEIVE_BATCH, concurrency),
      visibilityMs,
      changed: () => this.#changed(),
    });
  }

  /** Deliveries that are worked on. */
  get running(): number {
    return this.#turns.running;
  }

  /** Deliveries held: running, waiting, or being settled. */
  get inFlight(): number {
    return this.#held;
  }

  /** Tells that the worker is stopping. */
  get draining(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Reading of the clock since which messages are wanted and no receive has succeeded. */
  get hungrySince(): number | undefined {
    return this.#receives.hungrySince;
  }

  /** Receives and handles until the drain; resolves when the worker holds no message any more. */
  async run(): Promise<void> {
    while (!this.draining) {
      const room = this.#options.isPaused?.() ? 0 : this.#room();
      const max = this.#receives.due(room, this.#fresh.size);
      if (max > 0) void this.#receive(max);
      else await this.#change();
    }
    while (this.#held + this.#asked + this.#receives.underWay > 0) await this.#change();
    for (const cancel of this.#timers.splice(0)) cancel();
  }

  /**
   * Works on one delivery that was received by hand, and resolves when the delivery is settled.
   * Receives no message.
   */
  async consume(delivery: Delivery): Promise<Outcome> {
    this.#options.counts.received += 1;
    const lease = this.#leases.hold(delivery);
    let outcome = await this.#options.handle(lease);
    const instead = (other: Outcome) => void (outcome = other);
    await this.#settlement.settle(lease, outcome, { inPlace: false, instead });
    return outcome;
  }

  /**
   * Stops receiving, gives back the deliveries that nobody works on, waits for the other
   * deliveries, and ends them after `drainMs`. A second call may bring the end forward, but never
   * puts the end off.
   */
  drain(drainMs: number): void {
    const { waitMs, receiver: { guarantees }, clock } = this.#options;
    const endsAt = reading(clock) + drainMs;
    if (this.draining && endsAt >= this.#endsAt) return;
    this.#endsAt = endsAt;
    for (const cancel of this.#timers.splice(0)) cancel();
    const { receivesMs, handlersMs, endMs } = drainTimes(drainMs, { waitMs, guarantees });
    const reason = new MelangeError("STOPPED", "Cannot go on as the consumer is stopped");
    this.#receives.stop();
    this.#at(receivesMs, () => this.#receives.abort(reason));
    this.#at(handlersMs, () => this.#leases.abort(reason));
    this.#at(endMs, () => this.#end.abort(reason));
    this.#stopping.abort(reason);
    // Groups that wait or pause give all of their messages back themselves, in order.
    for (const { busy, leases } of this.#groups.values()) {
      if (busy) this.#giveBack(leases.splice(1));
    }
    for (const end of this.#pauses) end();
    this.#settler.hurry();
    this.#changed();
  }

  /** Looks again whether something may be received, as after a pause. */
  look(): void {
    this.#changed();
  }

  #at(ms: number, act: () => void): void {
    if (ms <= 0) act();
    else this.#timers.push(this.#options.clock.after(ms, act));
  }

  /** Resolves at the next change. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  /** Tells the loop that there may be room for more, or nothing left to wait for. */
  #changed(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /**
   * Returns the number of messages to ask for. A delivery takes a slot while waiting for a turn and
   * while being handled. A delivery in settlement takes a slot only if more settlements than slots
   * are open.
   */
  #room(): number {
    const { concurrency } = this.#options;
    if (this.#held - this.#turns.occupied >= concurrency * WAITING_PER_SLOT) return 0;
    const excess = Math.max(0, this.#settling - concurrency);
    return concurrency - this.#turns.occupied - excess - this.#asked;
  }

  async #receive(max: number): Promise<void> {
    this.#asked += max;
    const { deliveries, pause } = await this.#receives.receive(max);
    this.#asked -= max;
    this.#options.counts.received += deliveries.length;
    if (deliveries.length > 0) this.#fresh.clear();
    for (const delivery of deliveries) this.#take(this.#leases.hold(delivery));
    this.#changed();
    await pause;
    this.#changed();
  }

  #take(lease: Lease): void {
    this.#held += 1;
    if (this.draining) return this.#giveBack([lease]);
    this.#fresh.add(lease);
    const key = this.#keyOf(lease.delivery);
    const group = key === undefined ? undefined : this.#groups.get(key);
    if (group) group.leases.push(lease);
    else void this.#work({ key, leases: [lease], busy: false });
  }

  /**
   * Returns the message group on a FIFO queue; a group on a standard queue orders nothing. Where a
   * broker does not say the group, only the order of the whole queue keeps that of its groups.
   */
  #keyOf({ message }: Delivery): string | undefined {
    return this.#fifo ? message.group ?? "" : undefined;
  }

  /**
   * Works on a group, one delivery after the other, until the group is empty or the work must end.
   */
  async #work(group: Group): Promise<void> {
    const { key, leases } = group;
    if (key !== undefined) this.#groups.set(key, group);
    while (leases[0]) {
      const leave = await this.#enter(leases[0]);
      if (!leave) break;
      group.busy = true;
      const step = await this.#handle(leases[0], leave);
      group.busy = false;
      if (typeof step === "object") {
        await this.#pause(leases[0], step.pauseMs);
        continue;
      }
      leases.shift();
      this.#held -= 1;
      this.#changed();
      if (step === "end") break;
    }
    if (key !== undefined) this.#groups.delete(key);
    this.#giveBack(leases);
  }

  /**
   * Waits for a place in the group, a turn, and the limiter. Resolves to the function that ends the
   * turn, or to `undefined` if the worker stops before.
   */
  async #enter({ delivery }: Lease): Promise<(() => void) | undefined> {
    const { limiter } = this.#options;
    const { signal } = this.#stopping;
    const { group } = delivery.message;
    const leaveGroup = group !== undefined && this.#shares
      ? await this.#shares.take(group, signal).catch(() => undefined)
      : () => {};
    if (!leaveGroup) return undefined;
    let taken = await this.#turns.take(signal);
    const leave = () => {
      if (taken) this.#turns.end();
      taken = false;
      leaveGroup();
    };
    const granted = taken && (!limiter || await takeOne(limiter, { ...this.#options, signal }));
    if (granted && !this.draining) return leave;
    leave();
    return undefined;
  }

  /** Handles a delivery, ends its turn, and settles the delivery. */
  async #handle(lease: Lease, leave: () => void): Promise<Step> {
    let isIn = true;
    const leaveSlot = () => {
      if (!isIn) return;
      isIn = false;
      leave();
      this.#fresh.delete(lease);
      this.#changed();
    };
    const outcome = lease.lost ? undefined : await this.#options.handle(lease, leaveSlot);
    leaveSlot();
    this.#settling += 1;
    this.#changed();
    const step = outcome
      ? await this.#settlement.settle(lease, outcome, { inPlace: this.#fifo })
      : this.#settlement.lost(lease);
    this.#settling -= 1;
    return step;
  }

  /** Waits before the same delivery runs again; the end of the lock and a stop end the wait. */
  #pause({ signal }: Lease, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        signal.removeEventListener("abort", end);
        this.#pauses.delete(end);
        resolve();
      };
      const cancel = this.#options.clock.after(ms, end);
      signal.addEventListener("abort", end);
      this.#pauses.add(end);
      if (signal.aborted || this.draining) end();
    });
  }

  /** Gives messages back that nobody worked on. */
  #giveBack(leases: Lease[]): void {
    for (const lease of leases) {
      this.#settling += 1;
      void this.#settlement.giveBack(lease).finally(() => {
        this.#settling -= 1;
        this.#held -= 1;
        this.#changed();
      });
    }
  }
}

/** Tells whether the messages of a group are handled in order, one at a time. */
export function keepsGroups(receiver: Receiver, queue: string): boolean {
  return isFifo(queue) && receiver.guarantees.groups;
}
