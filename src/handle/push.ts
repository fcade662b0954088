/** The common part of push hosts: records in, turns by group, handlers, one outcome per record. */
import type { Sender } from "../backend.ts";
import type { EventPublisher } from "../publish/publisher.ts";
import { abortable, type Clock, type Random, systemClock } from "../support/clock.ts";
import { describeError, MelangeError, probe } from "../support/errors.ts";
import type { Logger } from "../support/logger.ts";
import { checkRange } from "../support/range.ts";
import { retry, unmentioned } from "../support/retry.ts";
import type { Telemetry } from "../support/telemetry.ts";
import { deadLetterCopy } from "../wire/dead_letter.ts";
import type { ReceivedMessage } from "../wire/message.ts";
import type { DeadLetterFacts } from "../wire/packed.ts";
import { dispatch, type Outcome } from "./dispatch.ts";
import type { Dispatcher } from "./dispatcher.ts";

/**
 * A record that was pushed to a host.
 *
 * @category Handling
 */
export interface PushRecord {
  /** The name of the queue or topic, for the handlers and the log. */
  readonly queue: string;
  /** The message; `undefined` for a malformed record, which is logged and retried. */
  readonly message: ReceivedMessage | undefined;
  /** The group: its records are handled in order, one at a time. Default: none, the order is free. */
  readonly group?: string | undefined;
  /** The id in log lines. Default: the id of the message. */
  readonly id?: string | undefined;
  /** The place where a malformed record is wrong, for the log: a path and never a value. */
  readonly wrong?: string | undefined;
}

/**
 * Puts a message into a dead-letter queue; resolves to `true` once it is stored there. With `false`,
 * or a rejection, the message is retried.
 *
 * @category Handling
 */
export type MoveToDeadLetters = (
  message: ReceivedMessage,
  facts: DeadLetterFacts,
  context: { signal: AbortSignal; logger: Logger; clock: Clock },
) => Promise<boolean>;

/**
 * Options of {@linkcode dispatchAll}.
 *
 * @category Handling
 */
export interface DispatchAllOptions {
  /** The most records, or groups, that are handled at once. Default: no limit. */
  concurrency?: number;
  /**
   * Stores dead-lettered messages. Default: none; the host stores them when it reads the outcome.
   */
  deadLetter?: MoveToDeadLetters;
  /** Aborts when the handlers must end; records that wait then are not started. Default: never. */
  signal?: AbortSignal;
  /** Tells how long the records are still held, in milliseconds: claims last no longer. Default: no limit. */
  heldMs?: () => number;
  /** The publisher for the handlers. Default: none. */
  publisher?: EventPublisher | undefined;
  /** The host's limit of tries, for a dispatcher without `maxAttempts`. Default: no limit. */
  maxAttempts?: number;
  /** The source of time. Default: the machine's clock. */
  clock?: Clock;
  /** Traces and metrics. Default: none. */
  telemetry?: Telemetry | undefined;
}

/**
 * Handles a batch of records that was pushed to a host: a function behind a queue, a webhook.
 * Returns one outcome per record, in order. The host removes a record with the outcome
 * `acknowledge`, and makes a record with the outcome `retry` come again. A dead-lettered record is
 * already stored by `deadLetter`, or the host stores it. Never rejects because of handlers and
 * dead-letter queues.
 *
 * Records of one group are handled in order. After a retried record, the rest of its group is not
 * started and is retried as well, with `uncounted` outcomes. Groups, and records without a group,
 * are handled at once, up to `concurrency`. When `signal` aborts, all outcomes are there at once.
 *
 * @throws {RangeError} if `concurrency` is no positive integer and not `Infinity`
 *
 * @example A host for Cloudflare Queues, whose batches are pushed to a Worker
 * ```ts
 * import { Dispatcher, dispatchAll } from "@melange/melange";
 *
 * interface Batch {
 *   queue: string;
 *   messages: { id: string; timestamp: Date; body: string; attempts: number; ack(): void; retry(): void }[];
 * }
 *
 * const dispatcher = new Dispatcher({ onUnknown: "acknowledge" });
 * async function queue(batch: Batch) {
 *   const records = batch.messages.map(({ id, body, timestamp, attempts }) => ({
 *     queue: batch.queue,
 *     message: { id, body, attributes: {}, sentAt: timestamp, attempt: attempts },
 *   }));
 *   const outcomes = await dispatchAll(dispatcher, records, { concurrency: 10 });
 *   outcomes.forEach(({ outcome }, at) => {
 *     if (outcome === "acknowledge") batch.messages[at]?.ack();
 *     else batch.messages[at]?.retry();
 *   });
 * }
 *
 * const settled: string[] = [];
 * const ack = () => void settled.push("ack");
 * const retry = () => void settled.push("retry");
 * const message = { id: "m-1", timestamp: new Date(), body: "{}", attempts: 1, ack, retry };
 * await queue({ queue: "pings", messages: [message] });
 * if (settled.join() !== "ack") throw new Error("unexpected");
 * ```
 *
 * @category Handling
 */
