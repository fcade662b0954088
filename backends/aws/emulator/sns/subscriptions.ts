/** The actions of SNS that subscribe, confirm, describe and unsubscribe. */
import { parseArn } from "../addresses.ts";
import { invalidParameter, notEmulated, snsError } from "../errors.ts";
import { flag, needed, text, textMap } from "../input.ts";
import type { Call, Output } from "../operation.ts";
import { paged } from "../pages.ts";
import type { Subscription, TopicRecord } from "../world.ts";
import { replay } from "./archive.ts";
import {
  isFifoTopic,
  subscriptionArnIn,
  subscriptionOf,
  subscriptionsTo,
  topicOf,
} from "./find.ts";
import { postConfirmation } from "./posts.ts";
import {
  checkPolicyCount,
  checkSubscriptionAttributes,
  describeSubscription,
  filterOf,
} from "./subscription_attributes.ts";
import { DEFAULT_BYTES, LARGE, maximumBytes } from "./topic_attributes.ts";

const EMULATED = ["sqs", "http", "https", "lambda"];
const OTHERS = ["email", "email-json", "sms", "application", "firehose"];
const PAGE = 100;

/** https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html */
export function subscribe(call: Call): Output {
  const topic = topicOf(call);
  const { input, world, account } = call;
  const protocol = needed(input, "Protocol");
  if (OTHERS.includes(protocol)) throw notEmulated(`The protocol ${protocol} of SNS`);
  if (!EMULATED.includes(protocol)) {
    throw invalidParameter(`Amazon SNS does not support this protocol string: ${protocol}`);
  }
  const endpoint = needed(input, "Endpoint");
  checkEndpoint(topic, protocol, endpoint);
  checkLarge(call, topic, protocol);
  const attributes = textMap(input, "Attributes");
  const owner = { topicArn: topic.arn, protocol, endpoint, isNew: true };
  checkSubscriptionAttributes(attributes, owner, call);
  const known = subscriptionsTo(call, topic.arn)
    .find((each) => each.protocol === protocol && each.endpoint === endpoint);
  if (known) return answered(known, sameAttributes(known, attributes), call);
  if (attributes.FilterPolicy) checkPolicyCount(topic.arn, call);
  const subscription: Subscription = {
    arn: `${topic.arn}:${call.newId()}`,
    topicArn: topic.arn,
    protocol,
    endpoint,
    owner: account,
    attributes: kept(attributes),
    token: tokenOf(call),
    pending: protocol.startsWith("http"),
  };
  world.subscriptions.set(subscription.arn, subscription);
  if (subscription.pending) postConfirmation(subscription, call);
  else if (attributes.ReplayPolicy) replay(topic, subscription, call);
  return answered(subscription, true, call);
}

function answered(
  { arn, pending, protocol }: Subscription,
  same: boolean,
  { input }: Call,
): Output {
  if (!same) {
    throw invalidParameter(
      "Attributes Reason: Subscription already exists with different attributes",
    );
  }
  const isShown = !pending || !protocol.startsWith("http") || flag(input, "ReturnSubscriptionArn");
  return { SubscriptionArn: isShown ? arn : "pending confirmation" };
}

const DEFAULTS: Readonly<Record<string, string>> = {
  RawMessageDelivery: "false",
  FilterPolicyScope: "MessageAttributes",
};

function sameAttributes(known: Subscription, given: Record<string, string>): boolean {
  return Object.entries(kept(given)).every(([name, value]) =>
    (known.attributes[name] ?? DEFAULTS[name] ?? "") === value
  );
}

/** SNS takes `True` for `true`. */
function kept(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      name === "RawMessageDelivery" ? value.toLowerCase() : value,
    ]),
  );
}

/** The tokens of SNS are long hexadecimal numbers. */
function tokenOf(call: Call): string {
  return Array.from({ length: 4 }, () => call.newId().replaceAll("-", "")).join("");
}

function checkEndpoint(topic: TopicRecord, protocol: string, endpoint: string): void {
  const fifo = isFifoTopic(topic);
  if (protocol === "sqs") {
    if (parseArn(endpoint)?.service !== "sqs") throw invalidParameter("SQS endpoint ARN");
    if (endpoint.endsWith(".fifo") && !fifo) {
      throw invalidParameter(
        "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
      );
    }
    return;
  }
  if (fifo) {
    throw invalidParameter(
      "Invalid parameter: Endpoint Reason: Please use FIFO SQS queue or standard SQS queue",
    );
  }
  if (protocol === "lambda" && parseArn(endpoint)?.service !== "lambda") {
    throw invalidParameter("Lambda endpoint ARN");
  }
  if (protocol.startsWith("http") && !endpoint.startsWith(`${protocol}://`)) {
    throw invalidParameter("Endpoint must match the specified protocol");
  }
}

