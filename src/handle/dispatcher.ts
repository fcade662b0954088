import { type BatchHandler, type BatchOptions, inBatches } from "./batch.ts";
import type { DeduplicationOptions } from "./once.ts";
import type { Handler, Middleware, SubscribeOptions, Subscriber } from "./handler.ts";
import type { AnyEventType, EventOf } from "../event/event.ts";
import { checkMs } from "../support/duration.ts";
import { BUS_OPTIONS, checkKnown } from "../support/known_options.ts";
import { defaultLogger, guarded, type Logger } from "../support/logger.ts";
import { checkRange } from "../support/range.ts";
import { jsonReaders, type Readers } from "../wire/serializer.ts";
import type { SerializerRegistry } from "../wire/serializer_registry.ts";
import type { ReceivedMessage } from "../wire/message.ts";
import type { PayloadOptions } from "../wire/payloads/options.ts";

/**
 * The fate of a message that cannot be handled.
 *
 * @category Handling
 */
export type Fallback = "retry" | "deadLetter" | "acknowledge";

/**
 * Options of {@linkcode Dispatcher}. All of them mean the same on every host.
 *
 * @category Handling
 */
export interface DispatcherOptions {
  /** Wrapped around every subscriber, the first one outermost. Default: none. */
  middleware?: readonly Middleware[];
  /** Reads the data. Default: JSON. */
  serializers?: SerializerRegistry;
  /**
   * The store and the codecs of bodies that are not in their messages. Default: none; such a message
   * is undecodable.
   */
  payloads?: PayloadOptions;
  /**
   * Names the type of a message that names none of ours: a message of another system. Returns
   * `undefined` for a message that it does not know. Any name reaches the subscribers of the name
   * and those of `subscribeAll`. A message is `UNDECODABLE` if the function throws or returns
   * anything but a name. Default: such messages have the type of `defaultEvent`.
   */
  typeOf?: (message: ReceivedMessage) => string | undefined;
  /**
   * Takes the data out of a message that names no type of ours. The data counts as data of the
   * newest version. A message is `UNDECODABLE` if the function throws or returns a promise.
   * Default: the body, read by `serializers`.
   */
  dataOf?: (message: ReceivedMessage) => unknown;
  /**
   * The type of messages without a type name that `typeOf` names no type for, either. Default: such
   * messages are unknown, and reach no subscriber, not even those of `subscribeAll`.
   */
  defaultEvent?: AnyEventType;
  /** The fate of a message whose type has no subscriber. Default: `"deadLetter"`, which is a retry where the queue has no dead-letter queue. */
  onUnknown?: Fallback;
  /**
   * The fate of unreadable data and of data that violates the schema. Default: `"deadLetter"`, as
   * for `onUnknown`.
   */
  onUndecodable?: Fallback;
  /** Runs each subscriber once per event, as far as a store can tell. Default: none. */
  deduplication?: DeduplicationOptions;
  /** After this time the handlers' signal aborts and the message is retried, in milliseconds. Default: none. */
  handlerTimeoutMs?: number;
  /** A message that failed this often is dead-lettered. Default: 5 on FIFO queues, else the broker's own limit. */
  maxAttempts?: number;
  /** The place where failures are reported. Default: warnings and errors on the console. */
  logger?: Logger;
}

/**
 * A subscriber with the middleware around it.
 *
 * @category Handling
 */
export interface Subscription {
  /** The subscriber's name, if there is one. */
  readonly name: string | undefined;
  /**
   * The type whose schema the subscriber wants for this event; `undefined` for a subscriber of
   * everything.
   */
  readonly eventType: AnyEventType | undefined;
  /** The handler, wrapped. */
  readonly handle: Handler;
}

/**
 * Knows who listens to which event type, and how failures are met. The same dispatcher serves every
 * host: a worker, a Lambda function, an HTTP endpoint, a test.
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
 *
 * @category Handling
 */
