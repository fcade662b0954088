/** The events with which Lambda calls a function, read into messages. Pure. */
import * as v from "valibot";
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

/** Fields that nobody reads may be there, may be missing, and may be of any type. */
const text = v.pipe(v.string(), v.nonEmpty());
const optionalText = v.nullish(v.string());
const attributeMap = v.nullish(v.custom<Record<string, unknown>>(isRecord));
const events = v.object({ Records: v.array(v.unknown()) });

/** A name, or whatever a local broker has for an ARN, but not that of another service. */
function addressAt(service: "sqs" | "sns") {
  const isOther = new RegExp(`^arn:[^:]*:(?!${service}:)`);
  return v.nullish(v.pipe(v.string(), v.check((text) => !isOther.test(text))));
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event */
const sqsShape = v.object({
  messageId: text,
  body: v.string(),
  eventSourceARN: addressAt("sqs"),
  attributes: v.nullish(v.object({
    ApproximateReceiveCount: optionalText,
    SentTimestamp: optionalText,
    MessageGroupId: optionalText,
    MessageDeduplicationId: optionalText,
    SequenceNumber: optionalText,
    AWSTraceHeader: optionalText,
    DeadLetterQueueSourceArn: optionalText,
    SenderId: optionalText,
  })),
  messageAttributes: attributeMap,
});
const sqsAttribute = v.object({
  dataType: text,
  stringValue: optionalText,
  binaryValue: optionalText,
});
/** The parts of a record that count even if the rest makes no sense. */
const identity = v.object({ messageId: text });
const source = v.object({ eventSource: v.string() });
const address = v.object({ eventSourceARN: v.string() });
const grouped = v.object({ attributes: v.object({ MessageGroupId: text }) });
const numbered = v.object({ attributes: v.object({ SequenceNumber: text }) });

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html#sns-sample-event */
const snsShape = v.object({
  Sns: v.object({
    MessageId: text,
    TopicArn: addressAt("sns"),
    Message: v.string(),
    Subject: optionalText,
    Timestamp: optionalText,
    MessageAttributes: attributeMap,
  }),
});

/**
 * Reads an event of SQS. A record that makes no sense has no message.
 * @throws {MelangeError} `UNDECODABLE` if it is another event, or if a record has no id: it could
 * not be reported as failed, so nothing of the batch may succeed
 */
export function readSqsEvent(event: unknown, now: number): SqsRecord[] {
  const records = recordsOf(event, "SQS");
  const foreign = records.some((record) =>
    v.is(source, record) && record.eventSource !== "aws:sqs"
  );
  if (foreign || !records.every((record) => v.is(identity, record))) {
    throw unreadable("SQS", "it has a record without messageId, or of another service");
  }
  const fifo = records.some(isOfFifo);
  const groups = records.every((record) => v.is(grouped, record));
  return records.map((record) => sqsRecord(record, { order: orderOf(fifo, groups), now }));
}

/** A queue is known by its ARN. Where that is missing, only messages of FIFO queues have a number. */
function isOfFifo(record: unknown): boolean {
  return v.is(address, record) ? isFifo(record.eventSourceARN) : v.is(numbered, record);
}

/** Chooses the order to keep: that of the whole batch if a record of a FIFO queue hides its group. */
function orderOf(fifo: boolean, groups: boolean): "none" | "group" | "batch" {
  if (!fifo) return "none";
  return groups ? "group" : "batch";
}

function recordsOf(event: unknown, service: string): unknown[] {
  if (v.is(events, event) && event.Records.length > 0) return event.Records;
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
  const id = v.is(identity, record) ? record.messageId : "";
  // Of an ARN only the last part is needed: local brokers have others than AWS.
  const queue = v.is(address, record) ? shortName(record.eventSourceARN) : "";
  const group = order === "group" && v.is(grouped, record)
    ? record.attributes.MessageGroupId
    : order === "batch"
    ? ""
    : undefined;
  const result = v.safeParse(sqsShape, record);
  const message = result.success ? sqsMessage(result.output, now) : undefined;
  const wrong = result.success ? "messageAttributes" : pathsOf(result.issues);
  return { id, queue, group, message, wrong };
}

function pathsOf(issues: readonly v.BaseIssue<unknown>[]): string {
  return issues.map((issue) => v.getDotPath(issue) ?? "(the whole)").join(", ");
}

function sqsMessage(
  record: v.InferOutput<typeof sqsShape>,
  now: number,
): ReceivedMessage | undefined {
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

/** Reads attributes by way of entries, so that `__proto__` is a name like any other. */
function sqsAttributes(written: Record<string, unknown>): Attributes | undefined {
  const entries: [string, Attributes[string]][] = [];
  for (const [name, value] of Object.entries(written)) {
    const attribute = v.safeParse(sqsAttribute, value);
    const read = attribute.success ? valueOf(attribute.output) : undefined;
    if (read === undefined) return undefined;
    entries.push([name, read]);
  }
  return Object.fromEntries(entries);
}

function valueOf(
  { dataType: type, stringValue, binaryValue }: v.InferOutput<typeof sqsAttribute>,
): Attributes[string] | undefined {
  // The one of its type, as some event sources fill both.
  const isBinary = type.startsWith("Binary");
  const value = isBinary ? probe(() => fromBase64(binaryValue ?? "")) : stringValue;
  return value === undefined || value === null ? undefined : attributeValue({ type, value });
}

/**
 * Reads an event of SNS. A record that makes no sense has no message.
 * @throws {MelangeError} `UNDECODABLE` if it is another event
 */
export function readSnsEvent(event: unknown, now: number): SnsRecord[] {
  const records = recordsOf(event, "SNS");
  if (!records.every((record) => isRecord(record) && Object.hasOwn(record, "Sns"))) {
    throw unreadable("SNS", "it has a record without Sns");
  }
  return records.map((record) => snsRecord(record, now));
}

function snsRecord(record: unknown, now: number): SnsRecord {
  const result = v.safeParse(snsShape, record);
  if (!result.success) return { queue: "", message: undefined, wrong: pathsOf(result.issues) };
  const { Sns } = result.output;
  const TopicArn = Sns.TopicArn ?? "";
  return { queue: shortName(TopicArn), message: snsMessage({ ...Sns, TopicArn }, now), wrong: "" };
}
