/**
 * # The backend contract
 *
 * A backend carries messages; the core does everything else. A backend **translates**: it has no
 * loop, no concurrency and no retry, so a new backend is a day's work, and every host behaves the
 * same on each.
 *
 * ## Three roles
 *
 * A publisher needs only a {@linkcode Sender}, a worker a {@linkcode Receiver}, a deployment an
 * {@linkcode Admin}. A {@linkcode Backend} has all three roles.
 *
 * ## Rules for every verb
 *
 * - **A verb takes a signal** and, when the signal aborts, ends soon and rejects with
 *   `signal.reason`. Acknowledgements get a signal of their own: they outlive a stop, yet end when
 *   the network is down.
 * - **A verb may be called while other calls are under way**, also for the same queue.
 * - **A verb does not retry.** A backend refreshes stale parts (credentials, a corrected clock, a
 *   topic that is created on first use) and otherwise fails at once. The error is a `MelangeError`.
 *   Its `retryable` tells the core whether to try again, and its `retryAfterMs` tells when, if the
 *   service said so. `OUTCOME_UNKNOWN` means that the service may have done the work. The
 *   `declare…` and `delete…` verbs are idempotent and do retry, with `retry.ts`.
 * - **One result per item, in order.** The fault of one item is that item's result; only a fault of
 *   the whole call is thrown. An item without an answer of the service has failed, with an unknown
 *   outcome.
 * - **A backend keeps no reference** to the arrays of a call.
 * - **Names, ARNs and URLs** are accepted wherever a name is. A name that ends in `.fifo` is FIFO.
 *
 * ## Sending
 *
 * The publisher refuses the messages that {@linkcode refusal} refuses, with the limits of its
 * sender and before the message waits in a batch. The `send` of a {@linkcode Backend} refuses the
 * same messages, item by item and before any message leaves, because anybody may call a backend.
 * The `send` of a bare {@linkcode Sender}, which is made for a publisher, need not: then the
 * service refuses.
 *
 * `send` is never given more items or bytes than {@linkcode Limits} allow, unless one message alone
 * is too large. A missing queue is `NOT_FOUND`. A topic keeps no messages: sending to a topic
 * without subscriptions succeeds.
 *
 * ## Receiving
 *
 * `receive` waits up to `waitMs` for the first message and then returns the available messages, at
 * most `max`. An empty array comes after the wait, never before, so that calling `receive` in a
 * loop does not spin. Each delivery is locked for `visibilityMs`: no other receive returns the
 * message in that time. A missing queue is `NOT_FOUND`.
 *
 * Acknowledging twice is success. Acknowledging, releasing or extending with a receipt whose lock
 * is known to be lost gives the result `LOCK_LOST`, and changes nothing.
 */
import type { AsyncDisposing } from "./support/async_dispose.ts";
import { MelangeError } from "./support/errors.ts";
import type { AnyEventType } from "./event/event.ts";
import type { Result } from "./support/result.ts";
import type {
  Destination,
  MessageLimits,
  OutgoingMessage,
  ReceivedMessage,
} from "./wire/message.ts";

/**
 * The result of sending one message.
 *
 * @category Backends
 */
export type SendResult = Result<{
  /** The broker's id of the message. */
  readonly messageId: string;
  /** The place of the message in a FIFO queue or topic. */
  readonly sequenceNumber?: string;
}>;

/**
 * The result of one acknowledgement, release or dead letter.
 *
 * @category Backends
 */
export type SettleResult = Result;

/**
 * The result of one extension.
 *
 * @category Backends
 */
export type ExtendResult = Result<{
  /** The new end of the lock. */
  readonly lockedUntil: Date;
}>;

/**
 * A message and the receipt under which this receive locked it.
 *
 * @category Backends
 */
export interface Delivery {
  /** The receipt, opaque and valid until the lock ends. Each receive of a message has a receipt of its own. */
  readonly receipt: string;
  /** The message; its `lockedUntil` is set where the backend locks. */
  readonly message: ReceivedMessage;
}

/**
 * The limits of one call and of one message, for one kind of destination.
 *
 * @category Backends
 */
