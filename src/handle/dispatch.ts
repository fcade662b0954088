import type { EventPublisher } from "../publish/publisher.ts";
import { abortable, type Clock, systemClock } from "../support/clock.ts";
import { defined } from "../support/defined.ts";
import { checkMs } from "../support/duration.ts";
import { MelangeError, probe } from "../support/errors.ts";
import type { Logger } from "../support/logger.ts";
import { isRetryable } from "../support/retry.ts";
import { observed, type Telemetry, within } from "../support/telemetry.ts";
import type { LazyEvent } from "../wire/format.ts";
import { ownMessage, type ReceivedMessage } from "../wire/message.ts";
import type { DeadLetterFacts } from "../wire/packed.ts";
import { openEnvelope } from "../wire/sns_envelope.ts";
import { isCount, soundMessage } from "./answers.ts";
import { LEAVE_SLOT } from "./batch.ts";
import type { Dispatcher, Subscription } from "./dispatcher.ts";
import { readAny } from "./foreign.ts";
import type { HandlerContext } from "./handler.ts";
import { readingFault, reportUnforeseen, reportUnhandled } from "./reports.ts";
import { runSubscribers, waitOf } from "./run_subscribers.ts";
import { fallback, type Verdict } from "./verdict.ts";

/**
 * The order to a host about a message.
 *
 * @category Handling
 */
export type Outcome =
  /** Every subscriber is done with the message. */
  | { readonly outcome: "acknowledge" }
  /** The message comes again, after the given `delayMs`, else after the host's backoff. */
  | {
    readonly outcome: "retry";
    readonly error: unknown;
    readonly delayMs?: number;
    /**
     * Tells that the message is not the cause. A host that counts attempts does not count this
     * attempt.
     */
    readonly uncounted?: boolean;
    /**
     * The facts of a dead letter that could not be: the message should not have come again, but its
     * queue has no dead-letter queue, or the copy could not be stored. `error` says which.
     */
    readonly wanted?: DeadLetterFacts;
  }
  /** Trying again is pointless. */
  | { readonly outcome: "deadLetter"; readonly facts: DeadLetterFacts };

/**
 * The part of a host that {@linkcode dispatch} needs.
 *
 * @category Handling
 */
export interface DispatchHooks {
  /** The queue that the message came from. */
  queue: string;
  /** The time at which the message was received. Default: now. */
  receivedAt?: Date;
  /** Aborts when the handlers must end. Default: never. */
  signal?: AbortSignal;
  /** Keeps the lock. Default: `UNSUPPORTED`. */
  extend?: (ms: number) => Promise<void>;
  /** Tells how long the message is still held, in milliseconds: claims last no longer. Default: no limit. */
  heldMs?: () => number;
  /** The publisher for the handlers. Default: none. */
  publisher?: EventPublisher | undefined;
  /** The number of this try, from 1. Default: the message's own count. */
  attempt?: number;
  /** The host's limit of tries, for a dispatcher without `maxAttempts`. Default: no limit. */
  maxAttempts?: number;
  /** The source of time. Default: the machine's clock. */
  clock?: Clock;
  /** Gives the slot of the message to another one, while the message waits for a batch. Default: none. */
  leaveSlot?: (() => void) | undefined;
  /** Traces and metrics. Default: none. */
  telemetry?: Telemetry | undefined;
}

/**
 * Runs every subscriber of a message and decides about the message. No other code decides.
 * Dead-letter beats retry beats acknowledge. Never rejects, whatever handlers, middleware,
 * serializers, stores and loggers throw or return. When `hooks.signal` aborts, the outcome is
 * `retry` at once, even if a handler goes on; claims on the event are given back first, for a tenth
 * of a second at the most.
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
 *
 * @category Handling
 */
