import { type Clock, reading, systemClock } from "../../support/clock.ts";
import type { Middleware } from "../handler.ts";
import { isDeadLetter, MelangeError } from "../../support/errors.ts";
import { checkRange } from "../../support/range.ts";

/** Options of {@linkcode circuitBreaker}. */
export interface CircuitBreakerOptions {
  /** After so many failures in a row the circuit opens. Default: 5. */
  failures?: number;
  /** The time for which the circuit stays open before one call may try, in milliseconds. Default: 30 000. */
  resetMs?: number;
  /** The source of time. Default: the machine's clock. */
  clock?: Clock;
}

/**
 * Spares a dependency of a subscriber while the dependency is down. After `failures` in a row,
 * calls fail at once with `CIRCUIT_OPEN`, until after `resetMs` a single call may try. The success
 * of that call closes the circuit. A `DeadLetter` is no failure, because its cause is the message.
 * A message that meets an open circuit comes again when the circuit may close, and the attempt is
 * not counted.
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 * import { circuitBreaker } from "@melange/melange/middleware";
 *
 * const dispatcher = new Dispatcher({ middleware: [circuitBreaker({ failures: 3 })] });
 * if (!dispatcher) throw new Error("unexpected");
 * ```
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): Middleware {
  const { failures = 5, resetMs = 30_000, clock = systemClock } = options;
  checkRange(failures, { cannot: "break a circuit", name: "failures", min: 1, integer: true });
  checkRange(resetMs, { cannot: "break a circuit", name: "resetMs", min: 0 });
  return (next) => {
    let failed = 0;
    let openUntil = -Infinity;
    const close = () => {
      failed = 0;
      openUntil = -Infinity;
    };
    return async (event, context) => {
      if (reading(clock) < openUntil) {
        throw new MelangeError("CIRCUIT_OPEN", "Cannot handle an event while the circuit is open", {
          retryable: true,
          retryAfterMs: openUntil - reading(clock),
        });
      }
      // One call tries; the others find the circuit open for another while.
      if (failed >= failures) openUntil = reading(clock) + resetMs;
      try {
        await next(event, context);
      } catch (error) {
        if (isDeadLetter(error)) close();
        else if (++failed >= failures) openUntil = reading(clock) + resetMs;
        throw error;
      }
      close();
    };
  };
}
