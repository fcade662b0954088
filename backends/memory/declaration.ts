import { checkRanges } from "../../src/support/range.ts";
import { type DeclareQueueOptions, filterPolicyOf } from "../../src/backend.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { isFifo } from "../../src/wire/message.ts";
import { checkPolicy } from "./filter.ts";
import { newQueueName, newTopicName } from "./names.ts";
import { MAX_VISIBILITY_MS, type QueueSettings } from "./queue.ts";
import type { Subscription } from "./topic.ts";

/** The declaration of a queue, checked, with plain names. */
export interface QueueDeclaration {
  /** The name of the queue. */
  readonly name: string;
  /** The settings that change; all other settings stay. */
  readonly settings: Partial<QueueSettings>;
  /** The subscriptions by the name of the topic. */
  readonly subscriptions: ReadonlyMap<string, Subscription>;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html */
const RANGES = {
  visibilityTimeoutMs: [0, MAX_VISIBILITY_MS],
  retentionMs: [60_000, 14 * 86_400_000],
  delayMs: [0, 900_000],
  maxReceives: [1, 1_000],
} as const;

/** The retention of a dead-letter queue, in milliseconds: the longest there is. */
export const DEAD_LETTER_RETENTION_MS: number = RANGES.retentionMs[1];

/**
 * Checks the whole declaration before anything is created.
 *
 * @throws {RangeError} if a number is outside the range of SQS
 * @throws {MelangeError} `INVALID_MESSAGE` for a name or a combination that SQS or SNS refuses,
 * `CONFIGURATION` for a filter policy
 */
export function queueDeclaration(name: string, options: DeclareQueueOptions): QueueDeclaration {
  const queue = newQueueName(name);
  return {
    name: queue,
    settings: settingsOf(queue, options),
    subscriptions: subscriptionsOf(queue, options),
  };
}

function settingsOf(queue: string, options: DeclareQueueOptions): Partial<QueueSettings> {
  const settings: { -readonly [K in keyof QueueSettings]?: QueueSettings[K] } = {};
  const cannot = `declare the queue "${queue}"`;
  for (const [option, [least, most]] of Object.entries(RANGES)) {
    const value = options[option as keyof typeof RANGES];
    if (value === undefined) continue;
    checkRanges({ [option]: value }, { cannot, min: least, max: most });
    settings[option as keyof typeof RANGES] = value;
  }
  if (options.deadLetterQueue !== undefined) {
    settings.deadLetterQueue = deadLetterQueueOf(queue, options.deadLetterQueue);
  }
  if (options.contentBasedDeduplication !== undefined) {
    settings.contentBasedDeduplication = options.contentBasedDeduplication;
    checkDeduplication("queue", queue, options);
  }
  return settings;
}

function deadLetterQueueOf(queue: string, given: string): string {
  const name = newQueueName(given);
  if (name === queue) refuse("queue", queue, "its dead-letter queue must be another queue");
  if (isFifo(name) !== isFifo(queue)) {
    const rule =
      "the dead-letter queue of a FIFO queue must be FIFO, and that of a standard one not";
    refuse("queue", queue, rule);
  }
  return name;
}

/** Refuses de-duplication by content for a standard queue or topic. */
export function checkDeduplication(
  kind: "queue" | "topic",
  name: string,
  options: { contentBasedDeduplication?: boolean },
): void {
  if (!options.contentBasedDeduplication || isFifo(name)) return;
  refuse(kind, name, `only a FIFO ${kind}, whose name ends in ".fifo", de-duplicates`);
}

function subscriptionsOf(queue: string, options: DeclareQueueOptions): Map<string, Subscription> {
  const subscriptions = new Map<string, Subscription>();
  for (const entry of options.subscribeTo ?? []) {
    const wanted = typeof entry === "string" ? { topic: entry } : entry;
    const topic = newTopicName(wanted.topic);
    if (isFifo(queue) && !isFifo(topic)) {
      refuse("queue", queue, `the standard topic "${topic}" cannot feed a FIFO queue`);
    }
    const policy = filterPolicyOf(wanted);
    if (policy) checkPolicy(policy);
    const { raw = true } = wanted;
    subscriptions.set(topic, { raw, ...(policy ? { policy: structuredClone(policy) } : {}) });
  }
  return subscriptions;
}

function refuse(kind: string, name: string, rule: string): never {
  throw new MelangeError("INVALID_MESSAGE", `Cannot declare the ${kind} "${name}" as ${rule}`);
}
