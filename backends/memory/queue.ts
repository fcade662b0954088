/**
 * The queue engine: the content of one queue, and the effect of each operation, with the semantics
 * of SQS. The engine has no clock, no timer and no promise: every operation brings the time, ids
 * come from outside, and equal operations on equal queues have equal results. The owner decides
 * when to ask again ({@linkcode nextChangeAt}), and where messages go after too many receives.
 *
 * {@linkcode snapshot} turns a queue into plain data that a structured clone carries, and
 * {@linkcode restore} goes on from there, with all locks. A receipt holds the epoch of its lock. A
 * new owner uses a higher epoch, so that locks after the snapshot can never be mistaken for locks
 * of the new owner.
 */
import { isNumber } from "../../src/support/range.ts";
import { MelangeError } from "../../src/support/errors.ts";
import type { Delivery, ExtendResult, SendResult, SettleResult } from "../../src/backend.ts";
import type { OutgoingMessage } from "../../src/wire/message.ts";
import { peek } from "./heap.ts";
import { hasNext, take } from "./order.ts";
import { advance, become, forget, hide, index, type Queue } from "./queue_state.ts";
import { recall, remember } from "./recent.ts";
import { settledBy } from "./settled.ts";
import { sha256 } from "./sha256.ts";
import {
  type MessageState,
  receivedMessage,
  sequenceNumber,
  type StoredMessage,
} from "./stored_message.ts";

export {
  configure,
  createQueue,
  type Queue,
  type QueueSettings,
  type QueueSnapshot,
  restore,
  snapshot,
} from "./queue_state.ts";

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-exactly-once-processing.html */
export const DEDUPLICATION_MS: number = 5 * 60_000;
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html */
export const MAX_VISIBILITY_MS: number = 12 * 3_600_000;

/** Input of a send. */
export interface SendOptions {
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
  /** The id of the message, unless it is a repetition. */
  readonly id: string;
  /** Notes of the queue's owner about the message. */
  readonly notes?: Record<string, string>;
}

/**
 * Stores a message. If a FIFO queue saw the deduplication id in the last five minutes, the queue
 * answers with the id of the first message and stores nothing, even if the first message is settled
 * by now. A FIFO queue refuses a message without a deduplication id with `INVALID_MESSAGE`. The
 * caller has checked everything else, and nobody changes the attributes afterwards.
 */
export function send(queue: Queue, message: OutgoingMessage, options: SendOptions): SendResult {
  const { now, id } = options;
  const { fifo, delayMs } = queue.settings;
  if (!fifo) {
    store(queue, newMessage(message, { ...options, delayMs: message.delayMs ?? delayMs }));
    return { ok: true, messageId: id };
  }
  const deduplicationId = deduplicationIdOf(message, queue.settings);
  if (deduplicationId === undefined) return { ok: false, error: withoutDeduplicationId() };
  const key = deduplicationKey(queue, message, deduplicationId);
  const before = recall(queue.deduplication, key, now);
  if (before) return { ok: true, ...before };
  const sent = { messageId: id, sequenceNumber: sequenceNumber(queue.nextOrdinal) };
  const until = now + DEDUPLICATION_MS;
  remember(queue.deduplication, { key, value: sent, until });
  store(queue, newMessage(message, { ...options, delayMs, deduplicationId }));
  return { ok: true, ...sent };
}

/**
 * Makes a key of group and deduplication id. Neither holds a space, so that no two pairs make one
 * key.
 */
function deduplicationKey({ settings }: Queue, { group }: OutgoingMessage, id: string): string {
  return settings.deduplicationScope === "messageGroup" ? `${group} ${id}` : id;
}

/** The id a FIFO queue or topic de-duplicates by: the given one, else the digest of the body. */
export function deduplicationIdOf(
  message: OutgoingMessage,
  options: { readonly contentBasedDeduplication: boolean },
): string | undefined {
  if (message.deduplicationId !== undefined) return message.deduplicationId;
  return options.contentBasedDeduplication ? sha256(message.body) : undefined;
}

/** Why a FIFO queue or topic refused a message. */
export function withoutDeduplicationId(): MelangeError {
  return new MelangeError(
    "INVALID_MESSAGE",
    "Cannot send to a FIFO destination as the message has no deduplication id and contentBasedDeduplication is off",
  );
}

interface NewMessageOptions extends SendOptions {
  readonly delayMs: number;
  readonly deduplicationId?: string;
}

