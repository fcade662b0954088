/**
 * Queues and topics that the tabs and workers of one origin share without any server, or the
 * workers of one Deno, Bun or Node process: the semantics of `MemoryBackend`, in every context at
 * once. What is stored lives as long as one of them does.
 *
 * **Any script of the same origin can read and write the channel**: what is published here is not
 * secret from them, and not protected against them.
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
  QueueDescription,
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
import { checkBatch, checkEntries, checkReceive } from "../memory/call.ts";
import { checkDeduplication, queueDeclaration } from "../memory/declaration.ts";
import { QUEUE_LIMITS, TOPIC_LIMITS } from "../memory/limits.ts";
import { nameIn, newTopicName } from "../memory/names.ts";
import { ownMessage } from "../memory/stored_message.ts";
import { uuidFrom } from "../memory/uuid.ts";
import {
  type BroadcastChannelLike,
  type LocksLike,
  openBroadcastChannel,
  runtimeLocks,
} from "./channel.ts";
import { keptAlive, unreferenced, unreferencedClock } from "./keep_alive.ts";
import { createNode, type Node, type Role } from "./node.ts";
import type { Operation } from "./operation.ts";
import { isOutgoing, isRequest } from "./read_frame.ts";
import { timingOf } from "./timing.ts";
import { cutToFit, weightOfMessage } from "./weight.ts";

export type { BroadcastChannelLike, LocksLike } from "./channel.ts";
export type { Role } from "./node.ts";

/** Options of {@linkcode BroadcastChannelBackend}. */
export interface BroadcastChannelBackendOptions {
  /** What the contexts that share queues have in common; the channel is `melange/<name>`. */
  name: string;
  /** Create a topic when it is published to first; else that is `NOT_FOUND`. Default: `true`. */
  createTopics?: boolean;
  /**
   * After which silence of the leader another context takes over, in milliseconds; all contexts
   * must agree. With Web Locks the end of a leader is noticed at once, and only one that hangs
   * takes this long. Default: 3 600.
   */
  leaderTimeoutMs?: number;
  /**
   * After which silence of a context that holds locks these are given to others, in milliseconds:
   * longer than a handler may block its thread. With Web Locks the end of a context is noticed at
   * once. Default: 10 000.
   */
  memberTimeoutMs?: number;
  /**
   * Whether it keeps its process running while it is open. With `false`, calls still do, but not
   * receives that wait. Node and Bun only: in Deno an open channel always does, and elsewhere there
   * is no process to keep. A clock of your own sees to its timers itself. Default: `true`.
   */
  keepsAlive?: boolean;
  /** Opens a channel. Default: `new BroadcastChannel(name)`. */
  channel?: (name: string) => BroadcastChannelLike;
  /**
   * Web Locks, or `null` to do without. Default: those of browsers and Deno, and none elsewhere:
   * those of Node 24 fail with four workers or more.
   */
  locks?: LocksLike | null;
  /** Where time comes from; the contexts must agree on it. Default: the clock of the machine. */
  clock?: Clock;
  /** What ids are made from. Default: `crypto`. */
  random?: Random;
}

/** No name of a queue or topic is longer. */
const LONGEST_NAME = 256;
/** Nor is any receipt. */
const LONGEST_RECEIPT = 200;

