import type { Backend } from "../../../../src/backend.ts";
import { isFifo, nameOf } from "../../../../src/wire/message.ts";
import { error, type Mutant, onDeliveries, onSend } from "./mutant.ts";

export const fifoMutants: Mutant[] = [
  {
    name: "reverses what it receives",
    fails: [
      "receive() keeps the order of a message group",
      "receive() keeps the order within one batch of messages",
      "receive() returns a released message before its followers",
      "receive() returns an expired message before its followers",
      "sequenceNumber grows where it is given",
    ],
    mutate: (good) => onDeliveries(good, (deliveries) => deliveries.reverse()),
  },
  {
    name: "gives each message a group of its own",
    fails: [
      "receive() blocks a group while one of its messages is in flight",
      "receive() blocks a group until all it returned is settled",
      "receive() blocks a group while its first message is hidden",
      "receive() takes its wait when all groups are blocked",
      "receive() returns when a group is freed while it waits",
    ],
    mutate: (good) => {
      let groups = 0;
      return onSend(
        good,
        (message, destination) =>
          isFifo(nameOf(destination)) ? { ...message, group: `group-${groups++}` } : message,
      );
    },
  },
  {
    name: "frees a group with its first acknowledgement",
    fails: ["receive() blocks a group until all it returned is settled"],
    mutate: (good) => freesEarly(good),
  },
  {
    name: "gives every message one sequence number",
    fails: ["sequenceNumber grows where it is given"],
    mutate: (good) =>
      onDeliveries(good, (deliveries) =>
        deliveries.map(({ receipt, message }) => ({
          receipt,
          message: { ...message, sequenceNumber: "1" },
        }))),
  },
  {
    name: "drops what a FIFO queue or a standard queue does not take",
    fails: [
      "send() to FIFO refuses a delay per message",
      "send() to a standard queue refuses a deduplication id",
      "send() to FIFO refuses bad groups and ids and stores the neighbours",
    ],
    mutate: (good) =>
      onSend(
        good,
        ({ delayMs, deduplicationId, ...message }, destination) =>
          isFifo(nameOf(destination))
            ? {
              ...message,
              group: message.group || "none",
              deduplicationId: deduplicationId || "none",
            }
            : { ...message, ...delayMs === undefined ? {} : { delayMs } },
      ),
  },
  {
    name: "ignores deduplication ids",
    fails: [
      "send() to FIFO carries group and deduplication id",
      "send() drops a repeated deduplication id",
      "send() drops a repeated deduplication id within one batch",
      "send() drops a repeated deduplication id after the message was acknowledged",
      "send() takes a deduplication id again after five minutes",
      "declareQueue() de-duplicates by the body if asked to",
    ],
    mutate: (good) => {
      let ids = 0;
      return onSend(
        good,
        (message, destination) =>
          isFifo(nameOf(destination)) ? { ...message, deduplicationId: `id-${ids++}` } : message,
      );
    },
  },
  {
    name: "remembers deduplication ids for ever",
    fails: ["send() takes a deduplication id again after five minutes"],
    mutate: (good) => remembersIds(good, (queue, id) => `${queue} ${id}`),
  },
  {
    name: "remembers deduplication ids for all queues",
    fails: ["send() de-duplicates each queue for itself"],
    mutate: (good) => remembersIds(good, (_, id) => id),
  },
  {
    name: "expires a FIFO message and still lets it be acknowledged",
    fails: ["acknowledge() of an expired FIFO lock is LOCK_LOST"],
    mutate: (good) => ({
      acknowledge: async (...args) =>
        (await good.acknowledge(...args)).map(() => ({ ok: true as const })),
    }),
  },
  {
    name: "sends one at a time",
    fails: [
      "send() may be called concurrently",
      "every verb may be called while others are under way",
    ],
    mutate: (good) => {
      let busy = false;
      return {
        send: async (destination, messages, options) => {
          if (busy) throw error("CONFLICT");
          busy = true;
          const copy = structuredClone(messages);
          await null;
          return await good.send(destination, copy, options).finally(() => busy = false);
        },
      };
    },
  },
];

/** Gives back the rest of what it handed out when one message is acknowledged. */
function freesEarly(good: Backend): Partial<Backend> {
  const inFlight = new Set<string>();
  return {
    ...onDeliveries(good, (deliveries) => {
      for (const { receipt } of deliveries) inFlight.add(receipt);
      return deliveries;
    }),
    acknowledge: async (queue, receipts) => {
      const results = await good.acknowledge(queue, receipts);
      for (const receipt of receipts) inFlight.delete(receipt);
      await good.release(queue, [...inFlight].map((receipt) => ({ receipt, delayMs: 0 })));
      return results;
    },
  };
}

function remembersIds(good: Backend, key: (queue: string, id: string) => string): Partial<Backend> {
  const known = new Set<string>();
  return {
    send: async (destination, messages, options) => {
      const isNew = messages.map(({ deduplicationId }) => {
        if (deduplicationId === undefined) return true;
        const id = key(nameOf(destination), deduplicationId);
        return !known.has(id) && known.add(id) !== undefined;
      });
      const stored = messages.filter((_, index) => isNew[index]);
      const results = await good.send(destination, stored, options);
      return isNew.map((fresh) => fresh ? results.shift()! : { ok: true, messageId: "known" });
    },
  };
}
