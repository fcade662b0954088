import { systemClock } from "./support/clock.ts";
import { Dispatcher } from "./handle/dispatcher.ts";
import type { Handler, HandlerContext, SubscribeOptions, Subscriber } from "./handle/handler.ts";
import { MelangeError } from "./support/errors.ts";
import {
  type AnyEventType,
  type Event,
  type EventOf,
  eventTypeOf,
  linked,
  refusedEvent,
} from "./event/event.ts";
import { carriedData } from "./wire/json_data.ts";
import { consoleLogger } from "./support/logger.ts";
import { validate } from "./event/schema.ts";
import type { ReceivedMessage } from "./wire/message.ts";
import { jsonOnly, type Writers } from "./wire/serializer.ts";
import type { SerializerRegistry } from "./wire/serializer_registry.ts";

/**
 * Options of {@linkcode SynchronousEventBus}.
 *
 * @category All in one
 */
export interface SynchronousEventBusOptions {
  /**
   * The serializers of the publisher that carries these events elsewhere. The bus serializes
   * nothing, but refuses data that JSON would change, for the events that JSON would write.
   * Default: JSON.
   */
  serializers?: SerializerRegistry;
}

/**
 * A bus within one call stack: `publish` returns when every subscriber has run. Events are handed
 * over by reference, unless a schema changes their data, or JSON would leave something out:
 * handlers get the same data as from a broker. The bus stores nothing and retries nothing.
 *
 * @example
 * ```ts
 * import { defineEvent, SynchronousEventBus, typed } from "@melange/melange";
 *
 * const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
 * const bus = new SynchronousEventBus();
 * let seen = 0;
 * bus.subscribe(Ping, (event) => void (seen = event.data.at));
 * bus.publish(Ping({ at: 1 }));
 * if (seen !== 1) throw new Error("unexpected");
 * ```
 *
 * @category All in one
 */
export class SynchronousEventBus {
  readonly #dispatcher = new Dispatcher();
  /** The handlers of the types that were published, until somebody comes or goes. */
  #handlers = new Map<string, readonly Handler[]>();
  readonly #serializers: Writers;

  /** Creates a bus without subscribers. */
  constructor(options: SynchronousEventBusOptions = {}) {
    this.#serializers = options.serializers ?? jsonOnly;
  }

  /**
   * Adds a subscriber, whose handler must not return a promise. Returns the function that removes
   * the subscriber.
   */
  subscribe<T extends AnyEventType>(
    type: T,
    handler: Handler<EventOf<T>>,
    options?: SubscribeOptions,
  ): () => void;
  /** Adds a subscriber object. */
  subscribe<const T extends AnyEventType>(subscriber: Subscriber<T>): () => void;
  subscribe(
    first: AnyEventType | Subscriber,
    handler?: Handler<never>,
    options?: SubscribeOptions,
  ): () => void {
    return this.#changed(
      this.#dispatcher.subscribe(first as AnyEventType, handler as Handler, options),
    );
  }

  /** Adds a handler of every event. Returns the function that removes it. */
  subscribeAll(handler: Handler, options?: SubscribeOptions): () => void {
    return this.#changed(this.#dispatcher.subscribeAll(handler, options));
  }

  /**
   * Runs every subscriber to the event's type. If a subscriber throws, the others run all the same.
   * @throws {MelangeError} `INVALID_EVENT` if the data violates the schema, or JSON would change
   * the data; no subscriber has run then
   * @throws {TypeError} if the schema or a handler returns a promise
   * @throws the error of the handler; an `AggregateError` of several errors
   */
  publish(event: Event): void {
    const checked = check(event, this.#serializers);
    const errors: unknown[] = [];
    for (const handle of this.#handlersOf(event.type)) {
      try {
        const result: unknown = handle(checked, new CallContext(checked));
        if (isThenable(result)) throw asynchronous(`a handler of "${event.type}"`, result);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) {
      throw new AggregateError(errors, `${errors.length} handlers of "${event.type}" failed`);
    }
  }

  /** Returns the handlers of a type. The list does not change while an event goes through it. */
  #handlersOf(type: string): readonly Handler[] {
    const known = this.#handlers.get(type);
    if (known) return known;
    const handlers = this.#dispatcher.subscriptionsTo(type).map(({ handle }) => handle);
    // The names of types may come from anywhere.
    if (this.#handlers.size >= MAX_TYPES) this.#handlers.clear();
    this.#handlers.set(type, handlers);
    return handlers;
  }

  /** Forgets the handlers, now and when the subscription ends. */
  #changed(unsubscribe: () => void): () => void {
    this.#handlers.clear();
    return () => {
      unsubscribe();
      this.#handlers.clear();
    };
  }
}

/** The handlers of so many types are remembered. */
const MAX_TYPES = 1_000;

function check(event: Event, serializers: Writers): Event {
  const type = eventTypeOf(event);
  const data = carriedData(event, serializers);
  const carried = Object.is(data, event.data) ? event : { ...event, data };
  if (!type) return carried;
  const result = validate(type.schema, data);
  if (result instanceof Promise) throw asynchronous(`the schema of "${event.type}"`, result);
  if (!result.ok) throw refusedEvent(event, `its data violates the schema at ${result.paths}`);
  if (carried === event && isSame(data, result.value)) return event;
  return linked(type, { ...event, data: result.value });
}

/** Compares data with the copy of a validator. An equal copy does not replace the original. */
function isSame(before: unknown, after: unknown): boolean {
  if (Object.is(before, after)) return true;
  if (typeof before !== "object" || typeof after !== "object" || !before || !after) return false;
  if (Object.getPrototypeOf(before) !== Object.getPrototypeOf(after)) return false;
  if (!Array.isArray(before) && Object.getPrototypeOf(before) !== Object.prototype) return false;
  const keys = Object.keys(before) as (keyof typeof before)[];
  return keys.length === Object.keys(after).length &&
    keys.every((key) => Object.hasOwn(after, key) && isSame(before[key], after[key]));
}

function isThenable(value: unknown): value is PromiseLike<never> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}

function asynchronous(what: string, promise: PromiseLike<unknown>): TypeError {
  promise.then(undefined, () => {});
  return new TypeError(
    `Cannot publish synchronously as ${what} returned a promise: use EventBus on MemoryBackend`,
  );
}

/**
 * The context of one handler. No message carried the event, and no lock exists. Most handlers read
 * none of the fields, so dates and signals are made when a handler reads them.
 */
class CallContext implements HandlerContext {
  readonly message: ReceivedMessage;
  readonly attempt = 1;
  readonly queue = "";
  readonly logger = consoleLogger;
  readonly extend = extendNothing;
  #receivedAt: Date | undefined;
  #signal: AbortSignal | undefined;

  constructor({ id, occurredOn }: Event) {
    this.message = { id, body: "", attributes: {}, sentAt: occurredOn, attempt: 1 };
  }

  get receivedAt(): Date {
    return this.#receivedAt ??= new Date(systemClock.now());
  }

  get signal(): AbortSignal {
    return this.#signal ??= new AbortController().signal;
  }
}

function extendNothing(): Promise<never> {
  return Promise.reject(
    new MelangeError("UNSUPPORTED", "Cannot extend a lock as this host holds none"),
  );
}
