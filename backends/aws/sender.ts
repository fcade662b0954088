import type { BackendLimits, Sender, SendResult } from "../../src/backend.ts";
import { messageSize, type OutgoingMessage } from "../../src/wire/message.ts";
import { abortable } from "../../src/support/clock.ts";
import { type Addresses, type AddressOptions, notSent } from "./addresses.ts";
import { toSnsEntry, toSqsEntry } from "./message/attributes.ts";
import { MAX_ENTRIES, resultPerEntry } from "./api/batch.ts";
import type { AwsClient, AwsClientOptions } from "./api/client.ts";
import { publishBatch } from "./api/sns.ts";
import { type Answered, sendMessageBatch } from "./api/sqs.ts";

/** Options of `awsSender`. */
export interface AwsSenderOptions extends AwsClientOptions, AddressOptions {
  /**
   * Largest size of a message to a topic, in bytes. The attribute `MaximumMessageSize` of a topic
   * raises the limit of SNS up to 1 048 576. Default: 262 144.
   */
  topicMessageBytes?: number;
  /**
   * Largest size of a message to a queue, in bytes, for brokers and queues with a lower limit than
   * SQS. Default: 1 048 576.
   */
  queueMessageBytes?: number;
  /**
   * Largest size of all messages of one call to a queue, in bytes. Default: `queueMessageBytes`.
   */
  queueBatchBytes?: number;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const QUEUE_BYTES = 1_048_576;
/** https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html */
const TOPIC_BYTES = 262_144;

function limitsFrom(options: AwsSenderOptions): BackendLimits {
  const { topicMessageBytes = TOPIC_BYTES, queueMessageBytes = QUEUE_BYTES } = options;
  return {
    topic: {
      entries: MAX_ENTRIES,
      batchBytes: topicMessageBytes,
      messageBytes: topicMessageBytes,
      delayMs: 0,
    },
    queue: {
      entries: MAX_ENTRIES,
      batchBytes: options.queueBatchBytes ?? queueMessageBytes,
      messageBytes: queueMessageBytes,
      delayMs: 900_000,
      waitMs: 20_000,
      visibilityMs: 43_200_000,
    },
  };
}

/** The part that sending, receiving and declaring share. */
export interface Access {
  readonly client: AwsClient;
  readonly addresses: Addresses;
}

/** Reads the result of a message; `undefined` if the answer makes no sense. */
export type ReadSent = (entry: Answered, message: OutgoingMessage) => SendResult | undefined;

/**
 * Creates the sending part of the backend. Messages are sent unchecked, and digests are not
 * compared unless `read` does: the rules of messages and MD5 have no place in the code of an edge
 * worker.
 */
export function createSender(
  { client, addresses }: Access,
  options: AwsSenderOptions,
  read: ReadSent = readSent,
  toEntry: typeof toSqsEntry = toSqsEntry,
): Sender {
  return {
    limits: limitsFrom(options),
    sizeOf: messageSize,
    // A copy of the list: whoever called may use it again while the address is looked up.
    async send(destination, [...messages], settings = {}) {
      if (messages.length === 0) return [];
      const call = (address: string) =>
        "topic" in destination
          ? publishBatch(client, {
            TopicArn: address,
            PublishBatchRequestEntries: { member: messages.map(toSnsEntry) },
          }, settings)
          : sendMessageBatch(client, {
            QueueUrl: address,
            Entries: messages.map(toEntry),
          }, settings);
      const { signal } = settings;
      await abortable(addresses.find(destination).catch(notSent), signal);
      const answer = await addresses.at(destination, signal, call);
      return resultPerEntry("send", answer, { entries: messages, read });
    },
  };
}

/** Reads a success as it is. */
export function readSent(entry: Answered): SendResult | undefined {
  const { MessageId: messageId, SequenceNumber: sequenceNumber } = entry;
  return typeof messageId === "string"
    ? { ok: true, messageId, ...(typeof sequenceNumber === "string" && { sequenceNumber }) }
    : undefined;
}
