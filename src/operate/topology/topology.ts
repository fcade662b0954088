import type { FilterPolicy, SubscriptionOptions } from "../../backend.ts";
import type { AnyEventType } from "../../event/event.ts";
import type { Schema } from "../../event/schema.ts";
import type { Dispatcher } from "../../handle/dispatcher.ts";
import { subscriptionsFor } from "../../handle/declarations.ts";
import { defined } from "../../support/defined.ts";
import type { Format } from "../../wire/packed.ts";
import { isFifo } from "../../wire/message.ts";

/**
 * A service: its handlers, its queue, and the events that it publishes.
 *
 * @category Topology
 */
export interface ServiceOptions {
  /** The name of the service. Default: the name of its queue. */
  name?: string;
  /** The handlers. Their event types tell the topics and the filters of the subscriptions. */
  dispatcher?: Dispatcher;
  /** The queue of the handlers. Default: none, for a service that only publishes. */
  queue?: string;
  /** The queue for messages that fail too often. Default: none. */
  deadLetterQueue?: string;
  /** The receives before a message moves to the dead-letter queue. Default: 5. */
  maxReceives?: number;
  /** The time for which a receive locks a message, in milliseconds. Default: 30 000. */
  visibilityTimeoutMs?: number;
  /** The time for which the queue keeps messages, in milliseconds. Default: the service's, 4 days on AWS. */
  retentionMs?: number;
  /** The time for which each message is hidden first, in milliseconds. Default: 0. */
  delayMs?: number;
  /** FIFO queues only: the body stands in for a missing deduplication id. Default: `false`. */
  contentBasedDeduplication?: boolean;
  /** Further subscriptions, beside those of the handlers. Default: none. */
  subscribeTo?: readonly (string | SubscriptionOptions)[];
  /** Event types that the service publishes, each to its topic, or to a queue that is named. Default: none. */
  publishes?: readonly (AnyEventType | PublishedEvent)[];
  /** The format of the events: with `melange`, subscriptions keep the envelope. Default: `plain`. */
  format?: Format;
}

/**
 * An event type with the place that it is published to.
 *
 * @category Topology
 */
export interface PublishedEvent {
  /** The event type. */
  readonly event: AnyEventType;
  /** The topic. Default: the topic of the event type. */
  readonly topic?: string;
  /** A queue instead of a topic. */
  readonly queue?: string;
}

/**
 * Topics, queues and subscriptions of one or several services, as plain data.
 *
 * @category Topology
 */
export interface Topology {
  /** The services, by name. */
  readonly services: readonly ServiceTopology[];
  /** The topics, by name. */
  readonly topics: readonly TopicTopology[];
  /** The queues, dead-letter queues included, by name. */
  readonly queues: readonly QueueTopology[];
  /** The subscriptions, by topic and queue. */
  readonly subscriptions: readonly SubscriptionTopology[];
}

/**
 * A service in a topology.
 *
 * @category Topology
 */
export interface ServiceTopology {
  /** The name of the service. */
  readonly name: string;
  /** The queue that the service receives from. */
  readonly queue?: string;
  /** The event types that the service handles. */
  readonly handles: readonly EventTopology[];
  /** Tells that a handler takes the events of every type. */
  readonly handlesEverything: boolean;
  /** The event types that the service publishes. */
  readonly publishes: readonly EventTopology[];
}

/**
 * An event type in a topology.
 *
 * @category Topology
 */
export interface EventTopology {
  /** The name of the type. */
  readonly type: string;
  /** The topic that carries the events. */
  readonly topic?: string;
  /** The queue that the events are sent to, where there is no topic. */
  readonly queue?: string;
  /** The version of the schema. */
  readonly version?: number;
  /** The schema of the data. */
  readonly schema: Schema;
}

/**
 * A topic in a topology.
 *
 * @category Topology
 */
export interface TopicTopology {
  /** The name; `.fifo` at its end makes it FIFO. */
  readonly name: string;
}