/**
 * The backend of tabs and workers: all contexts that use the same name share its queues and topics.
 * One of them leads and puts all calls in order; the others keep copies, and one takes over when it
 * ends or hangs. A call returns when two contexts know its effect, if there are two. A channel that
 * throws is replaced; calls wait for that, and reject with `CLOSED` where none works for 5 seconds.
 *
 * At least once: what a context had received when it ended is received again by another, and so is
 * what it had acknowledged in the moment in which the leader ended. Nothing outlives the last
 * context. An open backend keeps its process running, unless `keepsAlive` is off.
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
  /** How much one call and one message may take: as in SNS and SQS. */
  readonly limits: BackendLimits = { topic: TOPIC_LIMITS, queue: QUEUE_LIMITS };
  /**
   * Everything but `durable`. A receive that is aborted while a message is on its way to this
   * context gives it back at once; that counts as a receive.
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
  readonly #node: Node;
  readonly #newId: () => string;
  readonly #createTopics: boolean;
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
    this.#createTopics = createTopics;
    this.#keepsAlive = keepsAlive;
    this.#newId = random ? () => uuidFrom(random) : () => crypto.randomUUID();
    this.#node = createNode({
      name,
      channel: keepsAlive ? channel : unreferenced(channel),
      locks: locks ?? undefined,
      clock: steady(clock),
      random: random ?? Math.random,
      newId: this.#newId,
      timing: timingOf({ leaderTimeoutMs, memberTimeoutMs }),
    });
    disposable(this, () => this.close());
  }

  /** Its id among the contexts, for logs and displays. */
  get id(): string {
    return this.#node.id;
  }

  /** Whether it leads, follows, or does not know yet. */
  get role(): Role {
    return this.#node.role();
  }

  /**
   * Sends to a topic or a queue; the messages take their places in the order of the calls of this
   * context.
   *
   * Rejects with `NOT_FOUND` if there is no such queue, or no such topic and `createTopics` is off,
   * and with `INVALID_MESSAGE` if the call exceeds the limits. What an abort comes too late for is
   * sent all the same.
   */
  send(
    destination: Destination,
    messages: readonly OutgoingMessage[],
    options: CallOptions = {},
  ): Promise<SendResult[]> {
    return this.#run(options, async () => {
      const limits = "topic" in destination ? this.limits.topic : this.limits.queue;
      const items = messages.map((message) =>
        plainMessage(message, () => refusal(message, destination, limits))
      );
      checkEntries(messages.length, limits);
      const accepted = items.filter(isMessage);
      checkBatch(accepted, limits);
      if (this.#createTopics && "topic" in destination) newTopicName(destination.topic);
      const sends = callsOf(accepted, weightOfMessage).map((some) => ({
        kind: "send" as const,
        destination: plainDestination(destination),
        messages: some,
        id: this.#newId(),
        create: this.#createTopics,
      }));
      return merged<SendResult>(items, await this.#submitAll<SendResult>(sends, options));
    });
  }

  /** The bytes of the body and of the names, types and values of the attributes. */
  sizeOf(message: OutgoingMessage, _destination: Destination): number {
    return messageSize(message);
  }

  /**
   * Receives up to 10 messages, waiting for the first. An abort ends the wait at once; a message
   * that was on its way then is given back.
   *
   * Rejects with `NOT_FOUND` if there is no such queue, with `THROTTLED` if a standard queue has too
   * many messages in flight, and with a `RangeError` for numbers outside the limits.
   */
  receive(queue: string, options: ReceiveOptions): Promise<Delivery[]> {
    const { signal, waitMs } = options;
    return this.#run({ signal, waits: waitMs > 0 }, () => {
      checkReceive(options, this.limits.queue);
      return this.#node.requests.receive(plainName(queue), options);
    });
  }

  /** Removes messages for good. */
  acknowledge(
    queue: string,
    receipts: readonly string[],
    options: CallOptions = {},
  ): Promise<SettleResult[]> {
    return this.#settle(receipts, options, {
      kind: "acknowledge",
      queue: plainName(queue),
      receipts: receipts.map(plainReceipt),
    });
  }

  /** Ends locks, each after its delay; until then the receipt is good, as in SQS. */
  release(
    queue: string,
    releases: readonly Release[],
    options: CallOptions = {},
  ): Promise<SettleResult[]> {
    return this.#settle(releases, options, {
      kind: "release",
      queue: plainName(queue),
      releases: releases.map((item) => ({
        receipt: plainReceipt(item?.receipt),
        delayMs: plainNumber(item?.delayMs),
      })),
    });
  }

  /** Moves the ends of locks, up to 12 hours after the receive. */
  extend(
    queue: string,
    extensions: readonly Extension[],
    options: CallOptions = {},
  ): Promise<ExtendResult[]> {
    return this.#settle(extensions, options, {
      kind: "extend",
      queue: plainName(queue),
      extensions: extensions.map((item) => ({
        receipt: plainReceipt(item?.receipt),
        visibilityMs: plainNumber(item?.visibilityMs),
      })),
    });
  }

  /**
   * Sends copies to the dead-letter queue and acknowledges the messages, each copy with its message
   * in one operation. A lost lock is `LOCK_LOST`, a copy that the queue refuses is that error, and
   * one that is no message is `INVALID_MESSAGE`; the message stays where it is then.
   */
  deadLetter(
    queue: string,
    copies: readonly DeadLetterCopy[],
    options: CallOptions = {},
  ): Promise<SettleResult[]> {
    return this.#run(options, async () => {
      checkEntries(copies.length, this.limits.queue);
      const items = copies.map((item) =>
        plainMessage(item?.copy, () => refusal(item.copy, { queue }, this.limits.queue))
      );
      const plain = items.flatMap((copy, place) =>
        isMessage(copy) ? [{ receipt: plainReceipt(copies[place]?.receipt), copy }] : []
      );
      const operations = callsOf(plain, ({ copy }) => weightOfMessage(copy)).map((some) => ({
        kind: "deadLetter" as const,
        queue: plainName(queue),
        copies: some,
        id: this.#newId(),
      }));
      return merged<SettleResult>(items, await this.#submitAll<SettleResult>(operations, options));
    });
  }

  /** Creates a topic unless it exists. */
  declareTopic(name: string, options: DeclareTopicOptions = {}): Promise<TopicDescription> {
    return this.#run(options, () => {
      const { contentBasedDeduplication } = options;
      const topicName = newTopicName(name);
      checkDeduplication("topic", topicName, options);
      return this.#submit({
        kind: "declareTopic",
        name: topicName,
        ...(contentBasedDeduplication === undefined ? {} : { contentBasedDeduplication }),
      }, options);
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
      const { subscriptions, ...declaration } = queueDeclaration(name, options);
      const operation = { ...declaration, subscriptions: [...subscriptions] };
      return this.#submit({ kind: "declareQueue", ...operation }, options);
    });
  }

  /** Describes a queue; rejects with `NOT_FOUND` if there is none. */
  describeQueue(name: string, options: CallOptions = {}): Promise<QueueDescription> {
    return this.#run(
      options,
      () => this.#submit({ kind: "describeQueue", name: plainName(name) }, options),
    );
  }

  /** Deletes a topic and its subscriptions; success if there is none. */
  deleteTopic(name: string, options: CallOptions = {}): Promise<void> {
    return this.#run(
      options,
      () => this.#submit({ kind: "deleteTopic", name: plainName(name) }, options),
    );
  }

  /**
   * Deletes a queue, what is in it and its subscriptions; success if there is none. A receive that
   * waits at it rejects with `NOT_FOUND`, in every context.
   */
  deleteQueue(name: string, options: CallOptions = {}): Promise<void> {
    return this.#run(
      options,
      () => this.#submit({ kind: "deleteQueue", name: plainName(name) }, options),
    );
  }

  /**
   * Leaves: what this context held returns to its queues at once, and another takes over if it led.
   * Rejects all waiting receives and every later call with `CLOSED`.
   */
  close(): Promise<void> {
    this.#closed = true;
    this.#node.close(closed());
    return Promise.resolve();
  }

  /** Does its work at the call, so that concurrent calls keep their order. */
  #run<T>(
    { signal, waits = false }: { signal?: AbortSignal | undefined; waits?: boolean },
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      if (this.#closed) throw closed();
      signal?.throwIfAborted();
      const settled = work();
      return this.#keepsAlive || waits ? settled : keptAlive(settled);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #settle<R>(
    items: readonly unknown[],
    options: CallOptions,
    operation: Operation,
  ): Promise<R[]> {
    return this.#run(options, () => {
      checkEntries(items.length, this.limits.queue);
      return this.#submit<R[]>(operation, options);
    });
  }

  /** The results of operations that are one call, in order. */
  async #submitAll<R>(operations: readonly Operation[], options: CallOptions): Promise<R[]> {
    return (await Promise.all(operations.map((each) => this.#submit<R[]>(each, options)))).flat();
  }

  /** What the others would drop must not leave: the call would wait for ever. */
  #submit<T>(operation: Operation, { signal }: CallOptions): Promise<T> {
    if (!isRequest(operation)) {
      throw new TypeError(`Cannot ask for "${operation.kind}" as its arguments have other types`);
    }
    return this.#node.requests.submit(operation, signal) as Promise<T>;
  }
}

