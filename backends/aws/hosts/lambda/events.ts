/** The events with which Lambda calls a function, read into messages. Pure. */
import { fromBase64 } from "../../../../src/support/base64.ts";
import { defined } from "../../../../src/support/defined.ts";
import { MelangeError, probe } from "../../../../src/support/errors.ts";
import {
  type Attributes,
  attributeValue,
  isFifo,
  type ReceivedMessage,
} from "../../../../src/wire/message.ts";
import { isRecord } from "../../../../src/wire/json.ts";
import { originOf } from "../../message/attributes.ts";
import { shortName } from "../../api/names.ts";
import { snsMessage } from "../sns_message.ts";

/** A record of an SQS event. */
export interface SqsRecord {
  /** The id by which Lambda is told of a failure. */
  readonly id: string;
  /** The name of the queue; empty if the record does not say. */
  readonly queue: string;
  /** The group whose records are handled in order; `undefined` where the order is free. */
  readonly group: string | undefined;
  /** The message; `undefined` if the record is malformed. */
  readonly message: ReceivedMessage | undefined;
  /** The path at which the record is malformed. */
  readonly wrong: string;
}

/** A record of an SNS event. */
export interface SnsRecord {
  /** The name of the topic, as there is no queue; empty if the record does not say. */
  readonly queue: string;
  /** The message, in the envelope of SNS; `undefined` if the record is malformed. */
  readonly message: ReceivedMessage | undefined;
  /** The path at which the record is malformed. */
  readonly wrong: string;
}

/** The rule for a field: a check of the value, or the shape of the object in the field. */
type Shape = { readonly [field: string]: ((value: unknown) => boolean) | Shape };

/** Fields that nobody reads may be there, may be missing, and may be of any type. */
const isText = (value: unknown): value is string => typeof value === "string";
const isFilled = (value: unknown): value is string => isText(value) && value !== "";
const isTextOrNothing = (value: unknown) => isNothing(value) || isText(value);
const isRecordOrNothing = (value: unknown) => isNothing(value) || isRecord(value);

function isNothing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/**
 * Tells whether a value may be an address of a service: a name, or a local broker's text for an
 * ARN, but no ARN of another service.
 */
function isAddressAt(service: "sqs" | "sns", value: unknown): boolean {
  return isNothing(value) ||
    (isText(value) && !(/^arn:[^:]*:/.test(value) && value.split(":")[2] !== service));
}