export interface Limits extends MessageLimits {
  /** Items in one call. */
  readonly entries: number;
  /** Bytes of all messages in one call. */
  readonly batchBytes: number;
}

/**
 * The limits of queues, which are also received from.
 *
 * @category Backends
 */
export interface QueueLimits extends Limits {
  /** The longest wait of one receive, in milliseconds. */
  readonly waitMs: number;
  /** The longest time a message can stay locked, counted from its receive, in milliseconds. */
  readonly visibilityMs: number;
}

/**
 * The limits of a backend.
 *
 * @category Backends
 */
export interface BackendLimits {
  /** The limits of topics. */
  readonly topic: Limits;
  /** The limits of queues. */
  readonly queue: QueueLimits;
}

/**
 * The promises of a backend. Each entry says the consequence of `false`; the conformance suite
 * checks the entries that are `true`.
 *
 * @category Backends
 */
export interface Guarantees {
  /**
   * A message comes again unless acknowledged. Where `false`, a failed message is logged, and gone
   * when released.
   */
  readonly redelivers: boolean;
  /** FIFO queues keep the order of a group. Where false: order is not relied upon. */
  readonly ordered: boolean;
  /** FIFO queues hand out a group to one receiver at a time. Where false: the consumer keeps no order in groups. */
  readonly groups: boolean;
  /** A queue hides a message for `delayMs`. Where false: the backend refuses a delay with `UNSUPPORTED`. */
  readonly delays: boolean;
  /** A topic copies to every subscribed queue. Where false: the backend refuses topics with `UNSUPPORTED`. */
  readonly fansOut: boolean;
  /** A subscription filters by event type. Where false: unwanted events reach `onUnknown`. */
  readonly filters: boolean;
  /** FIFO destinations drop repeated deduplication ids. Where false: use a deduplication store. */
  readonly deduplicates: boolean;
  /** Accepted messages survive the end of this process. Where `false`: no message survives. */
  readonly durable: boolean;
  /**
   * `attempt` counts receives. Where `false`: `attempt` is 1, and backoff does not grow across
   * receives.
   */
  readonly countsAttempts: boolean;
  /** A queue can name a dead-letter queue. Where false: dead letters are retried. */
  readonly deadLetters: boolean;
  /**
   * An aborted receive takes no message. Where false, a consumer that stops lets its last receive
   * end and releases the messages, because an abort would leave them locked for their full timeout.
   */
  readonly cancelsReceive: boolean;
  /**
   * A receipt of an earlier lock acknowledges nothing once another receive has taken the message
   * over. Where `false`, a late worker may remove a message that another worker handles, as in a
   * standard queue of SQS. Default: `false`.
   */
  readonly fences?: boolean;
}

/**
 * Options that every verb takes.
 *
 * @category Backends
 */
export interface CallOptions {
  /** Ends the call early. */
  signal?: AbortSignal | undefined;
}

/**
 * Options of {@linkcode Receiver.receive}.
 *
 * @category Backends
 */
export interface ReceiveOptions extends CallOptions {
  /** The most messages, from 1. */
  max: number;
  /** The longest wait for the first message, in milliseconds; 0 looks once. */
  waitMs: number;
  /** The time for which each message is locked, in milliseconds. */
  visibilityMs: number;
  /**
   * The id of the attempt. A receive repeats the id after a lost answer, so that a FIFO queue hands
   * out the same messages again at once. Backends without such ids ignore the field.
   */
  attemptId?: string | undefined;
}

/**
 * A lock that is given back.
 *
 * @category Backends
 */
export interface Release {
  /** The receipt of the delivery. */
  receipt: string;
  /** The time for which the message stays hidden, in milliseconds; 0 makes it available at once. */
  delayMs: number;
}

/**
 * A lock that is kept longer.
 *
 * @category Backends
 */
export interface Extension {
  /** The receipt of the delivery. */
  receipt: string;
  /** The time from now for which the lock is kept, in milliseconds. */
  visibilityMs: number;
}

/**
 * A delivery that is moved to the dead-letter queue of its queue.
 *
 * @category Backends
 */
export interface DeadLetterCopy {
  /** The receipt of the delivery. */
  receipt: string;
  /** The copy for the dead-letter queue: the message with its facts. */
  copy: OutgoingMessage;
}