/** Disposal of a backend by `await using`: the same as {@linkcode BroadcastChannelBackend.close}. */
export interface BroadcastChannelBackend extends AsyncDisposing {}

function checkOptions(
  { name, leaderTimeoutMs = 1, memberTimeoutMs = 1, keepsAlive = true }:
    BroadcastChannelBackendOptions,
): void {
  if (typeof name !== "string" || name === "") {
    throw new TypeError(
      `Cannot create a BroadcastChannelBackend as its name is text: current value is ${name}`,
    );
  }
  if (typeof keepsAlive !== "boolean") {
    throw new TypeError(
      `Cannot create a BroadcastChannelBackend as keepsAlive is true or false: current value is ${keepsAlive}`,
    );
  }
  for (const [option, value] of Object.entries({ leaderTimeoutMs, memberTimeoutMs })) {
    if (value > 0) continue;
    throw new RangeError(
      `Cannot create a BroadcastChannelBackend as ${option} is above 0: current value is ${value}`,
    );
  }
}

function plainDestination(destination: Destination): Destination {
  return "topic" in destination
    ? { topic: plainName(destination.topic) }
    : { queue: plainName(destination.queue) };
}

/** The name in a name, ARN or URL. One that is too long names nothing, shortened or not. */
function plainName(given: string): string {
  return nameIn(given).slice(0, LONGEST_NAME + 1) || "-";
}

