import { soundError, soundResults } from "../handle/answers.ts";
import type { Receiver, SettleResult } from "../backend.ts";
import { Batcher } from "../support/batcher.ts";
import { type Clock, type Random, reading } from "../support/clock.ts";
import { MelangeError } from "../support/errors.ts";
import type { Lease } from "./lease.ts";
import { messageSize, type OutgoingMessage } from "../wire/message.ts";
import { type RetryBudget, retryEach } from "../support/retry.ts";
import { sendApart } from "../support/send_apart.ts";
import { observed, type Telemetry, type TracedSettlement, watched } from "../support/telemetry.ts";

/** Options of {@linkcode Settler}. */
export interface SettlerOptions {
  /** Receiver of the messages. */
  receiver: Receiver;
  /** Queue of the messages. */
  queue: string;
  /** Time that a settlement waits for more settlements to share a request, in milliseconds. */
  lingerMs: number;
  /** Tells that no other message is being handled. Waiting would then only delay the settlement. */
  alone: () => boolean;
  /** Source of time. */
  clock: Clock;
  /** Source of jitter. */
  random: Random;
  /** Bound of retries. */
  budget: RetryBudget;
  /** Signal that ends requests and retries; settling outlives the signal that stops receiving. */
  signal: AbortSignal;
  /** Told of each request. Default: none. */
  telemetry?: Telemetry | undefined;
}

interface Settlement {
  readonly lease: Lease;
  readonly delayMs?: number;
  readonly copy?: OutgoingMessage;
}

/**
 * Sender of settlements, many in one request. A failed settlement is tried again as long as the
 * lock lasts. Never rejects. An unsettled message comes again when its lock ends.
 */
export class Settler {
  readonly #options: SettlerOptions;
  readonly #acknowledgements: Batcher<Settlement, SettleResult>;
  readonly #releases: Batcher<Settlement, SettleResult>;
  readonly #deadLetters: Batcher<Settlement, SettleResult>;

