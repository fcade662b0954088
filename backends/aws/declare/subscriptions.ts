/**
 * Subscriptions of queues and of HTTPS endpoints to topics.
 *
 * https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
 */
import {
  type FilterPolicy,
  filterPolicyOf,
  type SubscriptionOptions,
} from "../../../src/backend.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { isRecord } from "../../../src/wire/json.ts";
import { isFifo } from "../../../src/wire/message.ts";
import type { Declaring } from "./declaring.ts";
import type { AwsClient } from "../api/client.ts";
import { isDenied, unknownOutcome } from "../api/errors.ts";
import { addressOf } from "../api/names.ts";
import {
  getSubscriptionAttributes,
  listSubscriptionsByTopic,
  setSubscriptionAttributes,
  subscribe,
  type Subscription,
} from "../api/sns.ts";

/** A subscription that is wanted. */
export interface WantedSubscription {
  readonly topic: string;
  /** The attributes to have. SNS has an empty `FilterPolicy` for none. */
  readonly attributes: { readonly RawMessageDelivery: string; readonly FilterPolicy: string };
}

/**
 * Reads the wanted subscription of a queue, checked before anything is sent.
 *
 * @throws a `MelangeError` with the code `CONFIGURATION` for a subscription that SNS would refuse,
 * or would accept and then deliver nothing
 */
export function subscriptionOf(
  queue: string,
  given: string | SubscriptionOptions,
): WantedSubscription {
  const options = typeof given === "string" ? { topic: given } : given;
  const { topic, raw = true } = options;
  const rule = isFifo(queue) && !isFifo(topic)
    ? "a FIFO queue takes messages from FIFO topics only"
    : undefined;
  return wanted({ ...options, raw }, rule);
}

/** Reads the wanted subscription of an endpoint; `deadLetterQueue` takes messages that SNS gives up. */
export function endpointSubscriptionOf(
  url: string,
  given: SubscriptionOptions & { deadLetterQueue?: string },
): WantedSubscription {
  const { topic, raw = false, deadLetterQueue = "" } = given;
  const rule = isFifo(topic)
    ? "a FIFO topic sends to queues only"
    : isFifo(deadLetterQueue)
    ? "the dead-letter queue of its subscription must not be FIFO"
    : brokenUrlRule(url);
  if (deadLetterQueue) addressOf({ queue: deadLetterQueue });
  return wanted({ ...given, raw }, rule);
}

/** The URL is never quoted in an error: paths and queries of web hooks may be secrets. */
function brokenUrlRule(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url?.hostname ?? "");
  if (url?.protocol !== "https:" && !(url?.protocol === "http:" && isLocal)) {
    return "an endpoint is an https URL, or an http one of this machine";
  }
  return url.username || url.password || url.hash
    ? "the URL of an endpoint has no user, no password and no fragment"
    : undefined;
}

