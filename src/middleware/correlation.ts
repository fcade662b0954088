import type { HandlerContext, Middleware } from "../dispatcher.ts";
import { derive, type Event } from "../event.ts";
import type { EventPublisher, PublishEntry } from "../publisher.ts";

/**
 * Marks what a handler publishes through `context.publisher` as caused by the event it handles:
 * the same correlation id (the first event's id starts one), and its id as the causation id.
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
  const mark = (event: Event) => derive(event, { correlationId, causationId: cause.id });
  const markEntry = (entry: Event | PublishEntry) =>
    "event" in entry ? { ...entry, event: mark(entry.event) } : mark(entry);
  return {
    publish: (event, options) => publisher.publish(mark(event), options),
    publishAll: (events, options) => publisher.publishAll(mapped(events, markEntry), options),
  };
}

async function* mapped<T>(items: Iterable<T> | AsyncIterable<T>, map: (item: T) => T) {
  for await (const item of items) yield map(item);
}
