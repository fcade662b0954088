import { type AsyncDisposing, disposable } from "../support/async_dispose.ts";
import { soundDeliveries } from "../handle/answers.ts";
import type { Metered, Receiver } from "../backend.ts";
import { reading } from "../support/clock.ts";
import { type ConsumedDelivery, Handout } from "./deliveries.ts";
import { dispatch, type Outcome } from "../handle/dispatch.ts";
import { Dispatcher } from "../handle/dispatcher.ts";
import { BUS_OPTIONS, checkKnown } from "../support/known_options.ts";
import { checkMs } from "../support/duration.ts";
import { defined } from "../support/defined.ts";
import { MelangeError, probe } from "../support/errors.ts";
import type { Lease } from "./lease.ts";
import type { EventPublisher } from "../publish/publisher.ts";
import { createRetryBudget, retry, type RetryBudget } from "../support/retry.ts";
import { isNumber } from "../support/range.ts";
import { observed } from "../support/telemetry.ts";
import type { Counts } from "./counts.ts";
import { type CompleteSettings, type ConsumerSettings, settingsOf } from "./settings.ts";
import type { ConsumerStatus, Health } from "./status.ts";
import { keepsGroups, Worker, type WorkerOptions } from "./worker.ts";

export { type ConsumerSettings, DRAIN_MS } from "./settings.ts";
export type { ConsumerStatus, Health } from "./status.ts";

/**
 * Options of {@linkcode MessageConsumer}.
 *
 * @category Consuming
 */
export interface MessageConsumerOptions extends ConsumerSettings {
  /** Backend of the queue; the consumer does not close it. */
  backend: Receiver & Metered;
  /** Queue that messages are received from. */
  queue: string;
  /** Handlers of the messages. Default: none; only {@linkcode MessageConsumer.deliveries} is of use then. */
  dispatcher?: Dispatcher;
  /** Publisher given to the handlers. Default: none. */
  publisher?: EventPublisher;
}

/**
 * Options of {@linkcode MessageConsumer.consumeEvent}.
 *
 * @category Consuming
 */
export interface ConsumeEventOptions {
  /** Time to wait for a message, in milliseconds. Default: the consumer's own. */
  waitMs?: number;
  /**
   * Signal that ends the waiting. On SQS, a message on its way then stays hidden for the visibility
   * timeout. Default: none.
   */
  signal?: AbortSignal;
}

/**
 * Options of {@linkcode MessageConsumer.stop}.
 *
 * @category Consuming
 */
export interface StopOptions {
  /** Time to wait for handlers, in milliseconds; 0 forces. Default: the consumer's own. */
  drainMs?: number;
}

/**
 * Options of {@linkcode MessageConsumer.run} and {@linkcode MessageConsumer.deliveries}.
 *
 * @category Consuming
 */
export interface RunOptions extends StopOptions {
  /** Signal that stops the consumer. Default: only `stop()` does. */
  signal?: AbortSignal;
}

/** Without a successful receive for this long beyond its wait, a consumer with free slots is stalled. */
const STALLED_MS = 60_000;
/** Tries in place of a FIFO message, unless the dispatcher says otherwise. */
const FIFO_ATTEMPTS = 5;

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
 *
 * @category Consuming
 */
export class MessageConsumer {
  readonly #backend: Receiver & Metered;
  readonly #queue: string;
  readonly #dispatcher: Dispatcher;
  readonly #publisher: EventPublisher | undefined;
  readonly #settings: CompleteSettings;
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
  #paused = false;
  #endPause: (() => void) | undefined;
  #run: { readonly worker: Worker; readonly ended: Promise<void> } | undefined;

