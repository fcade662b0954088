import { type AsyncDisposing, disposable } from "../support/async_dispose.ts";
import type { Sender, SendResult } from "../backend.ts";
import { Batcher } from "../support/batcher.ts";
import { abortable, type Clock, type Random, systemClock } from "../support/clock.ts";
import { isNumber } from "../support/duration.ts";
import { MelangeError } from "../support/errors.ts";
import type { Event } from "../event/event.ts";
import { type Format, isFormat } from "../wire/packed.ts";
import { abandonment, createLane, type Item, type Lane } from "./lane.ts";
import { type Destination, isFifo, nameOf } from "../wire/message.ts";
import {
  destinationOf,
  outgoing,
  type PublishAllOptions,
  type PublishOptions,
} from "./outgoing.ts";
import {
  checkRetryPolicy,
  DEADLINE_MS,
  RetryBudget,
  retryEach,
  type RetryPolicy,
} from "../support/retry.ts";
import { Semaphore } from "../support/semaphore.ts";
import { sendApart } from "../support/send_apart.ts";
import { jsonOnly, type Writers } from "../wire/serializer.ts";
import type { SerializerRegistry } from "../wire/serializer_registry.ts";

/**
 * The result of a publish.
 *
 * @category Publishing
 */
export interface Published {
  /** The broker's id of the message. */
  readonly messageId: string;
  /** The place in a FIFO queue or topic. */
  readonly sequenceNumber?: string;
}

/**
 * An event with options of its own, for {@linkcode MessagePublisher.publishAll}.
 *
 * @category Publishing
 */
export type PublishEntry = { readonly event: Event } & PublishOptions;

/**
 * An object that publishes: a publisher, a bus, or the publisher in a handler's context.
 *
 * @category Publishing
 */
export interface EventPublisher {
  /** Publishes one event; rejects if the event was not stored, or may not have been. */
  publish(event: Event, options?: PublishOptions): Promise<Published>;
  /** Publishes many; one result each, in order. */
  publishAll(
    events: Iterable<Event | PublishEntry> | AsyncIterable<Event | PublishEntry>,
    options?: PublishAllOptions,
  ): Promise<SendResult[]>;
}

/**
 * Settings of a publisher for all destinations.
 *
 * @category Publishing
 */
export interface PublisherSettings {
  /** The format of events. Default: `"plain"`. */
  format?: Format;
  /** Serializers for the data. Default: JSON. */
  serializers?: SerializerRegistry;
  /**
   * Time that an event waits for other events to share its request, in milliseconds. Default: 0,
   * which gathers only the events of the same turn.
   */
  lingerMs?: number;
  /**
   * Sending beside a request with room left. By default an event waits for the answer to such a
   * request to its destination, for 100 ms at the most, and shares the next request with the events
   * of that time. Full requests never wait. An event without a request under way never waits
   * either. Default: `false`.
   */
  eager?: boolean;
  /** The most requests under way to one destination. Default: 8. */
  maxInFlight?: number;
  /** The most events without a result; further ones wait. Default: 10 000. */
  maxPending?: number;
  /**
   * Attempts of an event, by count and time. Default: 8 attempts within 60 seconds. An asynchronous
   * schema has as long as all attempts together, one second at least, before its event is given up.
   */
  retry?: RetryPolicy;
  /** The clock of waits and deadlines. Default: the machine's clock. */
  clock?: Clock;
  /** The source of jitter. Default: `Math.random`. */
  random?: Random;
}

/**
 * Options of {@linkcode MessagePublisher}.
 *
 * @category Publishing
 */
export interface MessagePublisherOptions extends PublisherSettings {
  /** The sender of messages. Its creator closes it. */
  backend: Sender;
}

/**
 * Publishes events to topics and queues, in batches. Tries failed entries again as long as they may
 * succeed. Delivery is at least once: after a lost answer, an event may be stored twice, with the
 * same event id, unless the destination is FIFO.
 *
 * An event takes its place in the order at the call. In a FIFO group, a failed entry is not sent
 * again once a later entry was stored, because the repetition would arrive out of order. The caller
 * of the failed entry gets the error.
 *
 * Events of one turn share requests. On Cloudflare Workers, where a connection belongs to the
 * request that opened it, create a publisher for each request.
 *
 * @example
 * ```ts
 * import { defineEvent, MessagePublisher, typed } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 *
 * const Ping = defineEvent("Ping", { topic: "pings", schema: typed<{ at: number }>() });
 * const backend = new MemoryBackend();
 * const publisher = new MessagePublisher({ backend });
 * const { messageId } = await publisher.publish(Ping({ at: 1 }));
 * await publisher.close();
 * if (!messageId) throw new Error("unexpected");
 * ```
 *
 * @category Publishing
 */
