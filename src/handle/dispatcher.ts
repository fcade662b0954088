import { isCount, soundMessage } from "./answers.ts";
import { abortable, type Clock, systemClock } from "../support/clock.ts";
import { deduplicationKey } from "./deduplication/key.ts";
import { checkMs, isNumber } from "../support/duration.ts";
import { describeError, MelangeError, probe, reasonOf } from "../support/errors.ts";
import { type AnyEventType, type Event, type EventOf, linked } from "../event/event.ts";
import { openEnvelope } from "../wire/sns_envelope.ts";
import { type Envelope, read } from "../wire/format.ts";
import type { DeadLetterFacts } from "../wire/packed.ts";
import { consoleLogger, guarded, type Logger } from "../support/logger.ts";
import { ownMessage, type ReceivedMessage } from "../wire/message.ts";
import { type DeduplicationOptions, runOnce } from "./once.ts";
import type { EventPublisher } from "../publish/publisher.ts";
import { type Schema, validate } from "../event/schema.ts";
import { SerializerRegistry } from "../wire/serializer.ts";

/** What a handler is told beside the event. */
export interface HandlerContext {
  /** The message that carried the event. */
  readonly message: ReceivedMessage;
  /** Which try this is, from 1. */
  readonly attempt: number;
  /** The queue, or the topic where there is no queue. */
  readonly queue: string;
  /** When the message was received. */
  readonly receivedAt: Date;
  /** Aborts when the lock is lost, the handler's time is up, or a drain runs out. */
  readonly signal: AbortSignal;
  /** The dispatcher's logger. */
  readonly logger: Logger;
  /**
   * Keeps the message locked for `ms` milliseconds from now; `UNSUPPORTED` where there is no lock.
   * A `RangeError` unless `ms` is finite and more than 0: to end a lock, throw.
   */
  extend(ms: number): Promise<void>;
  /** Publishes on the backend of the host, where it has one. */
  readonly publisher?: EventPublisher;
}

/**
 * Handles an event: resolving acknowledges, throwing retries, a `DeadLetter` gives up. The
 * subscribers of one message share its event, its data and `context.message`, so a handler changes
 * none of them. What it changes all the same gets into no retry and no dead-letter queue.
 */
export type Handler<E extends Event = Event> = (
  event: E,
  context: HandlerContext,
) => void | Promise<void>;

/** A function around a handler. It is called once per subscriber, so it may keep state for each. */
export type Middleware = (next: Handler) => Handler;

/** A handler with what it listens to. */
export interface Subscriber<T extends AnyEventType = AnyEventType> {
  /** Its name: required where de-duplication is on, and to survive deploys. */
  readonly name?: string;
  /** The event types it wants. */
  readonly listensTo: T | readonly T[];
  /** Handles one event. */
  readonly process: Handler<EventOf<T>>;
}

/** Options of {@linkcode Dispatcher.subscribe}. */
export interface SubscribeOptions {
  /** The subscriber's name: required where de-duplication is on. Default: none. */
  name?: string;
}

/** What to do with a message that cannot be handled. */
export type Fallback = "retry" | "deadLetter" | "acknowledge";

/** Options of {@linkcode Dispatcher}. All of them mean the same on every host. */
export interface DispatcherOptions {
  /** Wrapped around every subscriber, the first one outermost. Default: none. */
  middleware?: readonly Middleware[];
  /** Reads the data. Default: JSON. */
  serializers?: SerializerRegistry;
  /** The type of messages that name none. Default: such messages are unknown. */
  defaultEvent?: AnyEventType;
  /** What happens to a type that nobody subscribed to. Default: `"deadLetter"`, which is a retry where the queue has no dead-letter queue. */
  onUnknown?: Fallback;
  /** What happens to data that cannot be read or violates its schema. Default: `"deadLetter"`, as for `onUnknown`. */
  onUndecodable?: Fallback;
  /** Runs each subscriber once per event, as far as a store can tell. Default: none. */
  deduplication?: DeduplicationOptions;
  /** After this time the handlers' signal aborts and the message is retried, in milliseconds. Default: none. */
  handlerTimeoutMs?: number;
  /** A message that failed this often is dead-lettered. Default: 5 on FIFO queues, else the broker's own limit. */
  maxAttempts?: number;
  /** Where failures are reported. Default: warnings and errors on the console. */
  logger?: Logger;
}

