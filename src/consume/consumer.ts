import { soundDeliveries } from "../handle/answers.ts";
import type { Receiver } from "../backend.ts";
import { type Clock, type Random, reading, systemClock } from "../support/clock.ts";
import { type ConsumedDelivery, Handout } from "./deliveries.ts";
import { dispatch, type Outcome } from "../handle/dispatch.ts";
import { Dispatcher } from "../handle/dispatcher.ts";
import { checkMs } from "../support/duration.ts";
import { type ErrorFacts, MelangeError } from "../support/errors.ts";
import type { Lease } from "./leases.ts";
import type { EventPublisher } from "../publish/publisher.ts";
import { type Backoff, retry, RetryBudget } from "../support/retry.ts";
import { type Counts, keepsGroups, Session, type SessionOptions } from "./session.ts";

/** How a consumer works, whatever queue it consumes. */
export interface ConsumerSettings {
  /**
   * How many messages are handled at once. Of a FIFO group that is one; up to ten for each slot are
   * held behind them. Default: 10.
   */
  concurrency?: number;
  /** How long a message is locked, in milliseconds; kept up while its handlers run. Default: 30 000. */
  visibilityTimeoutMs?: number;
  /** How long a receive waits for a message, in milliseconds. Default: 20 000. */
  waitMs?: number;
  /** How long a stop waits for handlers, in milliseconds. Default: 10 000. */
  drainMs?: number;
  /** How long free slots wait for more of them, to be filled by one receive, in milliseconds. Default: 100. */
  refillMs?: number;
  /** How long acknowledgements wait for others to share a request, in milliseconds; on FIFO queues they do not. Default: 20. */
  ackLingerMs?: number;
  /** How long a failed message stays hidden: full jitter, doubling with each attempt. Default: 1 s to 15 min. */
  redelivery?: Partial<Backoff>;
  /** Where time comes from. Default: the machine's clock. */
  clock?: Clock;
  /** Where jitter comes from. Default: `Math.random`. */
  random?: Random;
}

/** Options of {@linkcode MessageConsumer}. */
export interface MessageConsumerOptions extends ConsumerSettings {
  /** Where messages are received. Closed by whoever made it. */
  backend: Receiver;
  /** The queue. */
  queue: string;
  /** Who handles them. Default: nobody; only {@linkcode MessageConsumer.deliveries} is of use then. */
  dispatcher?: Dispatcher;
  /** Given to the handlers. Default: none. */
  publisher?: EventPublisher;
}

/** Options of {@linkcode MessageConsumer.consumeEvent}. */
export interface ConsumeEventOptions {
  /** How long to wait for a message, in milliseconds. Default: the consumer's own. */
  waitMs?: number;
  /**
   * Ends the waiting. On SQS, a message that was on its way stays hidden for its visibility timeout.
   * Default: never.
   */
  signal?: AbortSignal;
}

/** Options of {@linkcode MessageConsumer.stop}. */
export interface StopOptions {
  /** How long to wait for handlers, in milliseconds; 0 forces. Default: the consumer's own. */
  drainMs?: number;
}

/** Options of {@linkcode MessageConsumer.run} and {@linkcode MessageConsumer.deliveries}. */
export interface RunOptions extends StopOptions {
  /** Stops the consumer. Default: only `stop()` does. */
  signal?: AbortSignal;
}

/** Whether a consumer does what it should. */
export type Health = "running" | "draining" | "stalled" | "stopped";

/** What a consumer has done since it was created. */
export interface ConsumerStatus {
  /** The queue. */
  readonly queue: string;
  /** Whether it does what it should. */
  readonly health: Health;
  /** Messages whose handlers run. */
  readonly running: number;
  /** Messages held: running, waiting for their turn, or being settled. */
  readonly inFlight: number;
  /** Messages received. */
  readonly received: number;
  /** Messages acknowledged. */
  readonly acknowledged: number;
  /** Failed tries. */
  readonly retried: number;
  /** Messages moved to the dead-letter queue. */
  readonly deadLettered: number;
  /** Messages whose lock was lost before they were settled. */
  readonly lost: number;
  /** Receives that failed. */
  readonly receiveErrors: number;
  /** When the last receive succeeded, empty or not. */
  readonly lastReceiveAt: Date | undefined;
  /** What went wrong last, and when. */
  readonly lastError: (ErrorFacts & { readonly when: Date }) | undefined;
}