/**
 * Sends to topics and queues: all that a publisher needs.
 *
 * @category Backends
 */
export interface Sender {
  /** The limits of one call and one message. */
  readonly limits: BackendLimits;
  /**
   * Sends messages to one destination. Returns one result each, in order. A backend refuses
   * messages that break the rules; a mere sender may leave the check to the publisher.
   */
  send(
    destination: Destination,
    messages: readonly OutgoingMessage[],
    options?: CallOptions,
  ): Promise<SendResult[]>;
  /** The bytes that a message takes of the limits of a destination. */
  sizeOf(message: OutgoingMessage, destination: Destination): number;
}

/**
 * Receives from queues and settles: all that a worker needs.
 *
 * @category Backends
 */
export interface Receiver {
  /** The limits of one call and one message. */
  readonly limits: BackendLimits;
  /** The promises of the backend. */
  readonly guarantees: Guarantees;
  /** Waits for messages, and locks the returned messages. */
  receive(queue: string, options: ReceiveOptions): Promise<Delivery[]>;
  /** Removes messages for good. */
  acknowledge(
    queue: string,
    receipts: readonly string[],
    options?: CallOptions,
  ): Promise<SettleResult[]>;
  /** Gives locks back, each after its delay. */
  release(
    queue: string,
    releases: readonly Release[],
    options?: CallOptions,
  ): Promise<SettleResult[]>;
  /** Keeps locks longer. */
  extend(
    queue: string,
    extensions: readonly Extension[],
    options?: CallOptions,
  ): Promise<ExtendResult[]>;
  /**
   * Moves messages to the dead-letter queue: sends each copy, then acknowledges, in this order, so
   * that a crash between leaves the message in both and never in neither. In a FIFO dead-letter
   * queue the copy's deduplication id is the broker's id of the message. `UNSUPPORTED` where the
   * queue has no dead-letter queue; nothing has changed then.
   */
  deadLetter?(
    queue: string,
    copies: readonly DeadLetterCopy[],
    options?: CallOptions,
  ): Promise<SettleResult[]>;
}

/**
 * The filter of a subscription, in the language of SNS: attribute names with lists of
 * accepted values or operators.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
 *
 * @category Backends
 */
export type FilterPolicy = { readonly [key: string]: unknown };

/**
 * A queue's subscription to a topic.
 *
 * @category Backends
 */
export interface SubscriptionOptions {
  /** The topic; created if it is missing. */
  topic: string;
  /** Let only these event types through. Default: all. */
  events?: readonly (AnyEventType | string)[];
  /** Any other filter; keys are attribute names. Together with `events`, both must match. Default: none. */
  filter?: FilterPolicy;
  /** Deliver the body and the attributes as they were published, without an envelope. Default: `true`. */
  raw?: boolean;
}

/**
 * Options of {@linkcode Admin.declareQueue}.
 *
 * @category Backends
 */
export interface DeclareQueueOptions extends CallOptions {
  /** Topics to subscribe to. Default: none. Other subscriptions are left alone. */
  subscribeTo?: readonly (string | SubscriptionOptions)[];
  /** The queue for messages that failed `maxReceives` times; created if missing. Default: none. */
  deadLetterQueue?: string;
  /** The receives before a message moves to the dead-letter queue. Default: 5. */
  maxReceives?: number;
  /** The time for which a receive locks unless it names another, in milliseconds. Default: 30 000. */
  visibilityTimeoutMs?: number;
  /** The time for which messages are kept, in milliseconds. Default: the backend's; 14 days for a dead-letter queue. */
  retentionMs?: number;
  /** The time for which each message is hidden first, in milliseconds. Default: 0. */
  delayMs?: number;
  /** FIFO queues only: de-duplicate by the body where a message has no id. Default: `false`. */
  contentBasedDeduplication?: boolean;
}

/**
 * Options of {@linkcode Admin.declareTopic}.
 *
 * @category Backends
 */
export interface DeclareTopicOptions extends CallOptions {
  /** FIFO topics only: de-duplicate by the body where a message has no id. Default: `false`. */
  contentBasedDeduplication?: boolean;
}

/**
 * A topic as it exists.
 *
 * @category Backends
 */