/** A subscriber with the middleware around it. */
export interface Subscription {
  /** Its name, if it has one. */
  readonly name: string | undefined;
  /** The type whose schema it wants for this event; `undefined` if it takes everything. */
  readonly eventType: AnyEventType | undefined;
  /** The handler, wrapped. */
  readonly handle: Handler;
}

/** What a host does with a message. */
export type Outcome =
  /** Every subscriber is done with it. */
  | { readonly outcome: "acknowledge" }
  /** It comes again, after `delayMs` if that is given, else after the host's backoff. */
  | {
    readonly outcome: "retry";
    readonly error: unknown;
    readonly delayMs?: number;
    /** Whether the message had no part in it, so that no try is counted where the host counts. */
    readonly uncounted?: boolean;
  }
  /** Trying again is pointless. */
  | { readonly outcome: "deadLetter"; readonly facts: DeadLetterFacts };

/** What a host gives to {@linkcode dispatch}. */
export interface DispatchHooks {
  /** The queue that the message came from. */
  queue: string;
  /** When it was received. Default: now. */
  receivedAt?: Date;
  /** Aborts when the handlers must end. Default: never. */
  signal?: AbortSignal;
  /** Keeps the lock. Default: `UNSUPPORTED`. */
  extend?: (ms: number) => Promise<void>;
  /** Tells how long the message is still held, in milliseconds: claims last no longer. Default: no limit. */
  heldMs?: () => number;
  /** Given to the handlers. Default: none. */
  publisher?: EventPublisher | undefined;
  /** Which try this is. Default: the message's own count. */
  attempt?: number;
  /** What the host uses where the dispatcher has no `maxAttempts`. Default: no limit. */
  maxAttempts?: number;
  /** Where time comes from. Default: the machine's clock. */
  clock?: Clock;
}

/**
 * Knows who listens to what, and how failures are met. The same dispatcher serves every host: a
 * worker, a Lambda function, an HTTP endpoint, a test.
 *
 * @example
 * ```ts
 * import { defineEvent, Dispatcher, typed } from "@melange/melange";
 *
 * const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
 * const dispatcher = new Dispatcher();
 * const off = dispatcher.subscribe(Ping, (event) => console.log(event.data.at));
 * off();
 * ```
 */
export class Dispatcher {
  /** The options, with defaults filled in. */
  readonly options: Readonly<
    & Required<
      Pick<DispatcherOptions, "serializers" | "onUnknown" | "onUndecodable" | "logger">
    >
    & DispatcherOptions
  >;
  readonly #subscribers = new Set<Registered>();

  /** Creates a dispatcher that nobody listens on yet. */
  constructor(options: DispatcherOptions = {}) {
    checkOptions(options);
    this.options = {
      ...options,
      serializers: options.serializers ?? new SerializerRegistry(),
      onUnknown: options.onUnknown ?? "deadLetter",
      onUndecodable: options.onUndecodable ?? "deadLetter",
      logger: guarded(options.logger ?? consoleLogger),
    };
  }

  /**
   * Adds a subscriber: its handler is called for each event of the type. Returns the function that
   * removes it.
   * @throws {TypeError} if the name is taken or no text, or missing where de-duplication is on
   */
  subscribe<T extends AnyEventType>(
    type: T,
    handler: Handler<EventOf<T>>,
    options?: SubscribeOptions,
  ): () => void;
  /** Adds a subscriber object: `process` is called for each event that it listens to. */
  subscribe<const T extends AnyEventType>(subscriber: Subscriber<T>): () => void;
  subscribe(
    first: AnyEventType | Subscriber,
    handler?: Handler<never>,
    options: SubscribeOptions = {},
  ): () => void {
    if (!isNamed(first)) {
      throw new TypeError(
        "Cannot add a subscriber as it must be a type of defineEvent() or { listensTo, process }",
      );
    }
    if (!("listensTo" in first)) return this.#add(options.name, [first], handler);
    const { name, listensTo, process } = first;
    return this.#add(name, [listensTo].flat(), process);
  }

  /** Adds a handler of every event, whatever its type. Returns the function that removes it. */
  subscribeAll(handler: Handler, options: SubscribeOptions = {}): () => void {
    return this.#add(options.name, undefined, handler);
  }

