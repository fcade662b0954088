import { soundDeliveries, soundError } from "../handle/answers.ts";
import type { Delivery, Receiver } from "../backend.ts";
import { type Clock, type Random, reading, sleep } from "../support/clock.ts";
import { describeError, MelangeError, probe } from "../support/errors.ts";
import type { Logger } from "../support/logger.ts";
import {
  type Backoff,
  backoffMs,
  isRetryable,
  type RetryBudget,
  takeToken,
} from "../support/retry.ts";
import type { Counts } from "./counts.ts";

/** Options of {@linkcode Receives}. */
export interface ReceivesOptions {
  /** Receiver of the messages. */
  receiver: Receiver;
  /** Queue of the messages. */
  queue: string;
  /**
   * Tells that the queue is FIFO. Then a receive with a lost answer is repeated under the same id.
   */
  fifo: boolean;
  /** Messages that a receive asks for when there is room. */
  batch: number;
  /** Time that a receive waits for a message, in milliseconds. */
  waitMs: number;
  /** Time that messages are locked for, in milliseconds. */
  visibilityMs: number;
  /** Longest time that less room than a batch waits for more after a full answer, in milliseconds. */
  refillMs: number;
  /** Source of time. */
  clock: Clock;
  /** Source of jitter. */
  random: Random;
  /** Bound of the receives at a service that throttles. */
  budget: RetryBudget;
  /** Receiver of log lines. */
  logger: Logger;
  /** Numbers to keep. */
  counts: Counts;
  /** Called when room has waited for long enough. */
  changed: () => void;
}

/** Least time between the beginnings of two receives of which the first was empty: no backend makes this spin. */
const MIN_EMPTY_MS = 1_000;
/** Pauses after receives that the service refused. */
const BACKOFF: Backoff = { baseMs: 100, maxMs: 30_000 };
/**
 * Pauses while the service cannot be reached or fails: short, so that work goes on soon after the
 * outage.
 */
const OUTAGE_BACKOFF: Backoff = { baseMs: 100, maxMs: 1_000 };
/** Longest pause that an answer may ask for. So an odd answer does not end a worker's day. */
const MAX_ASKED_MS = 60_000;
/** Least pause after a failed receive. */
const MIN_PAUSE_MS = 20;

/** Answer to a receive. */
export interface Received {
  /** Messages that came; none if the receive failed. */
  readonly deliveries: Delivery[];
  /** Pause before the next receive, if there has to be a pause. */
  readonly pause?: Promise<void>;
}

/**
 * Receives of one worker, and the times at which they are due. One receive is under way when the
 * queue is idle, more only after full answers.
 */
export class Receives {
  readonly #options: ReceivesOptions;
  readonly #stopped = new AbortController();
  readonly #givenUp = new AbortController();
  readonly #lostAttemptIds: string[] = [];
  /** Receives that have no answer yet. */
  #asking = 0;
  #pausing = 0;
  #wanted = 1;
  #failures = 0;
  #hungrySince: number | undefined;
  #lastWasFull = false;
  /** Wait of room that is less than a batch. */
  #refill: { cancel: () => void; over: boolean } | undefined;

  /** Prepares receives and makes none. */
  constructor(options: ReceivesOptions) {
    this.#options = options;
  }

  /** Reading of the clock since which messages are wanted and no receive has succeeded. */
  get hungrySince(): number | undefined {
    return this.#hungrySince;
  }

  /** Receives under way, with the pauses that follow them. */
  get underWay(): number {
    return this.#asking + this.#pausing;
  }

