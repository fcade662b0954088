/**
 * The verbs of the backend contract over `run(operation)`: they check arguments, copy them as plain
 * data, and put results into the order of the items. The memory and BroadcastChannel backends share
 * the verbs.
 */
import type {
  BackendLimits,
  CallOptions,
  DeadLetterCopy,
  DeclareQueueOptions,
  DeclareTopicOptions,
  Delivery,
  ExtendResult,
  Extension,
  InspectOptions,
  Inventory,
  QueueDescription,
  ReceiveOptions,
  Release,
  SendResult,
  SettleResult,
  TopicDescription,
} from "../../src/backend.ts";
import { defined } from "../../src/support/defined.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { type Destination, isFifo, type OutgoingMessage, refusal } from "../../src/wire/message.ts";
import { checkItems } from "../checked_items.ts";
import { checkBatch, checkEntries, checkReceive } from "./call.ts";
import { checkDeduplication, queueDeclaration } from "./declaration.ts";
import { newTopicName } from "./names.ts";
import type { Operation } from "./operation.ts";
import {
  type MessageChecks,
  plainDestination,
  plainMessage,
  plainName,
  plainNumber,
  plainReceipt,
} from "./plain.ts";

/** The verbs of a backend. */
export interface Verbs {
  send(
    destination: Destination,
    messages: readonly OutgoingMessage[],
    options?: CallOptions,
  ): Promise<SendResult[]>;
  receive(queue: string, options: ReceiveOptions): Promise<Delivery[]>;
  acknowledge(
    queue: string,
    receipts: readonly string[],
    options?: CallOptions,
  ): Promise<SettleResult[]>;
  release(
    queue: string,
    releases: readonly Release[],
    options?: CallOptions,
  ): Promise<SettleResult[]>;
  extend(
    queue: string,
    extensions: readonly Extension[],
    options?: CallOptions,
  ): Promise<ExtendResult[]>;
  deadLetter(
    queue: string,
    copies: readonly DeadLetterCopy[],
    options?: CallOptions,
  ): Promise<SettleResult[]>;
  declareTopic(name: string, options?: DeclareTopicOptions): Promise<TopicDescription>;
  declareQueue(name: string, options?: DeclareQueueOptions): Promise<QueueDescription>;
  describeQueue(name: string, options?: CallOptions): Promise<QueueDescription>;
  inspect(options: InspectOptions): Promise<Inventory>;
  deleteTopic(name: string, options?: CallOptions): Promise<void>;
  deleteQueue(name: string, options?: CallOptions): Promise<void>;
}

/** Options of {@linkcode createVerbs}. */
export interface VerbsOptions {
  /** The limits of calls and messages. */
  limits: BackendLimits;
  /** `true` to create a topic when it is published to first. */
  createTopics: boolean;
  /** The error of each call after the end; `undefined` before. */
  closed: () => MelangeError | undefined;
  /** Does an operation, in the order of the calls; returns or resolves to the result of its call. */
  run: (operation: Operation, signal: AbortSignal | undefined) => unknown;
  /** Receives; the options are checked. */
  receive: (queue: string, options: ReceiveOptions) => Promise<Delivery[]>;
  /** Tells if a message can be sent, beside the rules of SNS and SQS. Default: all can. */
  isSendable?: (message: OutgoingMessage) => boolean;
}

/** Creates the verbs. */
export function createVerbs(options: VerbsOptions): Verbs {
  return { ...sending(options), ...settling(options), ...administering(options) };
}

type Sending = Pick<Verbs, "send" | "receive" | "deadLetter">;

function sending(verbs: VerbsOptions): Sending {
  const { limits, createTopics, isSendable = () => true } = verbs;
  const checksFor = (destination: Destination) => {
    const some = "topic" in destination ? limits.topic : limits.queue;
    return {
      isSendable,
      refusal: (message: OutgoingMessage) => refusal(message, destination, some),
    };
  };
  return {
    send: (destination, messages, options) =>
      attempt(verbs, options, (run) => {
        const some = "topic" in destination ? limits.topic : limits.queue;
        const checks = checksFor(destination);
        const checked = checkItems(messages, (message) => plainMessage(message, checks));
        checkEntries(messages.length, some);
        checkBatch(checked.accepted, some);
        if (createTopics && "topic" in destination) newTopicName(destination.topic);
        const where = plainDestination(destination);
        const facts = { destination: where, messages: checked.accepted, create: createTopics };
        return merged<SendResult>(checked, run({ kind: "send", ...facts }));
      }),
    receive: (queue, options) =>
      attempt(verbs, options, () => {
        checkReceive(options, limits.queue);
        return verbs.receive(plainName(queue), options);
      }),
    deadLetter: (given, copies, options) =>
      attempt(verbs, options, (run) => {
        checkEntries(copies.length, limits.queue);
        const queue = plainName(given);
        const checks = letterChecks(queue, checksFor({ queue }));
        const checked = checkItems(copies, (item) => letterOf(item, checks));
        const letters = run({ kind: "deadLetter", queue, copies: checked.accepted });
        return merged<SettleResult>(checked, letters);
      }),
  };
}