function wanted(
  options: SubscriptionOptions & { raw: boolean },
  brokenRule: string | undefined,
): WantedSubscription {
  const { topic, raw } = options;
  const filter = filterPolicyOf(options) ?? {};
  addressOf({ topic });
  const rule = brokenRule ?? brokenFilterRule(filter);
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

/** A subscription, from topic to endpoint. */
export interface SubscriptionPlan {
  readonly topicArn: string;
  /** The protocol by which SNS delivers. */
  readonly protocol: "sqs" | "http" | "https";
  /** The ARN of a queue, or a URL. */
  readonly endpoint: string;
  readonly attributes: WantedSubscription["attributes"] & { readonly RedrivePolicy?: string };
}

/** A subscription that exists. */
export interface Subscribed {
  /** The ARN of the subscription. */
  readonly arn: string;
  /** Tells that the endpoint still has to confirm. A queue of the same account never has to. */
  readonly pending: boolean;
}

/** Creates a subscription, or changes the differing attributes of an existing subscription. */
export async function ensureSubscription(
  context: Declaring,
  plan: SubscriptionPlan,
): Promise<Subscribed> {
  const { client, signal, patiently } = context;
  const { arn: SubscriptionArn, differs } = await patiently(() => subscribed(context, plan));
  const current = await readSubscription(context, { SubscriptionArn, differs });
  // Only a queue never has to confirm anything.
  if (!current && !differs) return { arn: SubscriptionArn, pending: plan.protocol !== "sqs" };
  const wanted = { ...plan.attributes, ...scopeOf(plan, current) };
  for (const [AttributeName, AttributeValue] of Object.entries(wanted)) {
    if (current && sameJson(current[AttributeName] ?? "{}", AttributeValue)) continue;
    const input = { SubscriptionArn, AttributeName, AttributeValue };
    await patiently(() => setSubscriptionAttributes(client, input, { signal }));
  }
  return { arn: SubscriptionArn, pending: current?.PendingConfirmation === "true" };
}

/** Reads the attributes of a subscription; `undefined`, with a warning, if reading is not allowed. */
async function readSubscription(
  { client, logger, signal, patiently }: Declaring,
  { SubscriptionArn, differs }: { SubscriptionArn: string; differs: boolean },
) {
  try {
    return await patiently(() =>
      getSubscriptionAttributes(client, { SubscriptionArn }, { signal })
    );
  } catch (error) {
    if (!isDenied(error)) throw error;
    const why = differs ? "all of it is written" : "SNS took it as it was asked for";
    logger.warn(`It was not checked what the subscription has: ${why}`, {
      subscription: SubscriptionArn,
      reason: error.message,
    });
    return undefined;
  }
}

/**
 * Returns the scope of our filters, which are for attributes. A body filter made by hand would
 * change their meaning.
 */
function scopeOf(plan: SubscriptionPlan, current: { FilterPolicyScope?: string } | undefined) {
  const filters = plan.attributes.FilterPolicy !== "{}";
  return filters && (!current || current.FilterPolicyScope === "MessageBody")
    ? { FilterPolicyScope: "MessageAttributes" }
    : {};
}

/**
 * Subscribes with all attributes at once, so that no unfiltered message gets through. SNS refuses
 * the call if the topic has the same subscription with other attributes. Only then is the existing
 * subscription looked up, and it differs; a subscription that SNS accepted has the wanted
 * attributes.
 */
async function subscribed(
  context: Declaring,
  plan: SubscriptionPlan,
): Promise<{ arn: string; differs: boolean }> {
  const { client, signal } = context;
  const entry = Object.entries(plan.attributes)
    .filter(([, value]) => value !== "{}")
    .map(([key, value]) => ({ key, value }));
  try {
    const arn = await subscribe(client, {
      TopicArn: plan.topicArn,
      Protocol: plan.protocol,
      Endpoint: plan.endpoint,
      ReturnSubscriptionArn: true,
      Attributes: { entry },
    }, { signal });
    return { arn, differs: false };
  } catch (error) {
    if (!(error instanceof MelangeError) || error.code !== "INVALID_MESSAGE") throw error;
    const existing = await findSubscription(context, plan).catch((reason) => {
      if (!isDenied(reason)) throw reason;
      const message = "It was not looked whether there is a subscription with other options";
      context.logger.warn(message, { topic: plan.topicArn, reason: reason.message });
      return undefined;
    });
    if (existing === undefined) throw error;
    if (existing.startsWith("arn:")) return { arn: existing, differs: true };
    // Listed as "PendingConfirmation": it has no address yet at which it could be changed.
    throw new MelangeError(
      "CONFLICT",
      "Cannot change the subscription as it was asked for with other options and waits for its confirmation: confirm it first, or wait until SNS forgets it",
    );
  }
}

async function findSubscription(
  { client, signal }: Declaring,
  { topicArn, protocol, endpoint }: SubscriptionPlan,
): Promise<string | undefined> {
  for await (const page of subscriptionPages(client, topicArn, signal)) {
    const found = page.find(({ Protocol, Endpoint }) =>
      Protocol === protocol && Endpoint === endpoint
    );
    if (found) return found.SubscriptionArn;
  }
  return undefined;
}

/** Subscriptions of a topic, 12.5 million at most, on pages of 100: https://docs.aws.amazon.com/general/latest/gr/sns.html */
const MAX_PAGES = 125_000;

/** Lists the subscriptions of a topic, page by page. The order of pages is the service's, so a circle ends it. */
export async function* subscriptionPages(
  client: AwsClient,
  TopicArn: string,
  signal: AbortSignal,
): AsyncGenerator<Partial<Subscription>[]> {
  const seen = new Set<string>();
  let page: { NextToken?: string } = {};
  while (seen.size < MAX_PAGES) {
    const input = { TopicArn, ...page };
    const { Subscriptions, NextToken } = await listSubscriptionsByTopic(client, input, { signal });
    yield Subscriptions;
    if (!NextToken) return;
    if (seen.has(NextToken)) break;
    seen.add(NextToken);
    page = { NextToken };
  }
  throw unknownOutcome("ListSubscriptionsByTopic", "its pages do not end", {});
}

/** Compares JSON as values: SNS may give it back in another order or spacing. */
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