/** A receipt that is too long is none of ours, shortened or not; nor is what is no text. */
function plainReceipt(receipt: unknown): string {
  return typeof receipt === "string" ? receipt.slice(0, LONGEST_RECEIPT) : "";
}

/** What is no number is one that the queue refuses. */
function plainNumber(given: unknown): number {
  return typeof given === "number" ? given : NaN;
}

/** A copy of a message that can be sent on the channel, or why there is none: that item's result. */
function plainMessage(
  given: OutgoingMessage,
  refusal: () => MelangeError | undefined,
): OutgoingMessage | MelangeError {
  try {
    const error = refusal();
    if (error) return error;
    const own = ownMessage(given);
    if (isRecord(given.attributes) && isOutgoing(own)) return own;
  } catch {
    // It is no message at all, or a getter of it throws: what that says may quote the message.
  }
  const sentence = "Cannot send a message as its body, attributes or options have other types";
  return new MelangeError("INVALID_MESSAGE", sentence);
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMessage(item: OutgoingMessage | MelangeError): item is OutgoingMessage {
  return !(item instanceof MelangeError);
}

/** Cuts what is too large for one message on the channel; nothing asks whether the queue exists. */
function callsOf<T>(items: readonly T[], weightOf: (item: T) => number): (readonly T[])[] {
  return items.length === 0 ? [[]] : cutToFit(items, { weightOf });
}

/** The results of what was sent, and the refusals, each in its place. */
function merged<R extends SettleResult | SendResult>(
  items: readonly (OutgoingMessage | MelangeError)[],
  sent: readonly R[],
): R[] {
  const results = sent.values();
  return items.map((item) =>
    isMessage(item) ? results.next().value as R : { ok: false, error: item } as R
  );
}

function closed(): MelangeError {
  return new MelangeError("CLOSED", "Cannot use the BroadcastChannel backend as it was closed");
}
