import type { DeclareQueueOptions, SubscriptionOptions } from "../backend.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { NO_MANIFEST } from "../wire/format.ts";
import type { Format, MessageFormat } from "../wire/packed.ts";

/**
 * Lists the subscriptions of a queue that bring a dispatcher its events: each topic of the
 * subscribed event types, filtered by type; unfiltered where a subscriber takes everything. A
 * dispatcher that names the type of other messages gets those without a type, too. Types without a
 * topic are sent to the queue itself, and need no subscription.
 */
export function subscriptionsFor(
  dispatcher: Dispatcher,
  format: Format | MessageFormat,
): SubscriptionOptions[] {
  const byTopic = new Map<string, Set<string>>();
  for (const { type, topic } of dispatcher.eventTypes) {
    if (topic === undefined) continue;
    byTopic.set(topic, (byTopic.get(topic) ?? new Set()).add(type));
  }
  const { typeOf, defaultEvent } = dispatcher.options;
  const wanted = (types: Iterable<string>) => {
    if (dispatcher.takesEverything) return {};
    if (!typeOf && !defaultEvent) return { events: [...types] };
    return { filter: { manifest: [...types, NO_MANIFEST, { exists: false }] } };
  };
  const { base = format } = format as Partial<MessageFormat>;
  return [...byTopic].map(([topic, types]) => ({
    topic,
    ...wanted(types),
    // Python's Melange reads what a topic delivers from the envelope.
    ...(base === "melange" ? { raw: false } : {}),
  }));
}

/**
 * Returns the declaration of a bus's queue: the needs of the handlers, and the additions of the
 * caller.
 */
export function declarationFor(
  dispatcher: Dispatcher,
  options: DeclareQueueOptions,
  format: Format | MessageFormat,
): DeclareQueueOptions {
  const { subscribeTo = [], ...rest } = options;
  const named = new Set(subscribeTo.map((it) => typeof it === "string" ? it : it.topic));
  const derived = subscriptionsFor(dispatcher, format).filter(({ topic }) => !named.has(topic));
  return { ...rest, subscribeTo: [...subscribeTo, ...derived] };
}
