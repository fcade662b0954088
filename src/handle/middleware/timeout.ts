import { abortable, type Clock, systemClock } from "../../support/clock.ts";
import type { Middleware } from "../handler.ts";
import { MelangeError } from "../../support/errors.ts";
import { checkRange } from "../../support/range.ts";

/** Options of {@linkcode timeout}. */
export interface TimeoutOptions {
  /** The longest time that the handler may take, in milliseconds. */
  ms: number;
  /** The source of time. Default: the machine's clock. */
  clock?: Clock;
}

/**
 * Limits the time of a handler. At the limit the handler's signal aborts and the call fails with
 * `TIMEOUT`. A handler that ignores its signal goes on unobserved.
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 * import { timeout } from "@melange/melange/middleware";
 *
 * const dispatcher = new Dispatcher({ middleware: [timeout({ ms: 5_000 })] });
 * if (!dispatcher) throw new Error("unexpected");
 * ```
 */
export function timeout({ ms, clock = systemClock }: TimeoutOptions): Middleware {
  checkRange(ms, { cannot: "limit a handler", name: "ms", min: Number.MIN_VALUE });
  return (next) => async (event, context) => {
    const limit = new AbortController();
    const cancel = clock.after(
      ms,
      () =>
        limit.abort(new MelangeError("TIMEOUT", `Cannot wait for a handler longer than ${ms} ms`)),
    );
    const signal = AbortSignal.any([context.signal, limit.signal]);
    try {
      const handled = Promise.resolve(next(event, { ...context, signal }));
      await abortable(handled, signal);
    } finally {
      cancel();
    }
  };
}
