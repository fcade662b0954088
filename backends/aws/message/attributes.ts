/** Messages as SQS and SNS write them, and back. Pure. */
import {
  type Attributes,
  attributeValue,
  type MessageOrigin,
  type OutgoingMessage,
  type ReceivedMessage,
  typedAttribute,
} from "../../../src/wire/message.ts";
import { defined } from "../../../src/support/defined.ts";
import { isRecord } from "../../../src/wire/json.ts";
import type { PublishBatchRequestEntry } from "../api/sns.ts";
import { fromBase64, toBase64 } from "../../../src/support/base64.ts";
import {
  type Answered,
  type SendMessageBatchRequestEntry,
  type SqsAttribute,
  texts,
} from "../api/sqs.ts";

/** An entry of `SendMessageBatch`; the id is its place. */
export function toSqsEntry(message: OutgoingMessage, index: number): SendMessageBatchRequestEntry {
  const { delayMs } = message;
  return {
    Id: `${index}`,
    MessageBody: message.body,
    DelaySeconds: delayMs && toSeconds(delayMs),
    MessageAttributes: Object.fromEntries(sqsAttributes(message)),
    MessageGroupId: message.group,
    MessageDeduplicationId: message.deduplicationId,
  };
}

/** Writes an entry with the trace of its message, which only dead-letter copies keep. */
export function toTracedEntry(
  message: OutgoingMessage,
  index: number,
): SendMessageBatchRequestEntry {
  const entry = toSqsEntry(message, index);
  const { traceHeader } = message;
  if (traceHeader === undefined) return entry;
  const AWSTraceHeader = { DataType: "String", StringValue: traceHeader };
  return { ...entry, MessageSystemAttributes: { AWSTraceHeader } };
}

/** An entry of `PublishBatch`; the id is its place. */
export function toSnsEntry(message: OutgoingMessage, index: number): PublishBatchRequestEntry {
  return {
    Id: `${index}`,
    Message: message.body,
    MessageAttributes: { entry: sqsAttributes(message).map(([Name, Value]) => ({ Name, Value })) },
    MessageGroupId: message.group,
    MessageDeduplicationId: message.deduplicationId,
  };
}

function sqsAttributes({ attributes }: OutgoingMessage): [name: string, attribute: SqsAttribute][] {
  return Object.entries(attributes).map(([name, given]) => {
    const { type: DataType, value } = typedAttribute(given);
    return [
      name,
      typeof value === "string"
        ? { DataType, StringValue: value }
        : { DataType, BinaryValue: toBase64(value) },
    ];
  });
}

/** AWS takes whole seconds; rounded up, so that nothing comes earlier than was asked. */
export function toSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/**
 * Returns the message in an answer of `ReceiveMessage`; `undefined` without body or id, or with an
 * unreadable attribute.
 */
export function fromSqsMessage(
  received: Answered,
  times: { now: number; lockedUntil: Date },
): ReceivedMessage | undefined {
  const { MessageId: id, Body: body, MessageAttributes } = received;
  const attributes = attributesFrom(MessageAttributes);
  if (typeof id !== "string" || typeof body !== "string" || !attributes) return undefined;
  const facts: Partial<Record<string, string>> = texts(received.Attributes);
  const { MessageGroupId: group, MessageDeduplicationId: deduplicationId } = facts;
  const { SequenceNumber: sequenceNumber } = facts;
  const origin = originOf(facts);
  return {
    id,
    body,
    attributes,
    ...defined({ group, deduplicationId, sequenceNumber, origin }),
    sentAt: new Date(toNumber(facts.SentTimestamp, times.now)),
    attempt: toNumber(facts.ApproximateReceiveCount, 1),
    lockedUntil: times.lockedUntil,
  };
}

/**
 * The system attributes with the origin of a message; brokers may write an empty attribute for
 * none.
 */
export interface SystemFacts {
  readonly AWSTraceHeader?: string | null | undefined;
  readonly DeadLetterQueueSourceArn?: string | null | undefined;
  readonly SenderId?: string | null | undefined;
}

/** Reads the origin of a message from its system attributes, if any. */
export function originOf(facts: SystemFacts): MessageOrigin | undefined {
  const { AWSTraceHeader, DeadLetterQueueSourceArn, SenderId } = facts;
  if (!AWSTraceHeader && !DeadLetterQueueSourceArn && !SenderId) return undefined;
  return defined({
    traceHeader: AWSTraceHeader || undefined,
    deadLetterSource: DeadLetterQueueSourceArn || undefined,
    senderId: SenderId || undefined,
  });
}

function toNumber(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : otherwise;
}

/** Reads attributes by way of entries, so that `__proto__` is a name like any other name. */
function attributesFrom(written: unknown): Attributes | undefined {
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
  if (typeof type !== "string") throw new SyntaxError("no attribute");
  const isBinary = type.startsWith("Binary");
  // Some brokers write both values, or an empty one beside: the type says which of them it is.
  const text = isBinary ? BinaryValue : StringValue;
  if (typeof text !== "string") throw new SyntaxError("no attribute");
  return attributeValue({ type, value: isBinary ? fromBase64(text) : text });
}