  /** Creates a settler. */
  constructor(options: SettlerOptions) {
    this.#options = options;
    const { receiver, queue, signal, lingerMs } = options;
    this.#acknowledgements = this.#batcher(
      "acknowledge",
      lingerMs,
      (settlements) => receiver.acknowledge(queue, settlements.map(receiptOf), { signal }),
    );
    this.#releases = this.#batcher("release", lingerMs, (settlements) =>
      receiver.release(
        queue,
        settlements.map((it) => ({ receipt: receiptOf(it), delayMs: it.delayMs ?? 0 })),
        { signal },
      ));
    // Groups wait for the answer.
    this.#deadLetters = this.#batcher("deadLetter", 0, (settlements) => {
      if (!receiver.deadLetter) return Promise.resolve(settlements.map(() => UNSUPPORTED));
      const copies = settlements.flatMap((it) =>
        it.copy ? [{ receipt: receiptOf(it), copy: it.copy }] : []
      );
      return receiver.deadLetter(queue, copies, { signal });
    });
  }

  /** Removes the message for good. */
  acknowledge(lease: Lease): Promise<SettleResult> {
    return this.#settle(this.#acknowledgements, { lease });
  }

  /** Gives the message back. The message comes again after `delayMs` milliseconds. */
  release(lease: Lease, delayMs: number): Promise<SettleResult> {
    const left = lease.longestUntil - reading(this.#options.clock);
    const settlement = { lease, delayMs: Math.max(0, Math.min(delayMs, left)) };
    return this.#settle(this.#releases, settlement, { inOrder: true });
  }

  /** Moves the message to the dead-letter queue; `UNSUPPORTED` where there is none. */
  deadLetter(lease: Lease, copy: OutgoingMessage): Promise<SettleResult> {
    return this.#settle(this.#deadLetters, { lease, copy }, { inOrder: true });
  }

  /** Sends the waiting settlements at once. */
  hurry(): void {
    this.#acknowledgements.hurry();
    this.#releases.hurry();
  }

  async #settle(
    batcher: Batcher<Settlement, SettleResult>,
    settlement: Settlement,
    options: { inOrder?: boolean } = {},
  ): Promise<SettleResult> {
    if (!(await settlement.lease.settle(options))) return LOST;
    const settled = batcher.add(settlement);
    // Settlements of the same turn are still to come.
    queueMicrotask(() => this.#options.alone() && this.hurry());
    return await settled.catch((cause) => ({ ok: false, error: soundError(cause) }));
  }

  #batcher(
    verb: TracedSettlement["verb"],
    lingerMs: number,
    send: (settlements: Settlement[]) => Promise<SettleResult[]>,
  ): Batcher<Settlement, SettleResult> {
    const { receiver, clock } = this.#options;
    return new Batcher<Settlement, SettleResult>({
      maxItems: receiver.limits.queue.entries,
      maxBytes: receiver.limits.queue.batchBytes,
      sizeOf: ({ copy }) => copy ? messageSize(copy) : 0,
      lingerMs,
      maxInFlight: 16,
      clock,
      run: (settlements, settle) => this.#run(this.#observed(verb, send), settlements, settle),
    });
  }

  /** Tells the telemetry, if there is one, of each request. */
  #observed(
    verb: TracedSettlement["verb"],
    send: (settlements: Settlement[]) => Promise<SettleResult[]>,
  ): (settlements: Settlement[]) => Promise<SettleResult[]> {
    const { telemetry, queue } = this.#options;
    if (!telemetry) return send;
    return (settlements) => {
      const messages = settlements.map(({ lease }) => lease.delivery.message);
      const watch = observed(() => telemetry.settle?.({ verb, queue, messages }));
      return watched(watch, send(settlements));
    };
  }

  #run(
    send: (settlements: Settlement[]) => Promise<SettleResult[]>,
    settlements: Settlement[],
    settle: (settlement: Settlement, result: SettleResult) => void,
  ): Promise<void> {
    const { clock, random, budget, signal } = this.#options;
    const lastDeadline = Math.max(...settlements.map(({ lease }) => lease.lockedUntil));
    const sendSound = async (part: Settlement[]) => soundResults(await send(part), part.length);
    const sendAll = (locked: Settlement[]) => sendApart(locked, { send: sendSound });
    return retryEach(settlements, (pending) => sendLocked(pending, sendAll, clock), settle, {
      clock,
      random,
      budget,
      signal,
      maxAttempts: Infinity,
      baseMs: 50,
      maxMs: 1_000,
      deadlineMs: lastDeadline - reading(clock),
    });
  }
}

/** Sends settlements that still have a lock: the receipt of an old lock may hit another consumer's. */
async function sendLocked(
  settlements: Settlement[],
  send: (settlements: Settlement[]) => Promise<SettleResult[]>,
  clock: Clock,
): Promise<SettleResult[]> {
  const now = reading(clock);
  const locked = settlements.filter(({ lease }) => lease.lockedUntil > now);
  if (locked.length === settlements.length) return await send(locked);
  const results = locked.length > 0 ? await send(locked) : [];
  const byLease = new Map(locked.map(({ lease }, index) => [lease, results[index]]));
  return settlements.map(({ lease }) => byLease.get(lease) ?? LOST);
}

function receiptOf({ lease }: Settlement): string {
  return lease.delivery.receipt;
}

function failure(code: string, message: string): SettleResult {
  return { ok: false, error: new MelangeError(code, message) };
}

/** Result of a settlement whose lock is lost. */
export const LOST = /* @__PURE__ */ failure(
  "LOCK_LOST",
  "Cannot settle a message as its lock is lost",
);
const UNSUPPORTED = /* @__PURE__ */ failure(
  "UNSUPPORTED",
  "Cannot dead-letter on a backend that has no such queues",
);
