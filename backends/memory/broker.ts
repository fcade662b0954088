/**
 * All queues and topics of one broker, and the effect of each call of the backend contract. Like
 * the queue engine, the broker has no clock, no timer and no promise: every call brings the time
 * and the source of new ids, and equal calls on equal brokers have equal results. The owner lets
 * receives wait, and tries them again at the queues that a call has `woken`.
 */
import type {
  DeadLetterCopy,
  Delivery,
  QueueDescription,
  SendResult,
  SettleResult,
} from "../../src/backend.ts";
import type { MessageLimits } from "../../src/wire/message.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { type Destination, isFifo, type OutgoingMessage, refusal } from "../../src/wire/message.ts";
import { DEAD_LETTER_RETENTION_MS, type QueueDeclaration } from "./declaration.ts";
import { nameIn } from "./names.ts";
import * as engine from "./queue.ts";
import { createTopic, publish, type Topic } from "./topic.ts";

/** The queues and topics. */
export interface Broker {
  /** By name. */
  readonly queues: Map<string, engine.Queue>;
  /** By name. */
  readonly topics: Map<string, Topic>;
  /** Number of queues so far: no two queues get the same id. */
  queuesCreated: number;
}

/** Input of every call, and a set that the call fills. */
export interface Call {
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
  /** Makes the id of a message. */
  readonly newId: () => string;
  /** Takes the names of the queues that may have something new to receive. */
  readonly woken: Set<string>;
}

/** Settings of a new queue; the defaults of SQS, and of our contract for `maxReceives`. */
const DEFAULTS = {
  visibilityTimeoutMs: 30_000,
  retentionMs: 4 * 86_400_000,
  delayMs: 0,
  maxReceives: 5,
  contentBasedDeduplication: false,
};

/** Creates a broker without queues and topics. */
export function createBroker(): Broker {
  return { queues: new Map(), topics: new Map(), queuesCreated: 0 };
}

/**
 * Stores or fans out messages that were checked before.
 *
 * @throws {MelangeError} `NOT_FOUND`
 */
export function send(
  broker: Broker,
  { destination, messages }: {
    readonly destination: Destination;
    readonly messages: readonly OutgoingMessage[];
  },
  call: Call,
): SendResult[] {
  const accept = "topic" in destination
    ? publisher(broker, destination.topic, call)
    : sender(broker, destination.queue, call);
  return messages.map(accept);
}

type Accept = (message: OutgoingMessage) => SendResult;

function sender(broker: Broker, given: string, { now, newId, woken }: Call): Accept {
  const queue = queueIn(broker, given);
  woken.add(nameIn(given));
  return (message) => engine.send(queue, message, { now, id: newId() });
}

function publisher(broker: Broker, given: string, call: Call): Accept {
  const topic = broker.topics.get(nameIn(given));
  if (!topic) throw notFound("topic", nameIn(given));
  const targets = [...topic.subscriptions].map(([queue, subscription]) => ({
    ...subscription,
    accept: sender(broker, queue, call),
  }));
  return (message) => publish(topic, message, { now: call.now, id: call.newId(), targets });
}

/**
 * Locks messages of a queue, and moves messages with too many receives; returns the receipts.
 * @throws {MelangeError} `NOT_FOUND`, `THROTTLED`
 */
export function receive(
  broker: Broker,
  request: Omit<engine.ReceiveRequest, "now" | "redrive"> & { readonly queue: string },
  { now, woken }: Call,
): string[] {
  const queue = queueIn(broker, request.queue);
  const target = deadLetterQueueOf(broker, queue);
  const redrive = target !== undefined;
  const { max, visibilityMs, epoch, holder } = request;
  const how = { now, max, visibilityMs, epoch, holder, redrive };
  const { receipts, exhausted } = engine.receive(queue, how);
  if (target && exhausted.length > 0) {
    const from = nameIn(request.queue);
    for (const message of exhausted) engine.accept(target, message, { now, from });
    woken.add(queue.settings.deadLetterQueue ?? "");
  }
  return receipts;
}

/** Returns the deliveries of these receipts, as far as their locks are not over. */
export function deliveriesOf(
  { queues }: Broker,
  given: string,
  receipts: readonly string[],
): Delivery[] {
  const queue = queues.get(nameIn(given));
  if (!queue) return [];
  const deliveries: Delivery[] = [];
  for (const receipt of receipts) {
    const delivery = engine.deliveryOf(queue, receipt);
    if (delivery) deliveries.push(delivery);
  }
  return deliveries;
}

/**
 * Settles each item at a queue.
 *
 * @throws {MelangeError} `NOT_FOUND`
 */
export function settle<Item, R>(
  broker: Broker,
  { queue: given, items, each }: {
    readonly queue: string;
    readonly items: readonly Item[];
    readonly each: (queue: engine.Queue, item: Item) => R;
  },
  { woken }: Call,
): R[] {
  const queue = queueIn(broker, given);
  woken.add(nameIn(given));
  return items.map((item) => each(queue, item));
}