/** Without a successful receive for this long beyond its wait, a consumer with free slots is stalled. */
const STALLED_MS = 60_000;
/** FIFO messages are tried in place so often, unless the dispatcher says otherwise. */
const FIFO_ATTEMPTS = 5;
/** How long a stop waits for handlers, unless it is told otherwise. */
export const DRAIN_MS = 10_000;
const REDELIVERY: Backoff = { baseMs: 1_000, maxMs: 900_000 };

/**
 * Receives from one queue, hands each message to the dispatcher, and settles it by the outcome:
 * the only loop. Slots are refilled as they become free, locks are kept while handlers run, and a
 * stop loses nothing. At least once: a message may be handled twice, for example after a crash.
 *
 * @example
 * ```ts
 * import { defineEvent, Dispatcher, MessageConsumer, MessagePublisher, typed } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 *
 * const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
 * const backend = new MemoryBackend();
 * await backend.declareQueue("pings");
 * await new MessagePublisher({ backend }).publish(Ping({ at: 1 }), { queue: "pings" });
 *
 * const dispatcher = new Dispatcher();
 * dispatcher.subscribe(Ping, (event) => console.log("ping", event.data.at));
 * const consumer = new MessageConsumer({ backend, queue: "pings", dispatcher });
 * const consumed = await consumer.consumeEvent({ waitMs: 1_000 });
 * if (consumed?.outcome !== "acknowledge") throw new Error("unexpected");
 * ```
 */