/**
 * A queue in a topology. A setting without a value stays as the queue has it.
 *
 * @category Topology
 */
export interface QueueTopology {
  /** The name; `.fifo` at its end makes it FIFO. */
  readonly name: string;
  /** The queue that this is the dead-letter queue of. */
  readonly deadLettersOf?: readonly string[];
  /** The dead-letter queue. */
  readonly deadLetterQueue?: string;
  /** The receives before a message moves to the dead-letter queue. */
  readonly maxReceives?: number;
  /** The time for which a receive locks a message, in milliseconds. */
  readonly visibilityTimeoutMs?: number;
  /** The time for which messages are kept, in milliseconds. */
  readonly retentionMs?: number;
  /** The time for which each message is hidden first, in milliseconds. */
  readonly delayMs?: number;
  /** FIFO queues: the body stands in for a missing deduplication id. */
  readonly contentBasedDeduplication?: boolean;
}

/**
 * A subscription in a topology.
 *
 * @category Topology
 */
export interface SubscriptionTopology {
  /** The topic. */
  readonly topic: string;
  /** The queue. */
  readonly queue: string;
  /** The event types that pass. Missing where all pass. */
  readonly events?: readonly string[];
  /** A further filter. */
  readonly filter?: FilterPolicy;
  /** Delivers bodies as they were published. */
  readonly raw: boolean;
}

/** The retention of a dead-letter queue that a declaration creates, in milliseconds. */
const DEAD_LETTER_RETENTION_MS = 1_209_600_000;

/**
 * Reads from handlers and publishers which topics, queues and subscriptions they need. Takes one
 * service or several; reads nothing from a broker.
 *
 * @throws {TypeError} if two services share a name or a queue with other settings, or a published
 * event has no destination
 *
 * @example
 * ```ts
 * import { defineEvent, Dispatcher, typed } from "@melange/melange";
 * import { topologyOf } from "@melange/melange/topology";
 *
 * const OrderPlaced = defineEvent("OrderPlaced", { topic: "orders", schema: typed<{ id: string }>() });
 * const dispatcher = new Dispatcher();
 * dispatcher.subscribe(OrderPlaced, () => {});
 * const topology = topologyOf({ dispatcher, queue: "billing", deadLetterQueue: "billing-dlq" });
 * console.log(topology.queues.map(({ name }) => name)); // prints: [ "billing", "billing-dlq" ]
 * console.log(topology.subscriptions[0]?.events); // prints: [ "OrderPlaced" ]
 * ```
 *
 * @category Topology
 */
export function topologyOf(...services: readonly ServiceOptions[]): Topology {
  const named = services.map(serviceOf);
  refuseTwice(named.map(({ name }) => name), "two services are called");
  refuseTwice(named.flatMap(({ queue }) => queue ?? []), "two services receive from the queue");
  const subscriptions = services.flatMap(subscriptionsOf);
  const published = named.flatMap(({ publishes }) => publishes);
  const topics = new Set([
    ...subscriptions.map(({ topic }) => topic),
    ...published.flatMap(({ topic }) => topic ?? []),
  ]);
  return {
    services: named,
    topics: [...topics].sort().map((name) => ({ name })),
    queues: queuesOf(services, published.flatMap(({ queue }) => queue ?? [])),
    subscriptions: subscriptions.sort((a, b) =>
      compare(a.topic, b.topic) || compare(a.queue, b.queue)
    ),
  };
}