export class Dispatcher {
  /** The options, with defaults filled in. */
  readonly options: Readonly<
    & Required<Pick<DispatcherOptions, "onUnknown" | "onUndecodable" | "logger">>
    & Omit<DispatcherOptions, "serializers">
    & { serializers: Readers }
  >;
  readonly #subscribers = new Set<Registered>();
  /** Subscriptions by type, as found since the last change. */
  readonly #byType = new Map<string, readonly Subscription[]>();

  /** Creates a dispatcher without subscribers. */
  constructor(options: DispatcherOptions = {}) {
    checkOptions(options);
    this.options = {
      ...options,
      serializers: options.serializers ?? jsonReaders,
      onUnknown: options.onUnknown ?? "deadLetter",
      onUndecodable: options.onUndecodable ?? "deadLetter",
      logger: options.logger ? guarded(options.logger) : defaultLogger,
    };
  }

  /**
   * Adds a subscriber, whose handler is called for each event of the type. Returns the function
   * that removes the subscriber.
   * @throws {TypeError} if the name is taken or no text, or missing where de-duplication is on
   */
  subscribe<T extends AnyEventType>(
    type: T,
    handler: Handler<EventOf<T>>,
    options?: SubscribeOptions,
  ): () => void;
  /** Adds a subscriber object. Its `process` is called for each event of its types. */
  subscribe<const T extends AnyEventType>(subscriber: Subscriber<T>): () => void;
  subscribe(
    first: AnyEventType | Subscriber,
    handler?: Handler<never>,
    options: SubscribeOptions = {},
  ): () => void {
    if (!isObject(first)) {
      throw new TypeError(
        "Cannot add a subscriber as it must be a type of defineEvent() or { listensTo, process }",
      );
    }
    if (!("listensTo" in first)) {
      return this.#add({ name: options.name, types: [first], process: handler });
    }
    const { name, listensTo, process } = first;
    return this.#add({ name, types: [listensTo].flat(), process });
  }

  /**
   * Adds a subscriber that handles several events at once. A batch takes one slot of a worker, keeps
   * the locks of its messages, and runs when `maxEvents` came or `maxWaitMs` passed. Each event is
   * settled, tried again and de-duplicated on its own. Returns the function that removes the
   * subscriber.
   * @throws {TypeError} as {@linkcode subscribe} does
   * @throws {RangeError} if an option is out of its range
   */
  subscribeBatch<T extends AnyEventType>(
    type: T,
    handler: BatchHandler<EventOf<T>>,
    options: BatchOptions = {},
  ): () => void {
    const { name } = options;
    if (typeof handler !== "function") throw refused(name, "its handler must be a function");
    return this.#add({ name, types: [type], process: inBatches(handler, options) });
  }

  /** Adds a handler of all events of all types. Returns the function that removes the handler. */
  subscribeAll(handler: Handler, options: SubscribeOptions = {}): () => void {
    return this.#add({ name: options.name, types: undefined, process: handler });
  }