function checkLarge(call: Call, topic: TopicRecord, protocol: string): void {
  if (maximumBytes(topic) <= DEFAULT_BYTES) return;
  const room = subscriptionsTo(call, topic.arn).length < LARGE.subscriptions;
  if (room && LARGE.protocols.includes(protocol)) return;
  throw invalidParameter(
    "Protocol Reason: A topic whose MaximumMessageSize is above 256 KiB takes at most 100 subscriptions, of the protocols sqs, firehose and lambda",
  );
}

/** https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html */
export function confirmSubscription(call: Call): Output {
  const arn = text(call.input, "TopicArn") ?? "";
  const { service, region } = parseArn(arn) ?? {};
  if (service !== "sns" || region !== call.region) throw invalidParameter("Topic");
  const token = needed(call.input, "Token");
  if (!/^[0-9a-f]+$/.test(token)) throw snsError("InvalidParameter", "Invalid token");
  const subscription = subscriptionsTo(call, arn).find((each) => each.token === token);
  if (!subscription) throw invalidParameter("Token");
  subscription.pending = false;
  return { SubscriptionArn: subscription.arn };
}

/** https://docs.aws.amazon.com/sns/latest/api/API_Unsubscribe.html */
export function unsubscribe(call: Call): Output {
  const { input, world } = call;
  const subscription = world.subscriptions.get(subscriptionArnIn(input));
  if (!subscription) return {};
  if (subscription.pending) {
    throw snsError("AuthorizationError", "The subscription is pending confirmation");
  }
  world.subscriptions.delete(subscription.arn);
  const topic = world.topics.get(subscription.topicArn);
  if (topic) topic.subscriptionsDeleted++;
  return {};
}

/** https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptions.html */
export function listSubscriptions(call: Call): Output {
  const own = [...call.world.subscriptions.values()]
    .filter(({ arn, owner }) => owner === call.account && parseArn(arn)?.region === call.region);
  return listed(own, call);
}

/** https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html */
export function listSubscriptionsByTopic(call: Call): Output {
  return listed(subscriptionsTo(call, topicOf(call).arn), call);
}

function listed(subscriptions: readonly Subscription[], { input }: Call): Output {
  const page = paged(subscriptions, { max: PAGE, token: text(input, "NextToken") });
  const Subscriptions = page.items.map(({ arn, pending, owner, protocol, endpoint, topicArn }) => ({
    SubscriptionArn: pending ? "PendingConfirmation" : arn,
    Owner: owner,
    Protocol: protocol,
    Endpoint: endpoint,
    TopicArn: topicArn,
  }));
  return { Subscriptions, ...page.NextToken };
}

/** https://docs.aws.amazon.com/sns/latest/api/API_GetSubscriptionAttributes.html */
export function getSubscriptionAttributes(call: Call): Output {
  return { Attributes: describeSubscription(subscriptionOf(call)) };
}

/** https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html */
export function setSubscriptionAttributes(call: Call): Output {
  const subscription = subscriptionOf(call);
  const { world, input } = call;
  const name = needed(input, "AttributeName");
  const value = text(input, "AttributeValue") ?? "";
  const { FilterPolicyScope: scope, FilterPolicy: policy } = subscription.attributes;
  const context: Record<string, string> = { [name]: value };
  if (name === "FilterPolicy" && scope) context.FilterPolicyScope = scope;
  if (name === "FilterPolicyScope" && policy) context.FilterPolicy = policy;
  checkSubscriptionAttributes(context, { ...subscription, isNew: false }, call);
  if (name === "FilterPolicy" && value && !policy) checkPolicyCount(subscription.topicArn, call);
  const delayMs = call.rules?.filterPoliciesMs ?? 0;
  if (name.startsWith("FilterPolicy") && delayMs > 0) {
    const before = filterOf(subscription, call.at);
    subscription.before = { attributes: { ...before }, until: call.at + delayMs };
  }
  if (value === "" || (name === "FilterPolicy" && value === "{}")) {
    delete subscription.attributes[name];
  } else Object.assign(subscription.attributes, kept({ [name]: value }));
  const topic = world.topics.get(subscription.topicArn);
  if (name === "ReplayPolicy" && value && topic) replay(topic, subscription, call);
  return {};
}
