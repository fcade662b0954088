import type { DeadLetterCopy, Extension, Release } from "../../src/backend.ts";
import type { Destination, OutgoingMessage } from "../../src/wire/message.ts";
import type { QueueSettings } from "../memory/queue.ts";
import type { Subscription } from "../memory/topic.ts";

/**
 * A change of the queues and topics, as plain data. Whatever could differ between contexts (ids,
 * options) is decided by the one who asks for it, so that it has the same effect everywhere.
 */
export type Operation =
  | SendOperation
  | {
    readonly kind: "receive";
    readonly queue: string;
    readonly max: number;
    readonly visibilityMs: number;
  }
  | { readonly kind: "acknowledge"; readonly queue: string; readonly receipts: readonly string[] }
  | { readonly kind: "release"; readonly queue: string; readonly releases: readonly Release[] }
  | { readonly kind: "extend"; readonly queue: string; readonly extensions: readonly Extension[] }
  | DeadLetterOperation
  | {
    readonly kind: "declareTopic";
    readonly name: string;
    readonly contentBasedDeduplication?: boolean;
  }
  | DeclareQueueOperation
  | { readonly kind: "describeQueue"; readonly name: string }
  | { readonly kind: "deleteTopic"; readonly name: string }
  | { readonly kind: "deleteQueue"; readonly name: string }
  | { readonly kind: "gone"; readonly member: string };

/** Stores or fans out messages. */
export interface SendOperation {
  readonly kind: "send";
  readonly destination: Destination;
  readonly messages: readonly OutgoingMessage[];
  /** What the ids of the messages are made from. */
  readonly id: string;
  /** Whether a missing topic is created. */
  readonly create: boolean;
}

/** Moves messages to the dead-letter queue. */
export interface DeadLetterOperation {
  readonly kind: "deadLetter";
  readonly queue: string;
  readonly copies: readonly DeadLetterCopy[];
  /** What the ids of the copies are made from. */
  readonly id: string;
}

/** Creates or changes a queue. */
export interface DeclareQueueOperation {
  readonly kind: "declareQueue";
  readonly name: string;
  readonly settings: Partial<QueueSettings>;
  readonly subscriptions: readonly (readonly [string, Subscription])[];
}

/** The operation that a want leads to. */
export function receiveOf({ queue, max, visibilityMs }: Want): Operation {
  return { kind: "receive", queue, max, visibilityMs };
}

/** A receive that waits until there is something, or looks once. */
export interface Want {
  /** The member's number of it. */
  readonly number: number;
  readonly queue: string;
  readonly max: number;
  readonly visibilityMs: number;
  /** Whether it waits; else it is answered at once. */
  readonly wait: boolean;
}
