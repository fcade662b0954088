import { type Clock, reading, sleep, systemClock } from "../../support/clock.ts";
import type { Middleware } from "../handler.ts";
import { checkRange } from "../../support/range.ts";

/** Options of {@linkcode throttle}. */
export interface ThrottleOptions {
  /** The most calls that begin in each interval. */
  limit: number;
  /** The interval, in milliseconds. Default: 1 000. */
  intervalMs?: number;
  /** The source of time. Default: the machine's clock. */
  clock?: Clock;
}

/**
 * Spreads the calls of each subscriber evenly: at most `limit` begin in an interval. Further calls
 * wait, with their messages locked.
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 * import { throttle } from "@melange/melange/middleware";
 *
 * const dispatcher = new Dispatcher({ middleware: [throttle({ limit: 50 })] });
 * if (!dispatcher) throw new Error("unexpected");
 * ```
 */
export function throttle(options: ThrottleOptions): Middleware {
  const { limit, intervalMs = 1_000, clock = systemClock } = options;
  for (const [name, value] of Object.entries({ limit, intervalMs })) {
    checkRange(value, { cannot: "throttle", name, min: Number.MIN_VALUE });
  }
  return (next) => {
    let nextAt = -Infinity;
    return async (event, context) => {
      const now = reading(clock);
      const startAt = Math.max(now, nextAt);
      nextAt = startAt + intervalMs / limit;
      if (startAt > now) await sleep(clock, startAt - now, context.signal);
      await next(event, context);
    };
  };
}
