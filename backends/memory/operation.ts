/** The calls of the backend contract as plain data, checked, and their effect on a broker. */
import type { DeadLetterCopy, Extension, Release } from "../../src/backend.ts";
import type { Destination, MessageLimits, OutgoingMessage } from "../../src/wire/message.ts";
import * as broker from "./broker.ts";
import { nameIn, newTopicName } from "./names.ts";
import { inspect } from "./inspect.ts";
import * as engine from "./queue.ts";
import type { Subscription } from "./topic.ts";

/** A change of the queues and topics, or a question about them. */
export type Operation =
  | SendOperation
  | Settlement
  | DeclareTopicOperation
  | DeclareQueueOperation
  | { readonly kind: "describeQueue"; readonly name: string }
  | InspectOperation
  | { readonly kind: "deleteTopic"; readonly name: string }
  | { readonly kind: "deleteQueue"; readonly name: string };

/** Stores or fans out messages. */
export interface SendOperation {
  readonly kind: "send";
  readonly destination: Destination;
  readonly messages: readonly OutgoingMessage[];
  /** `true` if a missing topic is created. */
  readonly create: boolean;
}

/** Settles messages of a queue. */
export type Settlement =
  | { readonly kind: "acknowledge"; readonly queue: string; readonly receipts: readonly string[] }
  | { readonly kind: "release"; readonly queue: string; readonly releases: readonly Release[] }
  | { readonly kind: "extend"; readonly queue: string; readonly extensions: readonly Extension[] }
  | DeadLetterOperation;

/** Moves messages to the dead-letter queue. */
export interface DeadLetterOperation {
  readonly kind: "deadLetter";
  readonly queue: string;
  readonly copies: readonly DeadLetterCopy[];
}

/** Creates or changes a topic. */
export interface DeclareTopicOperation {
  readonly kind: "declareTopic";
  readonly name: string;
  readonly contentBasedDeduplication?: boolean;
}

/** Creates or changes a queue. */
export interface DeclareQueueOperation {
  readonly kind: "declareQueue";
  readonly name: string;
  readonly settings: Partial<engine.QueueSettings>;
  readonly subscriptions: readonly (readonly [string, Subscription])[];
}

/** Reads topics and queues. */
export interface InspectOperation {
  readonly kind: "inspect";
  readonly topics: readonly string[];
  readonly queues: readonly string[];
}

/** The facts that an operation is told. */
export interface OperationCall extends broker.Call {
  /** The limits of messages in queues. */
  readonly limits: MessageLimits;
  /** Highest number of messages in flight, for a new queue. */
  readonly inFlightLimit: number;
}

/**
 * Does an operation, and returns the result of its call.
 *
 * @throws {MelangeError} `NOT_FOUND`, `CONFIGURATION`
 */
export function perform(on: broker.Broker, operation: Operation, call: OperationCall): unknown {
  switch (operation.kind) {
    case "send":
      return send(on, operation, call);
    case "declareTopic":
      return declareTopic(on, operation);
    case "declareQueue": {
      const subscriptions = new Map(operation.subscriptions);
      return broker.declareQueue(on, { ...operation, subscriptions }, call);
    }
    case "describeQueue":
      return broker.describeQueue(on, operation.name, call.now);
    case "inspect":
      return inspect(on, operation, call.now);
    case "deleteTopic":
      return void on.topics.delete(nameIn(operation.name));
    case "deleteQueue":
      call.woken.add(nameIn(operation.name));
      return broker.deleteQueue(on, operation.name);
    default:
      return settle(on, operation, call);
  }
}

function send(on: broker.Broker, operation: SendOperation, call: broker.Call): unknown {
  const { destination, create } = operation;
  if (create && "topic" in destination) broker.topicOrNew(on, newTopicName(destination.topic));
  return broker.send(on, operation, call);
}

function declareTopic(on: broker.Broker, operation: DeclareTopicOperation): unknown {
  const { name, contentBasedDeduplication } = operation;
  const topic = broker.topicOrNew(on, name);
  if (contentBasedDeduplication !== undefined) {
    topic.contentBasedDeduplication = contentBasedDeduplication;
  }
  return { name, address: name };
}

function settle(on: broker.Broker, operation: Settlement, call: OperationCall): unknown {
  const { now, limits } = call;
  const { queue } = operation;
  switch (operation.kind) {
    case "acknowledge":
      return broker.settle(on, {
        queue,
        items: operation.receipts,
        each: (hosted, receipt) => engine.acknowledge(hosted, receipt, now),
      }, call);
    case "release":
      return broker.settle(on, {
        queue,
        items: operation.releases,
        each: (hosted, { receipt, delayMs }) =>
          engine.release(hosted, receipt, { now, endsInMs: delayMs }),
      }, call);
    case "extend":
      return broker.settle(on, {
        queue,
        items: operation.extensions,
        each: (hosted, { receipt, visibilityMs }) =>
          engine.extend(hosted, receipt, { now, endsInMs: visibilityMs }),
      }, call);
    case "deadLetter":
      return broker.settle(on, {
        queue,
        items: operation.copies,
        each: (_, copy) => broker.deadLetter(on, { ...copy, queue, limits }, call),
      }, call);
  }
}
