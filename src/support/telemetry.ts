/** The seam between the library and traces or metrics. Without a telemetry nothing of it runs. */

/**
 * An event as a telemetry sees it. A telemetry must not read the data of the event.
 *
 * @category Telemetry
 */
export interface TracedEvent {
  /** The name of the type. */
  readonly type: string;
  /** The id of the event. */
  readonly id: string;
  /** The topic of the event itself. */
  readonly topic?: string;
}

/**
 * A topic or a queue, by name, ARN or URL.
 *
 * @category Telemetry
 */
export interface TracedDestination {
  /** The topic, unless there is a queue. */
  readonly topic?: string;
  /** The queue. */
  readonly queue?: string;
}

/**
 * A message as a telemetry sees it. A telemetry must not read the body.
 *
 * @category Telemetry
 */
export interface TracedMessage {
  /** The broker's id; missing before the message is stored. */
  readonly id?: string;
  /** The attributes by name. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The X-Ray trace of a message that is sent. */
  readonly traceHeader?: string;
  /** The time at which the broker took the message. */
  readonly sentAt?: Date;
  /** Facts of the services beside a received message. */
  readonly origin?: { readonly traceHeader?: string };
}

/**
 * The end of a publish or of one settlement in a request.
 *
 * @category Telemetry
 */
export type TracedResult =
  | { readonly ok: true; readonly messageId?: string }
  | { readonly ok: false; readonly error: unknown };

/**
 * The outcome of a message after its handlers.
 *
 * @category Telemetry
 */
export type TracedOutcome =
  | { readonly outcome: "acknowledge" }
  | { readonly outcome: "retry"; readonly error: unknown; readonly delayMs?: number }
  | {
    readonly outcome: "deadLetter";
    readonly facts: { readonly reason: string; readonly subscriber?: string };
  };

/**
 * A watch over a step. All members are optional and synchronous.
 *
 * @category Telemetry
 */
export interface Watch<T> {
  /** Called once, with the result of the step. */
  ended?(result: T): void;
  /** Called once in place of `ended` if the step threw. */
  failed?(error: unknown): void;
}

/**
 * A watch over a publish.
 *
 * @category Telemetry
 */
export interface PublishWatch extends Watch<TracedResult> {
  /** Returns the message with the trace in it; called before the limits are checked. */
  carry?<M extends TracedMessage>(message: M): M;
}

/**
 * A watch over the handlers of a message.
 *
 * @category Telemetry
 */
export interface ProcessWatch extends Watch<TracedOutcome> {
  /** Calls the function, at once and in the context of the trace. */
  run?(act: () => unknown): void;
}

/**
 * A message that goes to its handlers.
 *
 * @category Telemetry
 */
export interface TracedDelivery {
  /** The message. */
  readonly message: TracedMessage;
  /** The queue, or the topic where there is no queue. */
  readonly queue: string;
  /** The number of the try, from 1. */
  readonly attempt: number;
  /** The time at which the message was received. */
  readonly receivedAt: Date;
}

/**
 * A request that settles messages.
 *
 * @category Telemetry
 */
export interface TracedSettlement {
  /** The verb of the request. */
  readonly verb: "acknowledge" | "release" | "deadLetter";
  /** The queue of the messages. */
  readonly queue: string;
  /** The messages, in the order of the results. */
  readonly messages: readonly TracedMessage[];
}

/**
 * An observer of what publishers, consumers and hosts do: the option `telemetry`. All members are
 * optional and synchronous. A member that throws changes nothing for messages, handlers and callers.
 *
 * @category Telemetry
 */
export interface Telemetry {
  /** Called for each publish, in the context of its caller, before the event is written. */
  publish?(event: TracedEvent, to: TracedDestination): PublishWatch | undefined;
  /** Called for each request that sends messages. */
  send?(
    to: TracedDestination,
    messages: readonly TracedMessage[],
  ): Watch<readonly TracedResult[]> | undefined;
  /** Called for each message before its handlers run. */
  process?(delivery: TracedDelivery): ProcessWatch | undefined;
  /** Called for each request that settles messages. */
  settle?(settlement: TracedSettlement): Watch<readonly TracedResult[]> | undefined;
  /** Called once for each consumer that is created. `status()` gives the counts of the consumer. */
  consumer?(consumer: { status(): TracedStatus }): void;
}

/**
 * The counts of a consumer, of {@linkcode ConsumerStatus}.
 *
 * @category Telemetry
 */
export interface TracedStatus {
  /** Queue of the consumer. */
  readonly queue: string;
  /** Messages whose handlers run. */
  readonly running: number;
  /** Messages held. */
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
  /** Requests of the whole backend. */
  readonly usage?: { readonly billed: number; readonly dollars: number };
}

/** Calls a member of a telemetry; a fault of the member is dropped, also one that comes later. */
export function observed<T>(call: () => T): T | undefined {
  try {
    const result = call();
    if (result instanceof Promise) result.catch(() => {});
    return result;
  } catch {
    return undefined;
  }
}

/** Tells a watch how a step ends, and returns the step. */
export function watched<R, T extends R>(
  watch: Watch<R> | undefined,
  step: Promise<T>,
): Promise<T> {
  // A fault of the watch rejects a promise that nobody else has.
  if (watch) step.then((it) => watch.ended?.(it), (it) => watch.failed?.(it)).catch(() => {});
  return step;
}

/**
 * Calls a function in the context of a watch, exactly once, whatever the watch does.
 */
export function within<T>(watch: ProcessWatch | undefined, act: () => T): T {
  if (!watch?.run) return act();
  let made: (() => T) | undefined;
  const make = () => made ??= outcomeOf(act);
  observed(() => watch.run?.(() => make()()));
  return make()();
}

/** Calls a function; the result gives what the function returned, or throws what it threw. */
function outcomeOf<T>(act: () => T): () => T {
  try {
    const it = act();
    return () => it;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
