/**
 * Queues and topics that the tabs and workers of one origin share without a server, or the workers
 * of one Deno, Bun or Node process. Every context has the semantics of `MemoryBackend`. The queues
 * and topics live as long as one of the contexts.
 *
 * **Any script of the same origin can read and write the channel**: events on the channel are
 * neither secret from these scripts nor protected against them.
 *
 * @example
 * ```ts
 * import { BroadcastChannelBackend } from "@melange/melange/broadcast-channel";
 *
 * // These two could as well be in two tabs, or in two workers.
 * const shop = new BroadcastChannelBackend({ name: "docs" });
 * const office = new BroadcastChannelBackend({ name: "docs" });
 * await office.declareQueue("billing", { subscribeTo: ["orders"] });
 * await shop.send({ topic: "orders" }, [{ body: "o-1", attributes: {} }]);
 * const [delivery] = await office.receive("billing", { max: 1, waitMs: 1_000, visibilityMs: 30_000 });
 * if (delivery?.message.body !== "o-1") throw new Error("unexpected");
 * await office.acknowledge("billing", [delivery.receipt]);
 * await shop.close();
 * await office.close();
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
  QueueDescription,
  ReceiveOptions,
  Release,
  SendResult,
  SettleResult,
  TopicDescription,
} from "../../src/backend.ts";
import { steady, systemClock } from "../../src/support/clock.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { type Destination, messageSize, type OutgoingMessage } from "../../src/wire/message.ts";
import { QUEUE_LIMITS, TOPIC_LIMITS } from "../memory/limits.ts";
import type { Operation } from "../memory/operation.ts";
import { uuidFrom } from "../memory/uuid.ts";
import { createVerbs, type Verbs } from "../memory/verbs.ts";
import { openBroadcastChannel, runtimeLocks } from "./channel.ts";
import { keptAlive, unreferenced, unreferencedClock } from "./keep_alive.ts";

import { partsOf } from "./parts.ts";
import { type BroadcastChannelBackendOptions, checkOptions } from "./options.ts";
import { join, type Participant, type Role } from "./participant.ts";
import { isOutgoing } from "./read_frame.ts";
import { timingOf } from "./timing.ts";

export type { BroadcastChannelLike, LocksLike } from "./channel.ts";
export type { BroadcastChannelBackendOptions } from "./options.ts";
export type { Role } from "./participant.ts";

/**
 * The backend of tabs and workers. All contexts with the same name share its queues and topics. One
 * context leads and puts all calls in order. The other contexts keep copies, and one of them takes
 * over when the leader ends or hangs. A call returns when two contexts know its effect, if there
 * are two. A channel that throws is replaced. Calls wait for the new channel, and reject with
 * `CLOSED` where no channel works for 5 seconds.
 *
 * Delivery is at least once. When a context ends, another context receives its messages again. When
 * the leader ends, messages that were acknowledged in that moment are received again. Nothing
 * outlives the last context. An open backend keeps its process running, unless `keepsAlive` is off.
 *
 * @example
 * ```ts
 * import { BroadcastChannelBackend } from "@melange/melange/broadcast-channel";
 *
 * const backend = new BroadcastChannelBackend({ name: "an-example" });
 * await backend.declareQueue("kitchen");
 * await backend.send({ queue: "kitchen" }, [{ body: "o-1", attributes: {} }]);
 * const { available } = await backend.describeQueue("kitchen");
 * console.log(available); // prints: 1
 * await backend.close();
 * ```
 */
export class BroadcastChannelBackend implements Backend {
  /** The limits of one call and of one message, the same as for SNS and SQS. */
  readonly limits: BackendLimits = { topic: TOPIC_LIMITS, queue: QUEUE_LIMITS };
  /**
   * Everything but `durable`. If a receive is aborted while a message is on its way to this
   * context, the context gives the message back at once; this counts as a receive.
   */
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
  readonly #participant: Participant;
  readonly #verbs: Verbs;
  readonly #newId: () => string;
  readonly #keepsAlive: boolean;
  #closed = false;

  /** Joins the contexts that use the same name. */
  constructor(options: BroadcastChannelBackendOptions) {
    const { name, createTopics = true, leaderTimeoutMs = 3_600, memberTimeoutMs = 10_000 } =
      options;
    const { keepsAlive = true, channel = openBroadcastChannel, random } = options;
    const { locks = runtimeLocks(), clock = keepsAlive ? systemClock : unreferencedClock } =
      options;
    checkOptions(options);
    this.#keepsAlive = keepsAlive;
    this.#newId = random ? () => uuidFrom(random) : () => crypto.randomUUID();
    this.#participant = join({
      name,
      channel: keepsAlive ? channel : unreferenced(channel),
      locks: locks ?? undefined,
      clock: steady(clock),
      random: random ?? Math.random,
      newId: this.#newId,
      timing: timingOf({ leaderTimeoutMs, memberTimeoutMs }),
    });
    this.#verbs = createVerbs({
      limits: this.limits,
      createTopics,
      closed: () => this.#closed ? closed() : undefined,
      run: (operation, signal) => this.#run(operation, signal),
      receive: (queue, options) => this.#receive(queue, options),
      isSendable: isOutgoing,
    });
    disposable(this, () => this.close());
  }

  /** The id among the contexts, for logs and displays. */
  get id(): string {
    return this.#participant.id;
  }

  /** The current part among the contexts. */
  get role(): Role {
    return this.#participant.role();
  }

  /**
   * Sends to a topic or a queue; the messages take their places in the order of the calls of this
   * context.
   *
   * Rejects with `NOT_FOUND` if there is no such queue, or no such topic and `createTopics` is off,
   * and with `INVALID_MESSAGE` if the call exceeds the limits. An abort that comes too late ends the
   * wait only: the messages are sent.
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
   * Receives up to 10 messages, waiting for the first. An abort ends the wait at once; a message that
   * was on its way then is given back.
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
   * that waits at the queue rejects with `NOT_FOUND`, in every context.
   */
  deleteQueue(name: string, options?: CallOptions): Promise<void> {
    return this.#verbs.deleteQueue(name, options);
  }

  /**
   * Leaves. The messages of this context return to their queues at once, and another context takes
   * over if this context led. Rejects all waiting receives and every later call with `CLOSED`.
   */
  close(): Promise<void> {
    this.#closed = true;
    this.#participant.close(closed());
    return Promise.resolve();
  }

  #run(operation: Operation, signal: AbortSignal | undefined): Promise<unknown> {
    const parts = partsOf(operation, this.#newId);
    const results = parts.map((part) => this.#participant.submit(part, signal));
    const [first] = results;
    const whole = results.length === 1
      ? first!
      : Promise.all(results).then((lists) => lists.flat());
    return this.#keepsAlive ? whole : keptAlive(whole);
  }

  #receive(queue: string, options: ReceiveOptions): Promise<Delivery[]> {
    const deliveries = this.#participant.receive(queue, options);
    return this.#keepsAlive || options.waitMs > 0 ? deliveries : keptAlive(deliveries);
  }
}

/** Disposal of a backend by `await using`: the same as {@linkcode BroadcastChannelBackend.close}. */
export interface BroadcastChannelBackend extends AsyncDisposing {}

function closed(): MelangeError {
  return new MelangeError("CLOSED", "Cannot use the BroadcastChannel backend as it was closed");
}
