import { createHeap, type Heap, peek, pop, push } from "./heap.ts";
import {
  arrive,
  byTime,
  comeBack,
  createOrder,
  leave,
  type Moment,
  type Order,
  ripen,
} from "./order.ts";
import { createRecent, type Recent, type RecentEntry, remember, remembered } from "./recent.ts";
import { createSettled, noteSettled, type Settled } from "./settled.ts";
import type { MessageState, StoredMessage } from "./stored_message.ts";

/**
 * Settings of a queue. `visibilityTimeoutMs` and `deadLetterQueue` are kept for the owner of the
 * queue.
 */
export interface QueueSettings {
  /** Tells that the queue keeps the order of groups and de-duplicates. */
  readonly fifo: boolean;
  /** Time of the lock of a receive without a time, in milliseconds. */
  readonly visibilityTimeoutMs: number;
  /** Time that messages are kept, in milliseconds. */
  readonly retentionMs: number;
  /** Time that each message is hidden first, in milliseconds. */
  readonly delayMs: number;
  /** FIFO: whether the body stands in for a missing deduplication id. */
  readonly contentBasedDeduplication: boolean;
  /** FIFO: whether each group de-duplicates on its own. Default: `"queue"`. */
  readonly deduplicationScope?: "queue" | "messageGroup";
  /** Highest number of messages in flight. */
  readonly inFlightLimit: number;
  /** Number of receives after which a message is exhausted. */
  readonly maxReceives: number;
  /** Queue for exhausted messages; without this queue no message is exhausted. */
  readonly deadLetterQueue?: string;
}

/** One queue: plain data and indexes over it, changed only by the functions below. */
export interface Queue {
  /** Tells this queue from an earlier one of the same name; part of every receipt. */
  readonly id: string;
  /** Settings of the queue; {@linkcode configure} changes them. */
  settings: QueueSettings;
  /** The place of the next message. */
  nextOrdinal: number;
  /** All that is stored, by place. */
  readonly messages: Map<number, StoredMessage>;
  /** Number of messages in each state. */
  readonly counts: Record<MessageState, number>;
  /** Which message is next. */
  readonly order: Order;
  /** Messages that a delay or a lock hides, by its end. */
  readonly hidden: Heap<Moment>;
  /** All messages by age. */
  readonly byAge: Heap<Moment>;
  /** FIFO: the messages of the last five minutes, by deduplication id. */
  readonly deduplication: Recent<SentBefore>;
  /** The receipts that settled the last messages; all other receipts of these messages are lost. */
  readonly settled: Settled;
}

/** Answer to a repeated send. */
export interface SentBefore {
  /** The id of the message that was stored. */
  readonly messageId: string;
  /** The place of the stored message. */
  readonly sequenceNumber: string;
}

/** A queue as plain data. */
export interface QueueSnapshot {
  /** See {@linkcode Queue.id}. */
  readonly id: string;
  /** Settings of the queue. */
  readonly settings: QueueSettings;
  /** The place of the next message. */
  readonly nextOrdinal: number;
  /** All that is stored. */
  readonly messages: readonly StoredMessage[];
  /** Messages that are still de-duplicated. */
  readonly deduplication: readonly RecentEntry<SentBefore>[];
  /** See {@linkcode Queue.settled}. */
  readonly settled: Readonly<Record<keyof Settled, readonly (readonly [number, string])[]>>;
}

/** Creates an empty queue. `id` must differ from the ids of all earlier queues of the name. */
export function createQueue(id: string, settings: QueueSettings): Queue {
  const messages = new Map<number, StoredMessage>();
  const isGone = ({ ordinal }: Moment) => !messages.has(ordinal);
  const isNotHidden = ({ at, ordinal }: Moment) => {
    const message = messages.get(ordinal);
    return message === undefined || message.state === "available" || message.dueAt !== at;
  };
  return {
    id,
    settings,
    nextOrdinal: 1,
    messages,
    counts: { available: 0, delayed: 0, inFlight: 0 },
    order: createOrder(settings.fifo, messages),
    hidden: createHeap(byTime, isNotHidden),
    byAge: createHeap(byTime, isGone),
    deduplication: createRecent(),
    settled: createSettled(),
  };
}

