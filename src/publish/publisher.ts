import { type AsyncDisposing, disposable } from "../support/async_dispose.ts";
import type { Sender, SendResult } from "../backend.ts";
import { type Clock, type Random, systemClock } from "../support/clock.ts";
import { MelangeError } from "../support/errors.ts";
import type { Event } from "../event/event.ts";
import { type Format, isFormat, type MessageFormat } from "../wire/packed.ts";
import type { PublishAllOptions, PublishOptions } from "./outgoing.ts";
import { checkRanges } from "../support/range.ts";
import { failed } from "../support/result.ts";
import type { Telemetry } from "../support/telemetry.ts";
import { checkRetryPolicy, createRetryBudget, type RetryPolicy } from "../support/retry.ts";
import { notSent } from "../support/send_apart.ts";
import { createSending, type Sending } from "./sending.ts";
import type { PayloadOptions } from "../wire/payloads/options.ts";
import { jsonOnly } from "../wire/serializer.ts";
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
  /**
   * The format of events: the name of one, or a format such as `binaryCloudEvents()`. Default:
   * `"plain"`.
   */
  format?: Format | MessageFormat;
  /** Serializers for the data. Default: JSON. */
  serializers?: SerializerRegistry;
  /**
   * The store and the codecs of bodies that are too large for a message. An event keeps its place
   * in the order while its body is stored, and fails alone if the body cannot be stored. Default:
   * none; an event above the limit is refused.
   */
  payloads?: PayloadOptions;
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
  /** Traces and metrics, such as `openTelemetry()`. Default: none. */
  telemetry?: Telemetry;
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
  readonly #sending: Sending;

  /** Creates a publisher; nothing is opened before the first event. */
  constructor(options: MessagePublisherOptions) {
    const { backend, maxPending = 10_000, retry = {}, clock = systemClock, ...rest } = options;
    const { format = "plain", serializers = jsonOnly, random = Math.random } = rest;
    const { lingerMs = 0, eager = false, maxInFlight = 8 } = rest;
    const cannot = "create a publisher";
    if (typeof backend?.send !== "function") {
      throw new TypeError(`Cannot ${cannot} as it needs a backend: pass { backend }`);
    }
    if (!isFormat(format)) {
      const rule = 'format must be "plain", "melange" or "cloudevents"';
      throw new TypeError(`Cannot ${cannot} as ${rule}: current value is ${format}`);
    }
    checkRanges({ maxPending, maxInFlight }, { cannot, min: 1, integer: true });
    checkRanges({ lingerMs }, { cannot, min: 0 });
    checkRetryPolicy(retry);
    const budget = createRetryBudget({ clock });
    this.#sending = createSending({
      backend,
      maxPending,
      maxInFlight,
      lingerMs,
      gathers: !eager,
      clock,
      format,
      serializers,
      payloads: rest.payloads,
      telemetry: rest.telemetry,
      retry: { ...retry, clock, random, budget },
    });
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
    const result = await this.#sending.send(event, options);
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
    /** Returns a wait for room, if the next event needs one. */
    const start = (entry: Event | PublishEntry) => {
      results.push(this.#sending.send(...entryOf(entry, options)).catch(asResult));
      return this.#sending.room();
    };
    if (Symbol.asyncIterator in events) {
      for await (const entry of events) await start(entry);
    } else {
      // Without an await in between, as far as there is room: what is started in one turn shares requests.
      for (const entry of events) {
        const wait = start(entry);
        if (wait) await wait;
      }
    }
    return await Promise.all(results);
  }

  /** Sends the waiting events; resolves when every event so far has a result. Never rejects. */
  async flush(): Promise<void> {
    await this.#sending.flush();
  }

  /** Takes no more events, and delivers or reports the present events. The backend stays open. */
  async close(): Promise<void> {
    this.#sending.close();
    await this.flush();
  }
}

/** Disposal of a publisher by `await using`: the same as {@linkcode MessagePublisher.close}. */
export interface MessagePublisher extends AsyncDisposing {}

function entryOf(entry: Event | PublishEntry, options: PublishAllOptions): [Event, PublishOptions] {
  if (typeof entry !== "object" || entry === null || !("event" in entry)) return [entry, options];
  const { event, ...own } = entry;
  const { topic: _topic, queue: _queue, delayMs: _delayMs, ...common } = options;
  const elsewhere = own.topic !== undefined || own.queue !== undefined;
  return [event, { ...(elsewhere ? common : options), ...own } as PublishOptions];
}

function asResult(cause: unknown): SendResult {
  return cause instanceof MelangeError ? failed(cause) : notSent({ cause });
}
