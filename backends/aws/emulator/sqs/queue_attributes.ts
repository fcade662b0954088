/**
 * The attributes of queues: the rules of SQS, the answers, and the settings for the engine.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
 */
import type { QueueSettings } from "../../../memory/queue.ts";
import { parseArn } from "../addresses.ts";
import { commonError, sqsError } from "../errors.ts";
import { parsed } from "../input.ts";
import type { World } from "../world.ts";

/** The numbers: least, most, and default. */
const NUMBERS: Readonly<Record<string, readonly [number, number, string]>> = {
  DelaySeconds: [0, 900, "0"],
  MaximumMessageSize: [1_024, 1_048_576, "1048576"],
  MessageRetentionPeriod: [60, 1_209_600, "345600"],
  ReceiveMessageWaitTimeSeconds: [0, 20, "0"],
  VisibilityTimeout: [0, 43_200, "30"],
  KmsDataKeyReusePeriodSeconds: [60, 86_400, "300"],
};

const BOOLEAN: readonly string[] = ["true", "false"];
/** The words that an attribute takes. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  FifoQueue: ["true"],
  ContentBasedDeduplication: BOOLEAN,
  SqsManagedSseEnabled: BOOLEAN,
  DeduplicationScope: ["queue", "messageGroup"],
  FifoThroughputLimit: ["perQueue", "perMessageGroupId"],
};
/** Attributes that a standard queue does not know, and those that it knows of. */
const OF_FIFO = ["FifoQueue", "ContentBasedDeduplication"];
const FIFO_ONLY = ["DeduplicationScope", "FifoThroughputLimit"];
const TEXTS = ["Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"];

/** Attributes that SQS computes, and that nobody can set. */
export const COMPUTED: readonly string[] = [
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesDelayed",
  "ApproximateNumberOfMessagesNotVisible",
  "CreatedTimestamp",
  "LastModifiedTimestamp",
  "QueueArn",
];

/** All names that a queue may be asked for. */
export const NAMES: readonly string[] = [
  ...Object.keys(NUMBERS),
  ...Object.keys(WORDS),
  ...TEXTS,
  ...COMPUTED,
];

/** The queue whose attributes are checked. */
export interface AttributeOwner {
  /** The ARN of the queue. */
  readonly arn: string;
  /** Tells that the queue is FIFO. */
  readonly fifo: boolean;
  /** The world with the other queues. */
  readonly world: World;
}

/**
 * Refuses attributes as SQS does. Returns the attributes to keep: an empty text takes an attribute
 * away.
 */
