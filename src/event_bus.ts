import { type AsyncDisposing, disposable } from "./support/async_dispose.ts";
import type { Backend, DeclareQueueOptions, QueueDescription, SendResult } from "./backend.ts";
import { type Clock, reading, sleep, systemClock } from "./support/clock.ts";
import {
  checkDrain,
  type ConsumerSettings,
  type ConsumerStatus,
  DRAIN_MS,
  MessageConsumer,
  type StopOptions,
} from "./consume/consumer.ts";
import type { BatchHandler, BatchOptions } from "./handle/batch.ts";
import { Dispatcher, type DispatcherOptions } from "./handle/dispatcher.ts";
import type { Handler, SubscribeOptions, Subscriber } from "./handle/handler.ts";
import { BUS_OPTIONS, checkKnown } from "./support/known_options.ts";
import { MelangeError } from "./support/errors.ts";
import type { AnyEventType, Event, EventOf } from "./event/event.ts";
import type { Format, MessageFormat } from "./wire/packed.ts";
import {
  type EventPublisher,
  MessagePublisher,
  type Published,
  type PublishEntry,
  type PublisherSettings,
} from "./publish/publisher.ts";
import type { PublishAllOptions, PublishOptions } from "./publish/outgoing.ts";
import { declarationFor } from "./handle/declarations.ts";

/**
 * Options of {@linkcode EventBus}: the options of publisher, dispatcher and consumers, and a few
 * more.
 *
 * @category All in one
 */
export interface EventBusOptions extends PublisherSettings, DispatcherOptions, ConsumerSettings {
  /** The backend for publishing and receiving. Its creator closes it. */
  backend: Backend;
  /** The queue to consume. Default: none; such a bus only publishes. */
  queue?: string;
  /** Several queues to consume, with the same handlers; not together with `queue`. Default: none. */
  queues?: readonly string[];
}

/**
 * Publisher, dispatcher and consumers in one object, on one backend. An application publishes and
 * subscribes here.
 *
 * @example
 * ```ts
 * import { defineEvent, EventBus, typed } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 *
 * const Ping = defineEvent("Ping", { topic: "pings", schema: typed<{ at: number }>() });
 * const bus = new EventBus({ backend: new MemoryBackend(), queue: "mine" });
 * const seen = new Promise((resolve) => bus.subscribe(Ping, (event) => resolve(event.data.at)));
 * await bus.declare();
 * bus.start();
 * await bus.publish(Ping({ at: 1 }));
 * if (await seen !== 1) throw new Error("unexpected");
 * await bus.stop();
 * ```
 *
 * @category All in one
 */
export class EventBus implements EventPublisher {
  static #instance: EventBus | undefined;
  readonly #backend: Backend;
  readonly #queues: readonly string[];
  readonly #format: Format | MessageFormat;
  readonly #dispatcher: Dispatcher;
  readonly #publisher: MessagePublisher;
  readonly #consumers: readonly MessageConsumer[];
  readonly #visibilityTimeoutMs: number | undefined;
  readonly #drainMs: number;
  readonly #clock: Clock;

  /** Creates a bus; nothing is received before it is started. */
  constructor(options: EventBusOptions) {
    checkKnown(options, BUS_OPTIONS, "create a bus");
    const { backend, queue, queues = queue === undefined ? [] : [queue], ...settings } = options;
    if (queue !== undefined && options.queues !== undefined) {
      throw new TypeError("Cannot create a bus with both queue and queues: pass one of them");
    }
    if (!Array.isArray(queues)) {
      throw new TypeError("Cannot create a bus as queues must be an array of names");
    }
    this.#backend = backend;
    this.#queues = [...queues];
    this.#format = settings.format ?? "plain";
    this.#visibilityTimeoutMs = settings.visibilityTimeoutMs;
    this.#drainMs = settings.drainMs ?? DRAIN_MS;
    this.#clock = settings.clock ?? systemClock;
    this.#dispatcher = new Dispatcher(settings);
    this.#publisher = new MessagePublisher({ ...settings, backend });
    this.#consumers = this.#queues.map((queue) =>
      new MessageConsumer({
        ...settings,
        backend,
        queue,
        dispatcher: this.#dispatcher,
        publisher: this.#publisher,
      })
    );
    disposable(this, () => this.#dispose());
  }

  /**
   * Creates the bus of this process.
   * @throws {MelangeError} `CONFLICT` if a bus is running
   */
  static init(options: EventBusOptions): EventBus {
    if (EventBus.#instance?.running) {
      throw new MelangeError(
        "CONFLICT",
        "Cannot replace the bus of this process as it is running: stop it first",
      );
    }
    return EventBus.#instance = new EventBus(options);
  }

