/** Topics and queues as they exist in a broker, with their settings. */
import type { ExistingQueue, ExistingTopic, Inventory } from "../../src/backend.ts";
import { defined } from "../../src/support/defined.ts";
import { type Broker, describeQueue } from "./broker.ts";
import { nameIn } from "./names.ts";

/** Reads topics and queues by name; a missing one is left out. Changes nothing. */
export function inspect(
  broker: Broker,
  { topics, queues }: { readonly topics: readonly string[]; readonly queues: readonly string[] },
  now: number,
): Inventory {
  return {
    topics: unique(topics).flatMap((name) => topicOf(broker, name)),
    queues: unique(queues).flatMap((name) => queueOf(broker, name, now)),
  };
}

function unique(given: readonly string[]): string[] {
  return [...new Set(given.map(nameIn))];
}

function topicOf({ topics }: Broker, name: string): ExistingTopic[] {
  const topic = topics.get(name);
  if (!topic) return [];
  const subscriptions = [...topic.subscriptions].map(([endpoint, { raw, policy }]) => ({
    protocol: "sqs",
    endpoint,
    raw,
    ...defined({ filter: policy }),
  }));
  const { contentBasedDeduplication } = topic;
  return [{ name, address: name, contentBasedDeduplication, subscriptions }];
}

function queueOf(broker: Broker, name: string, now: number): ExistingQueue[] {
  const queue = broker.queues.get(name);
  if (!queue) return [];
  const { retentionMs, delayMs, contentBasedDeduplication } = queue.settings;
  const description = describeQueue(broker, name, now);
  return [{ ...description, retentionMs, delayMs, contentBasedDeduplication }];
}
