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
  Limits,
  QueueDescription,
  QueueLimits,
  ReceiveOptions,
  Release,
  SendResult,
  SettleResult,
  TopicDescription,
} from "../../src/backend.ts";
import { type Clock, type Random, steady, systemClock } from "../../src/support/clock.ts";
import { MelangeError } from "../../src/support/errors.ts";
import {
  type Destination,
  messageSize,
  type OutgoingMessage,
  refusal,
} from "../../src/wire/message.ts";
import * as broker from "./broker.ts";
import { checkBatch, checkEntries, checkReceive } from "./call.ts";
import { checkDeduplication, queueDeclaration } from "./declaration.ts";
import { QUEUE_LIMITS, TOPIC_LIMITS } from "./limits.ts";
import { type LongPolls, longPolls } from "./long_poll.ts";
import { nameIn, newTopicName } from "./names.ts";
import * as engine from "./queue.ts";
import { ownMessage } from "./stored_message.ts";
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
  /**
   * Where time comes from. Its wall clock is read once: after that, dates and locks go on by what
   * has passed, also when it is set. Default: the clock of the machine.
   */
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

/** One process owns the queues from their beginning to their end. */
const EPOCH = 1;

/**
 * The backend that keeps everything in memory: the reference for all others. It promises all that a
 * backend can promise except that messages survive the process.
 *
 * A queue drops what is older than its retention, 4 days unless declared otherwise, and a topic keeps
 * nothing for queues that subscribe later. A pending receive holds a timer, and nothing else does.
 *
 * @example
 * ```ts
 * import { MemoryBackend } from "@melange/melange/memory";
 *
 * const backend = new MemoryBackend();
 * await backend.declareQueue("billing", { subscribeTo: ["orders"] });
 * await backend.send({ topic: "orders" }, [{ body: "o-1", attributes: {} }]);
 * const { available } = await backend.describeQueue("billing");
 * console.log(available); // prints: 1
 * await backend.close();
 * ```
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
    fences: true,
  };
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #createTopics: boolean;
  readonly #inFlightLimit: number;
  readonly #broker = broker.createBroker();
  /** The receives that wait, by the name of the queue. */
  readonly #polls = new Map<string, LongPolls>();
  #closed = false;

  /** Creates a backend without queues and topics. */
  constructor(options: MemoryBackendOptions = {}) {
    const { clock = systemClock, random, createTopics = true, limits, inFlightLimit = 120_000 } =
      options;
    this.limits = {
      topic: { ...TOPIC_LIMITS, ...limits?.topic },
      queue: { ...QUEUE_LIMITS, ...limits?.queue },
    };
    this.#clock = steady(clock);
    this.#newId = random ? () => uuidFrom(random) : () => crypto.randomUUID();
    this.#createTopics = createTopics;
    this.#inFlightLimit = inFlightLimit;
    disposable(this, () => this.close());
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
      if (this.#createTopics && "topic" in destination) {
        broker.topicOrNew(this.#broker, newTopicName(destination.topic));
      }
      const accepted = messages.filter((_, i) => refusals[i] === undefined);
      const sent = this.#call((call) =>
        broker.send(this.#broker, { destination, messages: accepted.map(ownMessage) }, call)
      ).values();
      return refusals.map((error): SendResult =>
        error ? { ok: false, error } : sent.next().value as SendResult
      );
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
      return this.#pollsOf(queue).receive(options);
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
      each: (queue, receipt, { now }) => engine.acknowledge(queue, receipt, now),
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
      each: (queue, { receipt, delayMs }, { now }) =>
        engine.release(queue, receipt, { now, endsInMs: delayMs }),
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
      each: (queue, { receipt, visibilityMs }, { now }) =>
        engine.extend(queue, receipt, { now, endsInMs: visibilityMs }),
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
      each: (_, { receipt, copy }, call) => {
        const limits = this.limits.queue;
        const letter = { receipt, copy: ownMessage(copy), queue, limits };
        return broker.deadLetter(this.#broker, letter, call);
      },
    });
  }

  /** Creates a topic unless it exists. */
  declareTopic(name: string, options: DeclareTopicOptions = {}): Promise<TopicDescription> {
    return this.#run(options, () => {
      const { contentBasedDeduplication } = options;
      const topicName = newTopicName(name);
      checkDeduplication("topic", topicName, options);
      const topic = broker.topicOrNew(this.#broker, topicName);
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
      const now = this.#clock.now();
      const inFlightLimit = this.#inFlightLimit;
      const declaration = queueDeclaration(name, options);
      return broker.declareQueue(this.#broker, declaration, { now, inFlightLimit });
    });
  }

  /** Describes a queue; rejects with `NOT_FOUND` if there is none. */
  describeQueue(name: string, options: CallOptions = {}): Promise<QueueDescription> {
    return this.#run(options, () => broker.describeQueue(this.#broker, name, this.#clock.now()));
  }

  /** Deletes a topic and its subscriptions; success if there is none. */
  deleteTopic(name: string, options: CallOptions = {}): Promise<void> {
    return this.#run(options, () => {
      this.#broker.topics.delete(nameIn(name));
    });
  }

  /**
   * Deletes a queue, what is in it and its subscriptions; success if there is none. A receive that
   * waits at it rejects with `NOT_FOUND`.
   */
  deleteQueue(name: string, options: CallOptions = {}): Promise<void> {
    return this.#run(options, () => {
      const queueName = nameIn(name);
      broker.deleteQueue(this.#broker, queueName);
      this.#polls.get(queueName)?.end(broker.notFound("queue", queueName));
      this.#polls.delete(queueName);
    });
  }

  /** Rejects all waiting receives and every later call with `CLOSED`. What is stored is gone. */
  close(): Promise<void> {
    this.#closed = true;
    for (const polls of this.#polls.values()) polls.end(closed());
    this.#polls.clear();
    this.#broker.queues.clear();
    this.#broker.topics.clear();
    return Promise.resolve();
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

  /** Makes a call of the broker, and serves the receives that wait for what it brought. */
  #call<T>(work: (call: broker.Call) => T): T {
    const woken = new Set<string>();
    const result = work({ now: this.#clock.now(), newId: this.#newId, woken });
    for (const name of woken) this.#polls.get(name)?.wake();
    return result;
  }

  #settle<Item, R>(
    queue: string,
    items: readonly Item[],
    options: CallOptions & { each: (queue: engine.Queue, item: Item, call: broker.Call) => R },
  ): Promise<R[]> {
    return this.#run(options, () => {
      checkEntries(items.length, this.limits.queue);
      return this.#call((call) => {
        const each = (hosted: engine.Queue, item: Item) => options.each(hosted, item, call);
        return broker.settle(this.#broker, { queue, items, each }, call);
      });
    });
  }

  #pollsOf(given: string): LongPolls {
    const name = nameIn(given);
    const queue = broker.queueIn(this.#broker, name);
    const known = this.#polls.get(name);
    if (known) return known;
    const polls = longPolls({
      clock: this.#clock,
      take: ({ max, visibilityMs }) => this.#take({ queue: name, max, visibilityMs }),
      nextChangeAt: () => engine.nextChangeAt(queue, this.#clock.now()),
    });
    this.#polls.set(name, polls);
    return polls;
  }

  #take(request: { queue: string; max: number; visibilityMs: number }): Delivery[] {
    return this.#call((call) => {
      const receipts = broker.receive(this.#broker, { ...request, epoch: EPOCH }, call);
      return broker.deliveriesOf(this.#broker, request.queue, receipts);
    });
  }
}

/** Disposal of a backend by `await using`: the same as {@linkcode MemoryBackend.close}. */
export interface MemoryBackend extends AsyncDisposing {}

function closed(): MelangeError {
  return new MelangeError("CLOSED", "Cannot use the memory backend as it was closed");
}