  /**
   * Creates a consumer, which receives nothing before {@linkcode start}.
   * @throws {TypeError | RangeError} if an option is missing or out of its range
   */
  constructor(options: MessageConsumerOptions) {
    checkKnown(options, BUS_OPTIONS, "create a consumer");
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
    this.#settings = settingsOf(options, backend);
    this.#budget = createRetryBudget({ clock: this.#settings.clock });
    observed(() => this.#settings.telemetry?.consumer?.(this));
    disposable(this, () => this.stop());
  }

  /**
   * Receives at most one message, handles and settles it. Resolves to the decision of its handlers,
   * or to `undefined` if no message came within `waitMs` milliseconds (default: the consumer's
   * own). The counts of {@linkcode status} include the message. `stop()` does not wait for this
   * call.
   * @throws {MelangeError} `NOT_FOUND`, `ACCESS_DENIED` and other codes, if the receive failed for
   * good
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
   * Starts to receive and handle continuously. Does nothing on a running consumer.
   * @throws {MelangeError} `CONFLICT` during a stop: wait for {@linkcode stop} first
   */
  start(): void {
    if (this.#run?.worker.draining) {
      throw new MelangeError("CONFLICT", "Cannot start a consumer while it is stopping");
    }
    if (!this.#run) this.#start(this.#open((lease, leaveSlot) => this.#dispatch(lease, leaveSlot)));
  }

  /**
   * Stops the consumer: starts no receive, waits for running handlers, and gives unfinished
   * messages back in time, so that another consumer gets them at once. Resolves when all is done,
   * at the latest after `drainMs` (250 ms for less). A second call may bring the end forward, but
   * never puts the end off.
   * @throws {RangeError} if `drainMs` is negative or no number; the consumer then goes on
   */
  async stop(options: StopOptions = {}): Promise<void> {
    const { drainMs = this.#settings.drainMs } = options;
    checkDrain(drainMs);
    this.#run?.worker.drain(drainMs);
    await this.#run?.ended;
  }

  /**
   * Starts, waits for the signal, and stops. Resolves after the stop; at once if the signal has
   * aborted before.
   */
  async run(options: RunOptions = {}): Promise<void> {
    const { signal, ...stop } = options;
    checkDrain(stop.drainMs);
    if (!signal?.aborted) this.start();
    const ended = this.#run?.ended;
    const stopListening = onceAborted(signal, () => void this.stop(stop));
    await ended;
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
    if (this.#run) {
      throw new MelangeError("CONFLICT", "Cannot hand out deliveries as the consumer is running");
    }
    if (signal?.aborted) return;
    const handout = new Handout(this.#queue, this.#dispatcher.options.serializers);
    const worker = this.#open((lease) => handout.offer(lease), {
      settled: (lease, result) => handout.settled(lease, result),
      // A reader who waits for each answer must not wait for others to share its request.
      ackLingerMs: 0,
    });
    void this.#start(worker).then(() => handout.close());
    const stopListening = onceAborted(signal, () => {
      handout.close();
      void this.stop(stop);
    });
    try {
      yield* handout.deliveries();
    } finally {
      stopListening();
      handout.close();
      await this.stop(stop);
    }
  }

  /**
   * Receives nothing more until {@linkcode resume}. Messages that are held are handled and settled as ever, and
   * so are the messages of a receive that is under way. A consumer may be paused before its start, and
   * stopped during a pause.
   */
  pause(): void {
    this.#endPause?.();
    this.#paused = true;
  }

  /** Ends a pause, also one of the kill switch. */
  resume(): void {
    this.#endPause?.();
    this.#paused = false;
    this.#run?.worker.look();
  }

  /** Returns the counts since the consumer was created, and the present state. */
  status(): ConsumerStatus {
    return {
      queue: this.#queue,
      health: this.health(),
      running: this.#run?.worker.running ?? 0,
      inFlight: this.#run?.worker.inFlight ?? 0,
      ...(this.#paused && { paused: true }),
      ...this.#counts,
      ...defined({ usage: probe(() => this.#backend.usage?.()) }),
    };
  }

  /** Returns the health: `stalled` if the consumer wants messages and no receive succeeds. */
  health(): Health {
    if (!this.#run) return "stopped";
    const { draining, hungrySince } = this.#run.worker;
    if (draining) return "draining";
    const { clock, waitMs } = this.#settings;
    const stalled = hungrySince !== undefined && reading(clock) - hungrySince > waitMs + STALLED_MS;
    return stalled ? "stalled" : "running";
  }

  #open(handle: WorkerOptions["handle"], options: Partial<WorkerOptions> = {}): Worker {
    return new Worker({
      ...this.#settings,
      receiver: this.#backend,
      queue: this.#queue,
      budget: this.#budget,
      logger: this.#dispatcher.options.logger,
      counts: this.#counts,
      isPaused: () => this.#paused,
      handle: async (lease, leaveSlot) => {
        const outcome = await handle(lease, leaveSlot);
        this.#handled(outcome);
        return outcome;
      },
      ...options,
    });
  }

  #start(worker: Worker): Promise<void> {
    const ended = worker.run().then(() => {
      this.#run = undefined;
      // A pause of the kill switch ends with the run.
      if (this.#endPause) this.resume();
    });
    this.#run = { worker, ended };
    return ended;
  }

  /** Asks the kill switch whether to go on receiving. */
  #handled(outcome: Outcome): void {
    const { killSwitch, clock } = this.#settings;
    const pauseMs = killSwitch && probe(() => killSwitch.handled(outcome));
    // A pause by hand is ended by hand.
    if (!isNumber(pauseMs, 0, Number.MAX_VALUE) || this.#paused || !this.#run) return;
    this.#dispatcher.options.logger.warn(
      "Too many messages fail: nothing is received for a while",
      {
        queue: this.#queue,
        pauseMs,
      },
    );
    this.#paused = true;
    const cancel = clock.after(pauseMs, () => this.resume());
    this.#endPause = () => {
      cancel();
      this.#endPause = undefined;
    };
  }

  #dispatch(lease: Lease, leaveSlot?: () => void): Promise<Outcome> {
    const { message } = lease.delivery;
    return dispatch(this.#dispatcher, message, {
      queue: this.#queue,
      receivedAt: lease.receivedAt,
      signal: lease.signal,
      attempt: message.attempt + lease.tries,
      clock: this.#settings.clock,
      telemetry: this.#settings.telemetry,
      publisher: this.#publisher,
      leaveSlot,
      heldMs: () => lease.lockedUntil - reading(this.#settings.clock),
      extend: async (ms) => {
        const result = await lease.extend(ms);
        if (!result.ok) throw result.error;
      },
      ...(keepsGroups(this.#backend, this.#queue) ? { maxAttempts: FIFO_ATTEMPTS } : {}),
    });
  }
}

/** Disposal of a consumer by `await using`: the same as {@linkcode MessageConsumer.stop}. */
export interface MessageConsumer extends AsyncDisposing {}

/**
 * Checks the time that a stop may take.
 * @throws {RangeError} if the time is negative or no number
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