function newMessage(message: OutgoingMessage, options: NewMessageOptions): StoredMessage {
  const { id, now, delayMs, deduplicationId, notes } = options;
  return {
    id,
    body: message.body,
    attributes: message.attributes,
    group: message.group,
    deduplicationId,
    sentAt: now,
    keptFrom: now,
    ordinal: 0,
    attempt: 0,
    receives: 0,
    state: delayMs > 0 ? "delayed" : "available",
    dueAt: now + delayMs,
    receivedAt: 0,
    receipt: "",
    holder: "",
    ...(notes ? { notes } : {}),
  };
}

/** Gives a message a place in the queue that takes the message in. */
function store(queue: Queue, message: StoredMessage): void {
  message.ordinal = queue.nextOrdinal++;
  message.receives = 0;
  index(queue, message);
}

/**
 * Takes in a message that the queue `from` gave up, or a message without a source. The message
 * keeps its id, its attributes, its time of sending and its count of receives. The retention goes
 * on in a standard queue and begins again in a FIFO queue, as in SQS.
 */
export function accept(
  queue: Queue,
  message: StoredMessage,
  { now, from }: { now: number; from?: string },
): void {
  const keptFrom = queue.settings.fifo ? now : message.keptFrom;
  const state = "available";
  const source = from === undefined ? {} : { movedFrom: from };
  const unlocked = { receivedAt: 0, receipt: "", holder: "", ...source };
  store(queue, { ...message, state, dueAt: now, keptFrom, ...unlocked });
}

/** Input of a receive. */
export interface ReceiveRequest {
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
  /** Highest number of messages. */
  readonly max: number;
  /** Time of the locks, in milliseconds. */
  readonly visibilityMs: number;
  /** Under whose rule the locks are given. */
  readonly epoch: number;
  /** Receiver of the messages, where several can receive. */
  readonly holder?: string | undefined;
  /** Redrive: messages with `maxReceives` receives leave the queue. */
  readonly redrive: boolean;
}

/** Result of a receive. */
export interface Received {
  /** The receipts of the messages; {@linkcode deliveryOf} tells the rest. */
  readonly receipts: string[];
  /** Messages that left the queue, for the dead-letter queue to {@linkcode accept}. */
  readonly exhausted: StoredMessage[];
}

/**
 * Locks available messages, at most `max`. At the limit of messages in flight a FIFO queue hands
 * out fewer or none.
 *
 * @throws {MelangeError} `THROTTLED` if a standard queue is at that limit
 */
export function receive(queue: Queue, request: ReceiveRequest): Received {
  const { now, redrive } = request;
  advance(queue, now);
  const { fifo, inFlightLimit, maxReceives } = queue.settings;
  const max = Math.min(request.max, inFlightLimit - queue.counts.inFlight);
  if (max <= 0 && !fifo) throw overLimit(inFlightLimit);
  const received: Received = { receipts: [], exhausted: [] };
  const lock = { request, beginning: `${queue.id}:${request.epoch}:` };
  while (received.receipts.length < max) {
    const taken = take(queue.order, max - received.receipts.length);
    if (taken.length === 0) break;
    for (const message of taken) {
      become(queue, message, "inFlight");
      if (redrive && message.receives >= maxReceives) {
        forget(queue, message, "");
        received.exhausted.push(message);
      } else received.receipts.push(give(queue, message, lock));
    }
  }
  return received;
}

function overLimit(limit: number): MelangeError {
  return new MelangeError(
    "THROTTLED",
    `Cannot receive as a queue has at most ${limit} messages in flight: acknowledge some first`,
    { retryable: true },
  );
}

interface Lock {
  readonly request: ReceiveRequest;
  /** Beginning of all receipts of the receive. */
  readonly beginning: string;
}

function give(queue: Queue, message: StoredMessage, { request, beginning }: Lock): string {
  message.attempt++;
  message.receives++;
  message.receivedAt = request.now;
  message.receipt = `${beginning}${message.ordinal}:${message.receives}`;
  message.holder = request.holder ?? "";
  message.dueAt = request.now + request.visibilityMs;
  hide(queue, message);
  return message.receipt;
}

/** Returns the delivery of a receipt; `undefined` if the lock is known to be over. */
export function deliveryOf(queue: Queue, receipt: string): Delivery | undefined {
  const message = queue.messages.get(ordinalOf(queue, receipt) ?? 0);
  if (message?.receipt !== receipt || message.state !== "inFlight") return undefined;
  return { receipt, message: receivedMessage(message, queue.settings.fifo) };
}

