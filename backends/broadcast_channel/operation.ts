import type * as memory from "../memory/operation.ts";

/**
 * A change of the queues and topics as it stands in the log. The asking context decides everything
 * that could differ between contexts (ids, options), so that the change has the same effect
 * everywhere.
 */
export type Operation =
  | Exclude<memory.Operation, { kind: "send" | "deadLetter" }>
  | SendOperation
  | DeadLetterOperation
  | {
    readonly kind: "receive";
    readonly queue: string;
    readonly max: number;
    readonly visibilityMs: number;
  }
  | { readonly kind: "gone"; readonly member: string };

/** Stores or fans out messages. */
export interface SendOperation extends memory.SendOperation {
  /** The text that the ids of the messages are made from. */
  readonly id: string;
}

/** Moves messages to the dead-letter queue. */
export interface DeadLetterOperation extends memory.DeadLetterOperation {
  /** The text that the ids of the copies are made from. */
  readonly id: string;
}

/** A receive that waits until there is something, or looks once. */
export interface Want {
  /** The member's number of the receive. */
  readonly number: number;
  readonly queue: string;
  readonly max: number;
  readonly visibilityMs: number;
  /** `true` if the receive waits; else it is answered at once. */
  readonly wait: boolean;
}

/** Returns the operation that a receive leads to. */
export function receiveOf({ queue, max, visibilityMs }: Want): Operation {
  return { kind: "receive", queue, max, visibilityMs };
}
