import { type Clock, type Random, sleep, systemClock } from "../../support/clock.ts";
import type { Middleware } from "../handler.ts";
import { isDeadLetter } from "../../support/errors.ts";
import { backoffMs, checkRetryPolicy } from "../../support/retry.ts";

/** Options of {@linkcode retry}. */
export interface RetryOptions {
  /** Tries, the first included. Default: 3. */
  attempts?: number;
  /** The bound of the first pause, in milliseconds. The bound doubles each time. Default: 100. */
  baseMs?: number;
  /** The bound of every pause, in milliseconds. Default: 5 000. */
  maxMs?: number;
  /** Tells whether an error is worth another try. Default: every error is. */
  when?: (error: unknown) => boolean;
  /** The source of time. Default: the machine's clock. */
  clock?: Clock;
  /** The source of jitter. Default: `Math.random`. */
  random?: Random;
}

/**
 * Calls a failed handler again, in this process, before the message is given back. The message
 * stays locked meanwhile. A `DeadLetter` is not tried again, and neither is anything once the
 * handler's signal has aborted.
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 * import { retry } from "@melange/melange/middleware";
 *
 * const dispatcher = new Dispatcher({ middleware: [retry({ attempts: 5 })] });
 * if (!dispatcher) throw new Error("unexpected");
 * ```
 */
export function retry(options: RetryOptions = {}): Middleware {
  const { attempts = 3, baseMs = 100, maxMs = 5_000, when = () => true } = options;
  const { clock = systemClock, random = Math.random } = options;
  checkRetryPolicy({ maxAttempts: attempts, baseMs, maxMs });
  return (next) => async (event, context) => {
    for (let attempt = 1;; attempt++) {
      try {
        return await next(event, context);
      } catch (error) {
        const again = attempt < attempts && !isDeadLetter(error) && !context.signal.aborted;
        if (!again || !when(error)) throw error;
        await sleep(clock, backoffMs(attempt, { baseMs, maxMs }, random), context.signal);
      }
    }
  };
}
