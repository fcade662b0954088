import { type AnyEventType, type Event, linked } from "../event/event.ts";
import { validate, type Validation } from "../event/schema.ts";
import { abortable, type Clock } from "../support/clock.ts";
import { defined } from "../support/defined.ts";
import { isNumber } from "../support/range.ts";
import { MelangeError, probe, reasonOf } from "../support/errors.ts";
import type { LazyEvent } from "../wire/format.ts";
import { deduplicationKey } from "./deduplication/key.ts";
import type { Dispatcher, Subscription } from "./dispatcher.ts";
import type { HandlerContext } from "./handler.ts";
import { type DeduplicationOptions, runOnce } from "./once.ts";
import { readingFault, reportFailure, reportUnhandled } from "./reports.ts";
import { upToDate } from "./upcast.ts";
import { fallback, type Verdict } from "./verdict.ts";

/** One message for its subscribers. */
export interface Job {
  readonly dispatcher: Dispatcher;
  /** The type of the event, which somebody subscribed to. */
  readonly type: string;
  /** The event as read from its message. */
  readonly event: LazyEvent;
  /** The data, read and not validated. */
  readonly data: unknown;
  /** The context of the handlers; each of them gets a copy. */
  readonly context: HandlerContext;
  /** The time until the message is given to another consumer. Default: no limit. */
  readonly heldMs: (() => number) | undefined;
  readonly clock: Clock;
}

/**
 * Runs all subscribers at once. Returns one verdict each, in order. Rejects for no fault of a
 * subscriber.
 */
export function runSubscribers(
  subscriptions: readonly Subscription[],
  job: Job,
): Promise<Verdict[]> {
  const events: Run["events"] = new Map();
  return Promise.all(
    subscriptions.map((subscription) =>
      run(subscription, { ...job, context: { ...job.context }, events })
    ),
  );
}

/** The part of a job for one subscriber. */
interface Run extends Job {
  /**
   * The validated events, by schema, or by type where the type has upcasts: subscribers with the
   * same schema share the event and the error.
   */
  readonly events: Map<unknown, Event | Promise<Event>>;
}

async function run(subscription: Subscription, job: Run): Promise<Verdict> {
  const { dispatcher, context: { signal } } = job;
  let event: Event;
  try {
    const validating = validated(subscription.eventType, job);
    event = validating instanceof Promise ? await abortable(validating, signal) : validating;
  } catch (error) {
    if (signal.aborted) return { kind: "retry", error, ...waitOf(error, signal) };
    return fallback(dispatcher.options.onUndecodable, "UNDECODABLE");
  }
  try {
    const { deduplication } = dispatcher.options;
    if (deduplication) return await handleOnce(event, subscription, { ...job, deduplication });
    signal.throwIfAborted();
    await abortable(handle(event, subscription, job), signal);
    return ACKNOWLEDGE;
  } catch (error) {
    return failed(error, subscription, job);
  }
}

const ACKNOWLEDGE: Verdict = { kind: "acknowledge" };

/** Gives the event that fits a type, validated once for all subscribers. */
function validated(eventType: AnyEventType | undefined, job: Run): Event | Promise<Event> {
  const key = eventType?.upcast ? eventType : eventType?.schema;
  const known = job.events.get(key);
  if (known) return known;
  const event = eventOf(eventType, job);
  job.events.set(key, event);
  return event;
}

/**
 * Brings the data up to date and validates it; gives a promise only if the schema gives one, or if
 * the data is refused.
 */
function eventOf(eventType: AnyEventType | undefined, job: Run): Event | Promise<Event> {
  const { type, data } = job;
  let event: Event = { ...job.event.facts, type, data };
  if (!eventType) return event;
  if (eventType.version !== undefined) {
    try {
      event = { ...event, ...upToDate(eventType, job.event, data) };
    } catch (error) {
      return refused(error, job);
    }
  }
  const result = validate(eventType.schema, event.data);
  if ("ok" in result && result.ok) return linked(eventType, { ...event, data: result.value });
  return whenValidated(eventType, event, { result, job });
}

/** Waits for a validation; a violation is refused. */
async function whenValidated(
  eventType: AnyEventType,
  event: Event,
  { result, job }: { result: Validation | Promise<Validation>; job: Run },
): Promise<Event> {
  const validation = await result;
  if (validation.ok) return linked(eventType, { ...event, data: validation.value });
  return refused(violation(eventType, validation.paths), job);
}

/** Rejects with an error of reading, and reports it unless the message was given up meanwhile. */
function refused(error: unknown, { dispatcher, type, context }: Run): Promise<never> {
  if (!context.signal.aborted) {
    const then = dispatcher.options.onUndecodable;
    reportUnhandled(context, { then, type, reason: readingFault(error) });
  }
  return Promise.reject(error);
}

function violation({ type }: AnyEventType, paths: string): MelangeError {
  return new MelangeError(
    "UNDECODABLE",
    `Cannot read a message as its data violates the schema of "${type}" at ${paths}`,
  );
}

/** Calls a handler; what it throws at once rejects. */
async function handle(event: Event, subscription: Subscription, job: Run): Promise<void> {
  await subscription.handle(event, job.context);
}

/** Calls a handler once per event, where the event has an identity. */
async function handleOnce(
  event: Event,
  subscription: Subscription,
  job: Run & { deduplication: DeduplicationOptions },
): Promise<Verdict> {
  const { deduplication, context, clock, heldMs } = job;
  const { signal, logger, queue } = context;
  const key = deduplicationKey(subscription.name ?? "", job.event);
  if (key === undefined) {
    logger.warn("A message without any id is handled unprotected", { queue });
    await abortable(handle(event, subscription, job), signal);
    return ACKNOWLEDGE;
  }
  const call = async () => {
    // The message may have been given up while a claim was waited for.
    signal.throwIfAborted();
    await handle(event, subscription, job);
  };
  return await runOnce(call, { ...deduplication, key, signal, heldMs, clock, logger });
}

function failed(error: unknown, { name: subscriber }: Subscription, job: Run): Verdict {
  const { context, type } = job;
  const { attempt, signal } = context;
  const reason = reasonOf(error);
  const isStop = signal.aborted && error === signal.reason && factsOf(error)?.code === "STOPPED";
  const ending = reason !== undefined ? "gaveUp" : isStop ? "stopped" : "failed";
  reportFailure(context, { error, type, attempt, subscriber, ending });
  if (reason !== undefined) return { kind: "deadLetter", reason, ...defined({ subscriber }) };
  return { kind: "retry", error, ...defined({ subscriber }), ...waitOf(error, signal) };
}

/** Codes of errors that do not count as an attempt, because the message is not their cause. */
const NOT_ITS_FAULT: readonly unknown[] = ["STOPPED", "LOCK_LOST", "CIRCUIT_OPEN"];

/** Reads when the message shall come again, and tells a try from a stop or an open circuit. */
export function waitOf(
  error: unknown,
  signal: AbortSignal,
): { delayMs?: number; uncounted: boolean } {
  const uncounted = NOT_ITS_FAULT.includes(factsOf(signal.aborted ? signal.reason : error)?.code);
  const delayMs = factsOf(error)?.retryAfterMs;
  return isNumber(delayMs, 0, Number.MAX_VALUE) ? { uncounted, delayMs } : { uncounted };
}

/** Reads an error of ours; a subclass of somebody's may hold anything. */
function factsOf(error: unknown): { code: unknown; retryAfterMs: unknown } | undefined {
  return probe(() => {
    if (!(error instanceof MelangeError)) return undefined;
    const { code, retryAfterMs } = error;
    return { code, retryAfterMs };
  });
}