/** The broker gives each copy in a FIFO queue a deduplication id of its own. */
function letterChecks(queue: string, checks: MessageChecks): MessageChecks {
  if (!isFifo(queue)) return checks;
  const refusal = (copy: OutgoingMessage) => checks.refusal({ ...copy, deduplicationId: "own" });
  return { ...checks, refusal };
}

function letterOf(
  item: DeadLetterCopy,
  checks: MessageChecks,
): DeadLetterCopy | MelangeError {
  const copy = plainMessage(item?.copy, checks);
  return copy instanceof MelangeError ? copy : { receipt: plainReceipt(item?.receipt), copy };
}

async function merged<Result extends SendResult | SettleResult>(
  checked: { merge(results: readonly Result[]): Result[] },
  results: unknown,
): Promise<Result[]> {
  return checked.merge(await results as Result[]);
}

function settling(verbs: VerbsOptions): Pick<Verbs, "acknowledge" | "release" | "extend"> {
  const settle = <Result>(
    items: readonly unknown[],
    options: CallOptions | undefined,
    operation: () => Operation,
  ): Promise<Result[]> =>
    attempt(verbs, options, (run) => {
      checkEntries(items.length, verbs.limits.queue);
      return run(operation()) as Promise<Result[]>;
    });
  return {
    acknowledge: (queue, receipts, options) =>
      settle(receipts, options, () => ({
        kind: "acknowledge",
        queue: plainName(queue),
        receipts: receipts.map(plainReceipt),
      })),
    release: (queue, releases, options) =>
      settle(releases, options, () => ({
        kind: "release",
        queue: plainName(queue),
        releases: releases.map((item) => ({
          receipt: plainReceipt(item?.receipt),
          delayMs: plainNumber(item?.delayMs),
        })),
      })),
    extend: (queue, extensions, options) =>
      settle(extensions, options, () => ({
        kind: "extend",
        queue: plainName(queue),
        extensions: extensions.map((item) => ({
          receipt: plainReceipt(item?.receipt),
          visibilityMs: plainNumber(item?.visibilityMs),
        })),
      })),
  };
}

type Administering = Pick<
  Verbs,
  "declareTopic" | "declareQueue" | "describeQueue" | "inspect" | "deleteTopic" | "deleteQueue"
>;

function administering(verbs: VerbsOptions): Administering {
  return {
    declareTopic: (name, options = {}) =>
      attempt(verbs, options, (run) => {
        const { contentBasedDeduplication } = options;
        const topic = newTopicName(name);
        checkDeduplication("topic", topic, options);
        return run({
          kind: "declareTopic",
          name: topic,
          ...defined({ contentBasedDeduplication }),
        }) as Promise<TopicDescription>;
      }),
    declareQueue: (name, options = {}) =>
      attempt(verbs, options, (run) => {
        const { subscriptions, ...declaration } = queueDeclaration(name, options);
        const operation = { ...declaration, subscriptions: [...subscriptions] };
        return run({ kind: "declareQueue", ...operation }) as Promise<QueueDescription>;
      }),
    describeQueue: (name, options) =>
      attempt(
        verbs,
        options,
        (run) => run({ kind: "describeQueue", name: plainName(name) }) as Promise<QueueDescription>,
      ),
    inspect: (options) =>
      attempt(verbs, options, (run) => {
        const { topics = [], queues = [] } = options;
        const names = { topics: topics.map(plainName), queues: queues.map(plainName) };
        return run({ kind: "inspect", ...names }) as Promise<Inventory>;
      }),
    deleteTopic: (name, options) =>
      attempt(
        verbs,
        options,
        (run) => run({ kind: "deleteTopic", name: plainName(name) }) as Promise<void>,
      ),
    deleteQueue: (name, options) =>
      attempt(
        verbs,
        options,
        (run) => run({ kind: "deleteQueue", name: plainName(name) }) as Promise<void>,
      ),
  };
}

/**
 * Starts the work at the call, so that concurrent calls keep their order; turns exceptions into
 * rejections.
 */
function attempt<T>(
  { run, closed }: VerbsOptions,
  options: { readonly signal?: AbortSignal | undefined } = {},
  work: (run: (operation: Operation) => unknown) => T | Promise<T>,
): Promise<T> {
  try {
    const error = closed();
    if (error) throw error;
    options.signal?.throwIfAborted();
    return Promise.resolve(work((operation) => run(operation, options.signal)));
  } catch (error) {
    return Promise.reject(error);
  }
}
