import { type AsyncDisposing, disposable } from "../support/async_dispose.ts";
import type { Limits, Sender, SendResult } from "../backend.ts";
import { Batcher } from "../support/batcher.ts";
import { abortable, type Clock, type Random, systemClock } from "../support/clock.ts";
import { isNumber } from "../support/duration.ts";
import { MelangeError } from "../support/errors.ts";
import type { Event } from "../event/event.ts";
import { type Format, isFormat } from "../wire/packed.ts";
import { abandonment, addTo, inOrder, type Item, type Lane } from "./lane.ts";
import { type Destination, isFifo, nameOf, type OutgoingMessage } from "../wire/message.ts";
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
import { jsonOnly, type SerializerRegistry, type Writers } from "../wire/serializer.ts";

/** What a publish resolves to. */
export interface Published {
  /** The broker's id of the message. */
  readonly messageId: string;
  /** Its place in a FIFO queue or topic. */
  readonly sequenceNumber?: string;
}

/** An event with options of its own, for {@linkcode MessagePublisher.publishAll}. */
export type PublishEntry = { readonly event: Event } & PublishOptions;

/** What can publish: a publisher, a bus, or what a handler's context holds. */
export interface EventPublisher {
  /** Publishes one event; rejects if it was not stored, or may not have been. */
  publish(event: Event, options?: PublishOptions): Promise<Published>;
  /** Publishes many; one result each, in order. */
  publishAll(
    events: Iterable<Event | PublishEntry> | AsyncIterable<Event | PublishEntry>,
    options?: PublishAllOptions,
  ): Promise<SendResult[]>;
}

/** How a publisher works, wherever it publishes to. */
export interface PublisherSettings {
  /** How events are written. Default: `"plain"`. */
  format?: Format;
  /** What writes the data. Default: JSON. */
  serializers?: SerializerRegistry;
  /** How long an event waits for others to share its request, in milliseconds. Default: 0, only those of the same turn. */
  lingerMs?: number;
  /** The most requests under way to one destination. Default: 8. */
  maxInFlight?: number;
  /** The most events without a result; further ones wait. Default: 10 000. */
  maxPending?: number;
  /**
   * How often and how long an event is tried. Default: 8 attempts within 60 seconds. An asynchronous
   * schema has as long as all attempts together, one second at least, before its event is given up.
   */
  retry?: RetryPolicy;
  /** Where time comes from. Default: the machine's clock. */
  clock?: Clock;
  /** Where jitter comes from. Default: `Math.random`. */
  random?: Random;
}

/** Options of {@linkcode MessagePublisher}. */
export interface MessagePublisherOptions extends PublisherSettings {
  /** Where messages are sent. Closed by whoever made it. */
  backend: Sender;
}