/**
 * Changes the settings of a queue. A new delay holds for later messages, a new retention for all
 * messages in the queue: messages that were too old before do not come back.
 */
export function configure(queue: Queue, changes: Partial<QueueSettings>, now: number): void {
  advance(queue, now);
  queue.settings = { ...queue.settings, ...changes, fifo: queue.settings.fifo };
}

/** The queue as plain data; later operations do not change it. */
export function snapshot(queue: Queue): QueueSnapshot {
  const { id, settings, nextOrdinal, messages, deduplication, settled } = queue;
  return {
    id,
    settings,
    nextOrdinal,
    messages: [...messages.values()].map((message) => ({ ...message })),
    deduplication: remembered(deduplication),
    settled: { recent: [...settled.recent], earlier: [...settled.earlier] },
  };
}

/** Returns the queue of a snapshot, with its locks. */
export function restore(snapshot: QueueSnapshot): Queue {
  const queue = createQueue(snapshot.id, snapshot.settings);
  queue.nextOrdinal = snapshot.nextOrdinal;
  for (const message of snapshot.messages) index(queue, { ...message });
  for (const entry of snapshot.deduplication) remember(queue.deduplication, entry);
  queue.settled.recent = new Map(snapshot.settled.recent);
  queue.settled.earlier = new Map(snapshot.settled.earlier);
  return queue;
}

/** Stores a message in its place. */
export function index(queue: Queue, message: StoredMessage): void {
  queue.messages.set(message.ordinal, message);
  queue.counts[message.state]++;
  push(queue.byAge, { at: message.keptFrom, ordinal: message.ordinal });
  if (message.state !== "available") hide(queue, message);
  arrive(queue.order, message);
}

/** Takes note of the end of a delay or a lock that has begun or changed. */
export function hide({ hidden }: Queue, message: StoredMessage): void {
  push(hidden, { at: message.dueAt, ordinal: message.ordinal });
}

/** Does the work of the passing time: old messages go, delays and locks end. */
export function advance(queue: Queue, now: number): void {
  const { retentionMs } = queue.settings;
  for (;;) {
    const oldest = peek(queue.byAge);
    if (oldest === undefined || oldest.at + retentionMs > now) break;
    forget(queue, queue.messages.get(oldest.ordinal) as StoredMessage, "");
  }
  for (;;) {
    const first = peek(queue.hidden);
    if (first === undefined || first.at > now) break;
    pop(queue.hidden);
    const next = queue.messages.get(first.ordinal) as StoredMessage;
    const wasLocked = next.state === "inFlight";
    become(queue, next, "available");
    if (wasLocked) comeBack(queue.order, next);
    else ripen(queue.order, next);
  }
}

/** Removes all messages, also messages in flight, and the memory of repetitions. */
export function purge(queue: Queue): void {
  for (const message of [...queue.messages.values()]) forget(queue, message, "");
  queue.deduplication.entries.clear();
  queue.deduplication.queue = [];
  queue.deduplication.start = 0;
}

/** Moves a message to another state. */
export function become(queue: Queue, message: StoredMessage, state: MessageState): void {
  queue.counts[message.state]--;
  message.state = state;
  queue.counts[state]++;
}

/**
 * Removes a message. The receipt `settledBy` did so, and no other receipt of the message; or none
 * did.
 */
export function forget(queue: Queue, message: StoredMessage, settledBy: string): void {
  queue.messages.delete(message.ordinal);
  queue.counts[message.state]--;
  leave(queue.order, message);
  if (message.receives > 0) noteSettled(queue.settled, message.ordinal, settledBy);
}
