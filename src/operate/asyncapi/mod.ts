/**
 * A document of AsyncAPI about a topology: channels, operations, messages with their JSON Schemas,
 * and the bindings of SNS and SQS.
 *
 * @example
 * ```ts
 * import { defineEvent, Dispatcher, typed } from "@melange/melange";
 * import { asyncApi } from "@melange/melange/asyncapi";
 * import { topologyOf } from "@melange/melange/topology";
 *
 * const OrderPlaced = defineEvent("OrderPlaced", { topic: "orders", schema: typed<{ id: string }>() });
 * const dispatcher = new Dispatcher();
 * dispatcher.subscribe(OrderPlaced, () => {});
 * const topology = topologyOf({ dispatcher, queue: "billing" });
 * const document = asyncApi(topology, { title: "Shop", version: "1.0.0" });
 * console.log(Object.keys(document.channels)); // prints: [ "orders", "billing" ]
 * ```
 *
 * @module
 */
import { filterPolicyOf } from "../../backend.ts";
import { defined } from "../../support/defined.ts";
import { isFifo } from "../../wire/message.ts";
import type {
  EventTopology,
  QueueTopology,
  ServiceTopology,
  SubscriptionTopology,
  Topology,
} from "../topology/topology.ts";
import { messageOf } from "./message.ts";

/**
 * Options of {@linkcode asyncApi}.
 *
 * @category AsyncAPI
 */
export interface AsyncApiOptions {
  /** The title of the document. */
  title: string;
  /** The version of the document, yours to count. */
  version: string;
  /** A description, in Markdown. Default: none. */
  description?: string;
  /**
   * Makes the JSON Schema (draft 7) of an event type's data. Default: the schema's own
   * `~standard.jsonSchema`, where its library has one; else any data.
   */
  jsonSchemaOf?: (event: EventTopology) => unknown;
}

/**
 * A document of AsyncAPI 3.1, as JSON.
 *
 * @category AsyncAPI
 */
export interface AsyncApiDocument {
  /** The version of AsyncAPI. */
  readonly asyncapi: "3.1.0";
  /** Facts about the document. */
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description?: string;
  };
  /** The content type of all messages. */
  readonly defaultContentType: "application/json";
  /** Topics and queues, by name. */
  readonly channels: Readonly<Record<string, unknown>>;
  /** The messages that services send and receive. */
  readonly operations: Readonly<Record<string, unknown>>;
  /** The messages, by event type. */
  readonly components: { readonly messages: Readonly<Record<string, unknown>> };
}

/** The versions of the bindings that the parser of AsyncAPI takes. */
const SQS_BINDING = "0.2.0";
const SNS_BINDING = "0.1.0";

/**
 * Writes the document of a topology. Equal topologies give equal documents, so that a file of it can
 * be compared in CI.
 *
 * https://www.asyncapi.com/docs/reference/specification/v3.1.0
 *
 * @throws {TypeError} if two services give one event type different schemas
 *
 * @example
 * ```ts
 * import { asyncApi } from "@melange/melange/asyncapi";
 * import { topologyOf } from "@melange/melange/topology";
 *
 * const topology = topologyOf({ queue: "billing", subscribeTo: ["orders"] });
 * const { operations } = asyncApi(topology, { title: "Shop", version: "1.0.0" });
 * console.log(Object.keys(operations)); // prints: [ "billing.receives.billing" ]
 * ```
 *
 * @category AsyncAPI
 */
export function asyncApi(topology: Topology, options: AsyncApiOptions): AsyncApiDocument {
  const { title, version, description } = options;
  const { services, topics, queues, subscriptions } = topology;
  const events = services.flatMap(({ handles, publishes }) => [...publishes, ...handles]);
  const isDeadLetters = ({ deadLettersOf, name }: QueueTopology) =>
    deadLettersOf !== undefined && !services.some(({ queue }) => queue === name);
  return {
    asyncapi: "3.1.0",
    info: { title, version, ...defined({ description }) },
    defaultContentType: "application/json",
    channels: Object.fromEntries([
      ...topics.map(({ name }) => [idOf(name), topicChannel(name, events)]),
      ...queues.filter((queue) => !isDeadLetters(queue)).map((queue) => [
        idOf(queue.name),
        queueChannel(queue, { queues, messages: arriving(queue.name, topology) }),
      ]),
    ]),
    operations: Object.fromEntries(services.flatMap((service) => [
      ...sending(service, subscriptions),
      ...receiving(service),
    ])),
    components: { messages: messagesOf(events, options) },
  };
}

/** Returns a key that AsyncAPI allows. */
function idOf(name: string): string {
  return name.replace(/[^\w.-]/g, "_");
}

