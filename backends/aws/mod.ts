/**
 * Amazon SNS and SQS as a backend, over signed HTTP and without the AWS SDK: on servers, in
 * functions and, with {@linkcode awsSender}, at the edge.
 *
 * @example
 * ```ts
 * import { MessageConsumer, MessagePublisher } from "@melange/melange";
 * import { AwsBackend } from "@melange/melange/aws";
 *
 * // Nothing is sent before the first call. Credentials come from where the SDKs of AWS find them.
 * const backend = new AwsBackend({ region: "eu-west-1" });
 * const publisher = new MessagePublisher({ backend });
 * const consumer = new MessageConsumer({ backend, queue: "billing" });
 * console.log(consumer.status().health); // prints: stopped
 * await publisher.close();
 * await backend.close();
 * ```
 *
 * @module
 */
import { type AsyncDisposing, disposable } from "../../src/support/async_dispose.ts";
import type {
  Backend,
  BackendLimits,
  CallOptions,
  DeadLetterCopy,
  DeclareQueueOptions,
  DeclareTopicOptions,
  Delivery,
  ExtendResult,
  Extension,
  Guarantees,
  InspectOptions,
  Inventory,
  MoveTasks,
  QueueDescription,
  ReceiveOptions,
  Receiver,
  Release,
  Sender,
  SendResult,
  SettleResult,
  TopicDescription,
  Usage,
} from "../../src/backend.ts";
import { type Random, systemClock } from "../../src/support/clock.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { checkKnown } from "../../src/support/known_options.ts";
import { checkRange } from "../../src/support/range.ts";
import { consoleLogger, guarded, type Logger } from "../../src/support/logger.ts";
import {
  type Destination,
  kindOf,
  messageSize,
  type OutgoingMessage,
} from "../../src/wire/message.ts";
import { toTracedEntry } from "./message/attributes.ts";
import { BoundedMap } from "./api/bounded_map.ts";
import { boundedText } from "./api/bounded_text.ts";
import { checkingNames, createAddresses } from "./addresses.ts";
import { withChecks } from "./checked.ts";
import { createClient } from "./api/client.ts";
import { createMeter } from "./api/meter.ts";
import { configuredEndpoints, type EndpointKindOptions } from "./api/configured_endpoints.ts";
import { creatingTopics } from "./declare/create_topics.ts";
import type { Credentials, CredentialsProvider } from "./credentials/credentials.ts";
import { type CredentialsAccess, defaultCredentials } from "./credentials/default_chain.ts";
import {
  type AwsAdmin,
  createAdmin,
  type DeclareEndpointOptions,
  type EndpointSubscription,
} from "./declare/declare.ts";
import { createMoves } from "./declare/moves.ts";
import { quietEnvironment, quietFiles } from "./api/environment.ts";
import { comparison, type Integrity, readIntact } from "./message/integrity.ts";
import { explainedError } from "./api/explained.ts";
import { createLifetime, type Lifetime, withLifetime } from "./api/lifetime.ts";
import { quickestSigner } from "./api/template_signing.ts";
import { createReceiver } from "./receiver.ts";
import { type AwsSenderOptions, createSender } from "./sender.ts";

export type { AddressOptions } from "./addresses.ts";
export type { AwsClientOptions } from "./api/client.ts";
export type { Credentials, CredentialsProvider } from "./credentials/credentials.ts";
export type { EndpointKindOptions } from "./api/configured_endpoints.ts";
export {
  type CredentialsAccess,
  defaultCredentials,
  type DefaultCredentialsOptions,
} from "./credentials/default_chain.ts";
export type { DeclareEndpointOptions, EndpointSubscription } from "./declare/declare.ts";
export type { EndpointOptions } from "./api/endpoints.ts";
export type { Integrity } from "./message/integrity.ts";
export type { Environment, ReadTextFile, RunProcess, WriteTextFile } from "./api/environment.ts";
export type { AwsSenderOptions } from "./sender.ts";

