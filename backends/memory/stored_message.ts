import {
  type Attributes,
  type AttributeValue,
  attributeValue,
  type OutgoingMessage,
  type ReceivedMessage,
  type TypedAttribute,
  typedAttribute,
} from "../../src/wire/message.ts";

/**
 * State of a message: hidden by a delay, waiting for a receive, or locked by a receive. A settled
 * message is not stored any more.
 */
export type MessageState = "delayed" | "available" | "inFlight";

/** A message in a queue. Plain data, which a structured clone carries to another context. */
export interface StoredMessage {
  /** The broker's id. A redrive keeps it. */
  readonly id: string;
  /** The text. */
  readonly body: string;
  /** Nobody else holds a reference to the bytes in them. */
  readonly attributes: Attributes;
  /** The message group, if any. */
  readonly group: string | undefined;
  /** The deduplication id in a FIFO queue. */
  readonly deduplicationId: string | undefined;
  /**
   * The time at which the broker took the message, in milliseconds since the epoch. A redrive keeps
   * the time.
   */
  readonly sentAt: number;
  /** From when on retention counts, in milliseconds since the epoch. */
  readonly keptFrom: number;
  /** The place in this queue, from 1. */
  ordinal: number;
  /** Number of receives over all queues. */
  attempt: number;
  /** Number of receives from this queue. */
  receives: number;
  /** State of the message. */
  state: MessageState;
  /** When it becomes, or became, available, in milliseconds since the epoch. */
  dueAt: number;
  /** When it was received last, in milliseconds since the epoch. */
  receivedAt: number;
  /** Receipt of the last receive; empty before the first. */
  receipt: string;
  /** Receiver of the last receive, where several can receive; else empty. */
  holder: string;
  /** The queue that gave the message up, if the message was moved here. */
  readonly movedFrom?: string;
  /**
   * Notes of the queue's owner about the message. The engine carries the notes and never reads
   * them.
   */
  readonly notes?: Record<string, string>;
}

/** Copies the known fields of a message, with attributes that nobody else can change. */
export function ownMessage(message: OutgoingMessage): OutgoingMessage {
  const { body, group, deduplicationId, delayMs } = message;
  const attributes = copyAttributes(message.attributes);
  const isPlain = group === undefined && deduplicationId === undefined && delayMs === undefined;
  if (isPlain) return { body, attributes };
  return {
    body,
    attributes,
    ...(group === undefined ? {} : { group }),
    ...(deduplicationId === undefined ? {} : { deduplicationId }),
    ...(delayMs === undefined ? {} : { delayMs }),
  };
}

/** The message as a receive hands it out. */
export function receivedMessage(message: StoredMessage, fifo: boolean): ReceivedMessage {
  const { id, body, group, deduplicationId, attempt, sentAt, dueAt, ordinal, movedFrom } = message;
  const received = {
    id,
    body,
    attributes: copyAttributes(message.attributes),
    sentAt: new Date(sentAt),
    attempt,
    lockedUntil: new Date(dueAt),
  };
  // In a FIFO queue every message has a group.
  if (group === undefined && movedFrom === undefined) return received;
  return {
    ...received,
    ...(group === undefined ? {} : { group }),
    ...(deduplicationId === undefined ? {} : { deduplicationId }),
    ...(fifo ? { sequenceNumber: sequenceNumber(ordinal) } : {}),
    ...(movedFrom === undefined ? {} : { origin: { deadLetterSource: movedFrom } }),
  };
}

/**
 * Writes a place in a FIFO queue or topic as AWS does: 20 digits, so that the places also sort as
 * text.
 */
export function sequenceNumber(ordinal: number): string {
  return String(ordinal).padStart(20, "0");
}

/**
 * Copies attributes, each in its simplest form, without sharing bytes with the given attributes.
 */
function copyAttributes(attributes: Attributes): Attributes {
  // A spread, as "__proto__" is an allowed name: from then on it is one like all others.
  const copy: Record<string, AttributeValue> = { ...attributes };
  for (const name in copy) {
    const value = copy[name];
    if (typeof value === "object" && value !== null) copy[name] = copyValue(value);
  }
  return copy;
}

function copyValue(value: Uint8Array | TypedAttribute): AttributeValue {
  const { type, value: content } = typedAttribute(value);
  const copy = typeof content === "string" ? content : new Uint8Array(content);
  return attributeValue({ type, value: copy });
}