  /**
   * Returns the number of messages to ask for now: a whole batch where `room` has place for a
   * batch, or less while no receive is under way. After a full answer, less than a batch waits for
   * more room, as long as messages of that answer are still handled (`fresh` of them), and for
   * `refillMs` at the most. Older messages are slow, so no receive waits for them. After any other
   * answer no receive waits.
   */
  due(room: number, fresh: number): number {
    const { batch } = this.#options;
    if (this.#stopped.signal.aborted) return 0;
    if (room >= batch) return this.underWay < this.#wanted ? batch : 0;
    if (this.underWay > 0) return 0;
    if (room <= 0) {
      this.#hungrySince = undefined;
      return 0;
    }
    if (!this.#lastWasFull || fresh === 0 || this.#refill?.over) return room;
    this.#refill ??= this.#waitForRoom();
    return 0;
  }

  /** Asks for at most `max` messages. Never rejects. */
  async receive(max: number): Promise<Received> {
    const { receiver, queue, fifo, waitMs, visibilityMs, clock } = this.#options;
    const startedAt = reading(clock);
    const lost = this.#lostAttemptIds.pop();
    const attemptId = fifo ? lost ?? crypto.randomUUID() : undefined;
    const { signal } = this.#givenUp;
    this.#endRefill();
    this.#asking += 1;
    this.#hungrySince ??= startedAt;
    let deliveries: Delivery[];
    try {
      const options = { max, waitMs, visibilityMs, signal, attemptId };
      const answer = await receiver.receive(queue, options);
      deliveries = soundDeliveries(answer, new Date(clock.now()));
      if (deliveries.length < answer.length) this.#report(new TypeError("malformed"));
    } catch (error) {
      const unanswered = lost !== undefined || codeOf(error) === "OUTCOME_UNKNOWN";
      if (attemptId !== undefined && unanswered) this.#lostAttemptIds.push(attemptId);
      return { deliveries: [], pause: this.#pausingWhile(this.#failed(error)) };
    } finally {
      this.#asking -= 1;
    }
    this.#succeeded(deliveries.length >= max);
    if (deliveries.length > 0) return { deliveries };
    const emptyMs = startedAt + MIN_EMPTY_MS - reading(clock);
    return { deliveries, pause: this.#pausingWhile(this.#pause(emptyMs)) };
  }

  /**
   * Starts no more receives. Receives under way may end by themselves, because an abort could
   * strand the messages of the answer. Call {@linkcode Receives.abort} to give the receives up.
   */
  stop(): void {
    this.#stopped.abort();
    this.#endRefill();
  }

  /** Gives up the receives that are under way. */
  abort(reason: unknown): void {
    this.#givenUp.abort(reason);
  }

  #waitForRoom(): { cancel: () => void; over: boolean } {
    const { refillMs, clock, changed } = this.#options;
    const refill = { cancel: () => {}, over: false };
    refill.cancel = clock.after(refillMs, () => {
      refill.over = true;
      changed();
    });
    return refill;
  }

  #endRefill(): void {
    this.#refill?.cancel();
    this.#refill = undefined;
  }

  #succeeded(full: boolean): void {
    const { clock, counts } = this.#options;
    this.#failures = 0;
    // Others that are under way still want messages, and may hang.
    this.#hungrySince = this.#asking > 0 ? reading(clock) : undefined;
    this.#lastWasFull = full;
    this.#wanted = full ? this.#wanted + 1 : 1;
    counts.lastReceiveAt = new Date(clock.now());
  }

  async #failed(error: unknown): Promise<void> {
    const { clock, random, budget } = this.#options;
    if (this.#givenUp.signal.aborted) return;
    this.#failures += 1;
    // Others may go on: a single failure in a busy hour is no outage. In one, all end up pausing.
    this.#wanted = Math.max(1, Math.floor(this.#wanted / 2));
    this.#report(error);
    const { signal } = this.#stopped;
    if (codeOf(error) === "THROTTLED") await takeToken(budget, { clock, signal }).catch(() => {});
    const { retryAfterMs } = soundError(error);
    const askedMs = Math.min(retryAfterMs ?? 0, MAX_ASKED_MS);
    const backoff = isOutage(error) ? OUTAGE_BACKOFF : BACKOFF;
    await this.#pause(Math.max(MIN_PAUSE_MS, askedMs, backoffMs(this.#failures, backoff, random)));
  }

  #report(error: unknown): void {
    const { counts, clock, logger, queue } = this.#options;
    const facts = describeError(error);
    counts.receiveErrors += 1;
    counts.lastError = { ...facts, when: new Date(clock.now()) };
    logger.warn("A receive failed and is tried again", { queue, error: facts });
  }

  async #pausingWhile(pause: Promise<void>): Promise<void> {
    this.#pausing += 1;
    await pause;
    this.#pausing -= 1;
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
