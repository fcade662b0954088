import { abortable, type Clock, sleep } from "../support/clock.ts";
import { describeError } from "../support/errors.ts";
import type { Logger } from "../support/logger.ts";
import { Semaphore } from "../support/semaphore.ts";
import type { Limiter } from "./settings.ts";

/** Places of the groups of a standard queue: so many messages of one group are handled at once. */
export class Shares {
  readonly #perGroup: number;
  readonly #places = new Map<string, { readonly semaphore: Semaphore; users: number }>();

  /** Creates so many places for each group. */
  constructor(perGroup: number) {
    this.#perGroup = perGroup;
  }

  /**
   * Waits for a place of the group. Resolves to the function that gives the place back.
   * Rejects if the signal aborts first.
   */
  async take(group: string, signal: AbortSignal): Promise<() => void> {
    const place = this.#places.get(group) ??
      { semaphore: new Semaphore(this.#perGroup), users: 0 };
    this.#places.set(group, place);
    place.users += 1;
    const leave = () => {
      place.users -= 1;
      if (place.users === 0) this.#places.delete(group);
    };
    try {
      await place.semaphore.acquire(signal);
    } catch (error) {
      leave();
      throw error;
    }
    return () => {
      place.semaphore.release();
      leave();
    };
  }
}

/** Pause before a limiter that failed is asked again, in milliseconds. */
const LIMITER_PAUSE_MS = 1_000;

/**
 * Takes one message from a limiter. A limiter that fails is logged and asked again after a second.
 * Resolves to `false` if the signal aborts first.
 */
export async function takeOne(
  limiter: Limiter,
  { signal, clock, logger, queue }: {
    signal: AbortSignal;
    clock: Clock;
    logger: Logger;
    queue: string;
  },
): Promise<boolean> {
  while (!signal.aborted) {
    try {
      // In a function of its own, so that a limiter that throws is one that rejects.
      await abortable((async () => await limiter.take(1, signal))(), signal);
      return true;
    } catch (error) {
      if (signal.aborted) break;
      logger.warn("A limiter failed and is asked again", { queue, error: describeError(error) });
      await sleep(clock, LIMITER_PAUSE_MS, signal).catch(() => {});
    }
  }
  return false;
}
