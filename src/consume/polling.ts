import { soundDeliveries, soundError } from "../handle/answers.ts";
import type { Delivery, Receiver } from "../backend.ts";
import { type Clock, type Random, reading, sleep } from "../support/clock.ts";
import { MelangeError, probe } from "../support/errors.ts";
import { type Backoff, backoffMs, isRetryable, type RetryBudget } from "../support/retry.ts";

/** Options of {@linkcode Polling}. */
export interface PollingOptions {
  /** Where messages are received. */
  receiver: Receiver;
  /** The queue. */
  queue: string;
  /** Whether the queue is FIFO: a receive whose answer was lost is repeated under the same id. */
  fifo: boolean;
  /** How many messages a receive asks for when there is room. */
  batch: number;
  /** How long a receive waits, in milliseconds. */
  waitMs: number;
  /** How long messages are locked, in milliseconds. */
  visibilityMs: number;
  /** How long less room than a batch waits for more, in milliseconds. */
  refillMs: number;
  /** Where time comes from. */
  clock: Clock;
  /** Where jitter comes from. */
  random: Random;
  /** Bounds what is sent to a service that throttles. */
  budget: RetryBudget;
  /** How many messages there is room for, those not counted that receives under way may bring. */
  room: () => number;
  /** Is given what came. */
  take: (deliveries: Delivery[]) => void;
  /** Is told of each receive that ended: with its error, if it failed. */
  received: (error?: unknown) => void;
  /** Is called when the last receive has ended after a stop. */
  ended: () => void;
}

/** An empty receive that did not wait is not repeated sooner: no backend makes this spin. */
const MIN_EMPTY_MS = 1_000;
/** Pauses after receives that the service refused. */
const BACKOFF: Backoff = { baseMs: 100, maxMs: 30_000 };
/** Pauses while the service cannot be reached or fails: short, so that work goes on when it is back. */
const OUTAGE_BACKOFF: Backoff = { baseMs: 100, maxMs: 1_000 };
/** The longest pause that an answer may ask for: one odd answer does not end a worker's day. */
const MAX_ASKED_MS = 60_000;
/** The least pause after a failed receive. */
const MIN_PAUSE_MS = 20;

/**
 * Keeps receiving as long as there is room, and never more than there is room for. One receive is
 * under way when the queue is idle, more only after full answers.
 */
export class Polling {
  readonly #options: PollingOptions;
  readonly #underWay = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  readonly #givenUp = new AbortController();
  #reserved = 0;
  #wanted = 1;
  #failures = 0;
  #hungrySince: number | undefined;
  readonly #lostAttemptIds: string[] = [];
  #cancelRefill: (() => void) | undefined;

  /** Creates a loop that has not begun. */
  constructor(options: PollingOptions) {
    this.#options = options;
  }

  /** The reading of the clock since which messages are wanted and no receive has succeeded. */
  get hungrySince(): number | undefined {
    return this.#hungrySince;
  }

  /** Whether no receive is under way. */
  get idle(): boolean {
    return this.#underWay.size === 0;
  }

  /** Starts receives for the room there is: at once for a whole batch, else after `refillMs`. */
  fill(): void {
    if (this.#stopped.signal.aborted) return;
    const { batch, refillMs, clock } = this.#options;
    while (this.#underWay.size < this.#wanted && this.#room() >= batch) this.#poll(batch);
    if (this.#underWay.size > 0 || this.#cancelRefill) return;
    if (this.#room() <= 0) {
      this.#hungrySince = undefined;
      return;
    }
    this.#cancelRefill = clock.after(refillMs, () => {
      this.#cancelRefill = undefined;
      const max = Math.min(batch, this.#room());
      if (this.#underWay.size === 0 && max > 0) this.#poll(max);
    });
  }

  /**
   * Starts no more receives. Those under way may end by themselves: an aborted one could strand
   * the messages that it was about to bring. Call {@linkcode Polling.abort} to give them up.
   */
  stop(): void {
    this.#stopped.abort();
    this.#cancelRefill?.();
    this.#cancelRefill = undefined;
  }

  /** Gives up the receives that are under way. */
  abort(reason: unknown): void {
    this.#givenUp.abort(reason);
  }

  #room(): number {
    return this.#options.room() - this.#reserved;
  }

  #poll(max: number): void {
    this.#reserved += max;
    this.#hungrySince ??= reading(this.#options.clock);
    const poll = this.#receive(max).finally(() => {
      this.#underWay.delete(poll);
      this.fill();
      if (this.#stopped.signal.aborted && this.idle) this.#options.ended();
    });
    this.#underWay.add(poll);
  }

  /** One receive, and the pause that it makes necessary. */
  async #receive(max: number): Promise<void> {
    const { receiver, queue, fifo, waitMs, visibilityMs, clock } = this.#options;
    const startedAt = reading(clock);
    const lost = this.#lostAttemptIds.pop();
    const attemptId = fifo ? lost ?? crypto.randomUUID() : undefined;
    const { signal } = this.#givenUp;
    let deliveries: Delivery[];
    try {
      const options = { max, waitMs, visibilityMs, signal, attemptId };
      const answer = await receiver.receive(queue, options);
      deliveries = soundDeliveries(answer, new Date(clock.now()));
      if (deliveries.length < answer.length) this.#options.received(new TypeError("malformed"));
    } catch (error) {
      const unanswered = lost !== undefined || codeOf(error) === "OUTCOME_UNKNOWN";
      if (attemptId !== undefined && unanswered) this.#lostAttemptIds.push(attemptId);
      return await this.#failed(error);
    } finally {
      this.#reserved -= max;
    }
    this.#succeeded(deliveries, max);
    if (deliveries.length === 0) await this.#pause(startedAt + MIN_EMPTY_MS - reading(clock));
  }

  #succeeded(deliveries: Delivery[], max: number): void {
    this.#failures = 0;
    // Others that are under way still want messages, and may hang.
    this.#hungrySince = this.#reserved > 0 ? reading(this.#options.clock) : undefined;
    this.#wanted = deliveries.length >= max ? this.#wanted + 1 : 1;
    this.#options.received();
    this.#options.take(deliveries);
  }

  async #failed(error: unknown): Promise<void> {
    const { random, budget, received } = this.#options;
    if (this.#givenUp.signal.aborted) return;
    this.#failures += 1;
    // Others may go on: a single failure in a busy hour is no outage. In one, all end up pausing.
    this.#wanted = Math.max(1, Math.floor(this.#wanted / 2));
    received(error);
    const { signal } = this.#stopped;
    if (codeOf(error) === "THROTTLED") await budget.take(signal).catch(() => {});
    const { retryAfterMs } = soundError(error);
    const askedMs = Math.min(retryAfterMs ?? 0, MAX_ASKED_MS);
    const backoff = isOutage(error) ? OUTAGE_BACKOFF : BACKOFF;
    await this.#pause(Math.max(MIN_PAUSE_MS, askedMs, backoffMs(this.#failures, backoff, random)));
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await sleep(this.#options.clock, ms, this.#stopped.signal).catch(() => {});
  }
}

function isOutage(error: unknown): boolean {
  return codeOf(error) === "OUTCOME_UNKNOWN" && isRetryable(error);
}

function codeOf(error: unknown): string | undefined {
  return probe(() => error instanceof MelangeError ? error.code : undefined);
}