  /** The event types that somebody named in a subscription. */
  get eventTypes(): AnyEventType[] {
    return [...new Set([...this.#subscribers].flatMap(({ types }) => types ?? []))];
  }

  /** Tells whether a subscriber takes events of all types. */
  get takesEverything(): boolean {
    return [...this.#subscribers].some(({ types }) => types === undefined);
  }

  /** Lists the subscribers that take an event of this type. */
  subscriptionsTo(type: string): readonly Subscription[] {
    return this.#byType.get(type) ?? this.#find(type);
  }

  #find(type: string): Subscription[] {
    const known = this.eventTypes.find((eventType) => eventType.type === type);
    const found = [...this.#subscribers].flatMap(({ name, types, handle }) => {
      const eventType = types ? types.find((wanted) => wanted.type === type) : known;
      return types && !eventType ? [] : [{ name, eventType, handle }];
    });
    // Names that only messages know are not kept: there may be any number of them.
    if (known) this.#byType.set(type, found);
    return found;
  }

  #add(subscribing: Subscribing): () => void {
    const { name, types, process } = subscribing;
    this.#check(subscribing);
    const { middleware = [] } = this.options;
    const handle = middleware.reduceRight<Handler>((next, wrap) => wrap(next), process as Handler);
    if (typeof handle !== "function") {
      throw refused(name, "a middleware must return a function");
    }
    const registered = { name, types, handle };
    this.#subscribers.add(registered);
    this.#byType.clear();
    return () => {
      this.#subscribers.delete(registered);
      this.#byType.clear();
    };
  }

  #check({ name, types, process }: Subscribing): void {
    if (name !== undefined && typeof name !== "string") {
      throw refused(undefined, `its name must be text: current value is ${typeof name}`);
    }
    if (typeof process !== "function") throw refused(name, "its handler must be a function");
    if (types && (types.length === 0 || types.some((type) => typeof type?.type !== "string"))) {
      throw refused(name, "it must listen to types of defineEvent()");
    }
    if (name === undefined) {
      if (this.options.deduplication) {
        throw refused(name, "it has no name, which de-duplication goes by: pass { name }");
      }
      return;
    }
    if ([...this.#subscribers].some((other) => other.name === name)) {
      throw refused(name, "the name is taken");
    }
  }
}

/** The arguments of a subscription, in one shape. */
interface Subscribing {
  readonly name: string | undefined;
  /** The types; `undefined` stands for every type. */
  readonly types: readonly AnyEventType[] | undefined;
  readonly process: Handler<never> | undefined;
}

/** A subscriber as the dispatcher keeps it. */
interface Registered {
  readonly name: string | undefined;
  readonly types: readonly AnyEventType[] | undefined;
  readonly handle: Handler;
}

function refused(name: string | undefined, rule: string): TypeError {
  const subscriber = name === undefined ? "a subscriber" : `the subscriber "${name}"`;
  return new TypeError(`Cannot add ${subscriber} as ${rule}`);
}

function isObject(value: unknown): value is AnyEventType | Subscriber {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

const FALLBACKS: readonly unknown[] = ["retry", "deadLetter", "acknowledge", undefined];

function checkOptions(options: DispatcherOptions): void {
  const cannot = "create a dispatcher";
  checkKnown(options, BUS_OPTIONS, cannot);
  for (const key of ["onUnknown", "onUndecodable"] as const) {
    if (FALLBACKS.includes(options[key])) continue;
    throw new TypeError(
      `Cannot ${cannot} as ${key} must be "retry", "deadLetter" or "acknowledge": current value is ${
        options[key]
      }`,
    );
  }
  for (const key of ["typeOf", "dataOf"] as const) {
    if (options[key] === undefined || typeof options[key] === "function") continue;
    throw new TypeError(`Cannot ${cannot} as ${key} must be a function`);
  }
  if (options.middleware?.some((middleware) => typeof middleware !== "function")) {
    throw new TypeError(`Cannot ${cannot} as its middleware must be functions`);
  }
  if (options.deduplication && typeof options.deduplication.store?.claim !== "function") {
    throw new TypeError(`Cannot ${cannot} as deduplication needs a store: pass { store }`);
  }
  if (options.payloads && typeof options.payloads.store?.restore !== "function") {
    throw new TypeError(`Cannot ${cannot} as payloads needs a store: pass { store }`);
  }
  for (const name of ["handlerTimeoutMs", "maxAttempts"] as const) {
    if (options[name] === undefined) continue;
    checkRange(options[name], { cannot, name, min: Number.MIN_VALUE });
  }
  const { leaseMs = 1, retentionMs = 0 } = options.deduplication ?? {};
  checkMs(leaseMs, { cannot, name: "deduplication.leaseMs", positive: true });
  checkMs(retentionMs, { cannot, name: "deduplication.retentionMs" });
}
