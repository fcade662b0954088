import type { Receiver, SettleResult } from "../backend.ts";
import type { Random } from "../support/clock.ts";
import { describeError, type MelangeError } from "../support/errors.ts";
import type { Outcome } from "../handle/dispatch.ts";
import type { Logger } from "../support/logger.ts";
import { type Backoff, backoffMs } from "../support/retry.ts";
import { deadLetterCopy } from "../wire/dead_letter.ts";
import type { DeadLetterFacts } from "../wire/packed.ts";
import type { Counts } from "./counts.ts";
import type { Lease } from "./lease.ts";
import { LOST, type Settler } from "./settler.ts";

/** Step of a group after its first delivery was worked on. */
export type Step =
  /** The delivery is settled: the next one may run. */
  | "next"
  /** The group ends: later messages are given back, unhandled. */
  | "end"
  /** The same delivery runs again after a pause. */
  | { readonly pauseMs: number };

/** Options of {@linkcode Settlement}. */
export interface SettlementOptions {
  /** Sender of the requests. */
  settler: Settler;
  /** Receiver of the messages. */
  receiver: Receiver;
  /** Queue of the messages. */
  queue: string;
  /** Pauses after failed tries. */
  redelivery: Backoff;
  /** Source of jitter. */
  random: Random;
  /** Receiver of log lines. */
  logger: Logger;
  /** Numbers to keep. */
  counts: Counts;
  /** Aborts when the worker stops: nothing is tried again in place then. */
  stopping: AbortSignal;
  /** Called with each answer of the service to a settlement. Default: none. */
  settled?: (lease: Lease, result: SettleResult) => void;
}

/** Options of {@linkcode Settlement.settle}. */
export interface SettleOptions {
  /** Tries a failed message again here, under its lock. */
  readonly inPlace: boolean;
  /** Called with the outcome that came of it, where it is not the wanted one. Default: none. */
  readonly instead?: (outcome: Outcome) => void;
}

/**
 * Executor of outcomes: settles each message by its outcome, counts the message, and reports
 * failures.
 */
export class Settlement {
  readonly #options: SettlementOptions;

  /** Creates a settlement for the deliveries of one worker. */
  constructor(options: SettlementOptions) {
    this.#options = options;
  }

  /**
   * Settles a message as the outcome says; resolves to the next step of the group once the service
   * has answered. Never rejects: a message that cannot be settled comes again. With `inPlace`, a
   * failed message is tried again here. `instead` is told of another outcome than the wanted one.
   */
  async settle(lease: Lease, outcome: Outcome, options: SettleOptions): Promise<Step> {
    try {
      return await this.#settle(lease, outcome, options);
    } catch (error) {
      this.#report("error", "A message could not be settled; it is retried", lease, {
        error: describeError(error),
      });
      lease.resume();
      return await this.#retry(lease, { ...options, delayMs: this.#options.redelivery.baseMs });
    }
  }

  /** Takes note of a lock that was lost. */
  lost(lease: Lease): Step {
    this.#options.counts.lost += 1;
    this.#report("warn", "A lock was lost before its message was settled", lease);
    this.#options.settled?.(lease, LOST);
    return "end";
  }

  /** Gives a message back that nobody worked on. */
  async giveBack(lease: Lease): Promise<void> {
    await this.#answered(lease, this.#options.settler.release(lease, 0));
  }

  async #settle(lease: Lease, outcome: Outcome, options: SettleOptions): Promise<Step> {
    const { settler } = this.#options;
    if (lease.lost) return this.lost(lease);
    if (outcome.outcome === "acknowledge") {
      // In a group, a message that comes again must not come behind its followers.
      const ok = await this.#answered(lease, settler.acknowledge(lease), "acknowledged");
      return ok ? "next" : "end";
    }
    if (outcome.outcome === "retry") return await this.#retry(lease, { ...options, ...outcome });
    const { facts: wanted } = outcome;
    const error = await this.#deadLetter(lease, wanted);
    if (!error) return "next";
    options.instead?.({ outcome: "retry", error, wanted });
    return lease.lost ? this.lost(lease) : await this.#retry(lease, options);
  }

  async #retry(
    lease: Lease,
    { inPlace, delayMs, uncounted = false }: {
      inPlace: boolean;
      delayMs?: number;
      uncounted?: boolean;
    },
  ): Promise<Step> {
    const { random, redelivery, counts, settler, settled, stopping } = this.#options;
    const attempt = lease.delivery.message.attempt + lease.tries;
    const pauseMs = delayMs ?? backoffMs(attempt, redelivery, random);
    if (inPlace && !stopping.aborted) {
      counts.retried += 1;
      if (!uncounted) lease.tries += 1;
      settled?.(lease, { ok: true });
      return { pauseMs };
    }
    const released = settler.release(lease, stopping.aborted ? 0 : pauseMs);
    await this.#answered(lease, released, "retried");
    return "end";
  }

  /** Moves a message to the dead-letter queue; returns the error if it could not be moved. */
  async #deadLetter(lease: Lease, facts: DeadLetterFacts): Promise<MelangeError | undefined> {
    const { receiver, counts, settled, settler } = this.#options;
    const { message } = lease.delivery;
    const copy = deadLetterCopy(message, facts, receiver.limits.queue.messageBytes);
    const result = await settler.deadLetter(lease, copy);
    settled?.(lease, result);
    if (result.ok) {
      counts.deadLettered += 1;
      return undefined;
    }
    const text = result.error.code === "UNSUPPORTED"
      ? "A message cannot be dead-lettered as its queue has no dead-letter queue; it is retried"
      : "A message could not be dead-lettered; it is retried";
    this.#report("error", text, lease, { ...facts, error: describeError(result.error) });
    lease.resume();
    return result.error;
  }

  /** Takes note of an answer; resolves to `true` if the service has settled the message. */
  async #answered(
    lease: Lease,
    answer: Promise<SettleResult>,
    count?: "acknowledged" | "retried",
  ): Promise<boolean> {
    const { counts, settled } = this.#options;
    const result = await answer;
    if (result.ok && count) counts[count] += 1;
    if (!result.ok) {
      if (result.error.code === "LOCK_LOST") counts.lost += 1;
      const error = describeError(result.error);
      this.#report("warn", "A message could not be settled; it comes again", lease, { error });
    }
    settled?.(lease, result);
    return result.ok;
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
