import type { SettleResult } from "../backend.ts";
import type { Outcome } from "../handle/dispatch.ts";
import { checkMs } from "../support/duration.ts";
import { abortable } from "../support/clock.ts";
import { MelangeError } from "../support/errors.ts";
import type { Event } from "../event/event.ts";
import { openEnvelope } from "../wire/sns_envelope.ts";
import { read } from "../wire/format.ts";
import type { Lease } from "./lease.ts";
import { ownMessage, type ReceivedMessage } from "../wire/message.ts";
import type { Readers } from "../wire/serializer.ts";

/**
 * Message that is settled by hand, once: a second verdict is `CONFLICT`. The lock is kept until then.
 *
 * @category Consuming
 */
export interface ConsumedDelivery {
  /** Message, without the SNS envelope. */
  readonly message: ReceivedMessage;
  /** Number of this try, from 1. */
  readonly attempt: number;
  /** Signal that aborts when the lock is lost or a drain runs out. */
  readonly signal: AbortSignal;
  /**
   * Reads the event; the data is not checked against a schema.
   * @throws {MelangeError} `UNDECODABLE`, also if the message names no event type; `UNSUPPORTED` if
   * the serializer gives a promise: use `readEvent()`
   */
  event(): Event;
  /**
   * Reads the event as `event()` does, and waits for the serializer. Rejects with the signal's
   * reason when the signal aborts first.
   */
  readEvent(): Promise<Event>;
  /** Removes the message for good. Rejects with `LOCK_LOST` if somebody else may have it. */
  ack(): Promise<void>;
  /**
   * Gives the message back. The message comes again after `delayMs`, by default after the
   * consumer's backoff. Rejects with a `RangeError`, without a verdict, unless `delayMs` is finite
   * and 0 or more.
   */
  retry(delayMs?: number): Promise<void>;
  /**
   * Moves the message to the dead-letter queue, with this reason. A reason that is no text is a
   * `TypeError`, and no verdict.
   */
  deadLetter(reason: string): Promise<void>;
  /** Keeps the message locked for `ms` milliseconds from now. A `RangeError` unless `ms` is finite and more than 0. */
  extend(ms: number): Promise<void>;
}

interface Offered {
  lease: Lease;
  decide: (outcome: Outcome) => void;
}

/** Line of deliveries. The reader of an async iterator decides about each in turn. */
export class Handout {
  readonly #queue: string;
  readonly #serializers: Readers;
  readonly #waiting: Offered[] = [];
  readonly #settlements = new Map<Lease, (result: SettleResult) => void>();
  #wake = () => {};
  #closed = false;

  /** Creates a handout of nothing. */
  constructor(queue: string, serializers: Readers) {
    this.#queue = queue;
    this.#serializers = serializers;
  }

  /** Puts a delivery in line; resolves to the decision of the reader, or of the end. */
  offer(lease: Lease): Promise<Outcome> {
    const { signal } = lease;
    return new Promise((resolve) => {
      const giveUp = () => decide({ outcome: "retry", error: signal.reason, delayMs: 0 });
      const decide = (outcome: Outcome) => {
        signal.removeEventListener("abort", giveUp);
        resolve(outcome);
      };
      if (this.#closed || signal.aborted) return giveUp();
      signal.addEventListener("abort", giveUp, { once: true });
      this.#waiting.push({ lease, decide });
      this.#wake();
    });
  }

  /** Tells the reader the answer of the service to a decision. */
  settled(lease: Lease, result: SettleResult): void {
    this.#settlements.get(lease)?.(result);
    this.#settlements.delete(lease);
  }

  /** Hands out nothing more; deliveries in line are given back. */
  close(): void {
    this.#closed = true;
    for (const { decide } of this.#waiting.splice(0)) decide(GIVEN_BACK);
    this.#wake();
  }

  /** Yields deliveries until it is closed. */
  async *deliveries(): AsyncGenerator<ConsumedDelivery, void, void> {
    while (!this.#closed) {
      const next = this.#waiting.shift();
      if (!next) await new Promise<void>((resolve) => this.#wake = resolve);
      else if (!next.lease.signal.aborted) yield this.#delivery(next);
    }
  }

  #delivery({ lease, decide }: Offered): ConsumedDelivery {
    // A copy for the reader: changes to it must not get into the dead-letter queue.
    const message = ownMessage(openEnvelope(lease.delivery.message));
    const attempt = message.attempt + lease.tries;
    let decided = false;
    const settle = async (outcome: Outcome) => {
      if (lease.signal.aborted) throw lease.signal.reason;
      if (decided) throw new MelangeError("CONFLICT", "Cannot settle a delivery twice");
      decided = true;
      await this.#settle(lease, decide, outcome);
    };
    return {
      message,
      attempt,
      signal: lease.signal,
      event: () => eventNow(message, this.#serializers),
      readEvent: async () => {
        const { facts, data } = eventOf(message, this.#serializers);
        return { ...facts, data: await abortable(Promise.resolve(data), lease.signal) };
      },
      ack: () => settle({ outcome: "acknowledge" }),
      retry: async (delayMs) => await settle(retryAfter(delayMs)),
      deadLetter: async (reason) => {
        checkReason(reason);
        const facts = { reason, queue: this.#queue, attempts: attempt };
        await settle({ outcome: "deadLetter", facts });
      },
      extend: async (ms) => {
        checkMs(ms, { cannot: "extend a lock", name: "ms", positive: true });
        orThrow(await lease.extend(ms));
      },
    };
  }

  async #settle(lease: Lease, decide: (outcome: Outcome) => void, outcome: Outcome): Promise<void> {
    const result = new Promise<SettleResult>((resolve) => this.#settlements.set(lease, resolve));
    decide(outcome);
    orThrow(await result);
  }
}

function retryAfter(delayMs: number | undefined): Outcome {
  if (delayMs === undefined) return { outcome: "retry", error: undefined };
  checkMs(delayMs, { cannot: "retry a message", name: "delayMs" });
  return { outcome: "retry", error: undefined, delayMs };
}

function checkReason(reason: unknown): void {
  if (typeof reason === "string") return;
  throw new TypeError(
    `Cannot dead-letter a message as the reason must be text: current value is ${typeof reason}`,
  );
}

const GIVEN_BACK: Outcome = { outcome: "retry", error: undefined, delayMs: 0 };

function orThrow(result: SettleResult): void {
  if (!result.ok) throw result.error;
}

function eventNow(message: ReceivedMessage, serializers: Readers): Event {
  const { facts, data } = eventOf(message, serializers);
  if (!(data instanceof Promise)) return { ...facts, data };
  // Nobody waits for it, so it must not end the process when it rejects.
  data.catch(() => {});
  throw new MelangeError(
    "UNSUPPORTED",
    "Cannot read an event at once as its serializer gives a promise: use readEvent()",
  );
}

/** Returns the facts of an event, and its data or a promise of the data. */
function eventOf(message: ReceivedMessage, serializers: Readers) {
  const { facts, data } = read(message);
  const { type } = facts;
  if (type === undefined) {
    throw new MelangeError("UNDECODABLE", "Cannot read a message as it names no event type");
  }
  return { facts: { ...facts, type }, data: data(serializers, type) };
}