/**
 * Returns the message that a receipt locks; `"gone"` if the message has been settled, as far as
 * this receipt can tell; or `"lost"` if the lock is over or never existed.
 */
export function lookUp(
  queue: Queue,
  receipt: string,
  now: number,
): StoredMessage | "gone" | "lost" {
  advance(queue, now);
  const ordinal = ordinalOf(queue, receipt);
  if (ordinal === undefined) return "lost";
  const message = queue.messages.get(ordinal);
  if (message) {
    return message.state === "inFlight" && message.receipt === receipt ? message : "lost";
  }
  return (settledBy(queue.settled, ordinal) ?? receipt) === receipt ? "gone" : "lost";
}

/** Returns the place of the message of a receipt, if the receipt may belong to this queue. */
export function ordinalOf(queue: Queue, receipt: string): number | undefined {
  const { id } = queue;
  if (!receipt.startsWith(id) || receipt[id.length] !== ":") return undefined;
  const end = receipt.lastIndexOf(":");
  const ordinal = Number(receipt.slice(receipt.lastIndexOf(":", end - 1) + 1, end));
  return ordinal >= 1 && ordinal < queue.nextOrdinal ? ordinal : undefined;
}

/** Removes a message for good. A repetition is a success; a foreign receipt is `LOCK_LOST`. */
export function acknowledge(queue: Queue, receipt: string, now: number): SettleResult {
  const message = lookUp(queue, receipt, now);
  if (message === "lost") return lockLost("acknowledge");
  if (message !== "gone") forget(queue, message, receipt);
  return { ok: true };
}

/** A lock that is to end at another time. */
export interface LockChange {
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
  /** When the lock shall end, in milliseconds from now. */
  readonly endsInMs: number;
}

/**
 * Ends a lock after a delay. Until then the message counts as in flight, and the receipt is good, as
 * in SQS. `LOCK_LOST` if the lock is over.
 */
export function release(queue: Queue, receipt: string, change: LockChange): SettleResult {
  const result = changeLock(queue, receipt, { ...change, verb: "release" });
  return result.ok ? { ok: true } : result;
}

/**
 * Moves the end of a lock, up to 12 hours after the receive. A later end is `INVALID_MESSAGE` and
 * changes nothing. `LOCK_LOST` if the lock is over.
 */
export function extend(queue: Queue, receipt: string, change: LockChange): ExtendResult {
  return changeLock(queue, receipt, { ...change, verb: "extend" });
}

function changeLock(
  queue: Queue,
  receipt: string,
  change: LockChange & { verb: string },
): ExtendResult {
  const { now, endsInMs, verb } = change;
  const message = lookUp(queue, receipt, now);
  if (typeof message === "string") return lockLost(verb);
  const endsAt = now + Number(endsInMs);
  if (!isNumber(endsInMs, 0) || endsAt > message.receivedAt + MAX_VISIBILITY_MS) {
    return { ok: false, error: lockTooLong(verb, endsInMs) };
  }
  message.dueAt = endsAt;
  hide(queue, message);
  return { ok: true, lockedUntil: new Date(endsAt) };
}

function lockLost(verb: string): { readonly ok: false; readonly error: MelangeError } {
  const sentence = `Cannot ${verb} a message as the lock of this receipt is over`;
  return { ok: false, error: new MelangeError("LOCK_LOST", sentence) };
}

function lockTooLong(verb: string, endsInMs: number): MelangeError {
  return new MelangeError(
    "INVALID_MESSAGE",
    `Cannot ${verb} a message as a lock ends at most ${MAX_VISIBILITY_MS} ms after its receive: current value is ${endsInMs} from now`,
  );
}

/** Returns the number of messages in each state. */
export function countMessages(queue: Queue, now: number): Record<MessageState, number> {
  advance(queue, now);
  return { ...queue.counts };
}

/**
 * Returns the time at which a receive may find a message without an operation before: now, or the
 * end of the next delay or lock; `undefined` if no message is hidden.
 */
export function nextChangeAt(queue: Queue, now: number): number | undefined {
  advance(queue, now);
  const room = queue.counts.inFlight < queue.settings.inFlightLimit;
  return room && hasNext(queue.order) ? now : peek(queue.hidden)?.at;
}