/** The fields of a record of SQS that the handler reads. */
interface SqsFields {
  readonly messageId: string;
  readonly body: string;
  readonly attributes?: Readonly<Record<string, string | null | undefined>> | null;
  readonly messageAttributes?: Record<string, unknown> | null;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event */
const SQS: Shape = {
  messageId: isFilled,
  body: isText,
  eventSourceARN: (value) => isAddressAt("sqs", value),
  attributes: isRecordOrNothing,
  messageAttributes: isRecordOrNothing,
};
const SQS_FACTS: Shape = {
  ApproximateReceiveCount: isTextOrNothing,
  SentTimestamp: isTextOrNothing,
  MessageGroupId: isTextOrNothing,
  MessageDeduplicationId: isTextOrNothing,
  SequenceNumber: isTextOrNothing,
  AWSTraceHeader: isTextOrNothing,
  DeadLetterQueueSourceArn: isTextOrNothing,
  SenderId: isTextOrNothing,
};
const SQS_ATTRIBUTE: Shape = {
  dataType: isFilled,
  stringValue: isTextOrNothing,
  binaryValue: isTextOrNothing,
};

/** The fields of an attribute of SQS that the handler reads. */
interface SqsAttribute {
  readonly dataType: string;
  readonly stringValue?: string | null;
  readonly binaryValue?: string | null;
}

/** The fields of a record of SNS that the handler reads. */
interface SnsFields {
  readonly MessageId: string;
  readonly TopicArn?: string | null;
  readonly Message: string;
  readonly Subject?: string | null;
  readonly Timestamp?: string | null;
  readonly MessageAttributes?: Record<string, unknown> | null;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html#sns-sample-event */
const SNS: Shape = {
  Sns: {
    MessageId: isFilled,
    TopicArn: (value) => isAddressAt("sns", value),
    Message: isText,
    Subject: isTextOrNothing,
    Timestamp: isTextOrNothing,
    MessageAttributes: isRecordOrNothing,
  },
};

/** The paths at which a value is not of a shape. */
function mismatches(value: unknown, shape: Shape, path: readonly string[] = []): string[] {
  if (!isRecord(value)) return [path.join(".") || "(the whole)"];
  return Object.entries(shape).flatMap(([name, part]) => {
    const inner = [...path, name];
    if (typeof part !== "function") return mismatches(value[name], part, inner);
    return part(value[name]) ? [] : [inner.join(".")];
  });
}

/** A text in a record, or `undefined`: told even if the rest of the record makes no sense. */
function textIn(record: unknown, ...path: readonly string[]): string | undefined {
  let value = record;
  for (const name of path) value = isRecord(value) ? value[name] : undefined;
  return isText(value) ? value : undefined;
}

/**
 * Reads an event of SQS. A record that makes no sense has no message.
 * @throws {MelangeError} `UNDECODABLE` if it is another event, or if a record has no id: it could
 * not be reported as failed, so nothing of the batch may succeed
 */
export function readSqsEvent(event: unknown, now: number): SqsRecord[] {
  const records = recordsOf(event, "SQS");
  const foreign = records.some((record) =>
    (textIn(record, "eventSource") ?? "aws:sqs") !== "aws:sqs"
  );
  if (foreign || !records.every((record) => textIn(record, "messageId"))) {
    throw unreadable("SQS", "it has a record without messageId, or of another service");
  }
  const fifo = records.some(isOfFifo);
  const groups = records.every((record) => groupOf(record));
  return records.map((record) => sqsRecord(record, { order: orderOf(fifo, groups), now }));
}

/**
 * Tells whether a record comes from a FIFO queue, by the ARN. Without an ARN, only messages of FIFO
 * queues have a number.
 */
function isOfFifo(record: unknown): boolean {
  const address = textIn(record, "eventSourceARN");
  if (address !== undefined) return isFifo(address);
  return Boolean(textIn(record, "attributes", "SequenceNumber"));
}

function groupOf(record: unknown): string | undefined {
  return textIn(record, "attributes", "MessageGroupId");
}

/**
 * Chooses the order to keep: the order of the whole batch if a record of a FIFO queue hides its
 * group.
 */
function orderOf(fifo: boolean, groups: boolean): "none" | "group" | "batch" {
  if (!fifo) return "none";
  return groups ? "group" : "batch";
}

function recordsOf(event: unknown, service: string): unknown[] {
  const records = isRecord(event) ? event.Records : undefined;
  if (Array.isArray(records) && records.length > 0) return records;
  throw unreadable(service, "it has no Records");
}

function unreadable(service: string, reason: string): MelangeError {
  return new MelangeError(
    "UNDECODABLE",
    `Cannot handle the invocation as its event is not one of ${service}: ${reason}`,
  );
}

function sqsRecord(
  record: unknown,
  { order, now }: { order: ReturnType<typeof orderOf>; now: number },
): SqsRecord {
  const id = textIn(record, "messageId") ?? "";
  // Of an ARN only the last part is needed: local brokers have others than AWS.
  const queue = shortName(textIn(record, "eventSourceARN") ?? "");
  const group = order === "group" ? groupOf(record) : order === "batch" ? "" : undefined;
  const paths = mismatches(record, SQS);
  const facts = paths.length === 0 ? (record as SqsFields).attributes ?? {} : {};
  paths.push(...mismatches(facts, SQS_FACTS, ["attributes"]));
  if (paths.length > 0) return { id, queue, group, message: undefined, wrong: paths.join(", ") };
  const message = sqsMessage(record as SqsFields, now);
  return { id, queue, group, message, wrong: "messageAttributes" };
}

function sqsMessage(record: SqsFields, now: number): ReceivedMessage | undefined {
  const { messageId: id, body } = record;
  const attributes = sqsAttributes(record.messageAttributes ?? {});
  if (!attributes) return undefined;
  const facts = record.attributes ?? {};
  return {
    id,
    body,
    attributes,
    ...defined({
      group: facts.MessageGroupId || undefined,
      deduplicationId: facts.MessageDeduplicationId || undefined,
      sequenceNumber: facts.SequenceNumber || undefined,
      origin: originOf(facts),
    }),
    sentAt: new Date(toNumber(facts.SentTimestamp, now)),
    attempt: toNumber(facts.ApproximateReceiveCount, 1),
  };
}

function toNumber(digits: string | null | undefined, otherwise: number): number {
  return digits && /^\d{1,15}$/.test(digits) ? Number(digits) : otherwise;
}

/** Reads attributes by way of entries, so that `__proto__` is a name like any other name. */
function sqsAttributes(written: Record<string, unknown>): Attributes | undefined {
  const entries: [string, Attributes[string]][] = [];
  for (const [name, value] of Object.entries(written)) {
    const fits = mismatches(value, SQS_ATTRIBUTE).length === 0;
    const read = fits ? valueOf(value as SqsAttribute) : undefined;
    if (read === undefined) return undefined;
    entries.push([name, read]);
  }
  return Object.fromEntries(entries);
}

function valueOf(
  { dataType: type, stringValue, binaryValue }: SqsAttribute,
): Attributes[string] | undefined {
  // The one of its type, as some event sources fill both.
  const isBinary = type.startsWith("Binary");
  const value = isBinary ? probe(() => fromBase64(binaryValue ?? "")) : stringValue;
  return value === undefined || value === null ? undefined : attributeValue({ type, value });
}

/**
 * Reads an event of SNS. A record without sense has no message.
 * @throws {MelangeError} `UNDECODABLE` if the event comes from elsewhere
 */
export function readSnsEvent(event: unknown, now: number): SnsRecord[] {
  const records = recordsOf(event, "SNS");
  if (!records.every((record) => isRecord(record) && Object.hasOwn(record, "Sns"))) {
    throw unreadable("SNS", "it has a record without Sns");
  }
  return records.map((record) => snsRecord(record, now));
}

function snsRecord(record: unknown, now: number): SnsRecord {
  const paths = mismatches(record, SNS);
  if (paths.length > 0) return { queue: "", message: undefined, wrong: paths.join(", ") };
  const { Sns } = record as { readonly Sns: SnsFields };
  const TopicArn = Sns.TopicArn ?? "";
  return { queue: shortName(TopicArn), message: snsMessage({ ...Sns, TopicArn }, now), wrong: "" };
}
