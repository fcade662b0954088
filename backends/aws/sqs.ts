/**
 * The calls of SQS, in AWS JSON 1.0, one function each. They are posted to the endpoint with the
 * queue's URL in the body: the host of that URL need not resolve.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
 */
import type { AwsClient } from "./client.ts";
import { regionOf, shortName } from "./names.ts";

/** What every call takes. */
export interface SqsOptions {
  signal?: AbortSignal | undefined;
  region?: string | undefined;
  /** How much longer than other calls this one may take, in milliseconds. */
  waitMs?: number;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_MessageAttributeValue.html */
export interface SqsAttribute {
  DataType: string;
  StringValue?: string;
  BinaryValue?: string;
}

/** An object of an answer, as it came: any field may be missing or of another type. */
export type Answered = Readonly<Record<string, unknown>>;

/**
 * What every batch call answers. A list that has no entries may be missing.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_BatchResultErrorEntry.html
 */
export interface BatchAnswer {
  Successful: Answered[];
  Failed: Answered[];
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatchRequestEntry.html */
export interface SendMessageBatchRequestEntry {
  Id: string;
  MessageBody: string;
  DelaySeconds?: number;
  MessageAttributes?: Record<string, SqsAttribute>;
  MessageGroupId?: string;
  MessageDeduplicationId?: string;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html */
export function sendMessageBatch(
  client: AwsClient,
  input: { QueueUrl: string; Entries: SendMessageBatchRequestEntry[] },
  options?: SqsOptions,
): Promise<BatchAnswer> {
  return call(client, "SendMessageBatch", { input, read: readBatch, ...options });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html */
export function getQueueUrl(
  client: AwsClient,
  input: { QueueName: string; QueueOwnerAWSAccountId?: string },
  options?: SqsOptions,
): Promise<string> {
  return call(client, "GetQueueUrl", { input, read: readQueueUrl, ...options });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html */
export function receiveMessage(
  client: AwsClient,
  input: {
    QueueUrl: string;
    MaxNumberOfMessages: number;
    WaitTimeSeconds: number;
    VisibilityTimeout: number;
    MessageSystemAttributeNames: string[];
    MessageAttributeNames: string[];
    ReceiveRequestAttemptId?: string;
  },
  options?: SqsOptions,
): Promise<Answered[]> {
  const read = (text: string) => list(record(JSON.parse(text)).Messages);
  return call(client, "ReceiveMessage", { input, read, ...options });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html */
export function deleteMessageBatch(
  client: AwsClient,
  input: { QueueUrl: string; Entries: { Id: string; ReceiptHandle: string }[] },
  options?: SqsOptions,
): Promise<BatchAnswer> {
  return call(client, "DeleteMessageBatch", { input, read: readBatch, ...options });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html */
export function changeMessageVisibilityBatch(
  client: AwsClient,
  input: {
    QueueUrl: string;
    Entries: { Id: string; ReceiptHandle: string; VisibilityTimeout: number }[];
  },
  options?: SqsOptions,
): Promise<BatchAnswer> {
  return call(client, "ChangeMessageVisibilityBatch", { input, read: readBatch, ...options });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html */
export function createQueue(
  client: AwsClient,
  input: { QueueName: string; Attributes: Record<string, string> },
  options?: SqsOptions,
): Promise<string> {
  return call(client, "CreateQueue", { input, read: readQueueUrl, ...options });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html */
export function getQueueAttributes(
  client: AwsClient,
  input: { QueueUrl: string; AttributeNames: string[] },
  options?: SqsOptions,
): Promise<Partial<Record<string, string>>> {
  const read = (text: string) => texts(record(JSON.parse(text)).Attributes);
  return call(client, "GetQueueAttributes", { input, read, ...options });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html */
export function setQueueAttributes(
  client: AwsClient,
  input: { QueueUrl: string; Attributes: Record<string, string> },
  options?: SqsOptions,
): Promise<void> {
  return call(client, "SetQueueAttributes", { input, read() {}, ...options });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html */
export function deleteQueue(
  client: AwsClient,
  input: { QueueUrl: string },
  options?: SqsOptions,
): Promise<void> {
  return call(client, "DeleteQueue", { input, read() {}, ...options });
}

interface Call<T> extends SqsOptions {
  input: { QueueUrl?: string; QueueName?: string };
  read: (text: string) => T;
}

function call<T>(client: AwsClient, action: string, options: Call<T>): Promise<T> {
  const { input, read, signal, waitMs } = options;
  const { QueueUrl = "", QueueName = shortName(QueueUrl) } = input;
  return client.call({
    service: "sqs",
    action,
    subject: QueueName,
    region: options.region ?? regionOf(QueueUrl),
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `AmazonSQS.${action}`,
      "x-amzn-query-mode": "true",
    },
    body: JSON.stringify(input),
    waitMs,
    signal,
    parse: read,
  });
}

function readQueueUrl(text: string): string {
  const { QueueUrl } = record(JSON.parse(text));
  if (typeof QueueUrl !== "string") throw new SyntaxError("no QueueUrl");
  return QueueUrl;
}

function readBatch(text: string): BatchAnswer {
  const { Successful, Failed } = record(JSON.parse(text));
  return { Successful: list(Successful), Failed: list(Failed) };
}

function record(value: unknown): Answered {
  if (!isRecord(value)) throw new SyntaxError("not an object");
  return value;
}

/** The objects of a list; a list that has none may be missing. */
function list(value: unknown): Answered[] {
  if (value !== undefined && value !== null && !Array.isArray(value)) {
    throw new SyntaxError("no list");
  }
  return (value ?? []).filter(isRecord);
}

/** The strings of a map; a map that has none may be missing. */
export function texts(value: unknown): Record<string, string> {
  const entries = Object.entries(isRecord(value) ? value : {});
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/** Tells whether a part of an answer is an object. */
export function isRecord(value: unknown): value is Answered {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
