import type {
  Admin,
  CallOptions,
  DeclareQueueOptions,
  DeclareTopicOptions,
  QueueDescription,
  SubscriptionOptions,
  TopicDescription,
} from "../../../src/backend.ts";
import type { Random } from "../../../src/support/clock.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import type { Logger } from "../../../src/support/logger.ts";
import { isFifo } from "../../../src/wire/message.ts";
import { retry } from "../../../src/support/retry.ts";
import { createNamed } from "./create_topics.ts";
import { isDenied, isNotFound } from "../api/errors.ts";
import type { Lifetime } from "../api/lifetime.ts";
import { addressOf, shortName } from "../api/names.ts";
import { policyWith } from "./policy.ts";
import {
  assertQueueOptions,
  createdAttributes,
  differing,
  type QueueAttributeOptions,
} from "./queue_attributes.ts";
import type { Declaring } from "./declaring.ts";
import { descriptionOf, type FoundQueue, readQueue } from "./describe.ts";
import { inspect } from "./inspect.ts";
import type { Access } from "../sender.ts";
import { deleteTopic, getTopicAttributes, setTopicAttributes } from "../api/sns.ts";
import { createQueue, deleteQueue, getQueueAttributes, setQueueAttributes } from "../api/sqs.ts";
import { endpointSubscriptionOf, ensureSubscription, subscriptionOf } from "./subscriptions.ts";
import { tellingWaits } from "../api/unreachable.ts";

/** Options of `AwsBackend.declareEndpoint`. */
export interface DeclareEndpointOptions extends CallOptions, Omit<SubscriptionOptions, "topic"> {
  /**
   * Post the body as published. `snsEndpoint` takes such posts only with `allowRaw`, because a raw
   * post does not prove its sender. Default: `false`.
   */
  raw?: boolean;
  /**
   * The queue for messages that the endpoint refuses, or does not take in time; created if missing.
   * Default: the queue of the existing subscription.
   */
  deadLetterQueue?: string;
}

/** The subscription of an endpoint, as it exists. */
export interface EndpointSubscription {
  /** The ARN of the topic. */
  topic: string;
  /** The ARN of the subscription. */
  address: string;
  /** SNS delivers nothing before the endpoint has confirmed the subscription. */
  state: "pending" | "confirmed";
}

/** The declarations that AWS takes. */
export interface AwsAdmin extends Required<Admin> {
  /** Subscribes an endpoint to a topic. */
  declareEndpoint(
    topic: string,
    url: string,
    options?: DeclareEndpointOptions,
  ): Promise<EndpointSubscription>;
}

/** New queues are there within seconds; a name is free again a minute after its queue was deleted. */
const PATIENCE = { maxAttempts: 20, maxMs: 5_000, deadlineMs: 120_000 };

/** Creates the declaring part of the backend. */
export function createAdmin(
  access: Access,
  options: { random: Random; during: Lifetime["during"]; logger: Logger },
): AwsAdmin {
  const { client: { clock } } = access;
  const { random, during, logger } = options;
  const declaring = <T>(
    signal: AbortSignal | undefined,
    run: (context: Declaring) => Promise<T>,
  ): Promise<T> =>
    during(signal, (signal) => {
      const telling = tellingWaits({ clock, logger });
      const patiently: Declaring["patiently"] = (call, { quiet } = { quiet: false }) =>
        retry(() => quiet ? call() : telling(call), { ...PATIENCE, clock, random, signal });
      return run({ ...access, signal, logger, patiently });
    });
  return {
    declareTopic: (name, options = {}) =>
      declaring(options.signal, (context) => declareTopic(context, name, options)),
    declareQueue: (name, options = {}) =>
      declaring(options.signal, (context) => declareQueue(context, name, options)),
    declareEndpoint: (topic, url, options = {}) =>
      declaring(options.signal, (context) => declareEndpoint(context, url, { ...options, topic })),
    describeQueue: (name, { signal } = {}) =>
      during(
        signal,
        (signal) =>
          tellingWaits({ clock, logger })(() => readQueue(access, name, signal)).then(
            descriptionOf,
          ),
      ),
    inspect: (options) =>
      during(
        options.signal,
        (signal) => tellingWaits({ clock, logger })(() => inspect(access, options, signal)),
      ),
    deleteTopic: (name, { signal } = {}) =>
      declaring(signal, (context) => removeTopic(context, name)),
    deleteQueue: (name, { signal } = {}) =>
      declaring(signal, (context) => removeQueue(context, name)),
  };
}

