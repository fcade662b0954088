/**
 * The messages that SNS puts into queues: the queues of subscriptions, and their dead-letter
 * queues.
 */
import { byteLength, type OutgoingMessage } from "../../../../src/wire/message.ts";
import { parsed } from "../input.ts";
import type { Call } from "../operation.ts";
import { enqueue, MAX_BYTES } from "../sqs/sending.ts";
import { sizeOfAttributes } from "../sqs/message_attributes.ts";
import type { QueueRecord, Subscription } from "../world.ts";
import { letsTopicSend } from "./queue_policy.ts";

const MAX_ATTRIBUTES = 10;
/** The sender of all messages that SNS puts into queues. */
const SENDER_ID = "AIDAISMY7JYY5F7RTT6AO";

/** The sending operation, and its topic. */
export interface Delivery {
  /** The operation. */
  readonly call: Call;
  /** The topic. */
  readonly topicArn: string;
  /** The X-Ray trace. */
  readonly traceHeader?: string | undefined;
}

/** Stores a message in a queue; tells whether that was possible. */
export function toQueue(
  queue: QueueRecord | undefined,
  message: OutgoingMessage,
  { call, topicArn, traceHeader }: Delivery,
): boolean {
  if (!queue) return false;
  if (!call.rules?.ignorePolicies && !letsTopicSend(queue, topicArn)) return false;
  if (Object.keys(message.attributes).length > MAX_ATTRIBUTES) return false;
  const size = byteLength(message.body) + sizeOfAttributes(message.attributes);
  if (size > MAX_BYTES) return false;
  enqueue(queue, message, { call, senderId: SENDER_ID, traceHeader });
  return true;
}

/**
 * Puts an undeliverable message into the dead-letter queue of its subscription, as it is, if there
 * is such a queue.
 */
export function bury(
  message: OutgoingMessage,
  { attributes, topicArn }: Subscription,
  call: Call,
): void {
  const target = parsed(attributes.RedrivePolicy)?.deadLetterTargetArn;
  const kept = Object.entries(message.attributes).slice(0, MAX_ATTRIBUTES);
  const letter = { ...message, attributes: Object.fromEntries(kept) };
  toQueue(call.world.queues.get(String(target)), letter, { call, topicArn });
}
