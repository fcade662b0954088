import type { Middleware } from "../../src/handle/handler.ts";

/**
 * Hands out events that cannot be changed, for tests. The subscribers of one message share the
 * event and the message, so a change in one subscriber would reach the rest. With this middleware,
 * the change throws a `TypeError` in the handler that tries the change. Plain objects and arrays
 * are frozen, however deep; dates, maps and instances of classes are not. `testBus()` adds this
 * middleware by itself.
 *
 * @example
 * ```ts
 * import { defineEvent, dispatch, Dispatcher, typed } from "@melange/melange";
 * import { frozen } from "@melange/melange/testing";
 *
 * const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
 * const dispatcher = new Dispatcher({ middleware: [frozen()] });
 * dispatcher.subscribe(Ping, (event) => {
 *   event.data.at = 2;
 * });
 * const attributes = { manifest: "Ping" };
 * const message = { id: "m-1", body: '{"at":1}', attributes, sentAt: new Date(), attempt: 1 };
 * const { outcome } = await dispatch(dispatcher, message, { queue: "pings" });
 * if (outcome !== "retry") throw new Error("unexpected");
 * ```
 */
export function frozen(): Middleware {
  return (next) => (event, context) => {
    frozenDeep(context?.message);
    return next(frozenDeep(event), Object.freeze({ ...context }));
  };
}

function frozenDeep<T>(value: T, seen: Set<unknown> = new Set()): T {
  if (!isPlain(value) || seen.has(value)) return value;
  seen.add(value);
  Object.freeze(value);
  for (const part of Object.values(value)) frozenDeep(part, seen);
  return value;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
