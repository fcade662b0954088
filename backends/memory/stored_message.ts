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
 * Where a message is in its life: hidden by a delay, waiting for a receive, or locked by one.
 * A message that is settled is not stored any more.
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
  /** The message group, if it has one. */
  readonly group: string | undefined;
  /** What a FIFO queue de-duplicated it by. */
  readonly deduplicationId: string | undefined;
  /** When the broker took it, in milliseconds since the epoch. A redrive keeps it. */
  readonly sentAt: number;
  /** From when on retention counts, in milliseconds since the epoch. */
  readonly keptFrom: number;
  /** Its place in this queue, from 1. */
  ordinal: number;
  /** How often it was received, over all queues. */
  attempt: number;
  /** How often it was received from this queue. */
  receives: number;
  /** Where it is in its life. */
  state: MessageState;
  /** When it becomes, or became, available, in milliseconds since the epoch. */
  dueAt: number;
  /** When it was received last, in milliseconds since the epoch. */
  receivedAt: number;
  /** What its last receive handed out; empty before. */
  receipt: string;
  /** Whom its last receive handed it to, where there are several who can; else empty. */
  holder: string;
  /** The queue that gave it up, if it was moved to this one. */
  readonly movedFrom?: string;
  /** What the owner of the queue wants to know of it later. The engine carries it and never reads it. */
  readonly notes?: Record<string, string>;
}

/** Only what is known of a message, with attributes that nobody else can change. */
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

/** A place in a FIFO queue or topic as AWS writes it: 20 digits, so that it also sorts as text. */
export function sequenceNumber(ordinal: number): string {
  return String(ordinal).padStart(20, "0");
}

/** Attributes that share no bytes with the given ones, each in its simplest form. */
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
