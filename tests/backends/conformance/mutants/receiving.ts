import type { Backend, Delivery } from "../../../../src/backend.ts";
import { error, type Mutant, onDeliveries, onMessage, onReceive } from "./mutant.ts";

export const receivingMutants: Mutant[] = [
  {
    name: "counts attempts from 0",
    fails: ["receive() returns the facts of a message"],
    mutate: (good) => onMessage(good, ({ attempt }) => ({ attempt: attempt - 1 })),
  },
  {
    name: "gives ids of its own",
    fails: [
      "receive() returns the facts of a message",
      "send() gives one result per message, in order",
    ],
    mutate: (good) => onMessage(good, ({ id }) => ({ id: `${id}!` })),
  },
  {
    name: "drops groups and sequence numbers",
    fails: [
      "receive() returns the group of a message in a standard queue",
      "send() to FIFO carries group and deduplication id",
    ],
    mutate: (good) =>
      onDeliveries(
        good,
        (deliveries) =>
          deliveries.map(({ receipt, message: { group: _, ...message } }) => ({
            receipt,
            message,
          })),
      ),
  },
  {
    name: "receives more than max",
    fails: ["receive() returns at most max messages"],
    mutate: (good) => onReceive(good, () => ({ max: 10 })),
  },
  {
    name: "returns at once, so that its caller spins",
    fails: [
      "receive() takes its wait when there is nothing",
      "receive() takes its wait when all is locked",
      "receive() takes its wait when all groups are blocked",
      "receive() returns as soon as a message comes",
      "receive() hands a message to one of those that wait",
      "receive() returns a message whose lock ends while it waits",
      "receive() returns when a group is freed while it waits",
    ],
    mutate: (good) => onReceive(good, () => ({ waitMs: 0 })),
  },
  {
    name: "always waits",
    fails: ["receive() without a wait looks once"],
    mutate: (good) => onReceive(good, ({ waitMs }) => ({ waitMs: Math.max(waitMs, 5_000) })),
  },
  {
    name: "finds nothing without a wait",
    fails: ["receive() finds what is there without a wait"],
    mutate: (good) => ({
      receive: async (queue, options) => options.waitMs ? await good.receive(queue, options) : [],
    }),
  },
  {
    name: "looks only after its wait",
    fails: [
      "receive() returns as soon as a message comes",
      "receive() hands a message to one of those that wait",
    ],
    mutate: (good, clock) => ({
      receive: async (queue, options) => {
        await new Promise<void>((resolve) => void clock.after(options.waitMs, resolve));
        return await good.receive(queue, { ...options, waitMs: 0 });
      },
    }),
  },
  {
    name: "never returns from a wait",
    fails: ["receive() takes its wait when there is nothing", "receive() locks what it returns"],
    mutate: (good) => ({
      receive: async (queue, options) => {
        const deliveries = await good.receive(queue, { ...options, waitMs: 0 });
        return deliveries.length > 0 ? deliveries : await new Promise<never>(() => {});
      },
    }),
  },
  {
    name: "gives concurrent receives the same messages",
    fails: [
      "receive() shares messages among concurrent calls",
      "receive() hands a message to one of those that wait",
    ],
    mutate: (good) => sharedReceive(good),
  },
  {
    name: "confuses queues",
    fails: ["receive() keeps queues apart"],
    mutate: (good) => {
      let first: string | undefined;
      return { receive: (queue, options) => good.receive(first ??= queue, options) };
    },
  },
  {
    name: "creates what is missing",
    fails: [
      "send() to a missing queue is NOT_FOUND",
      "receive() of a missing queue is NOT_FOUND",
      "describeQueue() of a missing queue is NOT_FOUND",
      "deleteQueue() deletes the queue and what is in it",
    ],
    mutate: (good) => ({
      async send(destination, ...rest) {
        if ("queue" in destination) await good.declareQueue(destination.queue);
        return await good.send(destination, ...rest);
      },
      async receive(queue, options) {
        await good.declareQueue(queue);
        return await good.receive(queue, options);
      },
      async describeQueue(name) {
        return await good.declareQueue(name);
      },
    }),
  },
  {
    name: "does not lock",
    fails: [
      "receive() locks what it returns",
      "receive() returns at most max messages",
      "receive() takes its wait when all is locked",
      "describeQueue() counts messages",
    ],
    mutate: (good) => ({
      ...onDeliveries(good, async (deliveries, queue) => {
        const releases = deliveries.map(({ receipt }) => ({ receipt, delayMs: 0 }));
        await good.release(queue, releases);
        return deliveries;
      }),
    }),
  },
  {
    name: "does not redeliver",
    fails: [
      "receive() returns a message again after its lock",
      "receive() returns a message whose lock ends while it waits",
      "receive() gives another receipt each time",
      "receive() redelivers a message unchanged",
      "attempt counts receives",
      "receive() returns an expired message before its followers",
      "receive() returns a released message before its followers",
      "release() without a delay makes a message available at once",
    ],
    mutate: (good) => ({
      ...onDeliveries(good, async (deliveries, queue) => {
        await good.acknowledge(queue, deliveries.map(({ receipt }) => receipt));
        return deliveries;
      }),
    }),
  },
  {
    name: "uses the id of a message as its receipt",
    fails: [
      "receive() gives another receipt each time",
      "acknowledge() of a lock that another receive took over is LOCK_LOST",
      "acknowledge() of a lost lock leaves the new one alone",
      "release() of a lost lock is LOCK_LOST",
      "extend() of a lost lock is LOCK_LOST",
    ],
    mutate: (good) => stableReceipts(good),
  },
  {
    name: "does not say when the lock ends",
    fails: ["receive() sets the end of the lock", "extend() counts from now and gives the new end"],
    mutate: (good) =>
      onDeliveries(
        good,
        (deliveries) =>
          deliveries.map(({ receipt, message: { lockedUntil: _, ...message } }) => ({
            receipt,
            message,
          })),
      ),
  },
  {
    name: "hands out the same bytes again",
    fails: ["receive() redelivers a message unchanged"],
    mutate: (good) => {
      const known = new Map<string, Delivery["message"]["attributes"]>();
      return onMessage(good, ({ id, attributes }) => {
        if (!known.has(id)) known.set(id, attributes);
        return { attributes: known.get(id)! };
      });
    },
  },
  {
    name: "does not count attempts",
    fails: ["attempt counts receives"],
    mutate: (good) => onMessage(good, () => ({ attempt: 1 })),
  },
  {
    name: "says that it does not count attempts, and counts",
    guarantees: { countsAttempts: false },
    fails: ["attempt is 1 where it is not counted"],
    mutate: () => ({}),
  },
  {
    name: "receives one at a time",
    fails: ["every verb may be called while others are under way"],
    mutate: (good) => {
      let busy = false;
      return {
        receive: async (queue, options) => {
          if (busy) throw error("CONFLICT");
          busy = true;
          return await good.receive(queue, options).finally(() => busy = false);
        },
      };
    },
  },
];

/** Calls of the same moment get one answer. */
function sharedReceive(good: Backend): Pick<Backend, "receive"> {
  const pending = new Map<string, Promise<Delivery[]>>();
  return {
    receive(queue, options) {
      const call = pending.get(queue) ?? good.receive(queue, options);
      pending.set(queue, call);
      return call.finally(() => pending.delete(queue));
    },
  };
}

function stableReceipts(good: Backend): Partial<Backend> {
  const latest = new Map<string, string>();
  const real = (receipt: string) => latest.get(receipt) ?? receipt;
  return {
    ...onDeliveries(good, (deliveries) =>
      deliveries.map(({ receipt, message }) => {
        latest.set(message.id, receipt);
        return { receipt: message.id, message };
      })),
    acknowledge: (queue, receipts) => good.acknowledge(queue, receipts.map(real)),
    release: (queue, releases) =>
      good.release(queue, releases.map((item) => ({ ...item, receipt: real(item.receipt) }))),
    extend: (queue, extensions) =>
      good.extend(queue, extensions.map((item) => ({ ...item, receipt: real(item.receipt) }))),
  };
}