/** Sends a copy to the dead-letter queue of a queue, then acknowledges. */
export function deadLetter(
  broker: Broker,
  { queue: given, receipt, copy, limits }: DeadLetterCopy & {
    readonly queue: string;
    readonly limits: MessageLimits;
  },
  { now, newId, woken }: Call,
): SettleResult {
  const queue = queueIn(broker, given);
  const target = deadLetterQueueOf(broker, queue);
  const name = queue.settings.deadLetterQueue ?? "";
  if (!target) return { ok: false, error: noDeadLetterQueue(nameIn(given)) };
  const message = engine.lookUp(queue, receipt, now);
  if (typeof message === "string") return engine.acknowledge(queue, receipt, now);
  // The event's id would let the queue drop a message that failed again within five minutes.
  const outgoing = isFifo(name) ? { ...copy, deduplicationId: message.id } : copy;
  const error = refusal(outgoing, { queue: name }, limits);
  if (error) return { ok: false, error };
  const sent = engine.send(target, outgoing, { now, id: newId() });
  if (!sent.ok) return sent;
  woken.add(name);
  return engine.acknowledge(queue, receipt, now);
}

/** Options of {@linkcode declareQueue}. */
export interface DeclareOptions {
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
  /** Highest number of messages in flight, for a new queue. */
  readonly inFlightLimit: number;
}

/**
 * Creates the missing parts of a declaration, and updates settings that differ.
 * @throws {MelangeError} `CONFIGURATION` for `maxReceives` without a dead-letter queue
 */
export function declareQueue(
  broker: Broker,
  { name, settings, subscriptions }: QueueDeclaration,
  { now, inFlightLimit }: DeclareOptions,
): QueueDescription {
  checkRedrive(broker, name, settings);
  const { deadLetterQueue } = settings;
  if (deadLetterQueue !== undefined) {
    const retention = { retentionMs: DEAD_LETTER_RETENTION_MS, inFlightLimit };
    queueOrNew(broker, deadLetterQueue, retention);
  }
  engine.configure(queueOrNew(broker, name, { inFlightLimit }), settings, now);
  for (const [topic, subscription] of subscriptions) {
    topicOrNew(broker, topic).subscriptions.set(name, subscription);
  }
  return describeQueue(broker, name, now);
}

function checkRedrive(
  { queues }: Broker,
  name: string,
  settings: Partial<engine.QueueSettings>,
): void {
  const before = queues.get(name)?.settings.deadLetterQueue;
  if (settings.maxReceives === undefined || (settings.deadLetterQueue ?? before)) return;
  throw new MelangeError(
    "CONFIGURATION",
    `Cannot declare the queue "${name}" as maxReceives needs a deadLetterQueue`,
  );
}

function queueOrNew(
  broker: Broker,
  name: string,
  settings: Partial<engine.QueueSettings> & { inFlightLimit: number },
): engine.Queue {
  const known = broker.queues.get(name);
  if (known) return known;
  const id = `q${++broker.queuesCreated}`;
  const queue = engine.createQueue(id, { ...DEFAULTS, ...settings, fifo: isFifo(name) });
  broker.queues.set(name, queue);
  return queue;
}

/** The topic of a name, created if it is missing. */
export function topicOrNew(broker: Broker, name: string): Topic {
  const topic = broker.topics.get(name) ?? createTopic(name);
  broker.topics.set(name, topic);
  return topic;
}

/**
 * Describes a queue.
 *
 * @throws {MelangeError} `NOT_FOUND`
 */
export function describeQueue(broker: Broker, given: string, now: number): QueueDescription {
  const queue = queueIn(broker, given);
  const { visibilityTimeoutMs, deadLetterQueue, maxReceives } = queue.settings;
  return {
    name: nameIn(given),
    address: nameIn(given),
    ...engine.countMessages(queue, now),
    visibilityTimeoutMs,
    ...(deadLetterQueue === undefined ? {} : { deadLetterQueue, maxReceives }),
  };
}

/** Deletes a queue, its messages and its subscriptions. */
export function deleteQueue(broker: Broker, given: string): void {
  broker.queues.delete(nameIn(given));
  for (const topic of broker.topics.values()) topic.subscriptions.delete(nameIn(given));
}

/**
 * The queue of a name, ARN or URL.
 *
 * @throws {MelangeError} `NOT_FOUND`
 */
export function queueIn(broker: Broker, given: string): engine.Queue {
  const queue = broker.queues.get(nameIn(given));
  if (!queue) throw notFound("queue", nameIn(given));
  return queue;
}

function deadLetterQueueOf(broker: Broker, queue: engine.Queue): engine.Queue | undefined {
  return broker.queues.get(queue.settings.deadLetterQueue ?? "");
}

/** Makes the error of a call that names a missing queue or topic. */
export function notFound(kind: "queue" | "topic", name: string): MelangeError {
  return new MelangeError("NOT_FOUND", `Cannot find the ${kind} "${name}": declare it first`);
}

function noDeadLetterQueue(name: string): MelangeError {
  return new MelangeError(
    "UNSUPPORTED",
    `Cannot dead-letter as "${name}" has no dead-letter queue`,
  );
}