export interface TopicDescription {
  /** The name of the topic. */
  name: string;
  /** The address: an ARN on AWS, else the name. */
  address: string;
}

/**
 * A queue as it exists. Counts are approximate on AWS.
 *
 * @category Backends
 */
export interface QueueDescription {
  /** The name of the queue. */
  name: string;
  /** The address: an ARN on AWS, else the name. */
  address: string;
  /** Messages that can be received now. */
  available: number;
  /** Messages that are received and not settled. */
  inFlight: number;
  /** Messages that are still hidden by a delay. */
  delayed: number;
  /** The time for which a receive locks unless it names another, in milliseconds. */
  visibilityTimeoutMs: number;
  /** The dead-letter queue, if any. */
  deadLetterQueue?: string;
  /** The receives before a message moves to the dead-letter queue. */
  maxReceives?: number;
}

/**
 * The topics and queues to look for.
 *
 * @category Backends
 */
export interface InspectOptions extends CallOptions {
  /** Topics by name, ARN or URL. Default: none. */
  topics?: readonly string[];
  /** Queues by name, ARN or URL. Default: none. */
  queues?: readonly string[];
}

/**
 * The topics and queues that exist among the ones asked for.
 *
 * @category Backends
 */
export interface Inventory {
  /** The topics that exist. */
  readonly topics: readonly ExistingTopic[];
  /** The queues that exist. */
  readonly queues: readonly ExistingQueue[];
}

/**
 * A topic as it exists, with all of its subscriptions.
 *
 * @category Backends
 */
export interface ExistingTopic extends TopicDescription {
  /** FIFO topics: the body stands in for a missing deduplication id. */
  readonly contentBasedDeduplication?: boolean;
  /** The subscriptions, also those of other people. */
  readonly subscriptions: readonly ExistingSubscription[];
}

/**
 * A subscription as it exists.
 *
 * @category Backends
 */
export interface ExistingSubscription {
  /** The way of delivery, in the words of SNS: `sqs`, `https`, `lambda` and so on. */
  readonly protocol: string;
  /** The name of the queue; the address of any other subscriber. */
  readonly endpoint: string;
  /** Delivers bodies as they were published. Missing where nobody asked about the subscriber. */
  readonly raw?: boolean;
  /** The filter. Missing where everything passes, or nobody asked about the subscriber. */
  readonly filter?: FilterPolicy;
}

/**
 * A queue as it exists, with its settings.
 *
 * @category Backends
 */
export interface ExistingQueue extends QueueDescription {
  /** The time for which messages are kept, in milliseconds. */
  readonly retentionMs: number;
  /** The time for which each message is hidden first, in milliseconds. */
  readonly delayMs: number;
  /** FIFO queues: the body stands in for a missing deduplication id. */
  readonly contentBasedDeduplication?: boolean;
  /** The topics that the queue's policy lets send, by ARN. Missing where queues have no policy. */
  readonly sources?: readonly string[];
  /** Statements of the queue's policy that other people wrote, by their ids. */
  readonly foreignStatements?: readonly string[];
}

/**
 * Creates and describes queues and topics.
 *
 * @category Backends
 */
export interface Admin {
  /** Creates a topic unless it exists. */
  declareTopic(name: string, options?: DeclareTopicOptions): Promise<TopicDescription>;
  /**
   * Creates a queue, its dead-letter queue, its topics and its subscriptions where they are
   * missing, and updates settings that differ. Settings without a value in the options, such as
   * `deadLetterQueue` or `visibilityTimeoutMs`, stay unchanged.
   */
  declareQueue(name: string, options?: DeclareQueueOptions): Promise<QueueDescription>;
  /** Describes a queue; `NOT_FOUND` if there is none. */
  describeQueue(name: string, options?: CallOptions): Promise<QueueDescription>;
  /**
   * Reads what exists, and changes nothing; a missing topic or queue is left out. Optional: without
   * it nobody can plan.
   */
  inspect?(options: InspectOptions): Promise<Inventory>;
  /** Deletes a topic and its subscriptions; success if there is none. */
  deleteTopic(name: string, options?: CallOptions): Promise<void>;
  /** Deletes a queue and its messages. A missing queue is a success. */
  deleteQueue(name: string, options?: CallOptions): Promise<void>;
}