/** Options of {@linkcode AwsBackend}; each has a default. */
export interface AwsBackendOptions
  extends AwsSenderOptions, EndpointKindOptions, CredentialsAccess {
  /** The keys for signing, or their provider. Default: {@linkcode defaultCredentials}. */
  credentials?: Credentials | CredentialsProvider;
  /** The part of a message that is compared with the MD5 of SQS, on sending and receiving. Default: `"body"`. */
  integrity?: Integrity;
  /** Creates a missing topic when it is published to. Default: `true`. */
  createTopics?: boolean;
  /**
   * Tells that there is an SNS. `false` for a broker of queues only: all that concerns topics is
   * `UNSUPPORTED` without a request, and the guarantees say so. Default: `true`.
   */
  topics?: boolean;
  /** The source of the jitter between attempts of `declare…` and `delete…`, and to get credentials. Default: `Math.random`. */
  random?: Random;
  /** The logger for damaged messages, and for waits and missing permissions of `declare…`. Default: the console. */
  logger?: Logger;
}

/**
 * Sends to SNS topics and SQS queues, and does nothing else, so a publisher at the edge stays
 * small. Nothing is read, checked or sent before the first message.
 *
 * The sender is made for a `MessagePublisher`, which checks its messages. Called directly, the
 * sender sends unchecked messages, and a refusal comes back in the words of AWS. Unlike
 * {@linkcode AwsBackend}, the sender creates no topics (a missing topic is `NOT_FOUND`: declare the
 * topic first) and does not compare the MD5 of stored messages.
 *
 * @example
 * ```ts
 * import { awsSender } from "@melange/melange/aws";
 *
 * const sender = awsSender({ region: "eu-west-1" });
 * const size = sender.sizeOf({ body: "{}", attributes: {} }, { topic: "orders" });
 * if (size !== 2) throw new Error("unexpected");
 * ```
 */
export function awsSender(options: AwsSenderOptions = {}): Sender {
  const client = createClient(options);
  return createSender({ client, addresses: createAddresses(client, options) }, options);
}

/**
 * SNS and SQS. Times are rounded up to whole seconds. A topic that is missing is created when it is
 * first published to, unless `createTopics` is `false`; a queue is only created by `declareQueue`.
 *
 * Names are resolved once: a queue by `sqs:GetQueueUrl`, a topic by the account id. Errors are
 * `MelangeError`s; a missing region, or missing credentials, is `CONFIGURATION` at the first call.
 *
 * @example
 * ```ts
 * import { AwsBackend } from "@melange/melange/aws";
 *
 * const backend = new AwsBackend({ region: "eu-west-1" });
 * if (backend.limits.queue.entries !== 10) throw new Error("unexpected");
 * await backend.close();
 * ```
 */
export class AwsBackend implements Backend {
  readonly #lifetime: Lifetime = createLifetime();
  readonly #topics: boolean;
  readonly #meter = createMeter();
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #admin: AwsAdmin;
  /**
   * The moves of whole dead-letter queues, with `sqs:StartMessageMoveTask` and its destination.
   * `DeadLetters` uses them where all letters go the same way.
   */
  readonly moves: MoveTasks;

