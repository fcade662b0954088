import type { BackendLimits, Guarantees, Sender, SendResult } from "../../src/backend.ts";
import { MelangeError } from "../../src/errors.ts";
import { messageSize, nameOf, type OutgoingMessage, refusal } from "../../src/message.ts";
import type { Addresses, AddressOptions } from "./addresses.ts";
import { toSnsEntry, toSqsEntry } from "./attributes.ts";
import { assertEntries, MAX_ENTRIES, resultPerEntry } from "./batch.ts";
import type { AwsClient, AwsClientOptions } from "./client.ts";
import { isNotFound, unknownOutcome } from "./errors.ts";
import { parseArn } from "./names.ts";
import { publishBatch } from "./sns.ts";
import { type Answered, sendMessageBatch } from "./sqs.ts";

/** Options of `awsSender`. */
export interface AwsSenderOptions extends AwsClientOptions, AddressOptions {
  /** Bytes that a message to a topic may take. The attribute `MaximumMessageSize` of a topic raises what SNS takes up to 1 048 576. Default: 262 144. */
  topicMessageBytes?: number;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const QUEUE_BYTES = 1_048_576;
/** https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html */
const TOPIC_BYTES = 262_144;

function limitsFrom({ topicMessageBytes = TOPIC_BYTES }: AwsSenderOptions): BackendLimits {
  return {
    topic: {
      entries: MAX_ENTRIES,
      batchBytes: topicMessageBytes,
      messageBytes: topicMessageBytes,
      delayMs: 0,
    },
    queue: {
      entries: MAX_ENTRIES,
      batchBytes: QUEUE_BYTES,
      messageBytes: QUEUE_BYTES,
      delayMs: 900_000,
      waitMs: 20_000,
      visibilityMs: 43_200_000,
    },
  };
}

const GUARANTEES: Guarantees = {
  redelivers: true,
  ordered: true,
  groups: true,
  delays: true,
  fansOut: true,
  filters: true,
  deduplicates: true,
  durable: true,
  countsAttempts: true,
  deadLetters: true,
  cancelsReceive: false,
};

/** What sending and receiving share. */
export interface Wire {
  readonly client: AwsClient;
  readonly addresses: Addresses;
}

/** Compares what a queue says it has stored with what was sent. */
export type VerifyStored = (message: OutgoingMessage, answered: Answered) => boolean;

/**
 * Creates the sending part of the backend. Without `verify`, digests are not compared: MD5 has no
 * place in what an edge worker loads.
 */
export function createSender(
  wire: Wire,
  options: AwsSenderOptions,
  verify: VerifyStored = () => true,
): Sender {
  const { createTopics = true } = options;
  const limits = limitsFrom(options);
  return {
    limits,
    guarantees: GUARANTEES,
    sizeOf: messageSize,
    async send(destination, messages, { signal } = {}) {
      assertEntries("send", messages.length);
      const isTopic = "topic" in destination;
      const refused = messages.map((message) =>
        refusal(message, destination, isTopic ? limits.topic : limits.queue)
      );
      const sendable = messages.filter((_, index) => !refused[index]);
      const batch = { to: nameOf(destination), messages: sendable, signal };
      const results = sendable.length === 0
        ? []
        : await (isTopic
          ? sendToTopic(wire, batch, createTopics)
          : sendToQueue(wire, batch, verify));
      const sent = results.values();
      return refused.map((error) => error ? { ok: false, error } : sent.next().value!);
    },
  };
}

interface Batch {
  readonly to: string;
  readonly messages: readonly OutgoingMessage[];
  readonly signal: AbortSignal | undefined;
}

async function sendToQueue(
  wire: Wire,
  batch: Batch,
  verify: VerifyStored,
): Promise<SendResult[]> {
  const { to, messages, signal } = batch;
  const Entries = messages.map(toSqsEntry);
  const answer = await wire.addresses.atQueue(
    to,
    signal,
    (QueueUrl) => sendMessageBatch(wire.client, { QueueUrl, Entries }, { signal }),
  );
  return resultPerEntry("SendMessageBatch", answer, {
    count: messages.length,
    read: (entry, index) => verify(messages[index]!, entry) ? readSent(entry) : damaged(),
  });
}

async function sendToTopic(
  { client, addresses }: Wire,
  batch: Batch,
  createTopics: boolean,
): Promise<SendResult[]> {
  const { to, messages, signal } = batch;
  const member = messages.map(toSnsEntry);
  const publish = (TopicArn: string) =>
    publishBatch(client, { TopicArn, PublishBatchRequestEntries: { member } }, { signal });
  const answer = await publish(await addresses.topic(to, signal)).catch(async (error) => {
    if (!isNotFound(error) || !createTopics || parseArn(to)) throw error;
    return await publish(await addresses.createTopic(to, signal)).catch(asTooEarly);
  });
  return resultPerEntry("PublishBatch", answer, { count: messages.length, read: readSent });
}

/** A topic that exists now is not found yet. */
function asTooEarly(error: unknown): never {
  if (!isNotFound(error)) throw error;
  throw new MelangeError("NOT_FOUND", error.message, { retryable: true, cause: error });
}

function readSent(entry: Answered): SendResult | undefined {
  const { MessageId: messageId, SequenceNumber: sequenceNumber } = entry;
  if (typeof messageId !== "string") return undefined;
  return typeof sequenceNumber === "string"
    ? { ok: true, messageId, sequenceNumber }
    : { ok: true, messageId };
}

/** It is stored, so it is not sent again: that would make two of it. */
function damaged(): SendResult {
  const reason = "the queue has stored something else: the digests differ";
  return { ok: false, error: unknownOutcome("SendMessageBatch", reason, { retryable: false }) };
}