function refuseTwice(names: readonly string[], rule: string): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new TypeError(`Cannot make a topology as ${rule} "${twice}": give each its own`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function serviceOf(options: ServiceOptions): ServiceTopology {
  const { queue, dispatcher, publishes = [] } = options;
  const name = options.name ?? queue;
  if (name === undefined) {
    throw new TypeError(
      "Cannot make a topology as a service has no name: pass { name } or { queue }",
    );
  }
  if (dispatcher && queue === undefined) {
    throw new TypeError(
      `Cannot make a topology as the service "${name}" has handlers and no queue: pass { queue }`,
    );
  }
  return {
    name,
    ...defined({ queue }),
    handles: (dispatcher?.eventTypes ?? []).map((event) => eventOf(event, { queue })),
    handlesEverything: dispatcher?.takesEverything ?? false,
    publishes: publishes.map((given) => publishedOf(name, given)),
  };
}

function eventOf(
  { type, topic, version, schema }: AnyEventType,
  { queue }: { queue?: string | undefined },
): EventTopology {
  const place = topic === undefined ? { queue } : { topic };
  return { type, schema, ...defined({ ...place, version }) };
}

function publishedOf(service: string, given: AnyEventType | PublishedEvent): EventTopology {
  const { event, topic, queue } = "event" in given
    ? given
    : { event: given, topic: undefined, queue: undefined };
  const { type, schema, version } = event;
  const place = queue === undefined ? { topic: topic ?? event.topic } : { queue };
  if (Object.values(place)[0] === undefined) {
    throw new TypeError(
      `Cannot make a topology as "${service}" publishes "${type}" nowhere: give the event a topic, or pass { event, queue }`,
    );
  }
  return { type, schema, ...defined({ ...place, version }) };
}

function subscriptionsOf(options: ServiceOptions): SubscriptionTopology[] {
  const { queue, dispatcher, subscribeTo = [], format = "plain" } = options;
  if (queue === undefined) return [];
  const given = subscribeTo.map((it) => typeof it === "string" ? { topic: it } : it);
  const named = new Set(given.map(({ topic }) => topic));
  const derived = dispatcher ? subscriptionsFor(dispatcher, format) : [];
  return [...given, ...derived.filter(({ topic }) => !named.has(topic))].map((subscription) => {
    const { topic, events, filter, raw = true } = subscription;
    const types = events?.map((event) => typeof event === "string" ? event : event.type);
    return { topic, queue, ...defined({ events: types, filter }), raw };
  });
}

function queuesOf(
  services: readonly ServiceOptions[],
  sentTo: readonly string[],
): QueueTopology[] {
  const queues = new Map<string, QueueTopology>();
  for (const options of services) {
    if (options.queue !== undefined) queues.set(options.queue, queueOf(options.queue, options));
  }
  for (const { queue, deadLetterQueue, maxReceives } of services) {
    if (deadLetterQueue === undefined) {
      if (maxReceives === undefined) continue;
      throw new TypeError("Cannot make a topology as maxReceives needs a deadLetterQueue");
    }
    if (queue === undefined) {
      throw new TypeError(
        `Cannot make a topology as "${deadLetterQueue}" has no queue: pass { queue }`,
      );
    }
    if (isFifo(queue) !== isFifo(deadLetterQueue)) {
      throw new TypeError(
        `Cannot make a topology as "${queue}" and its dead-letter queue "${deadLetterQueue}" are not both FIFO`,
      );
    }
    const known = queues.get(deadLetterQueue) ??
      { name: deadLetterQueue, retentionMs: DEAD_LETTER_RETENTION_MS };
    const deadLettersOf = [...known.deadLettersOf ?? [], queue];
    queues.set(deadLetterQueue, { ...known, deadLettersOf });
  }
  for (const name of sentTo) if (!queues.has(name)) queues.set(name, { name });
  return [...queues.values()].sort((a, b) => compare(a.name, b.name));
}

function queueOf(name: string, options: ServiceOptions): QueueTopology {
  const { deadLetterQueue, maxReceives, visibilityTimeoutMs, retentionMs, delayMs } = options;
  const { contentBasedDeduplication } = options;
  return {
    name,
    ...defined({
      deadLetterQueue,
      maxReceives: deadLetterQueue === undefined ? undefined : maxReceives ?? 5,
      visibilityTimeoutMs,
      retentionMs,
      delayMs,
      contentBasedDeduplication,
    }),
  };
}
