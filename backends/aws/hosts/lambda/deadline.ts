import { type Clock, reading } from "../../../../src/support/clock.ts";
import { MelangeError, probe } from "../../../../src/support/errors.ts";

/** The part of a Lambda function's second argument that is used. */
export interface LambdaContext {
  /** Tells for how long the invocation may still run, in milliseconds. */
  getRemainingTimeInMillis?(): number;
}

/** A signal that aborts when handlers must end, and the function that ends the waiting. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly clear: () => void;
  /** Tells for how long the invocation may still run, in milliseconds. */
  readonly leftMs: () => number;
}

/**
 * Aborts with `TIMEOUT` before the invocation ends, in time for an answer: `marginMs` before the
 * end, or after half of the remaining time where less than two margins remain.
 */
export function deadlineOf(
  context: LambdaContext | undefined,
  { marginMs, clock }: { marginMs: number; clock: Clock },
): Deadline {
  const controller = new AbortController();
  // Whoever wraps a function may pass anything as its context.
  const leftMs = probe(() => context?.getRemainingTimeInMillis?.());
  if (typeof leftMs !== "number" || Number.isNaN(leftMs)) {
    return {
      signal: controller.signal,
      clear() {},
      leftMs: () => Infinity,
    };
  }
  const clear = clock.after(Math.max(leftMs - marginMs, leftMs / 2), () => {
    controller.abort(
      new MelangeError("TIMEOUT", "Cannot wait for a handler as the invocation is about to end"),
    );
  });
  const endsAt = reading(clock) + leftMs;
  return { signal: controller.signal, clear, leftMs: () => endsAt - reading(clock) };
}