  /**
   * Creates a backend. Nothing is read or sent before the first call.
   * @throws {TypeError} if `integrity` is none of its choices
   * @throws {RangeError} if a size limit is no number of bytes
   */
  constructor(options: AwsBackendOptions = {}) {
    checkKnown(options, OPTIONS, "create a backend");
    checkSizes(options);
    this.#topics = options.topics ?? true;
    const { random = Math.random, createTopics = true } = options;
    const logger = guarded(options.logger ?? consoleLogger);
    const { credentials = defaultCredentials(options), integrity = "body" } = options;
    const isIntact = comparison(integrity);
    const locate = endpointsFrom(options);
    const parts = {
      locate,
      read: this.#meter.read(boundedText),
      sign: quickestSigner(),
      fail: explainedError,
      fetch: this.#meter.fetch((input, init) => (options.fetch ?? fetch)(input, init)),
    };
    const client = withLifetime(
      createClient({ ...options, credentials, ...parts }),
      this.#lifetime,
    );
    const found = checkingNames(createAddresses(client, options, new BoundedMap()));
    const addresses = createTopics ? creatingTopics(client, found) : found;
    const access = { client, addresses };
    this.#sender = withChecks(
      createSender(access, options, readIntact(isIntact), toTracedEntry),
    );
    this.#receiver = createReceiver(access, { sender: this.#sender, isIntact, logger });
    this.moves = createMoves(access);
    this.#admin = createAdmin(access, { random, logger, during: this.#lifetime.during });
    disposable(this, () => this.close());
  }

  /** The limits of SNS and SQS. */
  get limits(): BackendLimits {
    return this.#sender.limits;
  }

  /** The guarantees of SQS: all but one, as an aborted receive may still take messages. Without topics, nothing fans out. */
  get guarantees(): Guarantees {
    const { guarantees } = this.#receiver;
    return this.#topics ? guarantees : { ...guarantees, fansOut: false, filters: false };
  }

  /**
   * Sends up to ten messages with `sqs:SendMessage` or `sns:Publish`. Returns one result each, in
   * order. Messages that break the rules are refused before the request.
   */
  send(
    destination: Destination,
    messages: readonly OutgoingMessage[],
    options?: CallOptions,
  ): Promise<SendResult[]> {
    return this.#needing(
      kindOf(destination) === "topic",
      async () => {
        const results = await this.#sender.send(destination, messages, options);
        this.#meter.sent(results.filter(({ ok }) => ok).length);
        return results;
      },
    );
  }

  /**
   * Returns the size of a message under the limits, in bytes: the body, and of each attribute the
   * name, the type and the value.
   */
  sizeOf(message: OutgoingMessage): number {
    return messageSize(message);
  }

  /**
   * Waits for up to ten messages, with `sqs:ReceiveMessage`. A message that fails the comparison of
   * `integrity` is logged and left in the queue; if no message passes, the call fails with
   * `OUTCOME_UNKNOWN`.
   */
  async receive(queue: string, options: ReceiveOptions): Promise<Delivery[]> {
    const deliveries = await this.#receiver.receive(queue, options);
    this.#meter.received(deliveries.length);
    return deliveries;
  }

  /** Deletes up to ten messages, with `sqs:DeleteMessage`. */
  acknowledge(
    queue: string,
    receipts: readonly string[],
    options?: CallOptions,
  ): Promise<SettleResult[]> {
    return this.#receiver.acknowledge(queue, receipts, options);
  }

  /** Gives up to ten messages back, with `sqs:ChangeMessageVisibility`. */
  release(
    queue: string,
    releases: readonly Release[],
    options?: CallOptions,
  ): Promise<SettleResult[]> {
    return this.#receiver.release(queue, releases, options);
  }

  /** Keeps up to ten messages longer, with `sqs:ChangeMessageVisibility`. */
  extend(
    queue: string,
    extensions: readonly Extension[],
    options?: CallOptions,
  ): Promise<ExtendResult[]> {
    return this.#receiver.extend(queue, extensions, options);
  }

  /**
   * Copies up to ten messages to the dead-letter queue of their queue, then deletes the copied
   * messages. The backend asks once for the dead-letter queue, with `sqs:GetQueueAttributes`.
   * Because the copies are sent, `StartMessageMoveTask` must name the destination to bring them
   * back, as {@linkcode AwsBackend.moves} does.
   */
  deadLetter(
    queue: string,
    copies: readonly DeadLetterCopy[],
    options?: CallOptions,
  ): Promise<SettleResult[]> {
    return this.#receiver.deadLetter!(queue, copies, options);
  }

  /**
   * Creates a topic unless the topic exists, with `sns:CreateTopic`. The address of a topic is an
   * ARN.
   */
  declareTopic(name: string, options?: DeclareTopicOptions): Promise<TopicDescription> {
    return this.#needing(true, () => this.#admin.declareTopic(name, options));
  }

  /**
   * Creates missing parts and changes parts that differ. Settings without a value stay unchanged,
   * as do other subscriptions and other statements of the queue's policy. A subscription to a topic
   * gets exactly the given filter, or none. A new or changed filter takes SNS up to 15 minutes. A
   * queue that was deleted less than a minute ago takes the rest of that minute.
   *
   * @throws a `RangeError` for times and counts that SQS does not take; a `MelangeError` otherwise.
   */
  declareQueue(name: string, options?: DeclareQueueOptions): Promise<QueueDescription> {
    const subscribes = (options?.subscribeTo ?? []).length > 0;
    return this.#needing(subscribes, () => this.#admin.declareQueue(name, options));
  }

  /**
   * Subscribes an HTTPS endpoint to a topic, with `sns:Subscribe`, and lets SNS send to the
   * dead-letter queue. Creates missing parts and changes parts that differ, the filter too. Without
   * `deadLetterQueue`, the dead-letter queue of the subscription stays unchanged.
   *
   * The endpoint must confirm the subscription, as `snsEndpoint` does. Until then the subscription
   * is `pending`. A second declaration makes SNS ask again.
   *
   * @throws a `MelangeError`: `CONFIGURATION` for options that SNS would refuse, `CONFLICT` for
   * options that differ from a pending subscription.
   */
  declareEndpoint(
    topic: string,
    url: string,
    options?: DeclareEndpointOptions,
  ): Promise<EndpointSubscription> {
    return this.#needing(true, () => this.#admin.declareEndpoint(topic, url, options));
  }

  /**
   * Describes a queue, with `sqs:GetQueueAttributes`. The address is an ARN; the counts are
   * approximate.
   */
  describeQueue(name: string, options?: CallOptions): Promise<QueueDescription> {
    return this.#admin.describeQueue(name, options);
  }

  /**
   * Reads topics and queues with their settings, their subscriptions and whom their policies let
   * send; a missing one is left out. Changes nothing. Needs `sqs:GetQueueUrl`,
   * `sqs:GetQueueAttributes`, `sns:GetTopicAttributes`, `sns:ListSubscriptionsByTopic` and
   * `sns:GetSubscriptionAttributes`.
   */
  inspect(options: InspectOptions): Promise<Inventory> {
    return this.#admin.inspect(options);
  }

  /** Deletes a topic and its subscriptions; success if there is none. */
  deleteTopic(name: string, options?: CallOptions): Promise<void> {
    return this.#needing(true, () => this.#admin.deleteTopic(name, options));
  }

  /** Deletes a queue and its messages. A missing queue is a success. SQS takes up to a minute. */
  deleteQueue(name: string, options?: CallOptions): Promise<void> {
    return this.#admin.deleteQueue(name, options);
  }

  /** Runs a call that may need topics, if there are topics. */
  async #needing<T>(topics: boolean, call: () => Promise<T>): Promise<T> {
    if (this.#topics || !topics) return await call();
    throw new MelangeError(
      "UNSUPPORTED",
      "Cannot use a topic on a broker of queues only: it was said to have none by topics: false",
    );
  }

  /**
   * Returns the requests to SQS and SNS since the backend was created, with their price at AWS's
   * list price.
   */
  usage(): Usage {
    return this.#meter.usage();
  }

  /** Ends the calls under way; every later call is `CLOSED`. */
  close(): Promise<void> {
    this.#lifetime.close();
    return Promise.resolve();
  }
}

/** Disposal of a backend by `await using`: the same as {@linkcode AwsBackend.close}. */
export interface AwsBackend extends AsyncDisposing {}

/** The names of all options. */
const OPTIONS =
  "region endpoint sqsEndpoint snsEndpoint stsEndpoint useFipsEndpoint useDualstackEndpoint " +
  "credentials requestTimeoutMs fetch clock environment accountId topicMessageBytes queueMessageBytes " +
  "queueBatchBytes integrity createTopics topics random logger readTextFile writeTextFile " +
  "allowCredentialProcess runProcess";

/**
 * Refuses sizes that are no numbers. Such a size would let no message through, or every message.
 */
function checkSizes(options: AwsBackendOptions): void {
  for (const name of ["topicMessageBytes", "queueMessageBytes", "queueBatchBytes"] as const) {
    if (options[name] === undefined) continue;
    checkRange(options[name], { cannot: "create a backend", name, min: 1 });
  }
}

function endpointsFrom(options: AwsBackendOptions) {
  const { environment = quietEnvironment, readTextFile = quietFiles(), clock = systemClock } =
    options;
  return configuredEndpoints(options, { environment, readTextFile, clock });
}
