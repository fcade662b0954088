/**
 * The attributes of topics: the rules of SNS, and its answers.
 * https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html
 */
import { parseArn } from "../addresses.ts";
import { invalidParameter } from "../errors.ts";
import { isRecord, parsed } from "../input.ts";
import type { Call } from "../operation.ts";
import type { TopicRecord } from "../world.ts";
import { isFifoTopic, subscriptionsTo } from "./find.ts";

/** Largest message of SNS unless a topic says otherwise, in bytes. */
export const DEFAULT_BYTES = 262_144;
const BYTES = [1_024, 1_048_576] as const;
/** Above the default, only these protocols, and only so many subscriptions. */
export const LARGE: { protocols: readonly string[]; subscriptions: number } = {
  protocols: ["sqs", "lambda", "firehose"],
  subscriptions: 100,
};

const BOOLEAN: readonly string[] = ["true", "false"];
const WORDS: Readonly<Record<string, readonly string[]>> = {
  ContentBasedDeduplication: BOOLEAN,
  FifoTopic: BOOLEAN,
  FifoThroughputScope: ["Topic", "MessageGroup"],
  SignatureVersion: ["1", "2"],
  TracingConfig: ["PassThrough", "Active"],
};
const FIFO_ONLY = ["ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy"];
const JSON_NAMES = ["Policy", "DeliveryPolicy", "ArchivePolicy", "DataProtectionPolicy"];
const TEXTS = ["DisplayName", "KmsMasterKeyId", "MaximumMessageSize", ...JSON_NAMES];
const FEEDBACK =
  /^(Application|HTTP|Firehose|Lambda|SQS)(Success|Failure)Feedback(RoleArn|SampleRate)$/;

/** Tells whether a topic can have an attribute by this name. */
export function isTopicAttribute(name: string): boolean {
  return name in WORDS || TEXTS.includes(name) || FEEDBACK.test(name);
}

/** Refuses an attribute of a topic as SNS does. */
export function checkTopicAttribute(name: string, value: string, topic: { arn: string }): void {
  const isKnown = isTopicAttribute(name);
  if (!isKnown) throw invalidParameter(`Attributes Reason: Unknown attribute ${name}`);
  if (FIFO_ONLY.includes(name) && !isFifoTopic(topic)) {
    throw invalidParameter(`Attributes Reason: ${name} can only be set on FIFO topics`);
  }
  const words = WORDS[name];
  if (words && !words.includes(value) && !words.includes(value.toLowerCase())) {
    throw invalidParameter(`Attributes Reason: Invalid value [${value}] for ${name}`);
  }
  if (JSON_NAMES.includes(name) && value !== "" && !parsed(value)) {
    throw invalidParameter(`Attributes Reason: ${name}: must be valid JSON`);
  }
  if (name === "MaximumMessageSize") checkSize(value);
}

function checkSize(value: string): void {
  const bytes = Number(value);
  if (Number.isInteger(bytes) && bytes >= BYTES[0] && bytes <= BYTES[1]) return;
  throw invalidParameter(
    `Attributes Reason: MaximumMessageSize must be from ${BYTES[0]} to ${BYTES[1]}`,
  );
}

/** Returns the largest size of a message of a topic, in bytes. */
export function maximumBytes({ attributes }: TopicRecord): number {
  return Number(attributes.MaximumMessageSize ?? DEFAULT_BYTES);
}

/** Tells whether the body stands in for a missing deduplication id. */
export function isContentBased({ attributes }: TopicRecord): boolean {
  return attributes.ContentBasedDeduplication?.toLowerCase() === "true";
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html */
const DELIVERY = {
  defaultHealthyRetryPolicy: {
    minDelayTarget: 20,
    maxDelayTarget: 20,
    numRetries: 3,
    numMaxDelayRetries: 0,
    numNoDelayRetries: 0,
    numMinDelayRetries: 0,
    backoffFunction: "linear",
  },
  disableSubscriptionOverrides: false,
  defaultRequestPolicy: { headerContentType: "text/plain; charset=UTF-8" },
};

/** Returns the delivery policy of a topic as SNS shows it, and the policy that holds. */
function deliveryOf(given: string | undefined): Record<string, string> {
  const { http } = parsed(given) ?? {};
  const entries = Object.entries((isRecord(http) ? http : {}) as object)
    .filter(([, value]) => value !== null);
  const own = Object.fromEntries(entries);
  const whole: Record<string, unknown> = { ...DELIVERY };
  for (const [name, value] of entries) {
    const base = whole[name];
    whole[name] = isRecord(value) && isRecord(base) ? { ...base, ...value } : value;
  }
  const shown = { disableSubscriptionOverrides: false, ...own };
  return {
    EffectiveDeliveryPolicy: JSON.stringify({ http: whole }),
    ...(given === undefined ? {} : { DeliveryPolicy: JSON.stringify({ http: shown }) }),
  };
}

/** All attributes of a topic. */
export function describeTopic(topic: TopicRecord, call: Call): Record<string, string> {
  const all = subscriptionsTo(call, topic.arn);
  const pending = all.filter((each) => each.pending).length;
  const { account = "" } = parseArn(topic.arn) ?? {};
  const fifo: Record<string, string> = isFifoTopic(topic)
    ? { FifoTopic: "true", ContentBasedDeduplication: "false" }
    : {};
  const oldest = topic.archive[0]?.publishedAt;
  return {
    TopicArn: topic.arn,
    Owner: account,
    DisplayName: "",
    Policy: defaultPolicy(topic.arn, account),
    SubscriptionsConfirmed: String(all.length - pending),
    SubscriptionsPending: String(pending),
    SubscriptionsDeleted: String(topic.subscriptionsDeleted),
    ...fifo,
    ...topic.attributes,
    ...deliveryOf(topic.attributes.DeliveryPolicy),
    ...(oldest === undefined ? {} : { BeginningArchiveTime: new Date(oldest).toISOString() }),
  };
}

/** The actions that a policy of a topic can name. */
export const POLICY_ACTIONS: readonly string[] = [
  "SNS:GetTopicAttributes",
  "SNS:SetTopicAttributes",
  "SNS:AddPermission",
  "SNS:RemovePermission",
  "SNS:DeleteTopic",
  "SNS:Subscribe",
  "SNS:ListSubscriptionsByTopic",
  "SNS:Publish",
];

/** Returns the policy of a topic without a policy of the user. */
export function defaultPolicy(arn: string, account: string): string {
  return JSON.stringify({
    Version: "2008-10-17",
    Id: "__default_policy_ID",
    Statement: [{
      Effect: "Allow",
      Sid: "__default_statement_ID",
      Principal: { AWS: "*" },
      Action: POLICY_ACTIONS,
      Resource: arn,
      Condition: { StringEquals: { "AWS:SourceOwner": account } },
    }],
  });
}