/**
 * Publishes events to topics and queues, in batches, and tries again what may still succeed: only
 * the failed entries. At least once: where an answer was lost, an event may be stored twice, with
 * the same event id, unless the destination is FIFO.
 *
 * An event takes its place in the order at the call. In a FIFO group, an entry that failed while a
 * later one was stored is not sent again: its caller is told instead, as a repetition would arrive
 * out of order.
 *
 * Events of one turn share requests. On Cloudflare Workers, where a connection belongs to the request
 * that opened it, create a publisher for each request.
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
  readonly #pending = new Set<Promise<unknown>>();
  #flushes = 0;
  #closed = false;

  /** Creates a publisher; nothing is opened before the first event. */
  constructor(options: MessagePublisherOptions) {
    const { backend, maxPending = 10_000, retry = {}, clock = systemClock, ...rest } = options;
    const { format = "plain", serializers = jsonOnly, random = Math.random } = rest;
    const { lingerMs = 0, maxInFlight = 8 } = rest;
    if (typeof backend?.send !== "function") {
      throw new TypeError("Cannot create a publisher as it needs a backend: pass { backend }");
    }
    checkFormat(format);
    checkCount("maxPending", maxPending);
    checkCount("maxInFlight", maxInFlight);
    checkLinger(lingerMs);
    checkRetryPolicy(retry);
    this.#backend = backend;
    this.#options = { format, serializers, lingerMs, maxInFlight, clock, random };
    this.#retry = retry;
    this.#budget = new RetryBudget({ clock });
    this.#places = new Semaphore(maxPending);
    disposable(this, () => this.close());
  }

  /**
   * Publishes an event: to the topic or queue of the options, else to its own topic. Resolves when
   * the broker has stored it. It keeps its place behind earlier events to the same destination, also
   * while their schemas are asked.
   *
   * @throws {MelangeError} `INVALID_EVENT`, `INVALID_MESSAGE` or `TIMEOUT` (an asynchronous
   * schema gave no answer): not sent. `REFUSED`, `THROTTLED`,
   * `NOT_FOUND`, `ACCESS_DENIED`: not stored. `OUTCOME_UNKNOWN`: the attempts are used up and it
   * may have been stored; publishing the same event again is safe for readers that de-duplicate.
   */
  async publish(event: Event, options: PublishOptions = {}): Promise<Published> {
    const result = await this.#track(this.#send(event, options));
    if (!result.ok) throw result.error;
    const { messageId, sequenceNumber } = result;
    return sequenceNumber === undefined ? { messageId } : { messageId, sequenceNumber };
  }

  /**
   * Publishes many events in as few requests as possible; one result per event, in order. An entry
   * may be `{ event, ...options }` to differ from the options of the call. One that fails does not
   * touch its neighbours. Rejects only if the iterable does.
   * @throws {TypeError} if all events would get one deduplication id: FIFO would drop all but the first
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

  /** Sends what waits; resolves when every event published so far has its result. Never rejects. */
  async flush(): Promise<void> {
    this.#flushes += 1;
    for (const { batcher } of this.#lanes.values()) batcher.hurry();
    await Promise.all(this.#pending);
    this.#flushes -= 1;
  }

  /** Takes no more events, and delivers or reports what it has. The backend stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  /** Resolves when a further event would not have to wait. */
  async #room(): Promise<void> {
    await this.#places.acquire();
    this.#places.release();
  }

  #track<T>(promise: Promise<T>): Promise<T> {
    const settled = promise.then(() => {}, () => {}).finally(() => this.#pending.delete(settled));
    this.#pending.add(settled);
    return promise;
  }

  async #send(event: Event, options: PublishOptions): Promise<SendResult> {
    if (this.#closed) {
      throw new MelangeError("CLOSED", "Cannot publish as the publisher is closed");
    }
    const { signal } = options;
    signal?.throwIfAborted();
    const destination = destinationOf(event, options);
    const wait = this.#places.acquire(signal);
    let inside = !wait;
    const prepare = () => {
      inside = true;
      const limits = this.#limitsOf(destination);
      const message = outgoing(event, { options, destination, limits, writing: this.#options });
      return message instanceof Promise ? this.#inTime(event, message, signal) : message;
    };
    try {
      const prepared = wait ? wait.then(prepare) : prepare();
      const lane = this.#laneOf(destination);
      const add = (message: OutgoingMessage) => {
        const result = addTo(lane, { message, signal });
        if (this.#flushes > 0) lane.batcher.hurry();
        return result;
      };
      return await inOrder(lane, prepared, { signal, add });
    } finally {
      if (inside) this.#places.release();
    }
  }

  /** Ends the wait for a schema that does not answer: others wait behind its event. */
  #inTime<T>({ type }: Event, message: Promise<T>, signal?: AbortSignal): Promise<T> {
    // A second at least: a policy without retries has a deadline of 0.
    const ms = Math.max(this.#retry.deadlineMs ?? DEADLINE_MS, 1_000);
    const ending = new AbortController();
    const cancel = this.#options.clock.after(ms, () => {
      const rule = "no answer came in time from its schema";
      ending.abort(new MelangeError("TIMEOUT", `Cannot publish "${type}" as ${rule}`));
    });
    return abortable(abortable(message, ending.signal), signal).finally(cancel);
  }

  #laneOf(destination: Destination): Lane {
    const key = JSON.stringify(destination);
    const known = this.#lanes.get(key);
    if (known) return known;
    this.#dropIdleLanes();
    const { entries, batchBytes } = this.#limitsOf(destination);
    const fifo = isFifo(nameOf(destination));
    const { lingerMs, maxInFlight, clock } = this.#options;
    const batcher = new Batcher<Item, SendResult>({
      maxItems: entries,
      maxBytes: batchBytes,
      sizeOf: ({ message }) => this.#backend.sizeOf(message, destination),
      lingerMs,
      maxInFlight,
      clock,
      ...(fifo ? { keyOf: groupOf } : {}),
      run: (items, settle) => this.#run(destination, items, settle),
    });
    const lane: Lane = { batcher, places: new Set() };
    this.#lanes.set(key, lane);
    return lane;
  }

  #limitsOf(destination: Destination): Limits {
    return this.#backend.limits["topic" in destination ? "topic" : "queue"];
  }

  #dropIdleLanes(): void {
    for (const [key, { batcher, places }] of this.#lanes) {
      if (batcher.idle && places.size === 0) this.#lanes.delete(key);
    }
  }

  #run(
    destination: Destination,
    items: Item[],
    settle: (item: Item, result: SendResult) => void,
  ): Promise<void> {
    const { clock, random } = this.#options;
    const { signal, settled, forget } = abandonment(items);
    const send = (going: Item[]) => {
      const messages = going.map(({ message }) => message);
      return this.#backend.send(destination, messages, { signal });
    };
    const fifo = isFifo(nameOf(destination));
    const sendAll = (pending: Item[]) => sendApart(pending, { send, groupOf: fifo && groupOf });
    const options = { ...this.#retry, clock, random, budget: this.#budget, signal };
    const tell = (item: Item, result: SendResult) => {
      settle(item, result);
      settled(item);
    };
    return retryEach(items, sendAll, tell, options).finally(forget);
  }
}

/** Disposal of a publisher by `await using`: the same as {@linkcode MessagePublisher.close}. */
export interface MessagePublisher extends AsyncDisposing {}

const groupOf = ({ message }: Item) => message.group;

function checkCount(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new RangeError(
    `Cannot create a publisher as ${name} must be a positive integer: current value is ${value}`,
  );
}

function checkFormat(format: Format): void {
  if (isFormat(format)) return;
  throw new TypeError(
    `Cannot create a publisher as format must be "plain", "melange" or "cloudevents": current value is ${format}`,
  );
}

function checkLinger(lingerMs: number): void {
  if (isNumber(lingerMs, 0)) return;
  throw new RangeError(
    `Cannot create a publisher as lingerMs must not be negative: current value is ${lingerMs}`,
  );
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
