/**
 * The attributes of subscriptions: the rules of SNS, and the messages that pass.
 * https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
 */
import type { FilterPolicy } from "../../../../src/backend.ts";
import { checkPolicy, matches } from "../../../memory/filter.ts";
import { checkBodyPolicy, matchesBody } from "../../../memory/filter_body.ts";
import { parseArn } from "../addresses.ts";
import { invalidParameter, type RequestError, snsError } from "../errors.ts";
import { parsed } from "../input.ts";
import type { Call } from "../operation.ts";
import type { Notification, Subscription } from "../world.ts";
import { isNested, whyRefused } from "./filter_rules.ts";

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
export interface AttributeOwner extends Pick<Subscription, "topicArn" | "protocol" | "endpoint"> {
  /** Tells that the attributes come with the call that subscribes; SNS then says so. */
  readonly isNew: boolean;
}

/** Refuses attributes of a subscription as SNS does. */
export function checkSubscriptionAttributes(
  attributes: Readonly<Record<string, string>>,
  owner: AttributeOwner,
  call: Call,
): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (!NAMES.includes(name)) {
      throw invalidParameter(
        owner.isNew ? `Attributes Reason: Unknown attribute: ${name}` : "AttributeName",
      );
    }
    if (name === "RawMessageDelivery") checkRaw(value, owner);
    if (name === "FilterPolicyScope" && !["MessageAttributes", "MessageBody"].includes(value)) {
      throw refused(
        `FilterPolicyScope: Invalid value [${value}]. Please use either MessageBody or MessageAttributes`,
        owner,
      );
    }
    if (name === "RedrivePolicy" && value !== "") checkRedrive(value, owner, call);
    if (name === "ReplayPolicy" && value !== "" && !owner.topicArn.endsWith(".fifo")) {
      throw refused("ReplayPolicy can only be set on FIFO topics", owner);
    }
  }
  checkFilter(attributes, owner);
}

function refused(reason: string, { isNew }: AttributeOwner): RequestError {
  return invalidParameter((isNew ? "Attributes Reason: " : "") + reason);
}

function checkRaw(value: string, owner: AttributeOwner): void {
  if (!["true", "false"].includes(value.toLowerCase())) {
    throw refused(
      `RawMessageDelivery: Invalid value [${value}]. Must be true or false.`,
      owner,
    );
  }
  if (value.toLowerCase() === "true" && owner.protocol === "lambda") {
    throw refused("Delivery protocol [lambda] does not support raw message delivery.", owner);
  }
}

function checkRedrive(value: string, owner: AttributeOwner, call: Call): void {
  const policy = parsed(value);
  if (!policy) throw refused("RedrivePolicy: failed to parse JSON.", owner);
  const target = policy.deadLetterTargetArn;
  if (typeof target !== "string" || parseArn(target)?.service !== "sqs") {
    throw refused("RedrivePolicy: deadLetterTargetArn is an invalid arn", owner);
  }
  if (!call.world.queues.has(target)) return;
  if (owner.endpoint.endsWith(".fifo") && !target.endsWith(".fifo")) {
    throw refused(
      "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
      owner,
    );
  }
}

function checkFilter(
  { FilterPolicy: value, FilterPolicyScope: scope }: Record<string, string>,
  owner: AttributeOwner,
): void {
  if (!value) return;
  const policy = parsed(value);
  if (!policy) throw refused("FilterPolicy: failed to parse JSON.", owner);
  const reason = whyRefused(policy);
  if (reason !== undefined) throw refused(`FilterPolicy: ${reason}`, owner);
  if (scope !== "MessageBody" && isNested(policy)) {
    throw refused(
      "Filter policy scope MessageAttributes does not support nested filter policy",
      owner,
    );
  }
  try {
    if (scope === "MessageBody") checkBodyPolicy(policy as FilterPolicy);
    else checkPolicy(policy as FilterPolicy);
  } catch (error) {
    throw refused(`FilterPolicy: ${error instanceof Error ? error.message : error}`, owner);
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
export function letsThrough(
  subscription: Subscription,
  message: Notification,
  at: number,
): boolean {
  const attributes = filterOf(subscription, at);
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

/** Returns the attributes with the filter that holds at a time. */
export function filterOf(
  { attributes, before }: Subscription,
  at: number,
): Readonly<Record<string, string>> {
  return before && at < before.until ? before.attributes : attributes;
}

/** Tells whether a subscription wants messages without an envelope. */
export function isRaw({ attributes }: Subscription): boolean {
  return attributes.RawMessageDelivery?.toLowerCase() === "true";
}

/** All attributes of a subscription. */
export function describeSubscription(subscription: Subscription): Record<string, string> {
  const { arn, topicArn, owner, protocol, endpoint, pending, attributes } = subscription;
  const account = parseArn(arn)?.account ?? owner;
  // Without a policy, SNS does not show the scope of one.
  const { FilterPolicyScope: scope = "MessageAttributes", ...shown } = attributes;
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
    ...shown,
    ...(attributes.FilterPolicy ? { FilterPolicyScope: scope } : {}),
    ...(attributes.ReplayPolicy ? { ReplayStatus: REPLAYED } : {}),
  };
}

const REPLAYED = JSON.stringify({ status: "Completed" });