export async function dispatchAll(
  dispatcher: Dispatcher,
  records: readonly PushRecord[],
  options: DispatchAllOptions = {},
): Promise<Outcome[]> {
  const { concurrency = Infinity, signal = new AbortController().signal } = options;
  if (concurrency !== Infinity) {
    checkRange(concurrency, { cannot: "dispatch", name: "concurrency", min: 1, integer: true });
  }
  const host = { ...options, dispatcher, signal, clock: options.clock ?? systemClock };
  const outcomes = new Map<PushRecord, Outcome>();
  const turns = turnsOf(records);
  const rest = turns.values();
  const work = async () => {
    for (const turn of rest) await takeTurn(turn, host, outcomes);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, turns.length) }, work));
  return records.map((record) => outcomes.get(record) ?? notStarted(signal));
}

/** The options with defaults, and the dispatcher. */
type Host = DispatchAllOptions & { dispatcher: Dispatcher; signal: AbortSignal; clock: Clock };

/** Collects the records that are handled in order: the records of a group, or a single record. */
function turnsOf(records: readonly PushRecord[]): PushRecord[][] {
  const turns = new Map<string | PushRecord, PushRecord[]>();
  for (const record of records) {
    const key = record.group ?? record;
    const turn = turns.get(key);
    if (turn) turn.push(record);
    else turns.set(key, [record]);
  }
  return [...turns.values()];
}

async function takeTurn(
  turn: readonly PushRecord[],
  host: Host,
  outcomes: Map<PushRecord, Outcome>,
): Promise<void> {
  for (const record of turn) {
    if (host.signal.aborted) return;
    const outcome = await handle(record, host);
    outcomes.set(record, outcome);
    if (outcome.outcome === "retry") return;
  }
}

async function handle({ queue, message, id, wrong }: PushRecord, host: Host): Promise<Outcome> {
  const { dispatcher, deadLetter, signal, clock } = host;
  const { logger } = dispatcher.options;
  if (!message) {
    logger.error("A record of the event is malformed; it is retried", {
      queue,
      messageId: id,
      at: wrong,
    });
    return failure("UNDECODABLE", "its record is malformed");
  }
  const outcome = await dispatch(dispatcher, message, { ...host, queue });
  if (outcome.outcome !== "deadLetter" || !deadLetter) return outcome;
  try {
    const moved = Promise.resolve(deadLetter(message, outcome.facts, { signal, logger, clock }));
    if (await abortable(moved, signal)) return outcome;
  } catch (error) {
    logger.error("A message could not be dead-lettered; it is retried", {
      messageId: id ?? probe(() => message.id),
      ...outcome.facts,
      error: describeError(error),
    });
  }
  return { ...failure("REFUSED", "it could not be dead-lettered"), wanted: outcome.facts };
}

/**
 * Returns the outcome of a record that waited for a turn, or for an earlier record of its group.
 */
function notStarted(signal: AbortSignal): Outcome {
  if (signal.aborted) return { outcome: "retry", error: signal.reason, uncounted: true };
  return { ...failure("STOPPED", "an earlier one of its group is retried"), uncounted: true };
}

function failure(code: string, reason: string) {
  const error = new MelangeError(code, `Cannot finish a message as ${reason}`, { retryable: true });
  return { outcome: "retry", error } as const;
}

/** Attempts of one copy. After the last attempt the host calls again. */
const COPY_ATTEMPTS = 4;

/**
 * Returns the option `deadLetter` of {@linkcode dispatchAll} that copies messages to a queue, with
 * the facts of their failure among the attributes. The queue is FIFO if the records have groups. A
 * copy is tried four times, with growing pauses, until the signal aborts. A copy with a lost answer
 * may be stored twice.
 *
 * @example
 * ```ts
 * import { Dispatcher, dispatchAll, deadLetterTo } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 *
 * const backend = new MemoryBackend();
 * await backend.declareQueue("pings-dlq");
 * const message = { id: "m-1", body: "{}", attributes: {}, sentAt: new Date(), attempt: 1 };
 * const [outcome] = await dispatchAll(new Dispatcher(), [{ queue: "pings", message }], {
 *   deadLetter: deadLetterTo(backend, "pings-dlq"),
 * });
 * if (outcome?.outcome !== "deadLetter") throw new Error("unexpected");
 * const { available } = await backend.describeQueue("pings-dlq");
 * if (available !== 1) throw new Error("unexpected");
 * ```
 *
 * @category Handling
 */
export function deadLetterTo(
  sender: Sender,
  queue: string,
  { random = Math.random }: { random?: Random } = {},
): MoveToDeadLetters {
  return async (message, facts, { signal, clock }) => {
    const copy = deadLetterCopy(message, facts, sender.limits.queue.messageBytes);
    const send = async () => {
      const [result] = await sender.send({ queue }, [copy], { signal });
      if (!result?.ok) throw result?.error ?? unmentioned();
    };
    const policy = { clock, random, signal, maxAttempts: COPY_ATTEMPTS };
    await retry(send, policy);
    return true;
  };
}