export class MessageConsumer implements AsyncDisposable {
  readonly #backend: Receiver;
  readonly #queue: string;
  readonly #dispatcher: Dispatcher;
  readonly #publisher: EventPublisher | undefined;
  readonly #settings: Required<ConsumerSettings> & { redelivery: Backoff };
  readonly #budget: RetryBudget;
  readonly #counts: Counts = {
    received: 0,
    acknowledged: 0,
    retried: 0,
    deadLettered: 0,
    lost: 0,
    receiveErrors: 0,
    lastReceiveAt: undefined,
    lastError: undefined,
  };
  #session: Session | undefined;

  /**
   * Creates a consumer; nothing is received before it is started.
   * @throws {TypeError | RangeError} if an option is missing or out of its range
   */
  constructor(options: MessageConsumerOptions) {
    const { backend, queue, dispatcher = new Dispatcher(), publisher } = options;
    if (typeof backend?.receive !== "function") {
      throw new TypeError("Cannot create a consumer as it needs a backend: pass { backend }");
    }
    if (typeof queue !== "string" || queue === "") {
      throw new TypeError("Cannot create a consumer as it needs a queue: pass { queue }");
    }
    this.#backend = backend;
    this.#queue = queue;
    this.#dispatcher = dispatcher;
    this.#publisher = publisher;
    this.#settings = settingsOf(options);
    this.#budget = new RetryBudget({ clock: this.#settings.clock });
  }

  /**
   * Receives at most one message, handles and settles it. Resolves to what its handlers decided
   * (what became of it is counted in {@linkcode status}), or to `undefined` if none came within
   * `waitMs` milliseconds (default: the consumer's own). `stop()` does not wait for it.
   * @throws {MelangeError} `NOT_FOUND`, `ACCESS_DENIED` and others, if the receive failed for good
   * @throws {RangeError} if `waitMs` is negative or no finite number
   */
  async consumeEvent(options: ConsumeEventOptions = {}): Promise<Outcome | undefined> {
    const { waitMs = this.#settings.waitMs, signal } = options;
    checkMs(waitMs, { cannot: "consume an event", name: "waitMs" });
    const { clock, random, visibilityTimeoutMs: visibilityMs } = this.#settings;
    const attemptId = keepsGroups(this.#backend, this.#queue) ? crypto.randomUUID() : undefined;
    const receive = async () => {
      const options = { max: 1, waitMs, visibilityMs, signal, attemptId };
      const answer = await this.#backend.receive(this.#queue, options);
      return soundDeliveries(answer, new Date(clock.now()));
    };
    const [delivery] = await retry(receive, { clock, random, signal, budget: this.#budget });
    this.#counts.lastReceiveAt = new Date(clock.now());
    if (!delivery) return undefined;
    return await this.#open((lease) => this.#dispatch(lease)).consume(delivery);
  }

  /**
   * Starts to receive and handle continuously. Does nothing if it was started already.
   * @throws {MelangeError} `CONFLICT` while it is stopping: wait for {@linkcode stop} first
   */
  start(): void {
    if (this.#session?.draining) {
      throw new MelangeError("CONFLICT", "Cannot start a consumer while it is stopping");
    }
    if (!this.#session) this.#start(this.#open((lease) => this.#dispatch(lease)));
  }

  /**
   * Stops: no receive starts any more, running handlers are waited for, and what did not finish in
   * time is given back, so that another consumer gets it at once. Resolves when all of that is done,
   * at the latest after `drainMs` (250 ms for less). A second call may bring the end forward; it never puts it off.
   * @throws {RangeError} if `drainMs` is negative or no number; nothing is stopped then
   */
  async stop(options: StopOptions = {}): Promise<void> {
    const { drainMs = this.#settings.drainMs } = options;
    checkDrain(drainMs);
    this.#session?.drain(drainMs);
    await this.#session?.ended;
  }

  /** The same as {@linkcode stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Starts, waits for the signal, and stops. Resolves when it has stopped; at once if the signal has aborted before. */
  async run(options: RunOptions = {}): Promise<void> {
    const { signal, ...stop } = options;
    checkDrain(stop.drainMs);
    if (!signal?.aborted) this.start();
    const session = this.#session;
    const stopListening = onceAborted(signal, () => void this.stop(stop));
    await session?.ended;
    stopListening();
  }

  /**
   * Starts, and hands out each message to be settled by hand with `ack`, `retry` or `deadLetter`.
   * Its lock is kept until then. Ends when the signal aborts or the loop is left, after draining.
   * @throws {MelangeError} `CONFLICT` if the consumer was started already
   */
  async *deliveries(options: RunOptions = {}): AsyncGenerator<ConsumedDelivery, void, void> {
    const { signal, ...stop } = options;
    checkDrain(stop.drainMs);
    if (this.#session) {
      throw new MelangeError("CONFLICT", "Cannot hand out deliveries as the consumer is running");
    }
    if (signal?.aborted) return;
    const handout = new Handout(this.#queue, this.#dispatcher.options.serializers);
    const session = this.#open((lease) => handout.offer(lease), {
      settled: (lease, result) => handout.settled(lease, result),
      // A reader who waits for each answer must not wait for others to share its request.
      ackLingerMs: 0,
    });
    this.#start(session);
    void session.ended.then(() => handout.close());
    const stopListening = onceAborted(signal, () => {
      handout.close();
      void this.stop(stop);
    });
    try {
      yield* handout;
    } finally {
      stopListening();
      handout.close();
      await this.stop(stop);
    }
  }

  /** What it has done, and what it is doing. */
  status(): ConsumerStatus {
    return {
      queue: this.#queue,
      health: this.health(),
      running: this.#session?.running ?? 0,
      inFlight: this.#session?.inFlight ?? 0,
      ...this.#counts,
    };
  }

  /** Whether it does what it should: `stalled` if it wants messages and no receive succeeds. */
  health(): Health {
    if (!this.#session) return "stopped";
    if (this.#session.draining) return "draining";
    const { clock, waitMs } = this.#settings;
    const { hungrySince } = this.#session;
    const stalled = hungrySince !== undefined && reading(clock) - hungrySince > waitMs + STALLED_MS;
    return stalled ? "stalled" : "running";
  }

  #open(handle: SessionOptions["handle"], options: Partial<SessionOptions> = {}): Session {
    return new Session({
      ...this.#settings,
      receiver: this.#backend,
      queue: this.#queue,
      budget: this.#budget,
      logger: this.#dispatcher.options.logger,
      counts: this.#counts,
      handle,
      ...options,
    });
  }

  #start(session: Session): void {
    this.#session = session;
    void session.ended.then(() => this.#session = undefined);
    session.start();
  }

  async #dispatch(lease: Lease): Promise<Outcome> {
    const { message } = lease.delivery;
    return await dispatch(this.#dispatcher, message, {
      queue: this.#queue,
      receivedAt: lease.receivedAt,
      signal: lease.signal,
      attempt: message.attempt + lease.tries,
      clock: this.#settings.clock,
      publisher: this.#publisher,
      heldMs: () => lease.lockedUntil - reading(this.#settings.clock),
      extend: async (ms) => {
        const result = await lease.extend(ms);
        if (!result.ok) throw result.error;
      },
      ...(keepsGroups(this.#backend, this.#queue) ? { maxAttempts: FIFO_ATTEMPTS } : {}),
    });
  }
}

/**
 * Refuses what is no time to stop in.
 * @throws {RangeError}
 */
export function checkDrain(drainMs: number | undefined): void {
  if (drainMs === undefined) return;
  checkMs(drainMs, { cannot: "stop a consumer", name: "drainMs", endless: true });
}

function onceAborted(signal: AbortSignal | undefined, act: () => void): () => void {
  if (signal?.aborted) act();
  else signal?.addEventListener("abort", act, { once: true });
  return () => signal?.removeEventListener("abort", act);
}

function settingsOf(
  options: MessageConsumerOptions,
): Required<ConsumerSettings> & { redelivery: Backoff } {
  const { limits } = options.backend;
  const settings = {
    concurrency: inRange(options, "concurrency", {
      fallback: 10,
      min: 1,
      max: 10_000,
      integer: true,
    }),
    visibilityTimeoutMs: inRange(options, "visibilityTimeoutMs", {
      fallback: 30_000,
      min: 1_000,
      max: limits.queue.visibilityMs,
    }),
    waitMs: inRange(options, "waitMs", {
      fallback: limits.queue.waitMs,
      min: 0,
      max: limits.queue.waitMs,
    }),
    drainMs: inRange(options, "drainMs", { fallback: DRAIN_MS, min: 0, max: 86_400_000 }),
    refillMs: inRange(options, "refillMs", { fallback: 100, min: 0, max: 60_000 }),
    ackLingerMs: inRange(options, "ackLingerMs", { fallback: 20, min: 0, max: 1_000 }),
    redelivery: { ...REDELIVERY, ...options.redelivery },
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
  const { baseMs, maxMs } = settings.redelivery;
  if ([baseMs, maxMs].every((ms) => typeof ms === "number" && ms >= 0)) return settings;
  throw new RangeError("Cannot create a consumer as redelivery must hold positive milliseconds");
}

function inRange(
  options: ConsumerSettings,
  name: "concurrency" | "visibilityTimeoutMs" | "waitMs" | "drainMs" | "refillMs" | "ackLingerMs",
  { fallback, min, max, integer = false }: {
    fallback: number;
    min: number;
    max: number;
    integer?: boolean;
  },
): number {
  const value = options[name] ?? fallback;
  const isNumber = integer ? Number.isInteger(value) : typeof value === "number";
  if (isNumber && value >= min && value <= max) return value;
  const rule = `${integer ? "an integer from " : ""}${min} to ${max}`;
  throw new RangeError(
    `Cannot create a consumer as ${name} must be ${rule}: current value is ${value}`,
  );
}