function messagesOf(events: readonly EventTopology[], options: AsyncApiOptions) {
  const messages = new Map<string, unknown>();
  for (const event of events) {
    const message = messageOf(event, options.jsonSchemaOf);
    const known = messages.get(event.type);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(message)) {
      throw new TypeError(
        `Cannot describe the event "${event.type}" as two services give it different schemas`,
      );
    }
    messages.set(event.type, message);
  }
  return Object.fromEntries(
    [...messages].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([type, message]) => [idOf(type), message]),
  );
}

function references(events: readonly EventTopology[]): Record<string, unknown> {
  const types = [...new Set(events.map(({ type }) => idOf(type)))].sort();
  return Object.fromEntries(
    types.map((type) => [type, { $ref: `#/components/messages/${type}` }]),
  );
}

function topicChannel(name: string, events: readonly EventTopology[]) {
  const ordering = { type: isFifo(name) ? "FIFO" : "standard" };
  return {
    address: name,
    messages: references(events.filter(({ topic }) => topic === name)),
    bindings: { sns: { name, ordering, bindingVersion: SNS_BINDING } },
  };
}

/** The events that arrive in a queue: those that its service handles, and those that are sent to it. */
function arriving(queue: string, { services }: Topology): EventTopology[] {
  const handled = services.filter((service) => service.queue === queue)
    .flatMap(({ handles }) => handles);
  const sent = services.flatMap(({ publishes }) => publishes).filter((it) => it.queue === queue);
  return [...handled, ...sent];
}

function queueChannel(
  queue: QueueTopology,
  { queues, messages }: { queues: readonly QueueTopology[]; messages: readonly EventTopology[] },
) {
  const dead = queues.find(({ name }) => name === queue.deadLetterQueue);
  return {
    address: queue.name,
    messages: references(messages),
    bindings: {
      sqs: {
        queue: sqsQueue(queue),
        ...(dead ? { deadLetterQueue: sqsQueue(dead) } : {}),
        bindingVersion: SQS_BINDING,
      },
    },
  };
}

const SECOND_MS = 1_000;

function sqsQueue(queue: QueueTopology): Record<string, unknown> {
  const { name, visibilityTimeoutMs, retentionMs, delayMs, deadLetterQueue, maxReceives } = queue;
  const seconds = (ms: number | undefined) => ms === undefined ? undefined : ms / SECOND_MS;
  return {
    name,
    fifoQueue: isFifo(name),
    ...defined({
      visibilityTimeout: seconds(visibilityTimeoutMs),
      messageRetentionPeriod: seconds(retentionMs),
      deliveryDelay: seconds(delayMs),
      redrivePolicy: deadLetterQueue === undefined
        ? undefined
        : { deadLetterQueue: { name: deadLetterQueue }, maxReceiveCount: maxReceives },
    }),
  };
}

type Operation = readonly [id: string, operation: unknown];

function sending(
  { name, publishes }: ServiceTopology,
  subscriptions: readonly SubscriptionTopology[],
): Operation[] {
  const places = new Map<string, EventTopology[]>();
  for (const event of publishes) {
    const place = event.topic ?? event.queue ?? "";
    places.set(place, [...places.get(place) ?? [], event]);
  }
  return [...places].map(([place, events]) => {
    const isTopic = events[0]?.topic !== undefined;
    const bindings = isTopic
      ? { sns: { consumers: consumersOf(place, subscriptions), bindingVersion: SNS_BINDING } }
      : {
        sqs: { queues: [{ name: place, fifoQueue: isFifo(place) }], bindingVersion: SQS_BINDING },
      };
    return [idOf(`${name}.sends.${place}`), operation("send", place, { events, bindings })];
  });
}

function consumersOf(topic: string, subscriptions: readonly SubscriptionTopology[]) {
  return subscriptions.filter((it) => it.topic === topic).map((subscription) => {
    const { queue, raw } = subscription;
    return {
      protocol: "sqs",
      endpoint: { name: queue },
      rawMessageDelivery: raw,
      ...defined({ filterPolicy: filterPolicyOf(subscription) }),
    };
  });
}

function receiving({ name, queue, handles }: ServiceTopology): Operation[] {
  if (queue === undefined) return [];
  const queues = [{ name: queue, fifoQueue: isFifo(queue) }];
  const bindings = { sqs: { queues, bindingVersion: SQS_BINDING } };
  const id = idOf(`${name}.receives.${queue}`);
  return [[id, operation("receive", queue, { events: handles, bindings })]];
}

function operation(
  action: "send" | "receive",
  place: string,
  { events, bindings }: { events: readonly EventTopology[]; bindings: unknown },
) {
  const types = [...new Set(events.map(({ type }) => idOf(type)))].sort();
  return {
    action,
    channel: { $ref: `#/channels/${idOf(place)}` },
    messages: types.map((type) => ({ $ref: `#/channels/${idOf(place)}/messages/${type}` })),
    bindings,
  };
}
