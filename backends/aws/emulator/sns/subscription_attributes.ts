/**
 * The attributes of subscriptions: the rules of SNS, and the messages that pass.
 * https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
 */
import type { FilterPolicy } from "../../../../src/backend.ts";
import { checkPolicy, matches } from "../../../memory/filter.ts";
import { checkBodyPolicy, matchesBody } from "../../../memory/filter_body.ts";
import { parseArn } from "../addresses.ts";
import { invalidParameter, snsError } from "../errors.ts";
import { parsed } from "../input.ts";
import type { Call } from "../operation.ts";
import type { Notification, Subscription } from "../world.ts";

const NAMES = [
  "DeliveryPolicy",
  "FilterPolicy",
  "FilterPolicyScope",
  "RawMessageDelivery",
  "RedrivePolicy",
  "ReplayPolicy",
  "SubscriptionRoleArn",
];
const MAX_POLICIES = 200;

/** The subscription whose attributes are checked. */
export type AttributeOwner = Pick<Subscription, "topicArn" | "protocol">;

/** Refuses attributes of a subscription as SNS does. */
export function checkSubscriptionAttributes(
  attributes: Readonly<Record<string, string>>,
  owner: AttributeOwner,
  call: Call,
): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (!NAMES.includes(name)) {
      throw invalidParameter(`Attributes Reason: Unknown attribute: ${name}`);
    }
    if (name === "RawMessageDelivery") checkRaw(value, owner);
    if (name === "FilterPolicyScope" && !["MessageAttributes", "MessageBody"].includes(value)) {
      throw invalidParameter(`Attributes Reason: FilterPolicyScope: Invalid value [${value}].`);
    }
    if (name === "RedrivePolicy" && value !== "") checkRedrive(value, owner, call);
    if (name === "ReplayPolicy" && value !== "" && !owner.topicArn.endsWith(".fifo")) {
      throw invalidParameter("Attributes Reason: ReplayPolicy can only be set on FIFO topics");
    }
  }
  checkFilter(attributes);
}

function checkRaw(value: string, { protocol }: AttributeOwner): void {
  if (!["true", "false"].includes(value.toLowerCase())) {
    throw invalidParameter(
      `Attributes Reason: RawMessageDelivery: Invalid value [${value}]. Must be true or false.`,
    );
  }
  if (value.toLowerCase() === "true" && protocol === "lambda") {
    throw invalidParameter(
      "Attributes Reason: Delivery protocol [lambda] does not support raw message delivery.",
    );
  }
}

function checkRedrive(value: string, { topicArn }: AttributeOwner, call: Call): void {
  const target = parsed(value)?.deadLetterTargetArn;
  if (typeof target !== "string" || parseArn(target)?.service !== "sqs") {
    throw invalidParameter(
      "Attributes Reason: RedrivePolicy: deadLetterTargetArn is an invalid arn",
    );
  }
  if (!call.world.queues.has(target)) return;
  if (topicArn.endsWith(".fifo") && !target.endsWith(".fifo")) {
    throw invalidParameter(
      "Attributes Reason: RedrivePolicy: must use a FIFO queue as DLQ for a FIFO topic",
    );
  }
}

function checkFilter(
  { FilterPolicy: value, FilterPolicyScope: scope }: Record<string, string>,
): void {
  if (!value) return;
  const policy = parsed(value);
  if (!policy) throw invalidParameter("FilterPolicy: failed to parse JSON.");
  try {
    if (scope === "MessageBody") checkBodyPolicy(policy as FilterPolicy);
    else checkPolicy(policy as FilterPolicy);
  } catch (error) {
    throw invalidParameter(`FilterPolicy: ${error instanceof Error ? error.message : error}`);
  }
}

/** Refuses more filter policies than a topic takes. */
export function checkPolicyCount(topicArn: string, call: Call): void {
  const policies = [...call.world.subscriptions.values()]
    .filter((each) => each.topicArn === topicArn && each.attributes.FilterPolicy);
  if (policies.length < MAX_POLICIES) return;
  throw snsError("FilterPolicyLimitExceeded", "The filter policy limit of the topic is exceeded");
}

/** Tells whether the filter policy of a subscription lets a message through. */
export function letsThrough({ attributes }: Subscription, message: Notification): boolean {
  const policy = parsed(attributes.FilterPolicy) as FilterPolicy | undefined;
  if (!policy || Object.keys(policy).length === 0) return true;
  if (attributes.FilterPolicyScope === "MessageBody") {
    return matchesBody(policy, message.messages.default ?? "");
  }
  const entries = Object.entries(message.attributes)
    .filter(([, { DataType }]) => !DataType.startsWith("Binary"))
    .map(([name, { DataType, StringValue = "" }]) =>
      [name, { type: DataType, value: StringValue }] as const
    );
  return matches(policy, Object.fromEntries(entries));
}

/** Tells whether a subscription wants messages without an envelope. */
export function isRaw({ attributes }: Subscription): boolean {
  return attributes.RawMessageDelivery?.toLowerCase() === "true";
}

/** All attributes of a subscription. */
export function describeSubscription(subscription: Subscription): Record<string, string> {
  const { arn, topicArn, owner, protocol, endpoint, pending, attributes } = subscription;
  const account = parseArn(arn)?.account ?? owner;
  return {
    SubscriptionArn: arn,
    TopicArn: topicArn,
    Owner: owner,
    Protocol: protocol,
    Endpoint: endpoint,
    PendingConfirmation: String(pending),
    ConfirmationWasAuthenticated: String(!pending),
    RawMessageDelivery: "false",
    SubscriptionPrincipal: `arn:aws:iam::${account}:user/DummySNSPrincipal`,
    ...(attributes.FilterPolicy ? { FilterPolicyScope: "MessageAttributes" } : {}),
    ...attributes,
    ...(attributes.ReplayPolicy ? { ReplayStatus: REPLAYED } : {}),
  };
}

const REPLAYED = JSON.stringify({ status: "Completed" });
