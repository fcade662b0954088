/** The action of SQS that receives messages. The caller does the waiting. */
import { MelangeError } from "../../../../src/support/errors.ts";
import * as engine from "../../../memory/queue.ts";
import { sequenceNumber, type StoredMessage } from "../../../memory/stored_message.ts";
import { invalidValue, sqsError } from "../errors.ts";
import { integerWithin, text, texts } from "../input.ts";
import type { Call, Input, Output } from "../operation.ts";
import type { QueueRecord } from "../world.ts";
import { isFifoQueue, queueOf } from "./find.ts";
import { digestOf, selected, writeAttributes } from "./message_attributes.ts";
import { redriveOf, valueOf } from "./queue_attributes.ts";
import { handleOf } from "./receipt_handles.ts";

/** The epoch of all locks of an emulator. */
const EPOCH = 1;
const ATTEMPT_MS = 5 * 60_000;

/** The input of a receive. */
export interface ReceiveRequest {
  /** The queue. */
  readonly queue: QueueRecord;
  /** Highest number of messages. */
  readonly max: number;
  /** Time of the wait, in milliseconds. */
  readonly waitMs: number;
  /** Time of the locks, in milliseconds. */
  readonly visibilityMs: number;
  /** FIFO: the id of the attempt, which repetitions share. */
  readonly attempt: string | undefined;
}

/** Reads a receive, and refuses invalid receives as SQS does. */
export function receiveRequest(call: Call): ReceiveRequest {
  const queue = queueOf(call);
  const { input } = call;
  const seconds = (name: string, most: number, attribute: string) =>
    integerWithin(input, name, {
      range: [0, most],
      reason: `Must be >= 0 and <= ${most}, if provided.`,
    }) ?? Number(valueOf(queue.attributes, attribute));
  const max = integerWithin(input, "MaxNumberOfMessages", {
    range: [1, 10],
    reason: "Must be between 1 and 10, if provided.",
  }) ?? 1;
  const attempt = text(input, "ReceiveRequestAttemptId");
  if (attempt !== undefined && !isFifoQueue(queue)) {
    throw invalidValue(
      "ReceiveRequestAttemptId",
      attempt,
      "The request includes a parameter that is not valid for this queue type.",
    );
  }
  return {
    queue,
    max,
    attempt,
    waitMs: seconds("WaitTimeSeconds", 20, "ReceiveMessageWaitTimeSeconds") * 1_000,
    visibilityMs: seconds("VisibilityTimeout", 43_200, "VisibilityTimeout") * 1_000,
  };
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html */
export function receiveMessage(call: Call): Output {
  const request = receiveRequest(call);
  const { queue, attempt } = request;
  const receipts = repeated(request, call) ?? taken(request, call);
  if (attempt !== undefined && receipts.length > 0) {
    queue.attempts[attempt] = { receipts, until: call.at + ATTEMPT_MS };
  }
  const messages = receipts.flatMap((receipt) => {
    // Not a look-up: a lock of no time at all is over, and the message is given all the same.
    const message = queue.engine.messages.get(engine.ordinalOf(queue.engine, receipt) ?? 0);
    return message ? [written(message, receipt, { queue, call })] : [];
  });
  return messages.length > 0 ? { Messages: messages } : {};
}

/** Returns the result of the same receive before, locked anew; `undefined` if there is none. */
function repeated({ queue, attempt, visibilityMs }: ReceiveRequest, { at }: Call) {
  for (const [id, { until }] of Object.entries(queue.attempts)) {
    if (until <= at) delete queue.attempts[id];
  }
  const before = attempt === undefined ? undefined : queue.attempts[attempt];
  if (before === undefined) return undefined;
  const { receipts } = before;
  const messages = receipts.map((receipt) => engine.lookUp(queue.engine, receipt, at));
  if (messages.some((message) => typeof message === "string")) return undefined;
  for (const receipt of receipts) {
    engine.extend(queue.engine, receipt, { now: at, endsInMs: visibilityMs });
  }
  return receipts;
}

function taken({ queue, max, visibilityMs }: ReceiveRequest, call: Call): readonly string[] {
  const { at, world, woken } = call;
  const target = world.queues.get(redriveOf(queue.attributes)?.target ?? "");
  const request = { now: at, max, visibilityMs, epoch: EPOCH, redrive: target !== undefined };
  try {
    const { receipts, exhausted } = engine.receive(queue.engine, request);
    if (target && exhausted.length > 0) {
      for (const message of exhausted) bury(target, message, { queue, at });
      woken.add(target.arn);
    }
    return receipts;
  } catch (error) {
    if (!(error instanceof MelangeError) || error.code !== "THROTTLED") throw error;
    throw sqsError("OverLimit", "Too many messages in flight.");
  }
}

/** In a FIFO dead-letter queue a message is de-duplicated by its own id. */
function bury(
  target: QueueRecord,
  message: StoredMessage,
  { queue, at }: { queue: QueueRecord; at: number },
): void {
  const moved = isFifoQueue(target) ? { ...message, deduplicationId: message.id } : message;
  engine.accept(target.engine, moved, { now: at, from: queue.arn });
}

function written(
  message: StoredMessage,
  receipt: string,
  { queue, call }: { queue: QueueRecord; call: Call },
): Output {
  const notes = message.notes ?? {};
  notes.ApproximateFirstReceiveTimestamp ??= String(call.at);
  const facts = factsOf(message, notes, isFifoQueue(queue));
  const names = systemNames(call.input);
  const asked = Object.entries(facts).filter(([name, value]) =>
    value !== undefined && (names.includes("All") || names.includes(name))
  );
  const attributes = selected(message.attributes, texts(call.input, "MessageAttributeNames"));
  // Of all attributes the digest is known since they were sent.
  const known = attributes === message.attributes ? notes.MD5OfMessageAttributes : undefined;
  const digest = known ?? digestOf(attributes);
  return {
    MessageId: message.id,
    ReceiptHandle: handleOf(receipt),
    MD5OfBody: notes.MD5OfBody,
    Body: message.body,
    ...(asked.length > 0 ? { Attributes: Object.fromEntries(asked) } : {}),
    ...(digest === undefined ? {} : {
      MD5OfMessageAttributes: digest,
      MessageAttributes: writeAttributes(attributes),
    }),
  };
}

/** The newer parameter and the older one together. */
function systemNames(input: Input): string[] {
  return [...texts(input, "MessageSystemAttributeNames"), ...texts(input, "AttributeNames")];
}

function factsOf(
  message: StoredMessage,
  notes: Readonly<Record<string, string>>,
  fifo: boolean,
): Record<string, string | undefined> {
  return {
    SenderId: notes.SenderId,
    ApproximateFirstReceiveTimestamp: notes.ApproximateFirstReceiveTimestamp,
    ApproximateReceiveCount: String(message.attempt),
    SentTimestamp: String(message.sentAt),
    SequenceNumber: fifo ? sequenceNumber(message.ordinal) : undefined,
    MessageDeduplicationId: fifo ? message.deduplicationId : undefined,
    MessageGroupId: message.group,
    AWSTraceHeader: notes.AWSTraceHeader,
    DeadLetterQueueSourceArn: message.movedFrom,
  };
}
