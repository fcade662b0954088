/**
 * Deliveries that leave the emulator: their content, their retries and their end.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
 */
import { isRecord, needed, parsed } from "../input.ts";
import type { Call, Input, Output } from "../operation.ts";
import type { Notification, Post, Subscription, World } from "../world.ts";
import { envelopeFields, writeEnvelope } from "./envelope.ts";
import { bury } from "./to_queue.ts";
import { isRaw } from "./subscription_attributes.ts";

/** Posts the request to confirm a subscription. */
export function postConfirmation(subscription: Subscription, call: Call): void {
  const { topicArn, token } = subscription;
  const query = `Action=ConfirmSubscription&TopicArn=${topicArn}&Token=${token}`;
  const fields = {
    Type: "SubscriptionConfirmation",
    MessageId: call.newId(),
    Token: token,
    TopicArn: topicArn,
    Message:
      `You have chosen to subscribe to the topic ${topicArn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`,
    SubscribeURL: `${call.origin}/?${query}`,
    Timestamp: new Date(call.at).toISOString(),
  };
  addPost(subscription, fields, call);
}

/** Posts a message to a subscription. */
export function postNotification(
  message: Notification,
  subscription: Subscription,
  call: Call,
): void {
  const fields = envelopeFields(message, subscription, call);
  addPost(subscription, fields, call);
}

function addPost(
  subscription: Subscription,
  fields: Readonly<Record<string, unknown>>,
  call: Call,
): void {
  const { arn, topicArn, protocol, endpoint } = subscription;
  const id = call.newId();
  const raw = fields.Type === "Notification" && isRaw(subscription)
    ? { raw: String(fields.Message) }
    : {};
  call.world.posts.set(id, {
    id,
    subscriptionArn: arn,
    topicArn,
    protocol,
    endpoint,
    type: String(fields.Type),
    fields,
    ...raw,
    failures: 0,
    dueAt: call.at,
  });
}

/** Takes note of the answer to a post: 0 stands for none at all. */
export function postAnswered(call: Call): Output {
  const { input, world, at } = call;
  const post = world.posts.get(needed(input, "id"));
  const status = Number(input.status);
  if (!post) return {};
  const isDone = status >= 200 && status < 300;
  const delayMs = isDone || isPermanent(status) ? undefined : delayAfter(post, world);
  if (delayMs === undefined) {
    world.posts.delete(post.id);
    if (!isDone) give(post, call);
    return {};
  }
  post.failures++;
  post.dueAt = at + delayMs;
  return {};
}

/**
 * Tells that a status means a fault of the client, other than too many requests. SNS does not retry
 * such faults.
 */
function isPermanent(status: number): boolean {
  return status >= 300 && status < 500 && status !== 429;
}

function give({ subscriptionArn, raw, fields, type }: Post, call: Call): void {
  const subscription = call.world.subscriptions.get(subscriptionArn);
  if (!subscription || type !== "Notification") return;
  const message = { body: raw ?? writeEnvelope(fields), attributes: {} };
  bury(message, subscription, call);
}

/** Counts of retries, and their distances in seconds. */
interface RetryPolicy {
  readonly numRetries: number;
  readonly minDelayTarget: number;
  readonly maxDelayTarget: number;
  readonly numNoDelayRetries: number;
  readonly numMinDelayRetries: number;
  readonly numMaxDelayRetries: number;
}

const HTTP: RetryPolicy = {
  numRetries: 3,
  minDelayTarget: 20,
  maxDelayTarget: 20,
  numNoDelayRetries: 0,
  numMinDelayRetries: 0,
  numMaxDelayRetries: 0,
};

const LAMBDA: RetryPolicy = {
  numRetries: 100_015,
  minDelayTarget: 1,
  maxDelayTarget: 20,
  numNoDelayRetries: 3,
  numMinDelayRetries: 2,
  numMaxDelayRetries: 100_000,
};

/** Returns the time until the next attempt, in milliseconds; `undefined` after the last attempt. */
function delayAfter({ failures, protocol, subscriptionArn, topicArn }: Post, world: World) {
  const policy = protocol === "lambda" ? LAMBDA : {
    ...HTTP,
    ...ofTopic(world.topics.get(topicArn)?.attributes.DeliveryPolicy),
    ...ofSubscription(world.subscriptions.get(subscriptionArn)?.attributes.DeliveryPolicy),
  };
  return failures < policy.numRetries ? delayIn(policy, failures) * 1_000 : undefined;
}

function ofTopic(json: string | undefined): Partial<RetryPolicy> {
  const { http } = parsed(json) ?? {};
  return isRecord(http) ? numbersIn(http.defaultHealthyRetryPolicy) : {};
}

function ofSubscription(json: string | undefined): Partial<RetryPolicy> {
  return numbersIn(parsed(json)?.healthyRetryPolicy);
}

function numbersIn(policy: unknown): Partial<RetryPolicy> {
  const entries = Object.entries((isRecord(policy) ? policy : {}) as Input);
  return Object.fromEntries(entries.filter(([, value]) => typeof value === "number"));
}

/** At once, then the least delay, then longer and longer, then the most. */
function delayIn(policy: RetryPolicy, failures: number): number {
  const { numRetries, numNoDelayRetries, numMinDelayRetries, numMaxDelayRetries } = policy;
  const { minDelayTarget: least, maxDelayTarget: most } = policy;
  if (failures < numNoDelayRetries) return 0;
  const grown = failures - numNoDelayRetries - numMinDelayRetries;
  if (grown < 0) return least;
  const steps = numRetries - numNoDelayRetries - numMinDelayRetries - numMaxDelayRetries;
  return grown >= steps ? most : least + (most - least) * grown / Math.max(steps - 1, 1);
}