export class MessagePublisher implements EventPublisher {
  readonly #backend: Sender;
  readonly #options:
    & Required<Omit<PublisherSettings, "maxPending" | "retry" | "serializers">>
    & { serializers: Writers };
  readonly #retry: RetryPolicy;
  readonly #budget: RetryBudget;
  readonly #places: Semaphore;
  readonly #lanes = new Map<string, Lane>();
  readonly #pending = new Set<Promise<SendResult>>();
  #flushes = 0;
  #closed = false;

  /** Creates a publisher; nothing is opened before the first event. */
  constructor(options: MessagePublisherOptions) {
    const { backend, maxPending = 10_000, retry = {}, clock = systemClock, ...rest } = options;
    const { format = "plain", serializers = jsonOnly, random = Math.random } = rest;
    const { lingerMs = 0, eager = false, maxInFlight = 8 } = rest;
    if (typeof backend?.send !== "function") {
      throw new TypeError("Cannot create a publisher as it needs a backend: pass { backend }");
    }
    if (!isFormat(format)) {
      const rule = 'format must be "plain", "melange" or "cloudevents"';
      throw new TypeError(broken(rule, format));
    }
    checkCount("maxPending", maxPending);
    checkCount("maxInFlight", maxInFlight);
    if (!isNumber(lingerMs, 0)) {
      throw new RangeError(broken("lingerMs must not be negative", lingerMs));
    }
    checkRetryPolicy(retry);
    this.#backend = backend;
    this.#options = { format, serializers, lingerMs, eager, maxInFlight, clock, random };
    this.#retry = retry;
    this.#budget = new RetryBudget({ clock });
    this.#places = new Semaphore(maxPending);
    disposable(this, () => this.close());
  }

  /**
   * Publishes an event to the topic or queue of the options, else to the event's own topic.
   * Resolves when the broker has stored the event. The event keeps its place behind earlier events
   * to the same destination, also while their schemas are asked.
   *
   * @throws {MelangeError} `INVALID_EVENT`, `INVALID_MESSAGE` or `TIMEOUT` (an asynchronous schema
   * gave no answer): not sent. `REFUSED`, `THROTTLED`, `NOT_FOUND`, `ACCESS_DENIED`: not stored.
   * `OUTCOME_UNKNOWN`: the attempts are used up, and the event may have been stored; publishing the
   * same event again is safe for readers that de-duplicate.
   */
  async publish(event: Event, options: PublishOptions = {}): Promise<Published> {
    const result = await this.#track(this.#send(event, options));
    if (!result.ok) throw result.error;
    const { ok: _, ...published } = result;
    return published;
  }

