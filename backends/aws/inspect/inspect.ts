/** Looks at queues and their subscriptions, for people. Nothing is changed and no message is taken. */
import { type Random, systemClock } from "../../../src/support/clock.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { isRecord } from "../../../src/wire/json.ts";
import { checkingNames, createAddresses } from "../addresses.ts";
import { type AwsClient, createClient } from "../api/client.ts";
import { configuredEndpoints } from "../api/configured_endpoints.ts";
import { quietEnvironment, quietFiles } from "../api/environment.ts";
import { explainedError } from "../api/explained.ts";
import { isDenied, isNotFound } from "../api/errors.ts";
import { shortName } from "../api/names.ts";
import {
  getSubscriptionAttributes,
  listSubscriptionsByTopic,
  type Subscription,
} from "../api/sns.ts";
import { getQueueAttributes, listDeadLetterSourceQueues, listQueues } from "../api/sqs.ts";
import { hopeless } from "../api/unreachable.ts";
import { defaultCredentials } from "../credentials/default_chain.ts";
import { redriveOf } from "../declare/redrive.ts";
import type { AwsBackendOptions } from "../mod.ts";
import { policyInWords, topicsIn } from "./policy_words.ts";

/** The depths of a queue. */
export interface QueueDepths {
  /** The name of the queue. */
  readonly name: string;
  /** The ARN of the queue. */
  readonly arn: string;
  /** Messages that can be received now, about. */
  readonly available: number;
  /** Messages that are received and not settled, about. */
  readonly inFlight: number;
  /** Messages that a delay hides, about. */
  readonly delayed: number;
  /** The name of the dead-letter queue, if there is one. */
  readonly deadLetterQueue?: string | undefined;
}

/** A queue as people ask for it. */
export interface QueueFacts extends QueueDepths {
  /** The receives before a message moves to the dead-letter queue. */
  readonly maxReceives?: number | undefined;
  /** The names of the queues whose dead letters come here. */
  readonly sources: readonly string[];
  /** The time of the creation, in milliseconds since the epoch. */
  readonly createdAt: number;
  /** The time of the last change, in milliseconds since the epoch. */
  readonly changedAt: number;
  /** The time for which a receive locks, in milliseconds. */
  readonly visibilityTimeoutMs: number;
  /** The time for which messages are kept, in milliseconds. */
  readonly retentionMs: number;
  /** The time for which each message is hidden first, in milliseconds. */
  readonly delayMs: number;
  /** The subscriptions of the queue, and topics that may send without one. */
  readonly subscriptions: readonly SubscriptionFacts[];
  /** The policy, a sentence for each statement. */
  readonly policy: readonly string[];
}

/** A subscription of a queue. */
export interface SubscriptionFacts {
  /** The ARN of the topic. */
  readonly topic: string;
  /** The state: a topic may be allowed to send, and have no subscription. */
  readonly state: "subscribed" | "not subscribed" | "unknown";
  /** Delivers bodies as they were published. */
  readonly raw?: boolean;
  /** The filter, as text. */
  readonly filter?: string;
}

/** Looks at an account. */
export interface Inspector {
  /** All queues whose names begin so, by name. */
  queues(prefix: string | undefined): Promise<QueueDepths[]>;
  /** A queue, with all that belongs to it. */
  queue(name: string): Promise<QueueFacts>;
}

/** Pages of lists are followed so far: 20,000 queues, or 2,000 subscriptions of a topic. */
const MAX_PAGES = 20;
/** So many queues are asked for their depths at once. */
const AT_ONCE = 10;

/** Creates an inspector. Nothing is read or sent before the first call. */
export function createInspector(options: AwsBackendOptions & { random?: Random }): Inspector {
  const { environment = quietEnvironment, readTextFile = quietFiles(), clock = systemClock } =
    options;
  const locate = configuredEndpoints(options, { environment, readTextFile, clock });
  const credentials = options.credentials ?? defaultCredentials(options);
  const client = createClient({ ...options, credentials, locate, fail: explainedError });
  const addresses = checkingNames(createAddresses(client, options));
  return {
    queues: (prefix) => plainly(() => queuesIn(client, prefix)),
    queue: (name) =>
      plainly(() =>
        addresses.at({ queue: name }, undefined, (url) => factsOf(client, { url, name }))
      ),
  };
}

/** Says at once what no wait would mend. */
async function plainly<T>(look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    throw hopeless(error) ?? error;
  }
}