export async function dispatch(
  dispatcher: Dispatcher,
  message: ReceivedMessage,
  hooks: DispatchHooks,
): Promise<Outcome> {
  const { queue, clock = systemClock, telemetry } = hooks;
  const { receivedAt = new Date(clock.now()) } = hooks;
  const sound = probe(() => soundMessage(message, receivedAt)) ?? NO_MESSAGE;
  const attempt = isCount(hooks.attempt) ? hooks.attempt : sound.attempt;
  const { logger, maxAttempts = hooks.maxAttempts ?? Infinity } = dispatcher.options;
  const watch = telemetry &&
    observed(() => telemetry.process?.({ message: sound, queue, attempt, receivedAt }));
  let verdicts: readonly Verdict[];
  try {
    verdicts = await within(
      watch,
      () => verdictsOn(sound, dispatcher, { ...hooks, clock, receivedAt, attempt }),
    );
  } catch (error) {
    // What others passed in may fail in ways that nobody has thought of: the message comes again.
    reportUnforeseen({ logger, queue, message: sound }, error);
    verdicts = [{ kind: "retry", error }];
  }
  const outcome = decide(verdicts, { queue, attempt, maxAttempts });
  if (watch) observed(() => watch.ended?.(outcome));
  return outcome;
}

/** Stands for a message that cannot even be looked at. */
const NO_MESSAGE: ReceivedMessage = {
  id: "",
  body: "",
  attributes: {},
  sentAt: new Date(0),
  attempt: 1,
};

/** The hooks with defaults filled in. */
type Host = DispatchHooks & { clock: Clock; receivedAt: Date; attempt: number };

/** Finds who wants a message and runs them. No promise of its own, as that is memory per message. */
function verdictsOn(
  received: ReceivedMessage,
  dispatcher: Dispatcher,
  host: Host,
  isRestored = false,
): Verdict[] | Promise<Verdict[]> {
  const { logger, onUnknown } = dispatcher.options;
  // The handlers' own: changes of theirs must not get into the dead-letter queue.
  const message = ownMessage(openEnvelope(received));
  let event: LazyEvent;
  try {
    event = readAny(message, dispatcher.options);
  } catch (error) {
    return [unreadable(error, { message }, { dispatcher, host })];
  }
  if (event.isAway && !isRestored) return whenRestored(message, event, { dispatcher, host });
  const { type } = event.facts;
  const subscriptions = type === undefined ? [] : dispatcher.subscriptionsTo(type);
  if (type !== undefined && subscriptions.length > 0) {
    return handled({ message, event, type, subscriptions }, dispatcher, host);
  }
  const reason = type === undefined ? "names no event type" : "has no subscriber";
  reportUnhandled({ logger, queue: host.queue, message }, { then: onUnknown, type, reason });
  return [fallback(onUnknown, "UNKNOWN_TYPE")];
}

/** Waits for the published body of a message, and takes the message to the handlers. */
async function whenRestored(
  message: ReceivedMessage,
  event: LazyEvent,
  { dispatcher, host }: Dispatching,
): Promise<Verdict[]> {
  const { payloads, logger, serializers } = dispatcher.options;
  const { queue, clock, signal } = host;
  let restored: ReceivedMessage;
  try {
    const restoring = payloads?.store.restore(message, { ...payloads, clock, signal }) ??
      // Throws, and says what is missing.
      event.data(serializers, event.facts.type ?? "") as never;
    restored = await abortable(restoring, signal);
  } catch (error) {
    if (signal?.aborted) return [{ kind: "retry", error, uncounted: true }];
    const { type } = event.facts;
    if (probe(() => (error as MelangeError).code) === "UNDECODABLE") {
      return [unreadable(error, { message, type }, { dispatcher, host })];
    }
    const reason = readingFault(error);
    reportUnhandled({ logger, queue, message }, { then: "retry", type, reason });
    // The message is not the cause where the store is down.
    return [{ kind: "retry", error, uncounted: isRetryable(error) }];
  }
  return await verdictsOn(restored, dispatcher, host, true);
}

/** The dispatcher and the host of a message. */
interface Dispatching {
  readonly dispatcher: Dispatcher;
  readonly host: Host;
}

/** A message that somebody wants. */
interface Wanted {
  readonly message: ReceivedMessage;
  readonly event: LazyEvent;
  readonly type: string;
  readonly subscriptions: readonly Subscription[];
}