  /**
   * Publishes many events in as few requests as possible. Returns one result per event, in order.
   * An entry `{ event, ...options }` overrides the options of the call. A failed event does not
   * touch its neighbours. Rejects only if the iterable does.
   * @throws {TypeError} if all events would get one deduplication id: FIFO would drop all but the
   * first
   */
  async publishAll(
    events: Iterable<Event | PublishEntry> | AsyncIterable<Event | PublishEntry>,
    options: PublishAllOptions = {},
  ): Promise<SendResult[]> {
    if (options.deduplicationId) {
      throw new TypeError(
        "Cannot publish many events with one deduplicationId: give each entry its own",
      );
    }
    const results: Promise<SendResult>[] = [];
    const start = (entry: Event | PublishEntry) => {
      const [event, own] = entryOf(entry, options);
      results.push(this.#track(this.#send(event, own)).catch(asResult));
    };
    if (Symbol.asyncIterator in events) {
      for await (const entry of events) {
        start(entry);
        await this.#room();
      }
    } else {
      // Without an await in between, as far as there is room: what is started in one turn shares requests.
      for (const entry of events) {
        start(entry);
        if (this.#places.full) await this.#room();
      }
    }
    return await Promise.all(results);
  }

  /** Sends the waiting events; resolves when every event so far has a result. Never rejects. */
  async flush(): Promise<void> {
    this.#flushes += 1;
    for (const { batcher } of this.#lanes.values()) batcher.hurry();
    await Promise.allSettled(this.#pending);
    this.#flushes -= 1;
  }

  /** Takes no more events, and delivers or reports the present events. The backend stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  /** Resolves when a further event would not have to wait. */
  async #room(): Promise<void> {
    await this.#places.acquire();
    this.#places.release();
  }

  #track(result: Promise<SendResult>): Promise<SendResult> {
    const forget = () => this.#pending.delete(result);
    this.#pending.add(result);
    result.then(forget, forget);
    return result;
  }

  async #send(event: Event, options: PublishOptions): Promise<SendResult> {
    if (this.#closed) {
      throw new MelangeError("CLOSED", "Cannot publish as the publisher is closed");
    }
    const { signal } = options;
    signal?.throwIfAborted();
    const lane = this.#laneOf(destinationOf(event, options));
    const place = lane.enter();
    try {
      const wait = this.#places.acquire(signal);
      if (wait) await wait;
      try {
        const prepared = outgoing(event, { options, lane, writing: this.#options });
        const message = prepared instanceof Promise
          ? await this.#inTime(event, prepared, signal)
          : prepared;
        return await lane.send(place, { message, signal });
      } finally {
        this.#places.release();
      }
    } finally {
      lane.leave(place);
    }
  }

  /** Ends the wait for a schema or a serializer without an answer, because later events wait behind this event. */
  #inTime<T>({ type }: Event, message: Promise<T>, signal?: AbortSignal): Promise<T> {
    // A second at least: a policy without retries has a deadline of 0.
    const ms = Math.max(this.#retry.deadlineMs ?? DEADLINE_MS, 1_000);
    const ending = new AbortController();
    const cancel = this.#options.clock.after(ms, () => {
      const rule = "no answer came in time from its schema or serializer";
      ending.abort(new MelangeError("TIMEOUT", `Cannot publish "${type}" as ${rule}`));
    });
    return abortable(abortable(message, ending.signal), signal).finally(cancel);
  }

  #laneOf(destination: Destination): Lane {
    const { topic } = destination as { topic?: string };
    const kind = topic === undefined ? "queue" : "topic";
    const key = `${kind} ${nameOf(destination)}`;
    const known = this.#lanes.get(key);
    if (known) return known;
    this.#dropIdleLanes();
    const limits = this.#backend.limits[kind];
    const fifo = isFifo(nameOf(destination));
    const { lingerMs, eager, maxInFlight, clock } = this.#options;
    const batcher = new Batcher<Item, SendResult>({
      maxItems: limits.entries,
      maxBytes: limits.batchBytes,
      sizeOf: ({ message }) => this.#backend.sizeOf(message, destination),
      lingerMs,
      gathers: !eager,
      maxInFlight,
      clock,
      ...(fifo ? { keyOf: groupOf } : {}),
      run: (...batch) => this.#run(destination, ...batch),
    });
    const lane = createLane({ destination, limits, batcher, isUrgent: () => this.#flushes > 0 });
    this.#lanes.set(key, lane);
    return lane;
  }

  #dropIdleLanes(): void {
    for (const [key, lane] of this.#lanes) if (lane.isIdle()) this.#lanes.delete(key);
  }

  #run(
    destination: Destination,
    items: Item[],
    settle: (item: Item, result: SendResult) => void,
    answered?: () => void,
  ): Promise<void> {
    const { clock, random } = this.#options;
    const watch = abandonment(items);
    const signal = watch?.signal;
    const send = (going: Item[]) => {
      const messages = going.map(({ message }) => message);
      return this.#backend.send(destination, messages, { signal });
    };
    const fifo = isFifo(nameOf(destination));
    const sendAll = (pending: Item[]) =>
      sendApart(pending, { send, groupOf: fifo && groupOf }).finally(answered);
    const options = { ...this.#retry, clock, random, budget: this.#budget, signal };
    const tell = (item: Item, result: SendResult) => {
      settle(item, result);
      watch?.settled(item);
    };
    return retryEach(items, sendAll, tell, options).finally(watch?.forget);
  }
}

/** Disposal of a publisher by `await using`: the same as {@linkcode MessagePublisher.close}. */
export interface MessagePublisher extends AsyncDisposing {}

const groupOf = ({ message }: Item) => message.group;

function checkCount(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new RangeError(broken(`${name} must be a positive integer`, value));
}

function broken(rule: string, value: unknown): string {
  return `Cannot create a publisher as ${rule}: current value is ${value}`;
}

function entryOf(entry: Event | PublishEntry, options: PublishAllOptions): [Event, PublishOptions] {
  if (typeof entry !== "object" || entry === null || !("event" in entry)) return [entry, options];
  const { event, ...own } = entry;
  const { topic: _topic, queue: _queue, delayMs: _delayMs, ...common } = options;
  const elsewhere = own.topic !== undefined || own.queue !== undefined;
  return [event, { ...(elsewhere ? common : options), ...own } as PublishOptions];
}

function asResult(error: unknown): SendResult {
  if (error instanceof MelangeError) return { ok: false, error };
  return {
    ok: false,
    error: new MelangeError("REFUSED", "Cannot publish: given up before it was sent", {
      cause: error,
    }),
  };
}