async function queuesIn(client: AwsClient, prefix: string | undefined): Promise<QueueDepths[]> {
  const urls: string[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const found = await listQueues(client, {
      MaxResults: 1_000,
      ...(prefix ? { QueueNamePrefix: prefix } : {}),
      ...(NextToken ? { NextToken } : {}),
    });
    urls.push(...found.QueueUrls);
    NextToken = found.NextToken;
    if (!NextToken) break;
  }
  const depths: QueueDepths[] = [];
  for (let start = 0; start < urls.length; start += AT_ONCE) {
    const some = urls.slice(start, start + AT_ONCE);
    depths.push(...(await Promise.all(some.map((url) => depthsAt(client, url)))).flat());
  }
  return depths.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** A queue that is deleted meanwhile is left out. */
async function depthsAt(client: AwsClient, QueueUrl: string): Promise<QueueDepths[]> {
  try {
    return [depthsOf(await getQueueAttributes(client, { QueueUrl, AttributeNames: ["All"] }))];
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

type QueueAttributes = Partial<Record<string, string>>;

function depthsOf(attributes: QueueAttributes): QueueDepths {
  const { QueueArn: arn = "", RedrivePolicy } = attributes;
  const count = (name: string) => Number(attributes[name] ?? 0);
  const redrive = redriveOf(RedrivePolicy);
  return {
    name: shortName(arn),
    arn,
    available: count("ApproximateNumberOfMessages"),
    inFlight: count("ApproximateNumberOfMessagesNotVisible"),
    delayed: count("ApproximateNumberOfMessagesDelayed"),
    deadLetterQueue: redrive && shortName(redrive.deadLetterTargetArn),
  };
}

async function factsOf(
  client: AwsClient,
  { url: QueueUrl, name }: { url: string; name: string },
): Promise<QueueFacts> {
  const attributes = await getQueueAttributes(client, { QueueUrl, AttributeNames: ["All"] });
  const seconds = (key: string) => Number(attributes[key] ?? 0) * 1_000;
  const depths = depthsOf(attributes);
  const sources = await listDeadLetterSourceQueues(client, { QueueUrl }).catch(optional([]));
  const topics = topicsIn(attributes.Policy);
  const subscriptions = await Promise.all(
    topics.map((topic) => subscriptionTo(client, topic, depths.arn)),
  );
  if (depths.arn === "") {
    throw new MelangeError("OUTCOME_UNKNOWN", `Cannot describe "${name}": it told no ARN`);
  }
  return {
    ...depths,
    maxReceives: redriveOf(attributes.RedrivePolicy)?.maxReceiveCount,
    sources: sources.map(shortName),
    createdAt: seconds("CreatedTimestamp"),
    changedAt: seconds("LastModifiedTimestamp"),
    visibilityTimeoutMs: seconds("VisibilityTimeout"),
    retentionMs: seconds("MessageRetentionPeriod"),
    delayMs: seconds("DelaySeconds"),
    subscriptions,
    policy: policyInWords(attributes.Policy),
  };
}

/** Finds a queue's subscription to a topic that may send to the queue. */
async function subscriptionTo(
  client: AwsClient,
  topic: string,
  queueArn: string,
): Promise<SubscriptionFacts> {
  const subscription = await subscriptionOf(client, topic, queueArn)
    .catch(optional<Found>("unknown"));
  if (subscription === "unknown") return { topic, state: "unknown" };
  if (!subscription) return { topic, state: "not subscribed" };
  const { SubscriptionArn = "" } = subscription;
  const attributes = await getSubscriptionAttributes(client, { SubscriptionArn })
    .catch(optional<QueueAttributes>({}));
  const { RawMessageDelivery, FilterPolicy } = attributes;
  return {
    topic,
    state: "subscribed",
    raw: RawMessageDelivery === "true",
    ...(FilterPolicy && isRecord(JSON.parse(FilterPolicy)) ? { filter: FilterPolicy } : {}),
  };
}

type Found = Partial<Subscription> | "unknown" | undefined;

async function subscriptionOf(
  client: AwsClient,
  TopicArn: string,
  queueArn: string,
): Promise<Found> {
  let NextToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const input = { TopicArn, ...(NextToken ? { NextToken } : {}) };
    const found = await listSubscriptionsByTopic(client, input);
    const own = found.Subscriptions.find(({ Endpoint }) => Endpoint === queueArn);
    if (own) return own;
    NextToken = found.NextToken;
    if (!NextToken) return undefined;
  }
  return "unknown";
}

/** Takes a value in place of what may not be looked at, or is not there. */
function optional<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isDenied(error) || isNotFound(error)) return value;
    if (error instanceof MelangeError && error.code === "UNSUPPORTED") return value;
    throw error;
  };
}
