/**
 * The calls of SQS, in AWS JSON 1.0, one function each. A call is posted to the endpoint with the
 * queue's URL in the body, so the host of that URL need not resolve.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
 */
import { isRecord } from "../../../src/wire/json.ts";
import { unreadable } from "./xml.ts";
import type { AwsClient, CallSettings } from "./client.ts";
import { MOVE_ERRORS, QUEUE_ERRORS } from "./queue_errors.ts";

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_MessageAttributeValue.html */
export interface SqsAttribute {
  DataType: string;
  StringValue?: string;
  BinaryValue?: string;
}

/** An object of an answer, as it came: any field may be missing or of another type. */
export type Answered = Readonly<Record<string, unknown>>;

/**
 * The answer of every batch call. A list that has no entries may be missing.
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
  DelaySeconds?: number | undefined;
  MessageAttributes: Record<string, SqsAttribute>;
  MessageSystemAttributes?: Record<string, SqsAttribute> | undefined;
  MessageGroupId?: string | undefined;
  MessageDeduplicationId?: string | undefined;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html */
export function sendMessageBatch(
  client: AwsClient,
  input: { QueueUrl: string; Entries: SendMessageBatchRequestEntry[] },
  options?: CallSettings,
): Promise<BatchAnswer> {
  return call(client, "SendMessageBatch", {
    input,
    address: input.QueueUrl,
    read: readBatch,
    ...options,
  });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html */
export function getQueueUrl(
  client: AwsClient,
  input: { QueueName: string; QueueOwnerAWSAccountId?: string | undefined },
  options?: CallSettings,
): Promise<string> {
  return call(client, "GetQueueUrl", {
    input,
    address: input.QueueName,
    read: readQueueUrl,
    ...options,
  });
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
    /**
     * The older name of `MessageSystemAttributeNames`. Some brokers know only the older name, some
     * only the newer name.
     */
    AttributeNames: string[];
    MessageAttributeNames: string[];
    ReceiveRequestAttemptId?: string;
  },
  options?: CallSettings,
): Promise<Answered[]> {
  const read = (text: string) => list(record(JSON.parse(text)).Messages);
  return call(client, "ReceiveMessage", {
    input,
    address: input.QueueUrl,
    errors: QUEUE_ERRORS,
    read,
    ...options,
  });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html */
export function deleteMessageBatch(
  client: AwsClient,
  input: { QueueUrl: string; Entries: { Id: string; ReceiptHandle: string }[] },
  options?: CallSettings,
): Promise<BatchAnswer> {
  return call(client, "DeleteMessageBatch", {
    input,
    address: input.QueueUrl,
    read: readSettled,
    ...options,
  });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html */
export function changeMessageVisibilityBatch(
  client: AwsClient,
  input: {
    QueueUrl: string;
    Entries: { Id: string; ReceiptHandle: string; VisibilityTimeout: number }[];
  },
  options?: CallSettings,
): Promise<BatchAnswer> {
  return call(client, "ChangeMessageVisibilityBatch", {
    input,
    address: input.QueueUrl,
    read: readSettled,
    ...options,
  });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html */
export function createQueue(
  client: AwsClient,
  input: { QueueName: string; Attributes: Record<string, string> },
  options?: CallSettings,
): Promise<string> {
  return call(client, "CreateQueue", {
    input,
    address: input.QueueName,
    errors: QUEUE_ERRORS,
    read: readQueueUrl,
    ...options,
  });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html */
export function getQueueAttributes(
  client: AwsClient,
  input: { QueueUrl: string; AttributeNames: string[] },
  options?: CallSettings,
): Promise<Partial<Record<string, string>>> {
  const read = (text: string) => texts(record(JSON.parse(text)).Attributes);
  return call(client, "GetQueueAttributes", { input, address: input.QueueUrl, read, ...options });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html */
export function setQueueAttributes(
  client: AwsClient,
  input: { QueueUrl: string; Attributes: Record<string, string> },
  options?: CallSettings,
): Promise<void> {
  return call(client, "SetQueueAttributes", {
    input,
    address: input.QueueUrl,
    read() {},
    ...options,
  });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html */
export function deleteQueue(
  client: AwsClient,
  input: { QueueUrl: string },
  options?: CallSettings,
): Promise<void> {
  return call(client, "DeleteQueue", { input, address: input.QueueUrl, read() {}, ...options });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html */
export function listDeadLetterSourceQueues(
  client: AwsClient,
  input: { QueueUrl: string },
  options?: CallSettings,
): Promise<string[]> {
  const address = input.QueueUrl;
  const read = (text: string) => urls(record(JSON.parse(text)).queueUrls);
  return call(client, "ListDeadLetterSourceQueues", {
    input,
    address,
    errors: MOVE_ERRORS,
    read,
    ...options,
  });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html */
export function listQueues(
  client: AwsClient,
  input: { QueueNamePrefix?: string; MaxResults: number; NextToken?: string },
  options?: CallSettings,
): Promise<{ QueueUrls: string[]; NextToken: string | undefined }> {
  const read = (text: string) => {
    const { QueueUrls, NextToken } = record(JSON.parse(text));
    return {
      QueueUrls: urls(QueueUrls),
      NextToken: typeof NextToken === "string" ? NextToken : undefined,
    };
  };
  return call(client, "ListQueues", { input, address: "", read, ...options });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html */
export function startMessageMoveTask(
  client: AwsClient,
  input: { SourceArn: string; DestinationArn: string; MaxNumberOfMessagesPerSecond: number },
  options?: CallSettings,
): Promise<string> {
  const read = (text: string) => {
    const { TaskHandle } = record(JSON.parse(text));
    return typeof TaskHandle === "string" ? TaskHandle : unreadable();
  };
  return call(client, "StartMessageMoveTask", {
    input,
    address: input.SourceArn,
    errors: MOVE_ERRORS,
    read,
    ...options,
  });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html */
export function listMessageMoveTasks(
  client: AwsClient,
  input: { SourceArn: string; MaxResults: number },
  options?: CallSettings,
): Promise<Answered[]> {
  const read = (text: string) => list(record(JSON.parse(text)).Results);
  return call(client, "ListMessageMoveTasks", {
    input,
    address: input.SourceArn,
    read,
    ...options,
  });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CancelMessageMoveTask.html */
export function cancelMessageMoveTask(
  client: AwsClient,
  input: { TaskHandle: string },
  options?: CallSettings,
): Promise<void> {
  return call(client, "CancelMessageMoveTask", { input, address: "", read() {}, ...options });
}

interface Call<T> extends CallSettings {
  input: object;
  /** The name or the URL of the queue. */
  address: string;
  read: (text: string) => T;
}

function call<T>(client: AwsClient, action: string, options: Call<T>): Promise<T> {
  const { input } = options;
  return client.call({
    ...options,
    service: "sqs",
    action,
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `AmazonSQS.${action}`,
      "x-amzn-query-mode": "true",
    },
    body: JSON.stringify(input),
  });
}

function readQueueUrl(text: string): string {
  const { QueueUrl } = JSON.parse(text);
  return typeof QueueUrl === "string" ? QueueUrl : unreadable();
}

/**
 * Reads the lists of a batch. Only entries with an id count, so that garbage harms no other entry.
 */
function readBatch(text: string): BatchAnswer {
  const { Successful, Failed } = JSON.parse(text);
  return { Successful: named(Successful), Failed: named(Failed) };
}

function named(list: unknown): Answered[] {
  return [list as Answered[]].flat().filter((entry) => entry?.Id);
}

/** Reads the answer to a settlement; an empty one mentions no entry. */
function readSettled(text: string): BatchAnswer {
  return readBatch(text || "{}");
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

/** The strings of a list; a list that has none may be missing. */
function urls(value: unknown): string[] {
  return (Array.isArray(value) ? value : []).filter((each) => typeof each === "string");
}

/** The strings of a map; a map that has none may be missing. */
export function texts(value: unknown): Record<string, string> {
  const entries = Object.entries(isRecord(value) ? value : {});
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
