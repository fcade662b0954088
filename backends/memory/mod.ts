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
  InspectOptions,
  Inventory,
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
import { type Destination, messageSize, type OutgoingMessage } from "../../src/wire/message.ts";
import * as broker from "./broker.ts";
import { QUEUE_LIMITS, TOPIC_LIMITS } from "./limits.ts";
import { type LongPolls, longPolls } from "./long_poll.ts";
import { type OperationCall, perform } from "./operation.ts";
import * as engine from "./queue.ts";
import { uuidFrom } from "./uuid.ts";
import { createVerbs, type Verbs } from "./verbs.ts";

/** Limits that differ from the limits of SNS and SQS. */
export interface MemoryLimits {
  /** Limits of topics. Default: the limits of SNS. */
  topic?: Partial<Limits>;
  /** Limits of queues. Default: the limits of SQS. */
  queue?: Partial<QueueLimits>;
}

/** Options of {@linkcode MemoryBackend}. */
export interface MemoryBackendOptions {
  /**
   * The clock. The backend reads the wall clock once. After that, dates and locks go on by the time
   * that has passed, also when somebody sets the wall clock. Default: the clock of the machine.
   */
  clock?: Clock;
  /** The source of message ids. Default: `crypto.randomUUID`. */
  random?: Random;
  /**
   * Create a topic at the first publish. With `false`, such a publish is `NOT_FOUND`. Default:
   * `true`.
   */
  createTopics?: boolean;
  /** The limits of one call and of one message. Default: the limits of SNS and SQS. */
  limits?: MemoryLimits;
  /** The most messages of one queue in flight. Default: 120 000, as in SQS. */
  inFlightLimit?: number;
}

/** The epoch of all locks, as one process owns the queues from their beginning to their end. */
const EPOCH = 1;

/**
 * The backend that keeps everything in memory, and the reference for all other backends. The
 * backend promises all that the contract can promise, except that messages survive the process.
 *
 * A queue drops messages older than its retention, 4 days unless declared otherwise, and a topic
 * keeps nothing for queues that subscribe later. Only a pending receive holds a timer.
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
  /** The limits of one call and one message. */
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
  readonly #inFlightLimit: number;
  readonly #verbs: Verbs;
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
    this.#inFlightLimit = inFlightLimit;
    this.#verbs = createVerbs({
      limits: this.limits,
      createTopics,
      closed: () => this.#closed ? closed() : undefined,
      run: (operation) => this.#call((call) => perform(this.#broker, operation, call)),
      receive: (queue, options) => this.#pollsOf(queue).receive(options),
    });
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
    options?: CallOptions,
  ): Promise<SendResult[]> {
    return this.#verbs.send(destination, messages, options);
  }

  /** Returns the bytes of the body and of the names, types and values of the attributes. */
  sizeOf(message: OutgoingMessage, _destination: Destination): number {
    return messageSize(message);
  }

  /**
   * Receives up to 10 messages, waiting for the first. Waiting receives are served in the order of
   * their calls. An abort ends the wait at once, and no message is taken then.
   *
   * Rejects with `NOT_FOUND` if there is no such queue, with `THROTTLED` if a standard queue has too
   * many messages in flight, and with a `RangeError` for numbers outside the limits.
   */
  receive(queue: string, options: ReceiveOptions): Promise<Delivery[]> {
    return this.#verbs.receive(queue, options);
  }

  /** Removes messages for good. */
  acknowledge(
    queue: string,
    receipts: readonly string[],
    options?: CallOptions,
  ): Promise<SettleResult[]> {
    return this.#verbs.acknowledge(queue, receipts, options);
  }

  /** Ends locks, each after its delay; until then the receipt is good, as in SQS. */
  release(
    queue: string,
    releases: readonly Release[],
    options?: CallOptions,
  ): Promise<SettleResult[]> {
    return this.#verbs.release(queue, releases, options);
  }

  /** Moves the ends of locks, up to 12 hours after the receive. */
  extend(
    queue: string,
    extensions: readonly Extension[],
    options?: CallOptions,
  ): Promise<ExtendResult[]> {
    return this.#verbs.extend(queue, extensions, options);
  }

  /**
   * Sends copies to the dead-letter queue and acknowledges the messages, each copy with its message
   * in one operation. A lost lock gives `LOCK_LOST`, a refused copy gives the error of the queue,
   * and a copy that is no message gives `INVALID_MESSAGE`; the message then stays in its queue.
   */
  deadLetter(
    queue: string,
    copies: readonly DeadLetterCopy[],
    options?: CallOptions,
  ): Promise<SettleResult[]> {
    return this.#verbs.deadLetter(queue, copies, options);
  }

  /** Creates a topic unless it exists. */
  declareTopic(name: string, options?: DeclareTopicOptions): Promise<TopicDescription> {
    return this.#verbs.declareTopic(name, options);
  }

  /**
   * Creates a queue, its dead-letter queue, its topics and its subscriptions where they are
   * missing, and updates settings that differ.
   *
   * Rejects with `INVALID_MESSAGE` or `CONFIGURATION` for options that SQS or SNS would refuse,
   * such as a standard topic that feeds a FIFO queue, and with a `RangeError` for numbers outside
   * their ranges. A rejected call creates nothing.
   */
  declareQueue(name: string, options?: DeclareQueueOptions): Promise<QueueDescription> {
    return this.#verbs.declareQueue(name, options);
  }

  /** Describes a queue; rejects with `NOT_FOUND` if there is none. */
  describeQueue(name: string, options?: CallOptions): Promise<QueueDescription> {
    return this.#verbs.describeQueue(name, options);
  }

  /** Reads topics and queues with their settings; a missing one is left out. Changes nothing. */
  inspect(options: InspectOptions): Promise<Inventory> {
    return this.#verbs.inspect(options);
  }

  /** Deletes a topic and its subscriptions; success if there is none. */
  deleteTopic(name: string, options?: CallOptions): Promise<void> {
    return this.#verbs.deleteTopic(name, options);
  }

  /**
   * Deletes a queue, its messages and its subscriptions. A missing queue is a success. A receive
   * that waits at the queue rejects with `NOT_FOUND`.
   */
  deleteQueue(name: string, options?: CallOptions): Promise<void> {
    return this.#verbs.deleteQueue(name, options);
  }

  /** Rejects all waiting receives and every later call with `CLOSED`. All messages are gone. */
  close(): Promise<void> {
    this.#closed = true;
    for (const polls of this.#polls.values()) polls.end(closed());
    this.#polls.clear();
    this.#broker.queues.clear();
    this.#broker.topics.clear();
    return Promise.resolve();
  }

  /** Makes a call of the broker, and serves the receives that wait for new messages. */
  #call<T>(work: (call: OperationCall) => T): T {
    const woken = new Set<string>();
    const limits = this.limits.queue;
    const inFlightLimit = this.#inFlightLimit;
    const call = { now: this.#clock.now(), newId: this.#newId, woken, limits, inFlightLimit };
    const result = work(call);
    for (const name of woken) this.#wake(name);
    return result;
  }

  /**
   * Serves the receives that wait at a queue. A receive at a deleted queue rejects, and a later
   * receive waits at the new queue of the name.
   */
  #wake(name: string): void {
    this.#polls.get(name)?.wake();
    if (!this.#broker.queues.has(name)) this.#polls.delete(name);
  }

  #pollsOf(name: string): LongPolls {
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