function handled(
  { message, event, type, subscriptions }: Wanted,
  dispatcher: Dispatcher,
  host: Host,
): Verdict[] | Promise<Verdict[]> {
  const { logger, serializers, handlerTimeoutMs } = dispatcher.options;
  const { clock, heldMs } = host;
  const refuse = (error: unknown) => [
    unreadable(error, { message, type }, { dispatcher, host }),
  ];
  let data: unknown;
  try {
    data = event.data(serializers, type);
  } catch (error) {
    return refuse(error);
  }
  const limit = timeLimit(host, handlerTimeoutMs);
  const context = contextOf(message, logger, { ...host, signal: limit.signal });
  // Where others handle the message, too, the slot is theirs.
  const { leaveSlot } = host;
  if (leaveSlot && subscriptions.length === 1) Object.assign(context, { [LEAVE_SLOT]: leaveSlot });
  const run = (data: unknown) =>
    runSubscribers(subscriptions, { dispatcher, type, event, data, context, clock, heldMs });
  const running = data instanceof Promise
    ? whenRead(data, limit.signal, { run, refuse })
    : run(data);
  return limit.clear ? running.finally(limit.clear) : running;
}

/** Waits for a serializer as for a handler: no longer than the message is held. */
async function whenRead(
  data: Promise<unknown>,
  signal: AbortSignal,
  { run, refuse }: {
    run: (data: unknown) => Promise<Verdict[]>;
    refuse: (error: unknown) => Verdict[];
  },
): Promise<Verdict[]> {
  let ready: unknown;
  try {
    ready = await abortable(data, signal);
  } catch (error) {
    return signal.aborted ? [{ kind: "retry", error, ...waitOf(error, signal) }] : refuse(error);
  }
  return await run(ready);
}

/** Reports a message that cannot be read; returns the verdict that the dispatcher has for it. */
function unreadable(
  error: unknown,
  { message, type }: { message: ReceivedMessage; type?: string | undefined },
  { dispatcher, host }: Dispatching,
): Verdict {
  const { logger, onUndecodable: then } = dispatcher.options;
  const reason = readingFault(error);
  reportUnhandled({ logger, queue: host.queue, message }, { then, type, reason });
  return fallback(then, "UNDECODABLE");
}

function contextOf(
  message: ReceivedMessage,
  logger: Logger,
  { attempt, queue, receivedAt, signal, extend, publisher }: Host & { signal: AbortSignal },
): HandlerContext {
  return {
    message,
    attempt,
    queue,
    receivedAt,
    signal,
    logger,
    async extend(ms) {
      checkMs(ms, { cannot: "extend a lock", name: "ms", positive: true });
      if (extend) return await extend(ms);
      throw new MelangeError("UNSUPPORTED", "Cannot extend a lock as this host holds none");
    },
    ...(publisher ? { publisher } : {}),
  };
}

function timeLimit(
  { signal, clock }: Host,
  handlerTimeoutMs: number | undefined,
): { signal: AbortSignal; clear?: () => void } {
  if (handlerTimeoutMs === undefined) return { signal: signal ?? new AbortController().signal };
  const controller = new AbortController();
  const clear = clock.after(handlerTimeoutMs, () => {
    controller.abort(
      new MelangeError("TIMEOUT", `Cannot wait for a handler longer than ${handlerTimeoutMs} ms`),
    );
  });
  const signals = signal ? [signal, controller.signal] : [controller.signal];
  return { signal: AbortSignal.any(signals), clear };
}

function decide(
  verdicts: readonly Verdict[],
  { queue, attempt, maxAttempts }: { queue: string; attempt: number; maxAttempts: number },
): Outcome {
  const gaveUp = verdicts.find((verdict) => verdict.kind === "deadLetter");
  const retries = verdicts.filter((verdict) => verdict.kind === "retry");
  const counted = retries.find(({ uncounted }) => !uncounted);
  const exhausted = counted && attempt >= maxAttempts
    ? { reason: "MAX_ATTEMPTS", ...defined({ subscriber: counted.subscriber }) }
    : undefined;
  const death = gaveUp ?? exhausted;
  if (death) {
    const { reason, subscriber } = death;
    const facts = { reason, queue, attempts: attempt, ...defined({ subscriber }) };
    return { outcome: "deadLetter", facts };
  }
  const first = counted ?? retries[0];
  if (!first) return { outcome: "acknowledge" };
  const { error, delayMs } = first;
  return {
    outcome: "retry",
    error,
    ...defined({ delayMs, uncounted: counted ? undefined : true }),
  };
}