/**
 * Requests to a service that bills them, since the backend was created.
 *
 * @category Backends
 */
export interface Usage {
  /**
   * Requests by operation, in the names of the service. Attempts without an answer are not counted.
   */
  readonly requests: Readonly<Record<string, number>>;
  /** Receives that brought nothing. */
  readonly emptyReceives: number;
  /** Requests as AWS bills them: each 64 KiB of a request, or of its answer, is one. */
  readonly billed: number;
  /** Messages that were sent. */
  readonly sent: number;
  /** Messages that were received. */
  readonly received: number;
  /** Price of all of this in US dollars, at list price. */
  readonly dollars: number;
  /** Requests over the messages sent or received, whichever are more; missing while there are none. */
  readonly requestsPerMessage?: number;
  /** Price of a million such messages in US dollars, at list price; missing while there are none. */
  readonly dollarsPerMillion?: number;
}

/**
 * A meter of costs: an optional part of a backend, for services that bill requests.
 *
 * @category Backends
 */
export interface Metered {
  /** Returns the counts until now. */
  usage?(): Usage;
}

/**
 * The state of a move of all messages of a queue.
 *
 * @category Backends
 */
export interface MoveProgress {
  /** Messages that were moved until now. */
  readonly moved: number;
  /** Messages that were there at the start, as far as the service can tell. */
  readonly toMove: number;
  /** The state of the move. */
  readonly state: "running" | "done" | "cancelled" | "failed";
  /** The reason of a failure, as a name of the service. */
  readonly reason?: string;
}

/**
 * Options of {@linkcode MoveTasks.start}.
 *
 * @category Backends
 */
export interface MoveOptions extends CallOptions {
  /** The queue for the messages. Default: the only queue whose dead-letter queue this one is. */
  to?: string | undefined;
  /** The most messages a second. Default: as many as the service can. */
  ratePerSecond?: number | undefined;
}

/**
 * Moves of whole dead-letter queues by the service itself.
 *
 * @category Backends
 */
export interface MoveTasks {
  /**
   * Starts to move all messages of a dead-letter queue. Returns the id of the move; `undefined`
   * where the service cannot do this move, and nothing was started.
   */
  start(queue: string, options: MoveOptions): Promise<string | undefined>;
  /** Tells how far a move is. */
  describe(queue: string, task: string, options?: CallOptions): Promise<MoveProgress>;
  /** Ends a move. Moved messages stay where they are. */
  cancel(queue: string, task: string, options?: CallOptions): Promise<void>;
}

/**
 * A mover of messages: an optional part of a backend, for services that move the messages of a
 * dead-letter queue by themselves.
 *
 * @category Backends
 */
export interface Moving {
  /** The moves. Default: none; messages are then received, sent and acknowledged one by one. */
  readonly moves?: MoveTasks;
}

/**
 * All three roles, and an end.
 *
 * @category Backends
 */
export interface Backend extends Sender, Receiver, Admin, Metered, Moving, AsyncDisposing {
  /** Ends all calls under way; every later call is `CLOSED`. */
  close(): Promise<void>;
}

/**
 * Makes the policy of a subscription out of its filter and its event types.
 * @throws {MelangeError} `CONFIGURATION` if the filter has a rule for `manifest`, where the types stand
 *
 * @example
 * ```ts
 * import { filterPolicyOf } from "@melange/melange";
 *
 * const policy = filterPolicyOf({ topic: "orders", events: ["OrderPlaced"] });
 * console.log(policy); // prints: { manifest: [ "OrderPlaced" ] }
 * ```
 *
 * @category Backends
 */
export function filterPolicyOf(subscription: SubscriptionOptions): FilterPolicy | undefined {
  const { events, filter } = subscription;
  if (!events) return filter;
  if (filter && Object.hasOwn(filter, "manifest")) {
    throw new MelangeError(
      "CONFIGURATION",
      `Cannot subscribe to "${subscription.topic}" with both events and a filter on "manifest": use one of them`,
    );
  }
  const manifest = events.map((event) => typeof event === "string" ? event : event.type);
  return { ...filter, manifest };
}
