/** Messages as SQS and SNS write them, and back. Pure. */
import {
  type Attributes,
  attributeValue,
  type OutgoingMessage,
  type ReceivedMessage,
  typedAttribute,
} from "../../src/message.ts";
import type { PublishBatchRequestEntry } from "./sns.ts";
import {
  type Answered,
  isRecord,
  type SendMessageBatchRequestEntry,
  type SqsAttribute,
  texts,
} from "./sqs.ts";

/** An entry of `SendMessageBatch`; the id is its place. */
export function toSqsEntry(message: OutgoingMessage, index: number): SendMessageBatchRequestEntry {
  const { body, attributes, group, deduplicationId, delayMs } = message;
  const entry: SendMessageBatchRequestEntry = { Id: String(index), MessageBody: body };
  const written = Object.entries(attributes).map(([name, value]) =>
    [name, toWire(typedAttribute(value))] as const
  );
  if (written.length > 0) entry.MessageAttributes = Object.fromEntries(written);
  if (group !== undefined) entry.MessageGroupId = group;
  if (deduplicationId !== undefined) entry.MessageDeduplicationId = deduplicationId;
  if (delayMs !== undefined) entry.DelaySeconds = toSeconds(delayMs);
  return entry;
}

/** An entry of `PublishBatch`; the id is its place. */
export function toSnsEntry(message: OutgoingMessage, index: number): PublishBatchRequestEntry {
  const entry = Object.entries(message.attributes).map(([Name, value]) => ({
    Name,
    Value: toWire(typedAttribute(value)),
  }));
  return {
    Id: String(index),
    Message: message.body,
    MessageAttributes: { entry },
    MessageGroupId: message.group,
    MessageDeduplicationId: message.deduplicationId,
  };
}

function toWire({ type, value }: { type: string; value: string | Uint8Array }): SqsAttribute {
  return typeof value === "string"
    ? { DataType: type, StringValue: value }
    : { DataType: type, BinaryValue: toBase64(value) };
}

/** AWS takes whole seconds; rounded up, so that nothing comes earlier than was asked. */
export function toSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/**
 * The message of an answer of `ReceiveMessage`; `undefined` if it has no body, no id, or an
 * attribute that cannot be read.
 */
export function fromSqsMessage(
  received: Answered,
  times: { now: number; lockedUntil: Date },
): ReceivedMessage | undefined {
  const { MessageId: id, Body: body, MessageAttributes } = received;
  const attributes = fromWire(MessageAttributes);
  if (typeof id !== "string" || typeof body !== "string" || !attributes) return undefined;
  const facts: Partial<Record<string, string>> = texts(received.Attributes);
  const { MessageGroupId: group, MessageDeduplicationId: deduplicationId } = facts;
  const { SequenceNumber: sequenceNumber } = facts;
  return {
    id,
    body,
    attributes,
    ...(group === undefined ? {} : { group }),
    ...(deduplicationId === undefined ? {} : { deduplicationId }),
    ...(sequenceNumber === undefined ? {} : { sequenceNumber }),
    sentAt: new Date(toNumber(facts.SentTimestamp, times.now)),
    attempt: toNumber(facts.ApproximateReceiveCount, 1),
    lockedUntil: times.lockedUntil,
  };
}

function toNumber(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : otherwise;
}

/** By way of entries, so that an attribute named `__proto__` is one like any other. */
function fromWire(written: unknown): Attributes | undefined {
  if (written !== undefined && written !== null && !isRecord(written)) return undefined;
  try {
    return Object.fromEntries(
      Object.entries(written ?? {}).map(([name, value]) => [name, attributeFrom(value)]),
    );
  } catch {
    return undefined;
  }
}

function attributeFrom(written: unknown): Attributes[string] {
  const { DataType: type, StringValue, BinaryValue } = isRecord(written) ? written : {};
  const value = typeof BinaryValue === "string" ? fromBase64(BinaryValue) : StringValue;
  if (typeof type !== "string" || (typeof value !== "string" && !(value instanceof Uint8Array))) {
    throw new SyntaxError("no attribute");
  }
  return attributeValue({ type, value });
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