async function declareTopic(
  context: Declaring,
  topic: string,
  options: DeclareTopicOptions,
): Promise<TopicDescription> {
  const { contentBasedDeduplication } = options;
  if (contentBasedDeduplication !== undefined) assertFifo("topic", topic);
  const TopicArn = await ensureTopic(context, topic);
  if (contentBasedDeduplication !== undefined) {
    const AttributeName = "ContentBasedDeduplication";
    const AttributeValue = String(contentBasedDeduplication);
    const current = await existing(
      context,
      () => getTopicAttributes(context.client, { TopicArn }, context),
    );
    if (current[AttributeName] !== AttributeValue) {
      await context.patiently(() =>
        setTopicAttributes(context.client, { TopicArn, AttributeName, AttributeValue }, context)
      );
    }
  }
  return { name: shortName(TopicArn), address: TopicArn };
}

function assertFifo(kind: string, name: string): void {
  if (isFifo(name)) return;
  throw new MelangeError(
    "CONFIGURATION",
    `Cannot declare the ${kind} "${name}" with contentBasedDeduplication as only FIFO ${kind}s have it: end its name in .fifo`,
  );
}

/**
 * Creates a topic by name. The topic of an ARN must exist, because an ARN may name another account.
 */
async function ensureTopic(context: Declaring, topic: string): Promise<string> {
  const { client, addresses, signal, patiently } = context;
  if (!addressOf({ topic }).service) {
    try {
      return await patiently(() => createNamed(client, topic, { signal }));
    } catch (error) {
      // It exists, and has attributes that creating it did not name. It is left as it is.
      if (!(error instanceof MelangeError) || error.code !== "INVALID_MESSAGE") throw error;
    }
  }
  const TopicArn = await patiently(() => addresses.find({ topic }));
  await patiently(() => getTopicAttributes(client, { TopicArn }, { signal }));
  return TopicArn;
}

/** Creates or finds a topic to subscribe to. Where neither is allowed, the call of Subscribe decides. */
async function subscribableTopic(context: Declaring, topic: string): Promise<string> {
  const { addresses, logger, patiently } = context;
  try {
    return await ensureTopic(context, topic);
  } catch (error) {
    if (!isDenied(error)) throw error;
    const TopicArn = await patiently(() => addresses.find({ topic }));
    const reason = error.message;
    logger.warn("It was not checked that the topic exists: subscribing tells", { topic, reason });
    return TopicArn;
  }
}

/** Reads a resource that was created just now, and may not be found yet. */
function existing<T>({ patiently }: Declaring, read: () => Promise<T>): Promise<T> {
  return patiently(() =>
    read().catch((error) => {
      if (!isNotFound(error)) throw error;
      throw new MelangeError("NOT_FOUND", error.message, { retryable: true, cause: error });
    })
  );
}

async function declareQueue(
  context: Declaring,
  queue: string,
  options: DeclareQueueOptions,
): Promise<QueueDescription> {
  const subscriptions = (options.subscribeTo ?? []).map((given) => subscriptionOf(queue, given));
  assertQueueOptions(queue, options);
  const { deadLetterQueue } = options;
  const target = deadLetterQueue === undefined
    ? undefined
    : await ensureQueue(context, deadLetterQueue, { isTarget: true });
  const found = await ensureQueue(context, queue, { ...options, targetArn: target?.arn });
  const topics: string[] = [];
  for (const { topic } of subscriptions) topics.push(await subscribableTopic(context, topic));
  const written = await allowTopics(context, found, topics);
  for (const [index, { attributes }] of subscriptions.entries()) {
    const topicArn = topics[index]!;
    const plan = { topicArn, protocol: "sqs", endpoint: found.arn, attributes } as const;
    await ensureSubscription(context, plan);
  }
  // Another declaration that read the policy before we wrote it has overwritten it by now.
  if (written) await allowTopics(context, found, topics);
  return descriptionOf(await context.patiently(() => readQueue(context, queue, context.signal)));
}

