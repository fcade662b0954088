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
export { circuitBreaker, type CircuitBreakerOptions } from "./circuit_breaker.ts";
export { correlation } from "./correlation.ts";
export { retry, type RetryMiddlewareOptions } from "./retry.ts";
export { throttle, type ThrottleMiddlewareOptions } from "./throttle.ts";
export { timeout, type TimeoutMiddlewareOptions } from "./timeout.ts";
