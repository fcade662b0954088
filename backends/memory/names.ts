import { MelangeError } from "../../src/support/errors.ts";

/**
 * Returns the name in a name, an ARN (`arn:aws:sqs:eu-west-1:123456789012:orders`) or a queue URL
 * (`https://sqs.eu-west-1.amazonaws.com/123456789012/orders`).
 */
export function nameIn(text: string): string {
  if (text.startsWith("arn:")) return text.slice(text.lastIndexOf(":") + 1);
  if (/^https?:\/\//.test(text)) return text.slice(text.lastIndexOf("/") + 1);
  return text;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html */
const QUEUE_NAME = /^(?=.{1,80}$)[\w-]+(?:\.fifo)?$/;
/** https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html */
const TOPIC_NAME = /^(?=.{1,256}$)[\w-]+(?:\.fifo)?$/;

/**
 * Returns the name of a queue to create.
 *
 * @throws {MelangeError} `INVALID_MESSAGE` if no queue can have it
 */
export function newQueueName(text: string): string {
  return checked(nameIn(text), { kind: "queue", pattern: QUEUE_NAME, length: 80 });
}

/**
 * Returns the name of a topic to create.
 *
 * @throws {MelangeError} `INVALID_MESSAGE` if no topic can have it
 */
export function newTopicName(text: string): string {
  return checked(nameIn(text), { kind: "topic", pattern: TOPIC_NAME, length: 256 });
}

function checked(name: string, rule: { kind: string; pattern: RegExp; length: number }): string {
  const { kind, pattern, length } = rule;
  if (pattern.test(name)) return name;
  throw new MelangeError(
    "INVALID_MESSAGE",
    `Cannot create a ${kind} as its name is 1 to ${length} of A-Z a-z 0-9 _ - with ".fifo" at the end of a FIFO ${kind}: current value is "${name}"`,
  );
}