async function declareEndpoint(
  context: Declaring,
  url: string,
  options: DeclareEndpointOptions & { topic: string },
): Promise<EndpointSubscription> {
  const { attributes } = endpointSubscriptionOf(url, options);
  const { deadLetterQueue } = options;
  const topicArn = await subscribableTopic(context, options.topic);
  const target = deadLetterQueue === undefined
    ? undefined
    : await ensureQueue(context, deadLetterQueue, { isTarget: true });
  const written = target && await allowTopics(context, target, [topicArn]);
  const { arn, pending } = await ensureSubscription(context, {
    topicArn,
    protocol: new URL(url).protocol === "https:" ? "https" : "http",
    endpoint: url,
    attributes: {
      ...attributes,
      ...(target && { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: target.arn }) }),
    },
  });
  // As for a queue: another declaration may have overwritten the policy.
  if (written) await allowTopics(context, target, [topicArn]);
  return { topic: topicArn, address: arn, state: pending ? "pending" : "confirmed" };
}

/**
 * Creates a queue or changes attributes that differ. A queue by ARN or URL must exist, because the
 * account may be another one.
 */
async function ensureQueue(
  context: Declaring,
  queue: string,
  options: QueueAttributeOptions,
): Promise<FoundQueue> {
  const { client, signal, patiently } = context;
  const found = await patiently(() => readQueue(context, queue, signal)).catch((error) => {
    const { service, url } = addressOf({ queue });
    if (isNotFound(error) && !service && !url) return undefined;
    throw error;
  });
  const current = found ?? await createMissing(context, queue, options);
  const Attributes = differing(options, current.attributes);
  if (Object.keys(Attributes).length > 0) {
    const input = { QueueUrl: current.url, Attributes };
    await patiently(() => setQueueAttributes(client, input, { signal }));
  }
  return current;
}

async function createMissing(
  context: Declaring,
  queue: string,
  options: QueueAttributeOptions,
): Promise<FoundQueue> {
  const { client, signal, patiently } = context;
  const input = { QueueName: queue, Attributes: createdAttributes(queue, options) };
  await patiently(() => createQueue(client, input, { signal })).catch((error) => {
    // Somebody else created it meanwhile, with other attributes: they are changed like any others.
    const exists = error instanceof MelangeError && error.code === "CONFLICT" && !error.retryable;
    if (!exists) throw error;
  });
  return await existing(context, () => readQueue(context, queue, signal));
}

/** Writes the policy until it lets these topics send when read back; tells whether anything was written. */
async function allowTopics(
  context: Declaring,
  { url: QueueUrl, arn }: FoundQueue,
  topics: readonly string[],
): Promise<boolean> {
  const { client, signal, patiently } = context;
  if (topics.length === 0) return false;
  let written = false;
  await patiently(async () => {
    const input = { QueueUrl, AttributeNames: ["Policy"] };
    const current = await patiently(() => getQueueAttributes(client, input, { signal }));
    const Policy = policyWith(current.Policy, arn, topics);
    if (Policy === undefined) return;
    const change = { QueueUrl, Attributes: { Policy } };
    await patiently(() => setQueueAttributes(client, change, { signal }));
    written = true;
    const message = "Cannot let topics send to the queue as others keep changing its policy";
    throw new MelangeError("CONFLICT", message, { retryable: true });
  }, { quiet: true });
  return written;
}

async function removeTopic(context: Declaring, topic: string): Promise<void> {
  const { client, addresses, signal, patiently } = context;
  const TopicArn = await patiently(() => addresses.find({ topic }));
  await patiently(() => deleteTopic(client, { TopicArn }, { signal })).catch(ignoreMissing);
}

async function removeQueue(context: Declaring, queue: string): Promise<void> {
  const { client, addresses, signal, patiently } = context;
  await patiently(() =>
    addresses.at({ queue }, signal, async (QueueUrl) => {
      await deleteQueue(client, { QueueUrl }, { signal });
      throw new MelangeError("NOT_FOUND", "Deleted, so that its address is forgotten");
    })
  ).catch(ignoreMissing);
}

function ignoreMissing(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
