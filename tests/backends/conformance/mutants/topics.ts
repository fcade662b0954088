import type { Backend, DeclareQueueOptions, SubscriptionOptions } from "../../../../src/backend.ts";
import type { OutgoingMessage } from "../../../../src/wire/message.ts";
import { error, type Mutant, onDeliveries, onSend } from "./mutant.ts";

export const topicMutants: Mutant[] = [
  {
    name: "copies to the first subscriber only",
    fails: ["a topic copies to every subscribed queue"],
    mutate: (good) => {
      const taken = new Set<string>();
      return onSubscriptions(good, (subscription) => {
        const first = !taken.has(subscription.topic);
        taken.add(subscription.topic);
        return first ? subscription : { ...subscription, events: ["nothing"] };
      });
    },
  },
  {
    name: "acknowledges the copies of all queues",
    fails: ["a topic's copies are settled apart"],
    mutate: (good) => {
      const received: [queue: string, receipt: string][] = [];
      return {
        ...onDeliveries(good, (deliveries, queue) => {
          received.push(...deliveries.map(({ receipt }) => [queue, receipt] as [string, string]));
          return deliveries;
        }),
        acknowledge: async (queue, receipts) => {
          for (const [other, receipt] of received) await good.acknowledge(other, [receipt]);
          return await good.acknowledge(queue, receipts);
        },
      };
    },
  },
  {
    name: "takes nothing straight for a queue that subscribes",
    fails: ["a topic's messages reach a queue beside messages sent to it"],
    mutate: (good) => {
      const subscribed = new Set<string>();
      return {
        declareQueue: (name, options) => {
          if (options?.subscribeTo) subscribed.add(name);
          return good.declareQueue(name, options);
        },
        send: async (destination, messages, options) =>
          "queue" in destination && subscribed.has(destination.queue)
            ? messages.map(() => ({ ok: true, messageId: "dropped" }))
            : await good.send(destination, messages, options),
      };
    },
  },
  {
    name: "keeps messages of topics for later subscribers",
    fails: ["a topic without subscriptions accepts and keeps nothing"],
    mutate: (good) => keepsForLater(good),
  },
  {
    name: "topics refuse messages without subscriptions",
    fails: ["a topic without subscriptions accepts and keeps nothing"],
    mutate: (good) => {
      let subscribed = false;
      return {
        declareQueue: (name, options) => {
          subscribed ||= options?.subscribeTo !== undefined;
          return good.declareQueue(name, options);
        },
        send: (destination, ...rest) =>
          "topic" in destination && !subscribed
            ? Promise.reject(error("REFUSED"))
            : good.send(destination, ...rest),
      };
    },
  },
  {
    name: "topics ignore delays",
    fails: ["send() to a topic refuses a delay"],
    mutate: (good) =>
      onSend(
        good,
        ({ delayMs, ...message }, destination) =>
          "queue" in destination && delayMs !== undefined ? { ...message, delayMs } : message,
      ),
  },
  {
    name: "fails for a missing topic without saying so",
    fails: ["send() to a missing topic is NOT_FOUND or creates it"],
    mutate: (good) => {
      const topics = new Set<string>();
      return {
        declareTopic: (name, options) => good.declareTopic(topics.add(name) && name, options),
        send: (destination, ...rest) =>
          "topic" in destination && !topics.has(destination.topic)
            ? Promise.reject(error("REFUSED"))
            : good.send(destination, ...rest),
      };
    },
  },
  {
    name: "says that it does not fan out, and takes messages for topics",
    guarantees: { fansOut: false },
    fails: ["send() to a topic fails where nothing fans out"],
    mutate: () => ({}),
  },
  {
    name: "ignores filters",
    fails: [
      "a subscription filters by event type",
      "a subscription filters in the language of SNS",
      "a subscription combines its filter and its event types",
      "a subscription of no matching type keeps nothing",
      "declareQueue() replaces the filter of a subscription",
    ],
    mutate: (good) =>
      onSubscriptions(good, ({ events: _, filter: __, ...subscription }) => subscription),
  },
  {
    name: "filters by event type only",
    fails: [
      "a subscription filters in the language of SNS",
      "a subscription combines its filter and its event types",
    ],
    mutate: (good) => onSubscriptions(good, ({ filter: _, ...subscription }) => subscription),
  },
  {
    name: "drops messages without an event type",
    fails: [
      "a subscription without filters lets everything through",
      "a topic copies to every subscribed queue",
    ],
    mutate: (good) =>
      onSubscriptions(
        good,
        (subscription) =>
          subscription.events || subscription.filter
            ? subscription
            : { ...subscription, filter: { manifest: [{ exists: true }] } },
      ),
  },
  {
    name: "keeps the first filter",
    fails: ["declareQueue() replaces the filter of a subscription"],
    mutate: (good) => {
      const first = new Map<string, SubscriptionOptions>();
      return onSubscriptions(good, (subscription, queue) => {
        const key = `${queue} ${subscription.topic}`;
        if (!first.has(key)) first.set(key, subscription);
        return first.get(key)!;
      });
    },
  },
  {
    name: "subscribes again with each declaration",
    fails: ["declareQueue() twice subscribes once"],
    mutate: (good) => {
      let declared = 0;
      return {
        ...onSubscriptions(good, (subscription) => {
          declared++;
          return subscription;
        }),
        send: async (destination, messages, options) => {
          const times = "topic" in destination ? declared : 1;
          const results = await good.send(destination, Array(times).fill(messages).flat(), options);
          return results.slice(0, messages.length);
        },
      };
    },
  },
  {
    name: "replaces subscriptions",
    fails: ["declareQueue() adds a subscription and leaves the others"],
    mutate: (good) => {
      const before = new Map<string, string>();
      return {
        ...onSubscriptions(good, (subscription) => subscription),
        declareQueue: async (name, options) => {
          const [added] = subscriptionsOf(options);
          const topic = before.get(name);
          if (added) before.set(name, added.topic);
          if (added && topic && topic !== added.topic) {
            await good.declareQueue(name, { subscribeTo: [{ topic, events: ["nothing"] }] });
          }
          return await good.declareQueue(name, options);
        },
      };
    },
  },
  {
    name: "deleteQueue() deletes the topics of the queue",
    fails: ["deleteQueue() leaves other subscriptions alone"],
    mutate: (good) => {
      const topics = new Set<string>();
      return {
        ...onSubscriptions(good, (subscription) => {
          topics.add(subscription.topic);
          return subscription;
        }),
        deleteQueue: async (name) => {
          for (const topic of topics) await good.deleteTopic(topic);
          await good.deleteQueue(name);
        },
      };
    },
  },
];

function onSubscriptions(
  good: Backend,
  change: (subscription: SubscriptionOptions, queue: string) => SubscriptionOptions,
): Pick<Backend, "declareQueue"> {
  return {
    declareQueue: (name, options) => {
      const subscribeTo = subscriptionsOf(options).map((item) => change(item, name));
      return good.declareQueue(name, { ...options, subscribeTo });
    },
  };
}

function subscriptionsOf(options: DeclareQueueOptions | undefined): SubscriptionOptions[] {
  return (options?.subscribeTo ?? []).map((item) =>
    typeof item === "string" ? { topic: item } : item
  );
}

function keepsForLater(good: Backend): Partial<Backend> {
  const kept = new Map<string, OutgoingMessage[]>();
  return {
    send: (destination, messages, options) => {
      if ("topic" in destination) kept.set(destination.topic, [...messages]);
      return good.send(destination, messages, options);
    },
    declareQueue: async (name, options) => {
      const description = await good.declareQueue(name, options);
      for (const { topic } of subscriptionsOf(options)) {
        await good.send({ queue: name }, kept.get(topic) ?? []);
      }
      return description;
    },
  };
}
