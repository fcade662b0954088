/**
 * The attributes of a queue: the wanted attributes, and the missing ones among them. Pure.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
 */
import type { DeclareQueueOptions } from "../../../src/backend.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { checkRange } from "../../../src/support/range.ts";
import { isFifo } from "../../../src/wire/message.ts";
import { toSeconds } from "../message/attributes.ts";
import { addressOf } from "../api/names.ts";
import { redriveOf } from "./redrive.ts";

/** The options that attributes follow from. */
export interface QueueAttributeOptions extends DeclareQueueOptions {
  /** The ARN of the dead-letter queue. */
  targetArn?: string | undefined;
  /** Tells that this is a dead-letter queue. */
  isTarget?: boolean;
}

type QueueAttributes = Partial<Record<string, string>>;

/** The receives before a message moves, unless the caller says otherwise. */
const MAX_RECEIVES = 5;
/** The retention of a dead-letter queue: in a standard queue, the time in the first queue counts as well. */
const TARGET_RETENTION_MS = 1_209_600_000;

/** The attributes with which a queue is created. */
export function createdAttributes(
  queue: string,
  options: QueueAttributeOptions,
): Record<string, string> {
  const retentionMs = options.retentionMs ?? (options.isTarget ? TARGET_RETENTION_MS : undefined);
  const given = retentionMs === undefined ? options : { ...options, retentionMs };
  return { ...differing(given, {}), ...(isFifo(queue) ? { FifoQueue: "true" } : {}) };
}

/**
 * Returns the wanted attributes that a queue does not have. Attributes without a wanted value stay
 * unchanged.
 */
export function differing(
  options: QueueAttributeOptions,
  current: QueueAttributes,
): Record<string, string> {
  const { visibilityTimeoutMs, retentionMs, delayMs, contentBasedDeduplication } = options;
  const wanted = {
    VisibilityTimeout: secondsOf(visibilityTimeoutMs),
    MessageRetentionPeriod: secondsOf(retentionMs),
    DelaySeconds: secondsOf(delayMs),
    ContentBasedDeduplication: contentBasedDeduplication?.toString(),
    RedrivePolicy: redrivePolicy(options, current.RedrivePolicy),
  };
  return Object.fromEntries(
    Object.entries(wanted).filter((entry): entry is [string, string] => {
      const [name, value] = entry;
      return value !== undefined && value !== current[name];
    }),
  );
}

function secondsOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : String(toSeconds(ms));
}

/** Returns the wanted policy; the present text, if both are equal. */
function redrivePolicy(options: QueueAttributeOptions, attribute: string | undefined) {
  const { targetArn, maxReceives } = options;
  if (targetArn === undefined && maxReceives === undefined) return undefined;
  const current = redriveOf(attribute);
  const deadLetterTargetArn = targetArn ?? current?.deadLetterTargetArn;
  if (deadLetterTargetArn === undefined) {
    throw contradiction("maxReceives needs a deadLetterQueue");
  }
  const known = current?.deadLetterTargetArn === deadLetterTargetArn ? current : undefined;
  const maxReceiveCount = maxReceives ?? known?.maxReceiveCount ?? MAX_RECEIVES;
  if (known?.maxReceiveCount === maxReceiveCount) return attribute;
  return JSON.stringify({ deadLetterTargetArn, maxReceiveCount });
}

/**
 * Checks options before the first request.
 *
 * @throws a `RangeError` for a number that AWS does not take, a `MelangeError` with the code
 * `CONFIGURATION` for options that contradict each other, and with `INVALID_MESSAGE` for names.
 */
export function assertQueueOptions(queue: string, options: DeclareQueueOptions): void {
  addressOf({ queue });
  const { deadLetterQueue, contentBasedDeduplication } = options;
  for (const [name, min, max] of RANGES) {
    if (options[name] === undefined) continue;
    checkRange(options[name], { cannot: "declare a queue", name, min, max });
  }
  if (contentBasedDeduplication !== undefined && !isFifo(queue)) {
    throw contradiction("contentBasedDeduplication is for FIFO queues: end its name in .fifo");
  }
  if (deadLetterQueue === undefined) return;
  addressOf({ queue: deadLetterQueue });
  if (deadLetterQueue === queue) throw contradiction("it cannot be its own deadLetterQueue");
  if (isFifo(deadLetterQueue) !== isFifo(queue)) {
    throw contradiction("a queue and its deadLetterQueue are both FIFO (.fifo) or both not");
  }
}

/** The ranges of https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html */
const RANGES = [
  ["visibilityTimeoutMs", 0, 43_200_000],
  ["retentionMs", 60_000, 1_209_600_000],
  ["delayMs", 0, 900_000],
  ["maxReceives", 1, 1000],
] as const;

function contradiction(rule: string): MelangeError {
  return new MelangeError("CONFIGURATION", `Cannot declare the queue as ${rule}`);
}
