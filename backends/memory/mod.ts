/**
 * Queues and topics in this process, with the semantics of SQS and SNS: for tests, for development,
 * and for programs that need no broker. Time and chance are passed in, so that a test lets an hour
 * pass at once; `@melange/melange/testing` has a clock for that.
 *
 * @example
 * ```ts
 * import { MemoryBackend } from "@melange/melange/memory";
 *
 * const backend = new MemoryBackend();
 * await backend.declareQueue("billing", { subscribeTo: ["orders"] });
 * await backend.send({ topic: "orders" }, [{ body: "o-1", attributes: {} }]);
 * const [delivery] = await backend.receive("billing", { max: 1, waitMs: 0, visibilityMs: 30_000 });
 * if (delivery?.message.body !== "o-1") throw new Error("unexpected");
 * await backend.acknowledge("billing", [delivery.receipt]);
 * await backend.close();
 * ```
 *
 * @module
 */
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
  Limits,
  QueueDescription,
  QueueLimits,
  ReceiveOptions,
  Release,
  SendResult,
  SettleResult,
  TopicDescription,
} from "../../src/backend.ts";
import { type Clock, type Random, systemClock } from "../../src/clock.ts";
import { MelangeError } from "../../src/errors.ts";
import {
  type Destination,
  isFifo,
  messageSize,
  type OutgoingMessage,
  refusal,
} from "../../src/message.ts";
import { checkBatch, checkEntries, checkReceive } from "./call.ts";
import { checkDeduplication, DEAD_LETTER_RETENTION_MS, queueDeclaration } from "./declaration.ts";
import { type LongPolls, longPolls } from "./long_poll.ts";
import { nameIn, newTopicName } from "./names.ts";
import * as engine from "./queue.ts";
import { createTopic, publish, type Topic } from "./topic.ts";
import { uuidFrom } from "./uuid.ts";

/** Limits that differ from those of SNS and SQS. */
export interface MemoryLimits {
  /** For topics. Default: those of SNS. */
  topic?: Partial<Limits>;
  /** For queues. Default: those of SQS. */
  queue?: Partial<QueueLimits>;
}

/** Options of {@linkcode MemoryBackend}. */
export interface MemoryBackendOptions {
  /** Where time comes from. Default: the clock of the machine. */
  clock?: Clock;
  /** What message ids are made from. Default: `crypto.randomUUID`. */
  random?: Random;
  /** Create a topic when it is published to first; else that is `NOT_FOUND`. Default: `true`. */
  createTopics?: boolean;
  /** How much one call and one message may take. Default: what SNS and SQS take. */
  limits?: MemoryLimits;
  /** How many messages of one queue can be in flight. Default: 120 000, as in SQS. */
  inFlightLimit?: number;
}

interface HostedQueue {
  readonly name: string;
  readonly queue: engine.Queue;
  readonly polls: LongPolls;
}

/** https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html */
const TOPIC_LIMITS: Limits = {
  entries: 10,
  batchBytes: 262_144,
  messageBytes: 262_144,
  delayMs: 0,
};
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const QUEUE_LIMITS: QueueLimits = {
  entries: 10,
  batchBytes: 1_048_576,
  messageBytes: 1_048_576,
  delayMs: 900_000,
  waitMs: 20_000,
  visibilityMs: engine.MAX_VISIBILITY_MS,
};
/** What a new queue has; the defaults of SQS, and of our contract for `maxReceives`. */
const DEFAULTS = {
  visibilityTimeoutMs: 30_000,
  retentionMs: 4 * 86_400_000,
  delayMs: 0,
  maxReceives: 5,
  contentBasedDeduplication: false,
};
/** One process owns the queues from their beginning to their end. */
const EPOCH = 1;

/**
 * The backend that keeps everything in memory: the reference for all others. It promises all that a
 * backend can promise except that messages survive the process.
 *
 * A queue drops what is older than its retention, 4 days unless declared otherwise, and a topic keeps
 * nothing for queues that subscribe later. A pending receive holds a timer, and nothing else does.
 */
export class MemoryBackend implements Backend {
  /** How much one call and one message may take. */
  readonly limits: BackendLimits;
  /** Everything but `durable`. */
  readonly guarantees: Guarantees = {
    redelivers: true,
    ordered: true,
    groups: true,
    delays: true,
    fansOut: true,
    filters: true,
    deduplicates: true,
    durable: false,
    countsAttempts: true,
    deadLetters: true,
    cancelsReceive: true,
  };
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #createTopics: boolean;
  readonly #inFlightLimit: number;
  readonly #queues = new Map<string, HostedQueue>();
  readonly #topics = new Map<string, Topic>();
  #queuesCreated = 0;
  #closed = false;

