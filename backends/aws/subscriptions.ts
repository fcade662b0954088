/**
 * Subscriptions of queues to topics.
 *
 * https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
 */
import { type FilterPolicy, filterPolicyOf, type SubscriptionOptions } from "../../src/backend.ts";
import { MelangeError } from "../../src/errors.ts";
import { isFifo } from "../../src/message.ts";
import type { Declaring } from "./declare.ts";
import { assertName } from "./names.ts";
import {
  getSubscriptionAttributes,
  listSubscriptionsByTopic,
  setSubscriptionAttributes,
  subscribe,
} from "./sns.ts";
import { isRecord } from "./sqs.ts";

/** A subscription that is wanted. */
export interface WantedSubscription {
  readonly topic: string;
  /** What it shall have. An empty `FilterPolicy` is what SNS has for none. */
  readonly attributes: { readonly RawMessageDelivery: string; readonly FilterPolicy: string };
}

/**
 * What was asked for, checked before anything is sent.
 *
 * @throws a `MelangeError` with the code `CONFIGURATION` for what SNS would refuse, or would take
 * and then deliver nothing.
 */
export function subscriptionOf(
  queue: string,
  given: string | SubscriptionOptions,
): WantedSubscription {
  const options = typeof given === "string" ? { topic: given } : given;
  const { topic, raw = true } = options;
  const filter = filterPolicyOf(options) ?? {};
  assertName("topic", topic);
  const rule = isFifo(queue) && !isFifo(topic)
    ? "a FIFO queue takes messages from FIFO topics only"
    : brokenFilterRule(filter);
  if (rule !== undefined) {
    throw new MelangeError("CONFIGURATION", `Cannot subscribe to the topic "${topic}" as ${rule}`);
  }
  return {
    topic,
    attributes: { RawMessageDelivery: String(raw), FilterPolicy: JSON.stringify(filter) },
  };
}

/** https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html */
function brokenFilterRule(filter: FilterPolicy): string | undefined {
  const keys = Object.keys(filter).length;
  if (keys > 5) return `a filter has at most 5 keys: current value is ${keys}`;
  const lists = Object.values(filter).filter((value) => Array.isArray(value));
  if (lists.some((list) => list.length === 0)) {
    return "an empty list in its filter (or `events`) would let nothing through";
  }
  const combinations = lists.reduce((product, list) => product * list.length, 1);
  if (combinations > 150) {
    return `a filter has at most 150 combinations of values: current value is ${combinations}`;
  }
  if (/\\["\\]/.test(JSON.stringify(filter))) {
    return "a filter must not have quotation marks or backslashes: SNS reads them escaped twice";
  }
  return undefined;
}

/** Where a subscription goes. */
export interface SubscriptionPlan {
  readonly topicArn: string;
  readonly queueArn: string;
  readonly attributes: WantedSubscription["attributes"];
}

/** Creates a subscription, or changes what differs of the one that there is. */
export async function subscribeQueue(context: Declaring, plan: SubscriptionPlan): Promise<void> {
  const { client, signal, patiently } = context;
  const SubscriptionArn = await patiently(() => subscribedArn(context, plan));
  const current = await patiently(() =>
    getSubscriptionAttributes(client, { SubscriptionArn }, { signal })
  );
  const wanted = { ...plan.attributes, ...scopeOf(plan, current) };
  for (const [AttributeName, AttributeValue] of Object.entries(wanted)) {
    if (sameJson(current[AttributeName] ?? "{}", AttributeValue)) continue;
    const input = { SubscriptionArn, AttributeName, AttributeValue };
    await patiently(() => setSubscriptionAttributes(client, input, { signal }));
  }
}

/** Our filters are for attributes; one for the body, of other hands, would read them otherwise. */
function scopeOf(plan: SubscriptionPlan, current: { FilterPolicyScope?: string }) {
  const filters = plan.attributes.FilterPolicy !== "{}";
  return filters && current.FilterPolicyScope === "MessageBody"
    ? { FilterPolicyScope: "MessageAttributes" }
    : {};
}

/**
 * With its attributes from the first, so that nothing unfiltered gets through. SNS refuses that
 * where there is a subscription with other attributes, and only then is it looked for.
 */
async function subscribedArn(context: Declaring, plan: SubscriptionPlan): Promise<string> {
  const { client, signal } = context;
  const entry = Object.entries(plan.attributes)
    .filter(([, value]) => value !== "{}")
    .map(([key, value]) => ({ key, value }));
  try {
    return await subscribe(client, {
      TopicArn: plan.topicArn,
      Protocol: "sqs",
      Endpoint: plan.queueArn,
      ReturnSubscriptionArn: true,
      Attributes: { entry },
    }, { signal });
  } catch (error) {
    if (!(error instanceof MelangeError) || error.code !== "INVALID_MESSAGE") throw error;
    const existing = await findSubscription(context, plan);
    if (existing === undefined) throw error;
    return existing;
  }
}

async function findSubscription(
  { client, signal }: Declaring,
  { topicArn: TopicArn, queueArn }: SubscriptionPlan,
): Promise<string | undefined> {
  let page: { NextToken?: string } = {};
  do {
    const answer = await listSubscriptionsByTopic(client, { TopicArn, ...page }, { signal });
    const found = answer.Subscriptions.find(({ Protocol, Endpoint }) =>
      Protocol === "sqs" && Endpoint === queueArn
    );
    if (found) return found.SubscriptionArn;
    page = answer.NextToken ? { NextToken: answer.NextToken } : {};
  } while (page.NextToken);
  return undefined;
}

/** Compared as values: SNS may give back JSON in another order or spacing. */
function sameJson(left: string, right: string): boolean {
  return left === right || canonical(left) === canonical(right);
}

function canonical(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), (_, value) => isRecord(value) ? sorted(value) : value);
  } catch {
    return text;
  }
}

function sorted(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => a < b ? -1 : 1));
}
