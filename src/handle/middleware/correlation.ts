import type { HandlerContext, Middleware } from "../handler.ts";
import { derive, type Event } from "../../event/event.ts";
import type { EventPublisher, PublishEntry } from "../../publish/publisher.ts";

/**
 * Marks the events that a handler publishes through `context.publisher` as caused by the handled
 * event. The new events get the same correlation id (the first event's id starts one), and the id
 * of the handled event as their causation id.
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 * import { correlation } from "@melange/melange/middleware";
 *
 * const dispatcher = new Dispatcher({ middleware: [correlation()] });
 * if (!dispatcher) throw new Error("unexpected");
 * ```
 */
export function correlation(): Middleware {
  return (next) => (event, context) => next(event, withCorrelation(event, context));
}

function withCorrelation(cause: Event, context: HandlerContext): HandlerContext {
  const { publisher } = context;
  return publisher ? { ...context, publisher: correlated(cause, publisher) } : context;
}

function correlated(cause: Event, publisher: EventPublisher): EventPublisher {
  const correlationId = cause.correlationId ?? cause.id;
  // What is no event is left for the publisher to refuse.
  const mark = (event: Event) =>
    isObject(event) ? derive(event, { correlationId, causationId: cause.id }) : event;
  const markEntry = (entry: Event | PublishEntry) => {
    if (!isObject(entry)) return entry;
    return "event" in entry ? { ...entry, event: mark(entry.event) } : mark(entry);
  };
  return {
    publish: (event, options) => publisher.publish(mark(event), options),
    publishAll: (events, options) => publisher.publishAll(mapped(events, markEntry), options),
  };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/**
 * Maps items. A synchronous iterable stays synchronous, because only events of one turn share
 * requests.
 */
function mapped<T>(items: Iterable<T> | AsyncIterable<T>, map: (item: T) => T) {
  return Symbol.asyncIterator in items ? mappedLater(items, map) : mappedNow(items, map);
}

function* mappedNow<T>(items: Iterable<T>, map: (item: T) => T) {
  for (const item of items) yield map(item);
}

async function* mappedLater<T>(items: AsyncIterable<T>, map: (item: T) => T) {
  for await (const item of items) yield map(item);
}
