/** Common parts of the handlers for SQS and for SNS: options, the remaining time, the flush. */
import { abortable, type Clock, systemClock } from "../../../../src/support/clock.ts";
import type { Dispatcher } from "../../../../src/handle/dispatcher.ts";
import type { DispatchAllOptions } from "../../../../src/handle/push.ts";
import { describeError } from "../../../../src/support/errors.ts";
import { checkRange } from "../../../../src/support/range.ts";
import type { Telemetry } from "../../../../src/support/telemetry.ts";
import type { EventPublisher } from "../../../../src/publish/publisher.ts";
import { deadlineOf, type LambdaContext } from "./deadline.ts";

/** A publisher that may hold events back; a `MessagePublisher` does. */
export interface FlushingPublisher extends EventPublisher {
  /** Sends the events that are held back, before an invocation ends and Lambda freezes the process. */
  flush?(): Promise<unknown>;
}

/** Options of {@linkcode sqsHandler} and {@linkcode snsHandler}. */
export interface LambdaOptions {
  /** The publisher for the handlers, as `context.publisher`; flushed before an invocation ends. Default: none. */
  publisher?: FlushingPublisher;
  /**
   * The time between the abort of the handlers' signal and the end of the invocation, in
   * milliseconds; never more than half of the time that is left. Default: 1 000.
   */
  marginMs?: number;
  /** The source of time. Default: the machine's clock. */
  clock?: Clock;
  /** Traces and metrics, such as `openTelemetry()`. Default: none. */
  telemetry?: Telemetry;
}

/** A dispatcher and the options of its invocations, checked. */
export interface InvocationSettings {
  readonly dispatcher: Dispatcher;
  readonly publisher: FlushingPublisher | undefined;
  readonly marginMs: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry | undefined;
}

/**
 * Checks the common options of both handlers. Otherwise a mistake would show only with the first
 * event.
 * @throws {TypeError} if there is no dispatcher, or `marginMs` is no number
 * @throws {RangeError} if `marginMs` is negative
 */
export function invocationSettings(
  dispatcher: Dispatcher,
  { publisher, marginMs = 1_000, clock = systemClock, telemetry }: LambdaOptions,
): InvocationSettings {
  const cannot = "create a Lambda handler";
  if (typeof dispatcher?.subscribe !== "function") {
    throw new TypeError(`Cannot ${cannot} as it needs a dispatcher`);
  }
  if (typeof marginMs !== "number") {
    throw new TypeError(`Cannot ${cannot} as marginMs must be a number`);
  }
  checkRange(marginMs, { cannot, name: "marginMs", min: 0 });
  return { dispatcher, publisher, marginMs, clock, telemetry };
}

/** The options of {@linkcode dispatchAll} that an invocation knows. */
export type InvocationHooks = Required<Pick<DispatchAllOptions, "signal" | "heldMs" | "clock">> & {
  publisher: FlushingPublisher | undefined;
  telemetry: Telemetry | undefined;
};

/** Runs the handlers within the time of the invocation, then flushes the publisher. */
export async function invoke<T>(
  context: LambdaContext | undefined,
  settings: InvocationSettings,
  handle: (hooks: InvocationHooks) => Promise<T>,
): Promise<T> {
  const { publisher, clock, telemetry } = settings;
  const { signal, leftMs, clear } = deadlineOf(context, settings);
  try {
    const result = await handle({ signal, heldMs: leftMs, clock, publisher, telemetry });
    await flush(settings, signal);
    return result;
  } finally {
    clear();
  }
}

async function flush(
  { dispatcher, publisher }: InvocationSettings,
  signal: AbortSignal,
): Promise<void> {
  try {
    const flushed = publisher?.flush?.();
    if (flushed) await abortable(flushed, signal);
  } catch (error) {
    dispatcher.options.logger.error("A publisher could not be flushed", {
      error: describeError(error),
    });
  }
}
