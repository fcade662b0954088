import { abortable, type Clock } from "../../support/clock.ts";
import { MelangeError, probe } from "../../support/errors.ts";

/** The time that a step with a store or a codec may take. */
export interface Times {
  /** The clock of the limit. */
  readonly clock: Clock;
  /** The longest time of one step, in milliseconds. */
  readonly timeoutMs: number;
  /** Gives up. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a step of somebody, which may throw at once or never end. Rejects with `TIMEOUT` when the
 * time is up, and with the signal's reason; the step's own signal then aborts.
 */
export async function inTime<T>(
  what: string,
  step: (signal: AbortSignal) => Promise<T>,
  { clock, timeoutMs, signal }: Times,
): Promise<T> {
  signal?.throwIfAborted();
  const ending = new AbortController();
  const cancel = clock.after(timeoutMs, () => {
    const message = `Cannot ${what} within ${timeoutMs} ms`;
    ending.abort(new MelangeError("TIMEOUT", message, { retryable: true }));
  });
  const giveUp = () => ending.abort(signal?.reason);
  signal?.addEventListener("abort", giveUp);
  try {
    return await abortable(Promise.resolve(step(ending.signal)), ending.signal);
  } finally {
    cancel();
    signal?.removeEventListener("abort", giveUp);
  }
}

/** Returns an error of ours with readable parts; `undefined` for any other thrown value. */
export function ownError(error: unknown): MelangeError | undefined {
  return probe(() => {
    if (!(error instanceof MelangeError)) return undefined;
    const isSound = typeof error.code === "string" && typeof error.message === "string";
    return isSound ? error : undefined;
  });
}