  /**
   * The bus of this process.
   * @throws {MelangeError} `CONFIGURATION` if there is none
   */
  static getInstance(): EventBus {
    if (EventBus.#instance) return EventBus.#instance;
    throw new MelangeError(
      "CONFIGURATION",
      "Cannot get the bus of this process as there is none: call EventBus.init() first",
    );
  }

  /** Tells whether any consumer of the bus is started. */
  get running(): boolean {
    return this.#consumers.some((consumer) => consumer.health() !== "stopped");
  }

  /**
   * Adds a subscriber, as {@linkcode Dispatcher.subscribe} does. Returns the function that removes
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
    return this.#dispatcher.subscribe(first as AnyEventType, handler as Handler, options);
  }

  /** Adds a subscriber that handles several events at once, as {@linkcode Dispatcher.subscribeBatch} does. */
  subscribeBatch<T extends AnyEventType>(
    type: T,
    handler: BatchHandler<EventOf<T>>,
    options?: BatchOptions,
  ): () => void {
    return this.#dispatcher.subscribeBatch(type, handler, options);
  }

  /** Receives nothing more until {@linkcode resume}, as {@linkcode MessageConsumer.pause} does. */
  pause(): void {
    for (const consumer of this.#consumers) consumer.pause();
  }

  /** Ends a pause. */
  resume(): void {
    for (const consumer of this.#consumers) consumer.resume();
  }

  /** Adds a handler of every event. Returns the function that removes the handler. */
  subscribeAll(handler: Handler, options?: SubscribeOptions): () => void {
    return this.#dispatcher.subscribeAll(handler, options);
  }

  /**
   * Creates the missing queues, dead-letter queue, topics and subscriptions for the present
   * handlers. Subscriptions are filtered by type. Of several queues, the first is subscribed:
   * otherwise each event would be handled once per queue. Idempotent.
   * @throws {MelangeError} `CONFIGURATION` if the bus has no queue
   */
  async declare(options: DeclareQueueOptions = {}): Promise<QueueDescription[]> {
    this.#needQueue("declare");
    const visibility = this.#visibilityTimeoutMs === undefined
      ? {}
      : { visibilityTimeoutMs: this.#visibilityTimeoutMs };
    const { subscribeTo: _, ...others } = options;
    const descriptions: QueueDescription[] = [];
    for (const [index, queue] of this.#queues.entries()) {
      const own = index === 0 ? declarationFor(this.#dispatcher, options, this.#format) : others;
      descriptions.push(await this.#backend.declareQueue(queue, { ...visibility, ...own }));
    }
    return descriptions;
  }

  /**
   * Starts to receive and handle. Does nothing on a running bus.
   * @throws {MelangeError} `CONFIGURATION` if the bus has no queue
   */
  start(): void {
    this.#needQueue("start");
    for (const consumer of this.#consumers) consumer.start();
  }

  /**
   * Stops receiving, drains, and delivers or reports the published events, all within `drainMs`. An
   * event that is still on its way then goes on, and its publisher is told. The bus may be started
   * again.
   * @throws {RangeError} if `drainMs` is negative or no number; the bus then goes on
   */
  async stop(options: StopOptions = {}): Promise<void> {
    const { drainMs = this.#drainMs } = options;
    checkDrain(drainMs);
    const endsAt = reading(this.#clock) + drainMs;
    await Promise.all(this.#consumers.map((consumer) => consumer.stop({ drainMs })));
    const enough = new AbortController();
    const leftMs = Math.max(0, endsAt - reading(this.#clock));
    const timeUp = sleep(this.#clock, leftMs, enough.signal).catch(() => {});
    await Promise.race([this.#publisher.flush(), timeUp]);
    enough.abort();
  }

  /** Publishes an event, as {@linkcode MessagePublisher.publish} does. */
  publish(event: Event, options?: PublishOptions): Promise<Published> {
    return this.#publisher.publish(event, options);
  }

  /** Publishes many events, as {@linkcode MessagePublisher.publishAll} does. */
  publishAll(
    events: Iterable<Event | PublishEntry> | AsyncIterable<Event | PublishEntry>,
    options?: PublishAllOptions,
  ): Promise<SendResult[]> {
    return this.#publisher.publishAll(events, options);
  }

  /** The status of each consumer of the bus. */
  status(): ConsumerStatus[] {
    return this.#consumers.map((consumer) => consumer.status());
  }

  #needQueue(verb: string): void {
    if (this.#queues.length > 0) return;
    throw new MelangeError(
      "CONFIGURATION",
      `Cannot ${verb} a bus without a queue: pass { queue } when it is created`,
    );
  }

  async #dispose(): Promise<void> {
    await this.stop();
    await this.#publisher.close();
  }
}

/**
 * Disposal of a bus by `await using`: the bus stops, and takes no more events. The backend stays
 * open.
 */
export interface EventBus extends AsyncDisposing {}
