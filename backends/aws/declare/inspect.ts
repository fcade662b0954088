/** Topics and queues as they exist, with the settings that a declaration could change. */
import type {
  ExistingQueue,
  ExistingSubscription,
  ExistingTopic,
  FilterPolicy,
  InspectOptions,
  Inventory,
} from "../../../src/backend.ts";
import { defined } from "../../../src/support/defined.ts";
import { isFifo } from "../../../src/wire/message.ts";
import { tryParse } from "../../../src/wire/json.ts";
import { isNotFound } from "../api/errors.ts";
import { parseArn, shortName } from "../api/names.ts";
import { getSubscriptionAttributes, getTopicAttributes, type Subscription } from "../api/sns.ts";
import type { Access } from "../sender.ts";
import { descriptionOf, readQueue } from "./describe.ts";
import { policyFacts } from "./policy.ts";
import { subscriptionPages } from "./subscriptions.ts";

/** Reads topics and queues; a missing one is left out. Changes nothing. */
export async function inspect(
  access: Access,
  { topics = [], queues = [] }: InspectOptions,
  signal: AbortSignal,
): Promise<Inventory> {
  const found: { topics: ExistingTopic[]; queues: ExistingQueue[] } = { topics: [], queues: [] };
  for (const queue of new Set(queues)) {
    found.queues.push(...await present(() => queueOf(access, queue, signal)));
  }
  const endpoints = new Set(found.queues.map(({ address }) => address));
  for (const topic of new Set(topics)) {
    found.topics.push(...await present(() => topicOf(access, topic, { endpoints, signal })));
  }
  return found;
}

/** Gives a list of one, or of none if the service knows no such thing. */
async function present<T>(read: () => Promise<T>): Promise<T[]> {
  try {
    return [await read()];
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

async function queueOf(
  access: Access,
  queue: string,
  signal: AbortSignal,
): Promise<ExistingQueue> {
  const found = await readQueue(access, queue, signal);
  const { attributes } = found;
  const { sources, foreign } = policyFacts(attributes.Policy);
  return {
    ...descriptionOf(found),
    retentionMs: Number(attributes.MessageRetentionPeriod ?? 0) * 1_000,
    delayMs: Number(attributes.DelaySeconds ?? 0) * 1_000,
    ...contentBased(queue, attributes.ContentBasedDeduplication),
    sources,
    foreignStatements: foreign,
  };
}

function contentBased(name: string, value: string | undefined) {
  return isFifo(name) ? { contentBasedDeduplication: value === "true" } : {};
}

/** The queues that were asked about, by ARN, and the signal of the call. */
interface Asked {
  readonly endpoints: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

async function topicOf(access: Access, topic: string, asked: Asked): Promise<ExistingTopic> {
  const { client, addresses } = access;
  const { signal } = asked;
  const TopicArn = await addresses.find({ topic });
  const attributes = await getTopicAttributes(client, { TopicArn }, { signal });
  const subscriptions: ExistingSubscription[] = [];
  for await (const page of subscriptionPages(client, TopicArn, signal)) {
    for (const entry of page) subscriptions.push(await subscriptionOf(access, entry, asked));
  }
  return {
    name: shortName(TopicArn),
    address: TopicArn,
    ...contentBased(TopicArn, attributes.ContentBasedDeduplication),
    subscriptions,
  };
}

/** Reads a subscription. The attributes of other people's subscriptions are not asked for. */
async function subscriptionOf(
  { client }: Access,
  { Protocol = "", Endpoint = "", SubscriptionArn = "" }: Partial<Subscription>,
  { endpoints, signal }: Asked,
): Promise<ExistingSubscription> {
  if (Protocol !== "sqs" || !endpoints.has(Endpoint)) {
    return { protocol: Protocol, endpoint: withoutSecrets(Endpoint) };
  }
  const attributes = await getSubscriptionAttributes(client, { SubscriptionArn }, { signal });
  return {
    protocol: Protocol,
    endpoint: parseArn(Endpoint)?.name ?? Endpoint,
    raw: attributes.RawMessageDelivery === "true",
    ...defined({ filter: filterOf(attributes.FilterPolicy) }),
  };
}

/** The path of a web hook, and its query, may be a secret. */
function withoutSecrets(endpoint: string): string {
  return /^https?:/.test(endpoint) && URL.canParse(endpoint) ? new URL(endpoint).origin : endpoint;
}

function filterOf(text: string | undefined): FilterPolicy | undefined {
  const filter = text ? tryParse(text)?.value as FilterPolicy | undefined : undefined;
  return filter && Object.keys(filter).length > 0 ? filter : undefined;
}