  /** Creates a backend without queues and topics. */
  constructor(options: MemoryBackendOptions = {}) {
    const { clock = systemClock, random, createTopics = true, limits, inFlightLimit = 120_000 } =
      options;
    this.limits = {
      topic: { ...TOPIC_LIMITS, ...limits?.topic },
      queue: { ...QUEUE_LIMITS, ...limits?.queue },
    };
    this.#clock = clock;
    this.#newId = random ? () => uuidFrom(random) : () => crypto.randomUUID();
    this.#createTopics = createTopics;
    this.#inFlightLimit = inFlightLimit;
  }

  /**
   * Sends to a topic or a queue; the messages take their places at the call.
   *
   * Rejects with `NOT_FOUND` if there is no such queue, or no such topic and `createTopics` is off,
   * and with `INVALID_MESSAGE` if the call exceeds the limits.
   */
  send(
    destination: Destination,
    messages: readonly OutgoingMessage[],
    options: CallOptions = {},
  ): Promise<SendResult[]> {
    return this.#run(options, () => {
      const limits = "topic" in destination ? this.limits.topic : this.limits.queue;
      const refusals = messages.map((message) => refusal(message, destination, limits));
      checkEntries(messages.length, limits);
      checkBatch(messages.filter((_, i) => refusals[i] === undefined), limits);
      const accept = "topic" in destination
        ? this.#publisher(destination.topic)
        : this.#sender(destination.queue);
      const woken = new Set<HostedQueue>();
      const results = messages.map((message, i): SendResult => {
        const error = refusals[i];
        return error ? { ok: false, error } : accept(message, woken);
      });
      for (const { polls } of woken) polls.wake();
      return results;
    });
  }

  /** The bytes of the body and of the names, types and values of the attributes. */
  sizeOf(message: OutgoingMessage, _destination: Destination): number {
    return messageSize(message);
  }

  /**
   * Receives up to 10 messages, waiting for the first. Those who wait are served in the order of
   * their calls. An abort ends the wait at once, and no message is taken then.
   *
   * Rejects with `NOT_FOUND` if there is no such queue, with `THROTTLED` if a standard queue has too
   * many messages in flight, and with a `RangeError` for numbers outside the limits.
   */
  receive(queue: string, options: ReceiveOptions): Promise<Delivery[]> {
    return this.#run(options, () => {
      checkReceive(options, this.limits.queue);
      return this.#queue(queue).polls.receive(options);
    });
  }

  /** Removes messages for good. */
  acknowledge(
    queue: string,
    receipts: readonly string[],
    options: CallOptions = {},
  ): Promise<SettleResult[]> {
    return this.#settle(queue, receipts, {
      ...options,
      each: (hosted, receipt) => engine.acknowledge(hosted.queue, receipt, this.#clock.now()),
    });
  }

  /** Ends locks, each after its delay; until then the receipt is good, as in SQS. */
  release(
    queue: string,
    releases: readonly Release[],
    options: CallOptions = {},
  ): Promise<SettleResult[]> {
    return this.#settle(queue, releases, {
      ...options,
      each: ({ queue }, { receipt, delayMs }) =>
        engine.release(queue, receipt, { now: this.#clock.now(), endsInMs: delayMs }),
    });
  }

  /** Moves the ends of locks, up to 12 hours after the receive. */
  extend(
    queue: string,
    extensions: readonly Extension[],
    options: CallOptions = {},
  ): Promise<ExtendResult[]> {
    return this.#settle(queue, extensions, {
      ...options,
      each: ({ queue }, { receipt, visibilityMs }) =>
        engine.extend(queue, receipt, { now: this.#clock.now(), endsInMs: visibilityMs }),
    });
  }

  /**
   * Sends copies to the dead-letter queue and acknowledges the messages. A lost lock is `LOCK_LOST`,
   * a copy that the queue refuses is that error, and the message stays where it is then.
   */
  deadLetter(
    queue: string,
    copies: readonly DeadLetterCopy[],
    options: CallOptions = {},
  ): Promise<SettleResult[]> {
    return this.#settle(queue, copies, {
      ...options,
      each: (hosted, copy) => this.#deadLetterOne(hosted, copy),
    });
  }

  /** Creates a topic unless it exists. */
  declareTopic(name: string, options: DeclareTopicOptions = {}): Promise<TopicDescription> {
    return this.#run(options, () => {
      const { contentBasedDeduplication } = options;
      const topicName = newTopicName(name);
      checkDeduplication("topic", topicName, options);
      const topic = this.#topicOrNew(topicName);
      if (contentBasedDeduplication !== undefined) {
        topic.contentBasedDeduplication = contentBasedDeduplication;
      }
      return { name: topicName, address: topicName };
    });
  }

  /**
   * Creates a queue, its dead-letter queue, its topics and its subscriptions as far as they are
   * missing, and updates what differs.
   *
   * Rejects with `INVALID_MESSAGE` or `CONFIGURATION` for what SQS or SNS would refuse, such as a
   * standard topic that feeds a FIFO queue, and with a `RangeError` for numbers outside their
   * ranges. Nothing is created then.
   */
  declareQueue(name: string, options: DeclareQueueOptions = {}): Promise<QueueDescription> {
    return this.#run(options, () => {
      const { name: queueName, settings, subscriptions } = queueDeclaration(name, options);
      this.#checkRedrive(queueName, settings);
      const { deadLetterQueue } = settings;
      if (deadLetterQueue !== undefined) {
        this.#queueOrNew(deadLetterQueue, { retentionMs: DEAD_LETTER_RETENTION_MS });
      }
      const hosted = this.#queueOrNew(queueName, settings);
      engine.configure(hosted.queue, settings);
      for (const [topic, subscription] of subscriptions) {
        this.#topicOrNew(topic).subscriptions.set(queueName, subscription);
      }
      return this.#describe(hosted);
    });
  }

  /** Describes a queue; rejects with `NOT_FOUND` if there is none. */
  describeQueue(name: string, options: CallOptions = {}): Promise<QueueDescription> {
    return this.#run(options, () => this.#describe(this.#queue(name)));
  }

  /** Deletes a topic and its subscriptions; success if there is none. */
  deleteTopic(name: string, options: CallOptions = {}): Promise<void> {
    return this.#run(options, () => {
      this.#topics.delete(nameIn(name));
    });
  }

  /**
   * Deletes a queue, what is in it and its subscriptions; success if there is none. A receive that
   * waits at it rejects with `NOT_FOUND`.
   */
  deleteQueue(name: string, options: CallOptions = {}): Promise<void> {
    return this.#run(options, () => {
      const queueName = nameIn(name);
      const hosted = this.#queues.get(queueName);
      this.#queues.delete(queueName);
      for (const topic of this.#topics.values()) topic.subscriptions.delete(queueName);
      hosted?.polls.end(notFound("queue", queueName));
    });
  }

  /** Rejects all waiting receives and every later call with `CLOSED`. What is stored is gone. */
  close(): Promise<void> {
    this.#closed = true;
    for (const { polls } of this.#queues.values()) polls.end(closed());
    this.#queues.clear();
    this.#topics.clear();
    return Promise.resolve();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Does its work at the call, so that concurrent calls keep their order. */
  #run<T>({ signal }: CallOptions, work: () => T | Promise<T>): Promise<T> {
    try {
      if (this.#closed) throw closed();
      signal?.throwIfAborted();
      return Promise.resolve(work());
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #sender(name: string): Accept {
    const hosted = this.#queue(name);
    return (message, woken) => {
      woken.add(hosted);
      return engine.send(hosted.queue, message, this.#stamp());
    };
  }

  #publisher(name: string): Accept {
    const topic = this.#createTopics
      ? this.#topicOrNew(newTopicName(name))
      : this.#topics.get(nameIn(name));
    if (!topic) throw notFound("topic", nameIn(name));
    return (message, woken) => {
      const { result, copies } = publish(topic, message, this.#stamp());
      for (const copy of copies) this.#sender(copy.queue)(copy.message, woken);
      return result;
    };
  }

  #stamp(): engine.SendOptions {
    return { now: this.#clock.now(), id: this.#newId() };
  }

  #settle<Item, R>(
    name: string,
    items: readonly Item[],
    options: CallOptions & { each: (hosted: HostedQueue, item: Item) => R },
  ): Promise<R[]> {
    return this.#run(options, () => {
      checkEntries(items.length, this.limits.queue);
      const hosted = this.#queue(name);
      const results = items.map((item) => options.each(hosted, item));
      hosted.polls.wake();
      return results;
    });
  }

  #deadLetterOne(hosted: HostedQueue, { receipt, copy }: DeadLetterCopy): SettleResult {
    const now = this.#clock.now();
    const target = this.#deadLetterQueueOf(hosted);
    if (!target) return { ok: false, error: noDeadLetterQueue(hosted.name) };
    const message = engine.lookUp(hosted.queue, receipt, now);
    if (typeof message === "string") return engine.acknowledge(hosted.queue, receipt, now);
    // The event's id would let the queue drop a message that failed again within five minutes.
    const outgoing = isFifo(target.name) ? { ...copy, deduplicationId: message.id } : copy;
    const error = refusal(outgoing, { queue: target.name }, this.limits.queue);
    if (error) return { ok: false, error };
    const sent = engine.send(target.queue, outgoing, this.#stamp());
    if (!sent.ok) return sent;
    target.polls.wake();
    return engine.acknowledge(hosted.queue, receipt, now);
  }

  #queue(name: string): HostedQueue {
    const hosted = this.#queues.get(nameIn(name));
    if (!hosted) throw notFound("queue", nameIn(name));
    return hosted;
  }

  #topicOrNew(name: string): Topic {
    const topic = this.#topics.get(name) ?? createTopic(name);
    this.#topics.set(name, topic);
    return topic;
  }

  #queueOrNew(name: string, settings: Partial<engine.QueueSettings>): HostedQueue {
    const known = this.#queues.get(name);
    if (known) return known;
    const queue = engine.createQueue(`q${++this.#queuesCreated}`, {
      ...DEFAULTS,
      inFlightLimit: this.#inFlightLimit,
      ...settings,
      fifo: isFifo(name),
    });
    const polls = longPolls({
      clock: this.#clock,
      take: (options) => this.#take(hosted, options),
      nextChangeAt: () => engine.nextChangeAt(queue, this.#clock.now()),
    });
    const hosted: HostedQueue = { name, queue, polls };
    this.#queues.set(name, hosted);
    return hosted;
  }

  /** Receives, and moves what was received too often. */
  #take(hosted: HostedQueue, { max, visibilityMs }: ReceiveOptions): Delivery[] {
    const now = this.#clock.now();
    const target = this.#deadLetterQueueOf(hosted);
    const redrive = target !== undefined;
    const request = { now, max, visibilityMs, redrive, epoch: EPOCH };
    const { deliveries, exhausted } = engine.receive(hosted.queue, request);
    if (target && exhausted.length > 0) {
      for (const message of exhausted) engine.accept(target.queue, message, now);
      target.polls.wake();
    }
    return deliveries;
  }

  #deadLetterQueueOf({ queue }: HostedQueue): HostedQueue | undefined {
    return this.#queues.get(queue.settings.deadLetterQueue ?? "");
  }

  #checkRedrive(name: string, settings: Partial<engine.QueueSettings>): void {
    const before = this.#queues.get(name)?.queue.settings.deadLetterQueue;
    if (settings.maxReceives === undefined || (settings.deadLetterQueue ?? before)) return;
    throw new MelangeError(
      "CONFIGURATION",
      `Cannot declare the queue "${name}" as maxReceives needs a deadLetterQueue`,
    );
  }

  #describe({ name, queue }: HostedQueue): QueueDescription {
    const { visibilityTimeoutMs, deadLetterQueue, maxReceives } = queue.settings;
    return {
      name,
      address: name,
      ...engine.countMessages(queue, this.#clock.now()),
      visibilityTimeoutMs,
      ...(deadLetterQueue === undefined ? {} : { deadLetterQueue, maxReceives }),
    };
  }
}

/** Takes in one message; adds the queues that may have something new to `woken`. */
type Accept = (message: OutgoingMessage, woken: Set<HostedQueue>) => SendResult;

function notFound(kind: "queue" | "topic", name: string): MelangeError {
  return new MelangeError("NOT_FOUND", `Cannot find the ${kind} "${name}": declare it first`);
}

function noDeadLetterQueue(name: string): MelangeError {
  return new MelangeError(
    "UNSUPPORTED",
    `Cannot dead-letter as "${name}" has no dead-letter queue`,
  );
}

function closed(): MelangeError {
  return new MelangeError("CLOSED", "Cannot use the memory backend as it was closed");
}
