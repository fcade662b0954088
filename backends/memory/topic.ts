/**
 * A topic: the copies of a published message for each subscribed queue, with the semantics of SNS.
 * Like the queue engine, a topic has no clock and no promise, and is plain data.
 */
import type { FilterPolicy, SendResult } from "../../src/backend.ts";
import {
  type Attributes,
  isFifo,
  type OutgoingMessage,
  type TypedAttribute,
  typedAttribute,
} from "../../src/wire/message.ts";
import { matches } from "./filter.ts";
import { DEDUPLICATION_MS, deduplicationIdOf, withoutDeduplicationId } from "./queue.ts";
import type { SendOptions } from "./queue.ts";
import { createRecent, recall, type Recent, remember } from "./recent.ts";
import { sequenceNumber } from "./stored_message.ts";

/** One topic. */
export interface Topic {
  /** The name of the topic. */
  readonly name: string;
  /** FIFO: whether the body stands in for a missing deduplication id. */
  contentBasedDeduplication: boolean;
  /** FIFO: the place of the next message. */
  nextOrdinal: number;
  /** By the name of the queue. */
  readonly subscriptions: Map<string, Subscription>;
  /** FIFO: the messages of the last five minutes, by deduplication id. */
  readonly deduplication: Recent<Published>;
}

/** The subscription of a queue. */
export interface Subscription {
  /** Raw delivery: the message arrives as published, without an envelope. */
  readonly raw: boolean;
  /** Filter of the messages. Without a filter all messages pass. */
  readonly policy?: FilterPolicy;
}

type Published = Extract<SendResult, { ok: true }>;

/** A subscription, and where its copies go. */
export interface Target extends Subscription {
  /** Stores a copy. */
  readonly accept: (message: OutgoingMessage) => unknown;
}

/** Input of a publish. */
export interface PublishOptions extends SendOptions {
  /** The subscriptions of the topic. */
  readonly targets: readonly Target[];
}

/** Creates a topic without subscriptions. */
export function createTopic(name: string): Topic {
  return {
    name,
    contentBasedDeduplication: false,
    nextOrdinal: 1,
    subscriptions: new Map(),
    deduplication: createRecent(),
  };
}

/**
 * Delivers a copy of a message to each queue. If a FIFO topic saw the deduplication id in the last
 * five minutes, the topic answers with the id of the first message and delivers nothing. A FIFO
 * topic refuses a message without a deduplication id with `INVALID_MESSAGE`.
 */
export function publish(
  topic: Topic,
  message: OutgoingMessage,
  options: PublishOptions,
): SendResult {
  const { now, id, targets } = options;
  if (!isFifo(topic.name)) {
    return deliverAll(topic, message, { now, targets, result: { ok: true, messageId: id } });
  }
  const deduplicationId = deduplicationIdOf(message, topic);
  if (deduplicationId === undefined) return { ok: false, error: withoutDeduplicationId() };
  const before = recall(topic.deduplication, deduplicationId, now);
  if (before) return before;
  const place = sequenceNumber(topic.nextOrdinal++);
  const result: Published = { ok: true, messageId: id, sequenceNumber: place };
  const until = now + DEDUPLICATION_MS;
  remember(topic.deduplication, { key: deduplicationId, value: result, until });
  return deliverAll(topic, { ...message, deduplicationId }, { now, targets, result });
}

interface PublishFacts extends Omit<PublishOptions, "id"> {
  readonly result: Published;
}

function deliverAll(topic: Topic, message: OutgoingMessage, facts: PublishFacts): Published {
  for (const { raw, policy, accept } of facts.targets) {
    if (policy !== undefined && !matches(policy, message.attributes)) continue;
    accept(raw ? message : inEnvelope(topic, message, facts));
  }
  return facts.result;
}

/**
 * Returns the body for a subscription without raw delivery. The body has no signature and no URLs,
 * which nobody could check or open.
 */
function inEnvelope(
  topic: Topic,
  message: OutgoingMessage,
  facts: PublishFacts,
): OutgoingMessage {
  const { messageId, sequenceNumber } = facts.result;
  const hasAttributes = Object.keys(message.attributes).length > 0;
  const envelope = {
    Type: "Notification",
    MessageId: messageId,
    ...(sequenceNumber === undefined ? {} : { SequenceNumber: sequenceNumber }),
    TopicArn: `arn:aws:sns:memory:000000000000:${topic.name}`,
    Message: message.body,
    Timestamp: new Date(facts.now).toISOString(),
    ...(hasAttributes ? { MessageAttributes: envelopeAttributes(message.attributes) } : {}),
  };
  return { ...message, body: JSON.stringify(envelope), attributes: {} };
}

function envelopeAttributes(attributes: Attributes): Record<string, unknown> {
  const entries = Object.entries(attributes).map(([name, value]) => {
    const attribute = typedAttribute(value);
    return [name, { Type: attribute.type, Value: textOf(attribute) }];
  });
  return Object.fromEntries(entries);
}

/** Bytes travel as base64. */
function textOf({ value }: TypedAttribute): string {
  if (typeof value === "string") return value;
  return btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join(""));
}
