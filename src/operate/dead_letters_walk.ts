/**
 * A walk through a queue. Messages are held while the walk goes on, because a message that is given
 * back comes again at once; at the end of the walk all of them are given back at once.
 */
import type { Receiver, SettleResult } from "../backend.ts";
import { soundDeliveries, soundResults } from "../handle/answers.ts";
import { type Clock, limited, type Random, reading, sleep } from "../support/clock.ts";
import { describeError, MelangeError } from "../support/errors.ts";
import type { Logger } from "../support/logger.ts";
import { retry, retryEach } from "../support/retry.ts";
import type { Result } from "../support/result.ts";
import type { ReceivedMessage } from "../wire/message.ts";

/** The longest time of one request beside its wait, in milliseconds. */
export const CALL_MS = 15_000;
/** The longest time in which a request is tried again, in milliseconds. */
const PATIENCE_MS = 20_000;
/** A walk ends after so many answers in a row that held nothing new. */
const MAX_STALE = 10;

/** The surroundings of a walk. */
export interface WalkOptions {
  readonly backend: Receiver;
  readonly queue: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The time of a lock, in milliseconds; locks are kept longer while the walk goes on. */
  readonly lockMs: number;
  /** The wait of a receive, in milliseconds; a receive without a message ends the walk. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Leave messages alone that came later, in milliseconds since the epoch. Default: take all. */
  readonly until?: number | undefined;
}

/** A message under the lock of a walk. */
export interface Held {
  readonly message: ReceivedMessage;
  receipt: string;
  /** The reading of the clock at which the lock ends; `Infinity` once it is lost. */
  lockEnds: number;
}

/** The walk of one call. */
export class Walk {
  readonly #options: WalkOptions;
  readonly #held = new Map<string, Held>();
  /** Messages that were sent elsewhere, and could not be removed. */
  readonly #left = new Set<string>();

  /** Begins a walk; nothing is received yet. */
  constructor(options: WalkOptions) {
    this.#options = options;
  }

  /** Takes up to `max` messages that this walk has not seen; none at the end of the queue. */
  async next(max: number): Promise<Held[]> {
    for (let stale = 0; stale < MAX_STALE; stale++) {
      await this.keep();
      const deliveries = await this.#receive(max);
      if (deliveries.length === 0) return [];
      const fresh = deliveries.flatMap((delivery) => this.#take(delivery) ?? []);
      await this.#removeLeft();
      if (fresh.length > 0) return fresh;
    }
    return [];
  }

  async #receive(max: number) {
    const { backend, queue, clock, random, signal, lockMs, waitMs } = this.#options;
    const receive = async () => {
      const answer = await limited(
        backend.receive(queue, { max, waitMs, visibilityMs: lockMs, signal }),
        { clock, ms: waitMs + CALL_MS, ...(signal ? { signal } : {}) },
      );
      return soundDeliveries(answer, new Date(clock.now()));
    };
    return await retry(receive, { clock, random, signal, deadlineMs: PATIENCE_MS });
  }

