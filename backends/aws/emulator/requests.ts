import { byteLength } from "../../../src/wire/message.ts";
import { isRecord } from "./input.ts";
import type { Asked } from "./http/request.ts";
import type { Output, ServiceName } from "./operation.ts";

/** One request in the log. */
export interface EmulatorRequest {
  /** The service. */
  readonly service: ServiceName;
  /** The action; empty if it could not be read. */
  readonly action: string;
  /** The name of the queue, if the request names a queue. */
  readonly queue?: string;
  /** The name of the topic, if the request names a topic. */
  readonly topic?: string;
  /** The bytes of its body. */
  readonly bytes: number;
  /**
   * Number of requests that AWS bills: one for each 64 KiB of messages, sent or received, at least
   * one. STS is free.
   */
  readonly billed: number;
  /** The HTTP status of the answer; 0 where it was lost. */
  readonly status: number;
}

/** https://aws.amazon.com/sqs/pricing/ and https://aws.amazon.com/sns/pricing/ */
const BILLED_BYTES = 64 * 1024;

/** The entry of a request in the log. */
export function loggedRequest(
  asked: Asked | undefined,
  { body, output, status }: { body: string; output: Output | undefined; status: number },
): EmulatorRequest {
  const { service = "sqs", action = "", input = {} } = asked ?? {};
  const queue = lastPart(input.QueueUrl ?? input.QueueName);
  const topic = lastPart(input.TopicArn ?? (service === "sns" ? input.Name : undefined));
  const bytes = byteLength(body);
  const carried = action === "ReceiveMessage" ? receivedBytes(output) : bytes;
  return {
    service,
    action,
    ...(queue === undefined ? {} : { queue }),
    ...(topic === undefined ? {} : { topic }),
    bytes,
    billed: service === "sts" ? 0 : Math.max(1, Math.ceil(carried / BILLED_BYTES)),
    status,
  };
}

function lastPart(value: unknown): string | undefined {
  return typeof value === "string" ? value.slice(value.search(/[^/:]*$/)) : undefined;
}

function receivedBytes(output: Output | undefined): number {
  const messages = Array.isArray(output?.Messages) ? output.Messages.filter(isRecord) : [];
  return messages.reduce((sum, { Body }) => sum + byteLength(String(Body)), 0);
}