export function checkedAttributes(
  attributes: Readonly<Record<string, string>>,
  owner: AttributeOwner,
): Record<string, string> {
  for (const [name, value] of Object.entries(attributes)) {
    const isForeign = OF_FIFO.includes(name) && !owner.fifo;
    if (COMPUTED.includes(name) || !NAMES.includes(name) || isForeign) {
      throw sqsError("InvalidAttributeName", `Unknown Attribute ${name}.`);
    }
    if (FIFO_ONLY.includes(name) && !owner.fifo) {
      throw sqsError(
        "InvalidAttributeName",
        `You can specify the ${name} only when FifoQueue is set to true.`,
      );
    }
    checkValue(name, value, owner);
  }
  if (attributes.FifoThroughputLimit === "perMessageGroupId") {
    checkThroughput(attributes);
  }
  if (!attributes.KmsMasterKeyId) return { ...attributes };
  if (attributes.SqsManagedSseEnabled === "true") {
    throw sqsError(
      "InvalidAttributeName",
      "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    );
  }
  return { ...attributes, SqsManagedSseEnabled: "false" };
}

function checkThroughput({ DeduplicationScope: scope }: Readonly<Record<string, string>>): void {
  if (scope === undefined || scope === "messageGroup") return;
  throw sqsError(
    "InvalidAttributeValue",
    "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.",
  );
}

function checkValue(name: string, value: string, owner: AttributeOwner): void {
  const range = NUMBERS[name];
  if (range) {
    const isWithin = /^\d+$/.test(value) && Number(value) >= range[0] && Number(value) <= range[1];
    if (!isWithin) throw wrongValue(name);
  }
  if (name === "FifoQueue" && value.toLowerCase() !== "true") {
    throw sqsError(
      "InvalidAttributeValue",
      "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
    );
  }
  if (WORDS[name] && !WORDS[name].includes(value.toLowerCase()) && !WORDS[name].includes(value)) {
    throw wrongValue(name);
  }
  if (value === "") return;
  if (name === "RedrivePolicy") checkRedrive(value, owner);
  if ((name === "Policy" || name === "RedriveAllowPolicy") && !parsed(value)) {
    throw wrongValue(name);
  }
}

function wrongValue(name: string) {
  return sqsError("InvalidAttributeValue", `Invalid value for the parameter ${name}.`);
}

function checkRedrive(value: string, { arn, fifo, world }: AttributeOwner): void {
  const policy = parsed(value);
  const refuse = (reason: string) =>
    commonError(
      "InvalidParameterValue",
      `Value ${value} for parameter RedrivePolicy is invalid. Reason: ${reason}`,
    );
  if (!policy) throw refuse("Redrive policy is not a valid JSON map.");
  const { deadLetterTargetArn: target, maxReceiveCount: most } = policy;
  if (most === undefined) {
    throw refuse("Redrive policy does not contain mandatory attribute: maxReceiveCount.");
  }
  if (typeof target !== "string") {
    throw refuse("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.");
  }
  const count = Number(most);
  if (!Number.isInteger(count) || count < 1 || count > 1_000) {
    throw refuse("Invalid value for maxReceiveCount: it must be from 1 to 1000.");
  }
  const { service, region, account } = parseArn(target) ?? {};
  const own = parseArn(arn);
  if (service !== "sqs" || region !== own?.region || account !== own?.account) {
    throw refuse("Dead-letter target owner should be same as the source.");
  }
  if (!world.queues.has(target)) throw refuse("Dead letter target does not exist.");
  if (target.endsWith(".fifo") !== fifo) {
    throw refuse("Dead-letter queue must be same type of queue as the source.");
  }
}

/** Returns the value of an attribute, or its default. */
export function valueOf(attributes: Readonly<Record<string, string>>, name: string): string {
  return attributes[name] ?? NUMBERS[name]?.[2] ?? "";
}

/**
 * Returns the answer of a queue for an attribute that was not set; `undefined` if there is no
 * answer.
 */
export function defaultOf(name: string, fifo: boolean): string | undefined {
  if (name === "KmsDataKeyReusePeriodSeconds") return undefined;
  if (NUMBERS[name]) return NUMBERS[name][2];
  if (name === "SqsManagedSseEnabled") return "true";
  if (!fifo) return undefined;
  const ofFifo: Readonly<Record<string, string>> = {
    FifoQueue: "true",
    ContentBasedDeduplication: "false",
    DeduplicationScope: "queue",
    FifoThroughputLimit: "perQueue",
  };
  return ofFifo[name];
}

/** The redrive of a queue: the queue for messages with too many receives, and the limit. */
export interface Redrive {
  /** The dead-letter queue. */
  readonly target: string;
  /** The most receives. */
  readonly maxReceives: number;
}

/** Returns the redrive of a policy; `undefined` without a policy. */
export function redriveOf(attributes: Readonly<Record<string, string>>): Redrive | undefined {
  const policy = parsed(attributes.RedrivePolicy);
  if (!policy || typeof policy.deadLetterTargetArn !== "string") return undefined;
  return { target: policy.deadLetterTargetArn, maxReceives: Number(policy.maxReceiveCount) };
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html */
const IN_FLIGHT_LIMIT = 120_000;

/** Returns the settings of the engine for these attributes. */
export function settingsOf(
  attributes: Readonly<Record<string, string>>,
  { fifo }: { fifo: boolean },
): QueueSettings {
  const ms = (name: string) => Number(valueOf(attributes, name)) * 1_000;
  return {
    fifo,
    inFlightLimit: IN_FLIGHT_LIMIT,
    visibilityTimeoutMs: ms("VisibilityTimeout"),
    retentionMs: ms("MessageRetentionPeriod"),
    delayMs: ms("DelaySeconds"),
    contentBasedDeduplication: attributes.ContentBasedDeduplication?.toLowerCase() === "true",
    deduplicationScope: attributes.DeduplicationScope === "messageGroup" ? "messageGroup" : "queue",
    maxReceives: redriveOf(attributes)?.maxReceives ?? Number.MAX_SAFE_INTEGER,
  };
}