  /** Holds a message; returns it if it is new, and was there when the walk began. */
  #take({ receipt, message }: { receipt: string; message: ReceivedMessage }): Held | undefined {
    const { clock, lockMs, until = Infinity } = this.#options;
    const lockEnds = reading(clock) + lockMs;
    const known = this.#held.get(message.id);
    // The lock was lost meanwhile: the newest receipt counts.
    if (known) return void Object.assign(known, { receipt, lockEnds });
    const held = { message, receipt, lockEnds };
    this.#held.set(message.id, held);
    return this.#left.has(message.id) || message.sentAt.getTime() > until ? undefined : held;
  }

  async #removeLeft(): Promise<void> {
    const again = [...this.#left].flatMap((id) => this.#held.get(id) ?? []);
    if (again.length > 0) await this.remove(again);
  }

  /**
   * Removes messages for good; returns those that could not be removed. Such a message is remembered
   * as dealt with, and is removed when it comes again.
   */
  async remove(gone: readonly Held[]): Promise<ReadonlySet<Held>> {
    const { backend, queue } = this.#options;
    const remove = (items: Held[], signal: AbortSignal) =>
      backend.acknowledge(queue, items.map(({ receipt }) => receipt), { signal });
    const failed = new Set(await this.#settle(gone, remove));
    for (const held of gone) {
      this.#held.delete(held.message.id);
      if (failed.has(held)) this.#left.add(held.message.id);
      else this.#left.delete(held.message.id);
    }
    return failed;
  }

  /** The number of messages that were dealt with, and are in the queue all the same. */
  get left(): number {
    return this.#left.size;
  }

  /** Keeps the locks longer that would end soon. A lock that is lost is not tried again. */
  async keep(): Promise<void> {
    const { backend, queue, clock, lockMs } = this.#options;
    const soon = reading(clock) + lockMs / 2;
    const ending = [...this.#held.values()].filter(({ lockEnds }) => lockEnds < soon);
    const extend = (items: Held[], signal: AbortSignal) =>
      backend.extend(
        queue,
        items.map(({ receipt }) => ({ receipt, visibilityMs: lockMs })),
        { signal },
      );
    const lost = new Set(await this.#settle(ending, extend));
    const lockEnds = reading(clock) + lockMs;
    for (const held of ending) held.lockEnds = lost.has(held) ? Infinity : lockEnds;
  }

  /** Waits, and keeps the locks meanwhile. */
  async pause(ms: number): Promise<void> {
    const { clock, lockMs, signal } = this.#options;
    const end = reading(clock) + ms;
    for (let rest = ms; rest > 0; rest = end - reading(clock)) {
      await sleep(clock, Math.min(rest, lockMs / 4), signal);
      await this.keep();
    }
  }

  /** Gives back at once what is held. Never rejects: locks that stay end by themselves. */
  async end(): Promise<void> {
    const { backend, queue, logger } = this.#options;
    const release = (items: Held[], signal: AbortSignal) =>
      backend.release(queue, items.map(({ receipt }) => ({ receipt, delayMs: 0 })), { signal });
    const held = [...this.#held.values()].filter(({ lockEnds }) => lockEnds !== Infinity);
    this.#held.clear();
    const failed = await this.#settle(held, release);
    if (failed.length === 0) return;
    logger.warn("Letters could not be given back; they come back when their locks end", {
      queue,
      letters: failed.length,
    });
  }

  /**
   * Makes one request for each ten messages, and tries them again for some time. Returns those that
   * failed. Goes on when the caller has aborted, as what is held must be settled.
   */
  async #settle(
    items: readonly Held[],
    call: (items: Held[], signal: AbortSignal) => Promise<Result[] | SettleResult[]>,
  ): Promise<Held[]> {
    const { backend, clock, random } = this.#options;
    const failed: Held[] = [];
    const { entries } = backend.limits.queue;
    for (let start = 0; start < items.length; start += entries) {
      const run = (part: Held[]) => bounded(clock, part.length, (signal) => call(part, signal));
      const settle = (item: Held, { ok }: Result) => void (ok || failed.push(item));
      await retryEach(items.slice(start, start + entries), run, settle, {
        clock,
        random,
        deadlineMs: PATIENCE_MS,
      });
    }
    return failed;
  }
}

/** Makes a request that ends in time, and returns one sound result per item. */
export async function bounded<T>(
  clock: Clock,
  count: number,
  call: (signal: AbortSignal) => Promise<unknown>,
): Promise<Result<T>[]> {
  const ending = new AbortController();
  try {
    const answer = await limited(call(ending.signal), { clock, ms: CALL_MS });
    return soundResults<T>(answer, count);
  } catch (error) {
    ending.abort(error);
    if (!(error instanceof MelangeError) || error.code !== "TIMEOUT") throw error;
    const { name } = describeError(error);
    throw new MelangeError("OUTCOME_UNKNOWN", `Cannot tell the outcome: no answer came (${name})`, {
      retryable: true,
    });
  }
}
