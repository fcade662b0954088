import type { DeclareQueueOptions, SubscriptionOptions } from "../backend.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Format } from "../wire/packed.ts";

/**
 * Lists the subscriptions that a queue needs for a dispatcher to get its events: each topic of the
 * event types that have a subscriber, filtered by type; unfiltered where a subscriber takes everything.
 * Types without a topic are sent to the queue itself, and need no subscription.
 */
export function subscriptionsFor(dispatcher: Dispatcher, format: Format): SubscriptionOptions[] {
  const byTopic = new Map<string, Set<string>>();
  for (const { type, topic } of dispatcher.eventTypes) {
    if (topic === undefined) continue;
    byTopic.set(topic, (byTopic.get(topic) ?? new Set()).add(type));
  }
  return [...byTopic].map(([topic, types]) => ({
    topic,
    ...(dispatcher.takesEverything ? {} : { events: [...types] }),
    // Python's Melange reads what a topic delivers from the envelope.
    ...(format === "melange" ? { raw: false } : {}),
  }));
}

/** The declaration of a bus's queue: what its handlers need, and what the caller adds. */
export function declarationFor(
  dispatcher: Dispatcher,
  options: DeclareQueueOptions,
  format: Format,
): DeclareQueueOptions {
  const { subscribeTo = [], ...rest } = options;
  const named = new Set(subscribeTo.map((it) => typeof it === "string" ? it : it.topic));
  const derived = subscriptionsFor(dispatcher, format).filter(({ topic }) => !named.has(topic));
  return { ...rest, subscribeTo: [...subscribeTo, ...derived] };
}
