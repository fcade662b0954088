/** The actions of SQS that send messages, and the storing of messages from topics. */
import { byteLength, type OutgoingMessage } from "../../../../src/wire/message.ts";
import * as engine from "../../../memory/queue.ts";
import { seededRandom } from "../../../memory/seeded_random.ts";
import { md5 } from "../../message/md5.ts";
import { commonError, invalidValue, missing, sqsError } from "../errors.ts";
import { integerWithin, recordMap, text } from "../input.ts";
import type { Call, Input, Output } from "../operation.ts";
import type { QueueRecord } from "../world.ts";
import { batch, entriesOf } from "./batches.ts";
import { isFifoQueue, queueOf } from "./find.ts";
import {
  checkCharacters,
  digestOf,
  readAttributes,
  sizeOfAttributes,
} from "./message_attributes.ts";
import { valueOf } from "./queue_attributes.ts";

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
export const MAX_BYTES = 1_048_576;
/** Alphanumerics and punctuation: the printable ASCII characters without the space. */
const TOKEN = /^[!-~]{1,128}$/;

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
export function sendMessage(call: Call): Output {
  const queue = queueOf(call);
  const message = readMessage(queue, call.input);
  return stored(queue, message, call);
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html */
export function sendMessageBatch(call: Call): Output {
  const queue = queueOf(call);
  const entries = entriesOf(call.input, "SendMessageBatchRequestEntry");
  const bytes = entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
  if (bytes > MAX_BYTES) {
    throw sqsError(
      "BatchRequestTooLong",
      `Batch requests cannot be longer than ${MAX_BYTES} bytes. You have sent ${bytes} bytes.`,
    );
  }
  if (isFifoQueue(queue)) { for (const entry of entries) checkGroupOf(queue, entry); }
  return batch(call, entries, (entry) => {
    return stored(queue, readMessage(queue, entry, "cannot be validated"), call);
  });
}

function sizeOf(entry: Input): number {
  let size = byteLength(text(entry, "MessageBody") ?? "");
  for (const [name, value] of Object.entries(recordMap(entry, "MessageAttributes"))) {
    const { DataType: type = "", StringValue: string, BinaryValue: binary } = value;
    const attribute = { type: String(type), value: String(string ?? binary ?? "") };
    size += sizeOfAttributes({ [name]: attribute });
  }
  return size;
}

/** A message, with the facts of SQS about the message. */
interface Message {
  readonly message: OutgoingMessage;
  readonly traceHeader?: string;
}

/** A batch names what is missing in another way than a single message. */
function checkGroupOf(queue: QueueRecord, entry: Input): void {
  if (text(entry, "MessageGroupId") !== undefined) return checkGroup(queue, entry);
  throw commonError("InvalidParameterValue", missing("MessageGroupId").message);
}

function readMessage(queue: QueueRecord, input: Input, verdict = "are invalid"): Message {
  const body = text(input, "MessageBody");
  if (body === undefined || body === "") throw missing("MessageBody");
  const attributes = readAttributes(input);
  const limit = Number(valueOf(queue.attributes, "MaximumMessageSize"));
  if (byteLength(body) + sizeOfAttributes(attributes) > limit) {
    throw commonError(
      "InvalidParameterValue",
      `One or more parameters ${verdict}. Reason: Message must be shorter than ${limit} bytes.`,
    );
  }
  checkCharacters(body);
  const group = text(input, "MessageGroupId");
  const deduplicationId = text(input, "MessageDeduplicationId");
  const reason = "Must be >= 0 and <= 900, if provided.";
  const delay = integerWithin(input, "DelaySeconds", { range: [0, 900], reason });
  if (isFifoQueue(queue)) checkFifo(queue, input, delay);
  else checkStandard(input);
  const traceHeader = traceOf(input);
  return {
    message: {
      body,
      attributes,
      ...(group === undefined ? {} : { group }),
      ...(deduplicationId === undefined ? {} : { deduplicationId }),
      ...(delay === undefined ? {} : { delayMs: delay * 1_000 }),
    },
    ...(traceHeader === undefined ? {} : { traceHeader }),
  };
}

function traceOf(input: Input): string | undefined {
  const given = recordMap(input, "MessageSystemAttributes");
  const unknown = Object.keys(given).find((name) => name !== "AWSTraceHeader");
  if (unknown !== undefined) {
    throw commonError(
      "InvalidParameterValue",
      `Message system attribute name '${unknown}' is invalid.`,
    );
  }
  return text(given.AWSTraceHeader ?? {}, "StringValue");
}

function checkFifo(queue: QueueRecord, input: Input, delay: number | undefined): void {
  if (delay !== undefined && delay !== 0) {
    throw invalidValue(
      "DelaySeconds",
      delay,
      "The request include parameter that is not valid for this queue type.",
    );
  }
  checkGroup(queue, input);
}

function checkGroup({ engine: { settings } }: QueueRecord, input: Input): void {
  const group = text(input, "MessageGroupId");
  if (group === undefined) throw missing("MessageGroupId");
  checkToken("MessageGroupId", group);
  const id = text(input, "MessageDeduplicationId");
  if (id !== undefined) return checkToken("MessageDeduplicationId", id);
  if (settings.contentBasedDeduplication) return;
  throw commonError(
    "InvalidParameterValue",
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
  );
}

function checkStandard(input: Input): void {
  const group = text(input, "MessageGroupId");
  if (group !== undefined) checkToken("MessageGroupId", group);
  const id = text(input, "MessageDeduplicationId");
  if (id === undefined) return;
  throw invalidValue(
    "MessageDeduplicationId",
    id,
    "The request includes a parameter that is not valid for this queue type.",
  );
}

function checkToken(name: string, value: string): void {
  if (TOKEN.test(value)) return;
  throw invalidValue(
    name,
    value,
    `${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
  );
}

function stored(queue: QueueRecord, { message, traceHeader }: Message, call: Call): Output {
  const { messageId, sequenceNumber, digest, ofAttributes } = enqueue(queue, message, {
    call,
    senderId: call.account === queue.account ? senderOf(call) : call.account,
    traceHeader: traceHeader ?? call.traceHeader,
  });
  return {
    MessageId: messageId,
    MD5OfMessageBody: digest,
    ...(ofAttributes === undefined ? {} : { MD5OfMessageAttributes: ofAttributes }),
    ...(sequenceNumber === undefined ? {} : { SequenceNumber: sequenceNumber }),
  };
}

/** The id of a user looks so. */
function senderOf({ account }: Call): string {
  return `AIDA${account}MELANGE0`.slice(0, 21);
}

/** Options of {@linkcode enqueue}. */
export interface EnqueueOptions {
  /** The operation. */
  readonly call: Call;
  /** The sender of the message. */
  readonly senderId: string;
  /** The X-Ray trace of the message. */
  readonly traceHeader?: string | undefined;
}

/** The facts about a message that was stored. */
export interface Enqueued {
  /** The id of the message. */
  readonly messageId: string;
  /** FIFO: the place of the message. */
  readonly sequenceNumber: string | undefined;
  /** The digest of the body. */
  readonly digest: string;
  /** The digest of the attributes, if there are any. */
  readonly ofAttributes: string | undefined;
}

/** Stores a checked message, and wakes the receives that wait for a message. */
export function enqueue(
  { engine: queue, arn }: QueueRecord,
  message: OutgoingMessage,
  { call, senderId, traceHeader }: EnqueueOptions,
): Enqueued {
  const digest = md5(message.body);
  const ofAttributes = digestOf(message.attributes);
  const notes = {
    SenderId: senderId,
    MD5OfBody: digest,
    ...(ofAttributes === undefined ? {} : { MD5OfMessageAttributes: ofAttributes }),
    ...(traceHeader === undefined ? {} : { AWSTraceHeader: traceHeader }),
  };
  const id = call.newId();
  const sent = engine.send(queue, inItsPlace(queue, message, call), { now: call.at, id, notes });
  if (!sent.ok) throw sent.error;
  if (call.twice && !queue.settings.fifo) {
    const again = inItsPlace(queue, message, call);
    engine.send(queue, again, { now: call.at, id, notes: { ...notes } });
  }
  call.woken.add(arn);
  const { messageId, sequenceNumber } = sent;
  return { messageId, sequenceNumber, digest, ofAttributes };
}

/** A message out of order is at most so much older or younger than it was sent, in milliseconds. */
const DISORDER_MS = 5_000;

/** The order of a standard queue is that of the delays, and a delay may have ended before. */
function inItsPlace(queue: engine.Queue, message: OutgoingMessage, call: Call): OutgoingMessage {
  const { fifo, delayMs } = queue.settings;
  const isDelayed = (message.delayMs ?? delayMs) > 0;
  if (call.disorder === undefined || fifo || isDelayed) return message;
  const early = seededRandom(call.disorder + queue.nextOrdinal)() * DISORDER_MS;
  return { ...message, delayMs: -Math.floor(early) };
}