  /** The event types that somebody named in a subscription. */
  get eventTypes(): AnyEventType[] {
    return [...new Set([...this.#subscribers].flatMap(({ types }) => types ?? []))];
  }

  /** Whether somebody takes every event, whatever its type. */
  get takesEverything(): boolean {
    return [...this.#subscribers].some(({ types }) => types === undefined);
  }

  /** Who takes an event of this type. */
  subscriptionsTo(type: string): Subscription[] {
    const known = this.eventTypes.find((eventType) => eventType.type === type);
    return [...this.#subscribers].flatMap(({ name, types, handle }) => {
      const eventType = types ? types.find((wanted) => wanted.type === type) : known;
      return types && !eventType ? [] : [{ name, eventType, handle }];
    });
  }

  #add(
    name: string | undefined,
    types: readonly AnyEventType[] | undefined,
    process: Handler<never> | undefined,
  ): () => void {
    if (name !== undefined && typeof name !== "string") {
      throw new TypeError(
        `Cannot add a subscriber as its name must be text: current value is ${typeof name}`,
      );
    }
    const subscriber = name === undefined ? "a subscriber" : `the subscriber "${name}"`;
    if (typeof process !== "function") {
      throw new TypeError(`Cannot add ${subscriber} as its handler must be a function`);
    }
    if (types && (types.length === 0 || types.some((type) => typeof type?.type !== "string"))) {
      throw new TypeError(`Cannot add ${subscriber} as it must listen to types of defineEvent()`);
    }
    if (name === undefined && this.options.deduplication) {
      throw new TypeError(
        `Cannot add a subscriber without a name as de-duplication goes by it: pass { name }`,
      );
    }
    if (name !== undefined && [...this.#subscribers].some((other) => other.name === name)) {
      throw new TypeError(`Cannot add ${subscriber} as the name is taken`);
    }
    const { middleware = [] } = this.options;
    const handle = middleware.reduceRight<Handler>((next, wrap) => wrap(next), process as Handler);
    if (typeof handle !== "function") {
      throw new TypeError(`Cannot add ${subscriber} as a middleware must return a function`);
    }
    const registered = { name, types, handle };
    this.#subscribers.add(registered);
    return () => void this.#subscribers.delete(registered);
  }
}

function isNamed(value: unknown): value is AnyEventType | Subscriber {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

interface Registered {
  name: string | undefined;
  types: readonly AnyEventType[] | undefined;
  handle: Handler;
}

const FALLBACKS: readonly unknown[] = ["retry", "deadLetter", "acknowledge", undefined];

function checkOptions(options: DispatcherOptions): void {
  for (const key of ["onUnknown", "onUndecodable"] as const) {
    if (FALLBACKS.includes(options[key])) continue;
    throw new TypeError(
      `Cannot create a dispatcher as ${key} must be "retry", "deadLetter" or "acknowledge": current value is ${
        options[key]
      }`,
    );
  }
  if (options.middleware?.some((middleware) => typeof middleware !== "function")) {
    throw new TypeError("Cannot create a dispatcher as its middleware must be functions");
  }
  if (options.deduplication && typeof options.deduplication.store?.claim !== "function") {
    throw new TypeError(
      "Cannot create a dispatcher as deduplication needs a store: pass { store }",
    );
  }
  for (const key of ["handlerTimeoutMs", "maxAttempts"] as const) {
    const value = options[key];
    if (value === undefined || (typeof value === "number" && value > 0)) continue;
    throw new RangeError(
      `Cannot create a dispatcher as ${key} must be positive: current value is ${value}`,
    );
  }
  const { leaseMs = 1, retentionMs = 0 } = options.deduplication ?? {};
  const cannot = "create a dispatcher";
  checkMs(leaseMs, { cannot, name: "deduplication.leaseMs", positive: true });
  checkMs(retentionMs, { cannot, name: "deduplication.retentionMs" });
}

/** What one subscriber, or the lack of one, wants to happen. */
type Verdict =
  | { kind: "acknowledge" }
  | { kind: "retry"; error: unknown; subscriber?: string; delayMs?: number; uncounted?: boolean }
  | { kind: "deadLetter"; reason: string; subscriber?: string };

/**
 * Runs every subscriber that listens to a message and decides what becomes of it: the only place
 * where that is decided. Dead-letter beats retry beats acknowledge. Never rejects, whatever handlers,
 * middleware, serializers, stores and loggers throw or return. When `hooks.signal` aborts, the
 * outcome is `retry` at once, even if a handler goes on; claims on the event are given back first,
 * for a tenth of a second at the most.
 *
 * @example
 * ```ts
 * import { defineEvent, dispatch, Dispatcher, typed } from "@melange/melange";
 *
 * const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
 * const dispatcher = new Dispatcher();
 * dispatcher.subscribe(Ping, () => {});
 * const message = { id: "m-1", body: '{"at":1}', attributes: { manifest: "Ping" }, sentAt: new Date(), attempt: 1 };
 * const { outcome } = await dispatch(dispatcher, message, { queue: "mine" });
 * if (outcome !== "acknowledge") throw new Error("unexpected");
 * ```
 */
export async function dispatch(
  dispatcher: Dispatcher,
  message: ReceivedMessage,
  hooks: DispatchHooks,
): Promise<Outcome> {
  const { receivedAt = new Date((hooks.clock ?? systemClock).now()) } = hooks;
  const sound = probe(() => soundMessage(message, receivedAt)) ?? NO_MESSAGE;
  const attempt = isCount(hooks.attempt) ? hooks.attempt : sound.attempt;
  const maxAttempts = dispatcher.options.maxAttempts ?? hooks.maxAttempts ?? Infinity;
  const job = { ...hooks, receivedAt, attempt };
  const verdicts = await verdictsOn(dispatcher, sound, job)
    .catch((error): Verdict[] => [unforeseen(dispatcher, sound, { hooks: job, error })]);
  return decide(verdicts, { queue: hooks.queue, attempt, maxAttempts });
}

/** Stands for a message that cannot even be looked at. */
const NO_MESSAGE: ReceivedMessage = {
  id: "",
  body: "",
  attributes: {},
  sentAt: new Date(0),
  attempt: 1,
};

/** What others passed in may fail in ways that nobody has thought of: the message comes again. */
function unforeseen(
  { options }: Dispatcher,
  message: ReceivedMessage,
  { hooks, error }: { hooks: Hooks; error: unknown },
): Verdict {
  options.logger.error("A message could not be dispatched; it is retried", {
    queue: hooks.queue,
    messageId: short(message.id),
    error: describeError(error),
  });
  return { kind: "retry", error };
}

type Hooks = DispatchHooks & { attempt: number; receivedAt: Date };

async function verdictsOn(
  dispatcher: Dispatcher,
  received: ReceivedMessage,
  hooks: Hooks,
): Promise<Verdict[]> {
  // The handlers' own: what they do to it must not get into the dead-letter queue.
  const message = ownMessage(openEnvelope(received));
  const { onUnknown, onUndecodable, defaultEvent, serializers } = dispatcher.options;
  const envelope = read(message);
  const type = envelope.facts.type ?? defaultEvent?.type;
  const subscriptions = type === undefined ? [] : dispatcher.subscriptionsTo(type);
  if (type === undefined || subscriptions.length === 0) {
    const reason = type === undefined ? "names no event type" : "has no subscriber";
    report(dispatcher, message, hooks, { fallback: onUnknown, type, reason });
    return [fallback(onUnknown, "UNKNOWN_TYPE")];
  }
  const reported = new Set<unknown>();
  const unreadable = (error: unknown) => {
    // The text of ours only: that of others may quote what it failed on.
    const ours = probe(() => error instanceof MelangeError ? error.message : undefined);
    const reason = ours ?? "cannot be read";
    // Subscribers that share a schema share its error.
    if (!reported.has(error)) {
      report(dispatcher, message, hooks, { fallback: onUndecodable, type, reason });
    }
    reported.add(error);
    return fallback(onUndecodable, "UNDECODABLE");
  };
  let data: unknown;
  try {
    data = envelope.data(serializers);
  } catch (error) {
    return [unreadable(error)];
  }
  return await runAll(dispatcher, subscriptions, {
    message,
    hooks,
    type,
    envelope,
    data,
    unreadable,
  });
}

function report(
  dispatcher: Dispatcher,
  message: ReceivedMessage,
  hooks: Hooks,
  facts: { fallback: Fallback; type: string | undefined; reason: string },
): void {
  const { fallback, type, reason } = facts;
  dispatcher.options.logger.warn("A message cannot be handled", {
    queue: hooks.queue,
    messageId: short(message.id),
    ...(type === undefined ? {} : { type: short(type) }),
    reason,
    then: fallback,
  });
}

/** Ids and types of foreign messages are whatever their sender wrote. */
function short(text: string): string {
  return text.slice(0, 100);
}

function fallback(kind: Fallback, code: string): Verdict {
  if (kind === "acknowledge") return { kind };
  if (kind === "deadLetter") return { kind, reason: code };
  return { kind, error: new MelangeError(code, "Cannot handle the message now") };
}

/** One message on its way to its subscribers. */
interface Job {
  message: ReceivedMessage;
  hooks: Hooks;
  type: string;
  envelope: Envelope;
  data: unknown;
  unreadable: (error: unknown) => Verdict;
}

async function runAll(
  dispatcher: Dispatcher,
  subscriptions: Subscription[],
  job: Job,
): Promise<Verdict[]> {
  const { handlerTimeoutMs, logger } = dispatcher.options;
  const { message, hooks } = job;
  const limit = timeLimit(hooks, handlerTimeoutMs);
  const context: HandlerContext = {
    message,
    attempt: hooks.attempt,
    queue: hooks.queue,
    receivedAt: hooks.receivedAt,
    signal: limit.signal,
    logger,
    extend: extension(hooks),
    ...(hooks.publisher ? { publisher: hooks.publisher } : {}),
  };
  const events = eventsOf(job);
  try {
    return await Promise.all(
      subscriptions.map((subscription) =>
        run(dispatcher, subscription, { job, context: { ...context }, events })
      ),
    );
  } finally {
    limit.clear();
  }
}

function extension({ extend }: Hooks): HandlerContext["extend"] {
  return async (ms) => {
    checkMs(ms, { cannot: "extend a lock", name: "ms", positive: true });
    if (extend) return await extend(ms);
    throw new MelangeError("UNSUPPORTED", "Cannot extend a lock as this host holds none");
  };
}

function timeLimit(
  { signal, clock = systemClock }: DispatchHooks,
  handlerTimeoutMs: number | undefined,
): { signal: AbortSignal; clear: () => void } {
  if (handlerTimeoutMs === undefined) {
    return { signal: signal ?? new AbortController().signal, clear() {} };
  }
  const controller = new AbortController();
  const clear = clock.after(handlerTimeoutMs, () => {
    controller.abort(
      new MelangeError("TIMEOUT", `Cannot wait for a handler longer than ${handlerTimeoutMs} ms`),
    );
  });
  const signals = signal ? [signal, controller.signal] : [controller.signal];
  return { signal: AbortSignal.any(signals), clear };
}

/** Validates once per event type, also where several subscribers share it. */
function eventsOf({ envelope, data, type }: Job) {
  const events = new Map<Schema | undefined, Promise<Event>>();
  return (eventType: AnyEventType | undefined): Promise<Event> => {
    const known = events.get(eventType?.schema);
    if (known) return known;
    const event = decodeAs(eventType, { ...envelope.facts, type, data });
    events.set(eventType?.schema, event);
    return event;
  };
}

async function decodeAs(eventType: AnyEventType | undefined, event: Event): Promise<Event> {
  if (!eventType) return event;
  const result = await validate(eventType.schema, event.data);
  if (!result.ok) {
    throw new MelangeError(
      "UNDECODABLE",
      `Cannot read a message as its data violates the schema of "${eventType.type}" at ${result.paths}`,
    );
  }
  return linked(eventType, { ...event, data: result.value });
}

async function run(
  dispatcher: Dispatcher,
  subscription: Subscription,
  { job, context, events }: {
    job: Job;
    context: HandlerContext;
    events: (eventType: AnyEventType | undefined) => Promise<Event>;
  },
): Promise<Verdict> {
  let event: Event;
  try {
    event = await abortable(events(subscription.eventType), context.signal);
  } catch (error) {
    if (context.signal.aborted) return { kind: "retry", error, ...waitOf(error, context.signal) };
    return job.unreadable(error);
  }
  const handle = async () => {
    // It may have been given up while a claim was waited for.
    context.signal.throwIfAborted();
    await subscription.handle(event, context);
  };
  try {
    return await protectedBy(dispatcher, handle, { subscription, job, context });
  } catch (error) {
    return failed(error, subscription, { job, context });
  }
}

/** Runs a handler, once per event where there is a store and the event has an identity. */
async function protectedBy(
  dispatcher: Dispatcher,
  handle: () => Promise<void>,
  { subscription, job, context }: { subscription: Subscription; job: Job; context: HandlerContext },
): Promise<Verdict> {
  const { deduplication } = dispatcher.options;
  const { logger, signal, queue } = context;
  const key = deduplicationKey(subscription.name ?? "", job.envelope);
  if (deduplication && key !== undefined) {
    const { clock = systemClock, heldMs } = job.hooks;
    return await runOnce(handle, { ...deduplication, key, signal, heldMs, clock, logger });
  }
  if (deduplication) logger.warn("A message without any id is handled unprotected", { queue });
  await abortable(handle(), signal);
  return { kind: "acknowledge" };
}

function failed(
  error: unknown,
  { name }: Subscription,
  { job, context }: { job: Job; context: HandlerContext },
): Verdict {
  const subscriber = name === undefined ? {} : { subscriber: name };
  const reason = reasonOf(error);
  // A stop that runs out of time is not the handler's failure.
  const isStopped = context.signal.aborted && error === context.signal.reason &&
    error instanceof MelangeError && error.code === "STOPPED";
  const level = isStopped ? "info" : "warn";
  const failure = isStopped
    ? "A handler was stopped; its message is given back"
    : "A handler failed";
  context.logger[level](reason === undefined ? failure : "A handler gave a message up", {
    queue: context.queue,
    messageId: short(context.message.id),
    type: short(job.type),
    attempt: context.attempt,
    ...subscriber,
    error: describeError(error),
  });
  if (reason !== undefined) return { kind: "deadLetter", reason, ...subscriber };
  return { kind: "retry", error, ...subscriber, ...waitOf(error, context.signal) };
}

/** What says nothing about the message is no try of it. */
const NOT_ITS_FAULT: readonly unknown[] = ["STOPPED", "LOCK_LOST", "CIRCUIT_OPEN"];

/** A handler's error may say when to come again; a stop, or an open circuit, is not counted. */
function waitOf(error: unknown, signal: AbortSignal): { delayMs?: number; uncounted: boolean } {
  const uncounted = NOT_ITS_FAULT.includes(factsOf(signal.aborted ? signal.reason : error)?.code);
  const delayMs = factsOf(error)?.retryAfterMs;
  return isNumber(delayMs, 0, Number.MAX_VALUE) ? { uncounted, delayMs } : { uncounted };
}

/** What an error of ours says; a subclass of somebody's may say anything. */
function factsOf(error: unknown): { code: unknown; retryAfterMs: unknown } | undefined {
  return probe(() => {
    if (!(error instanceof MelangeError)) return undefined;
    const { code, retryAfterMs } = error;
    return { code, retryAfterMs };
  });
}

function decide(
  verdicts: Verdict[],
  { queue, attempt, maxAttempts }: { queue: string; attempt: number; maxAttempts: number },
): Outcome {
  const facts = (reason: string, subscriber: string | undefined): DeadLetterFacts => ({
    reason,
    queue,
    attempts: attempt,
    ...(subscriber === undefined ? {} : { subscriber }),
  });
  for (const verdict of verdicts) {
    if (verdict.kind !== "deadLetter") continue;
    return { outcome: "deadLetter", facts: facts(verdict.reason, verdict.subscriber) };
  }
  const retries = verdicts.flatMap((verdict) => verdict.kind === "retry" ? [verdict] : []);
  const counted = retries.find((verdict) => !verdict.uncounted);
  if (counted && attempt >= maxAttempts) {
    return { outcome: "deadLetter", facts: facts("MAX_ATTEMPTS", counted.subscriber) };
  }
  const first = counted ?? retries[0];
  if (!first) return { outcome: "acknowledge" };
  const { error, delayMs } = first;
  return {
    outcome: "retry",
    error,
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(counted ? {} : { uncounted: true }),
  };
}
