import { MelangeError } from "./errors.ts";

/**
 * The source of time of this library. Everything that waits or stamps is given a clock, so that a
 * test lets an hour pass at once.
 *
 * @category Time and chance
 */
export interface Clock {
  /**
   * Milliseconds since the Unix epoch, for dates and signatures. The time steps when the clock is
   * set.
   */
  now(): number;
  /**
   * Milliseconds since any moment, never fewer than before, however the clock is set. All durations
   * are measured by this reading. Default: `now`.
   */
  monotonic?(): number;
  /** Calls `callback` once, `ms` milliseconds from now; the function returned cancels it. */
  after(ms: number, callback: () => void): () => void;
}

/**
 * Returns a number in [0, 1), as `Math.random` does.
 *
 * @category Time and chance
 */
export type Random = () => number;

/** Longest delay of `setTimeout`; a longer delay would fire at once. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/**
 * The clock of the machine.
 *
 * @category Time and chance
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, MAX_TIMEOUT_MS));
    return () => clearTimeout(timer);
  },
};

/** Reads the time for deadlines and durations. Only readings of one clock compare. */
export function reading(clock: Clock): number {
  return clock.monotonic?.() ?? clock.now();
}

/**
 * Returns a clock without steps in its dates. The clock begins at the time of the wall clock and
 * goes on by the monotonic reading. The clock is for code with dates and deadlines in one number.
 */
export function steady(clock: Clock): Clock {
  const offset = clock.now() - reading(clock);
  return { now: () => offset + reading(clock), after: (ms, callback) => clock.after(ms, callback) };
}

/**
 * Resolves after `ms` milliseconds; rejects with `signal.reason` as soon as the signal aborts.
 * Neither a timer nor a listener outlives it.
 */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort);
  });
}

/**
 * Settles as `promise` does, or rejects with `signal.reason` if the signal aborts before. The
 * promise goes on; a late rejection of the promise is not reported anywhere.
 */
export function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    const ended = () => signal.removeEventListener("abort", onAbort);
    // Not `finally`: a second promise for each message under way is memory that is felt.
    promise.then((value) => (ended(), resolve(value)), (error) => (ended(), reject(error)));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
  });
}

/**
 * Settles as `promise` does; rejects with `TIMEOUT` after `ms` milliseconds, or with `signal.reason`
 * if the signal aborts before. The promise itself goes on.
 */
export function limited<T>(
  promise: Promise<T>,
  { clock, ms, signal }: { clock: Clock; ms: number; signal?: AbortSignal },
): Promise<T> {
  const ended = abortable(promise, signal);
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => {
      reject(new MelangeError("TIMEOUT", `Cannot wait longer than ${ms} ms`));
    });
    ended.then(resolve, reject).finally(cancel);
  });
}
