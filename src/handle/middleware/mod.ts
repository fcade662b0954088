/**
 * Functions around handlers, for {@linkcode DispatcherOptions.middleware}: the first in the list is
 * the outermost. Each subscriber gets its own state.
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 * import { correlation, retry, timeout } from "@melange/melange/middleware";
 *
 * const dispatcher = new Dispatcher({ middleware: [correlation(), retry(), timeout({ ms: 5_000 })] });
 * if (!dispatcher) throw new Error("unexpected");
 * ```
 * @module
 */
import type { RetryOptions } from "./retry.ts";
import type { ThrottleOptions } from "./throttle.ts";
import type { TimeoutOptions } from "./timeout.ts";

export { type KillSwitch, killSwitch, type KillSwitchOptions } from "./kill_switch.ts";
export { circuitBreaker, type CircuitBreakerOptions } from "./circuit_breaker.ts";
export { correlation } from "./correlation.ts";
export { retry, type RetryOptions } from "./retry.ts";
export { throttle, type ThrottleOptions } from "./throttle.ts";
export { timeout, type TimeoutOptions } from "./timeout.ts";

/** The earlier name of {@linkcode RetryOptions}. */
export type RetryMiddlewareOptions = RetryOptions;
/** The earlier name of {@linkcode ThrottleOptions}. */
export type ThrottleMiddlewareOptions = ThrottleOptions;
/** The earlier name of {@linkcode TimeoutOptions}. */
export type TimeoutMiddlewareOptions = TimeoutOptions;
