/**
 * The queue engine: what one queue holds, and what each operation makes of it, with the semantics
 * of SQS. It has no clock, no timer and no promise: every operation is told the time, ids come from
 * outside, and equal operations on equal queues have equal results. Its owner decides when to ask
 * again ({@linkcode nextChangeAt}), and where messages go that were received too often.
 *
 * {@linkcode snapshot} turns a queue into plain data that a structured clone carries, and
 * {@linkcode restore} goes on from there, with all locks. A receipt holds the epoch under which its
 * lock was given; an owner that takes over uses a higher one, so that locks which the snapshot did
 * not know can never be mistaken for its own.
 */
import { isNumber } from "../../src/support/duration.ts";
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

/** What a send is told. */
export interface SendOptions {
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
  /** The id of the message, unless it is a repetition. */
  readonly id: string;
  /** What the owner of the queue wants to know of the message later. */
  readonly notes?: Record<string, string>;
}

/**
 * Stores a message. A FIFO queue answers one whose deduplication id it saw in the last five minutes
 * with the first one's id and stores nothing, also if the first is settled by now; one that has no
 * such id is refused with `INVALID_MESSAGE`. Everything else was checked before, and nobody changes
 * the attributes after.
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

/** Groups and deduplication ids hold no space, so that no two pairs make one key. */
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

/** Gives a message its place in a queue that takes it in. */
function store(queue: Queue, message: StoredMessage): void {
  message.ordinal = queue.nextOrdinal++;
  message.receives = 0;
  index(queue, message);
}

/**
 * Takes in a message that the queue `from` gave up, or that has no source to remember. It keeps its id, its attributes, the time it was
 * sent and its count of receives. Its retention goes on in a standard queue and begins again in a
 * FIFO queue, as in SQS.
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

/** What a receive is told. */
export interface ReceiveRequest {
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
  /** How many messages at the most. */
  readonly max: number;
  /** How long each is locked, in milliseconds. */
  readonly visibilityMs: number;
  /** Under whose rule the locks are given. */
  readonly epoch: number;
  /** Who gets them, where there are several. */
  readonly holder?: string | undefined;
  /** Whether messages that were received `maxReceives` times leave the queue. */
  readonly redrive: boolean;
}

/** What a receive found. */
export interface Received {
  /** The receipts of what is handed out; {@linkcode deliveryOf} tells the rest. */
  readonly receipts: string[];
  /** What left the queue, for the dead-letter queue to {@linkcode accept}. */
  readonly exhausted: StoredMessage[];
}

/**
 * Locks what is available, at most `max`. At the limit of messages in flight a FIFO queue hands out
 * fewer or none.
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
  /** What all its receipts begin with. */
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

/** What a receive handed out; `undefined` if its lock is known to be over. */
export function deliveryOf(queue: Queue, receipt: string): Delivery | undefined {
  const message = queue.messages.get(ordinalOf(queue, receipt) ?? 0);
  if (message?.receipt !== receipt || message.state !== "inFlight") return undefined;
  return { receipt, message: receivedMessage(message, queue.settings.fifo) };
}

/**
 * What a receipt stands for: the message it locks; `"gone"` if that message has been settled, as
 * far as is known with this receipt; or `"lost"` if the lock is over, or there never was one.
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

/** The place of the message that a receipt was given for, if it may be one of this queue. */
export function ordinalOf(queue: Queue, receipt: string): number | undefined {
  const { id } = queue;
  if (!receipt.startsWith(id) || receipt[id.length] !== ":") return undefined;
  const end = receipt.lastIndexOf(":");
  const ordinal = Number(receipt.slice(receipt.lastIndexOf(":", end - 1) + 1, end));
  return ordinal >= 1 && ordinal < queue.nextOrdinal ? ordinal : undefined;
}

/** Removes a message for good. Success also if that was done before; `LOCK_LOST` if it is not ours. */
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
 * Moves the end of a lock, up to 12 hours after the receive; past that it is `INVALID_MESSAGE` and
 * nothing changes. `LOCK_LOST` if the lock is over.
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

/** How many messages are in each state. */
export function countMessages(queue: Queue, now: number): Record<MessageState, number> {
  advance(queue, now);
  return { ...queue.counts };
}

/**
 * When a receive may next find something without any other operation before it: now, or when the
 * next delay or lock ends; `undefined` if nothing is hidden.
 */
export function nextChangeAt(queue: Queue, now: number): number | undefined {
  advance(queue, now);
  const room = queue.counts.inFlight < queue.settings.inFlightLimit;
  return room && hasNext(queue.order) ? now : peek(queue.hidden)?.at;
}
