import type { Backend } from "../../../../src/backend.ts";
import { error, type Mutant } from "./mutant.ts";

export const deadLetterMutants: Mutant[] = [
  {
    name: "deadLetter() deletes without a copy",
    fails: [
      "deadLetter() puts the copy in the dead-letter queue and removes the message",
      "deadLetter() fails for a bad receipt only",
      "deadLetter() keeps messages whose dead-letter queue is gone",
    ],
    mutate: (good) => ({
      deadLetter: (queue, copies) => good.acknowledge(queue, copies.map(({ receipt }) => receipt)),
    }),
  },
  {
    name: "deadLetter() deletes before it copies",
    fails: [
      "deadLetter() keeps a message whose copy is refused",
      "deadLetter() keeps messages whose dead-letter queue is gone",
    ],
    mutate: (good) => ({
      deadLetter: async (queue, copies) => {
        const { deadLetterQueue } = await good.describeQueue(queue);
        await good.acknowledge(queue, copies.map(({ receipt }) => receipt));
        return await good.send({ queue: deadLetterQueue! }, copies.map(({ copy }) => copy));
      },
    }),
  },
  {
    name: "deadLetter() copies without deleting",
    fails: [
      "deadLetter() puts the copy in the dead-letter queue and removes the message",
      "deadLetter() lets the message group go on",
    ],
    mutate: (good) => ({
      deadLetter: async (queue, copies) => {
        const { deadLetterQueue } = await good.describeQueue(queue);
        return await good.send({ queue: deadLetterQueue! }, copies.map(({ copy }) => copy));
      },
    }),
  },
  {
    name: "deadLetter() drops attributes",
    fails: ["deadLetter() puts the copy in the dead-letter queue and removes the message"],
    mutate: (good) => ({
      deadLetter: (queue, copies) =>
        good.deadLetter!(
          queue,
          copies.map(({ receipt, copy }) => ({ receipt, copy: { ...copy, attributes: {} } })),
        ),
    }),
  },
  {
    name: "deadLetter() acknowledges where there is no dead-letter queue",
    fails: ["deadLetter() without a dead-letter queue is UNSUPPORTED and changes nothing"],
    mutate: (good) => ({
      deadLetter: async (queue, copies) => {
        const { deadLetterQueue } = await good.describeQueue(queue);
        if (deadLetterQueue) return await good.deadLetter!(queue, copies);
        return await good.acknowledge(queue, copies.map(({ receipt }) => receipt));
      },
    }),
  },
  {
    name: "deadLetter() without a dead-letter queue gives the lock back",
    fails: ["deadLetter() without a dead-letter queue is UNSUPPORTED and changes nothing"],
    mutate: (good) => ({
      deadLetter: async (queue, copies) => {
        const results = await good.deadLetter!(queue, copies);
        const releases = copies.map(({ receipt }) => ({ receipt, delayMs: 0 }));
        if (results.some(({ ok }) => !ok)) await good.release(queue, releases);
        return results;
      },
    }),
  },
  {
    name: "deadLetter() gives FIFO copies one id",
    fails: ["deadLetter() de-duplicates FIFO copies by the id of the message"],
    mutate: (good) => ({
      deadLetter: async (queue, copies) => {
        const { deadLetterQueue } = await good.describeQueue(queue);
        const id = deadLetterQueue?.endsWith(".fifo") ? { deduplicationId: "same" } : {};
        await good.send(
          { queue: deadLetterQueue! },
          copies.map(({ copy }) => ({ ...copy, ...id })),
        );
        return await good.acknowledge(queue, copies.map(({ receipt }) => receipt));
      },
    }),
  },
  {
    name: "says that it has no dead-letter queues, and has",
    guarantees: { deadLetters: false },
    fails: ["deadLetter() is UNSUPPORTED where there are no dead-letter queues"],
    mutate: () => ({
      deadLetter: (_, copies) => Promise.resolve(copies.map(() => ({ ok: true }))),
    }),
  },
  {
    name: "ignores maxReceives",
    fails: [
      "a message received maxReceives times moves to the dead-letter queue",
      "a FIFO message received maxReceives times moves and its group goes on",
      "declareQueue() names the dead-letter queue and creates it",
    ],
    mutate: (good) => ({
      declareQueue: (name, options) =>
        good.declareQueue(
          name,
          options?.maxReceives ? { ...options, maxReceives: 1_000 } : options,
        ),
    }),
  },
  {
    name: "drops what is received maxReceives times",
    fails: [
      "a message received maxReceives times moves to the dead-letter queue",
      "a FIFO message received maxReceives times moves and its group goes on",
    ],
    mutate: (good) => dropsDead(good),
  },
];

/** Its dead-letter queues are always empty. */
function dropsDead(good: Backend): Partial<Backend> {
  return {
    receive: async (queue, options) => {
      const deliveries = await good.receive(queue, options);
      if (!queue.includes("-dead")) return deliveries;
      await good.acknowledge(queue, deliveries.map(({ receipt }) => receipt));
      return [];
    },
  };
}

export const administrationMutants: Mutant[] = [
  {
    name: "declares other guarantees",
    fails: ["guarantees are those that the suite was told"],
    mutate: (good) => ({ guarantees: { ...good.guarantees, ordered: false } }),
  },
  {
    name: "has limits that fit nothing",
    fails: ["limits are usable"],
    spares: [],
    mutate: (good) => ({
      limits: { ...good.limits, queue: { ...good.limits.queue, batchBytes: 10 } },
    }),
  },
  {
    name: "describes every queue alike",
    fails: [
      "declareQueue() describes the queue",
      "declareQueue() updates what differs",
      "describeQueue() counts messages",
      "describeQueue() counts delayed messages",
    ],
    mutate: (good) => ({
      describeQueue: async (name) => ({
        ...await good.describeQueue(name),
        visibilityTimeoutMs: 1,
        available: 0,
        inFlight: 0,
        delayed: 0,
      }),
    }),
  },
  {
    name: "declareQueue() begins anew",
    fails: [
      "declareQueue() twice keeps the queue and its messages",
      "declareQueue() leaves out what is not given",
    ],
    mutate: (good) => ({
      declareQueue: async (...args) => {
        await good.deleteQueue(args[0]);
        return await good.declareQueue(...args);
      },
    }),
  },
  {
    name: "declareQueue() leaves a queue as it is",
    fails: [
      "declareQueue() updates what differs",
      "declareQueue() adds a subscription and leaves the others",
      "declareQueue() replaces the filter of a subscription",
    ],
    mutate: (good) => ({
      declareQueue: (...args) =>
        good.describeQueue(args[0]).catch(() => good.declareQueue(...args)),
    }),
  },
  {
    name: "declareQueue() fails when it is called at once",
    fails: ["declareQueue() may be called concurrently"],
    mutate: (good) => {
      let busy = false;
      return {
        declareQueue: async (...args) => {
          if (busy) throw error("CONFLICT");
          busy = true;
          await null;
          return await good.declareQueue(...args).finally(() => busy = false);
        },
      };
    },
  },
  {
    name: "keeps messages for ever",
    fails: ["declareQueue() sets how long messages are kept"],
    mutate: (good) => ({
      declareQueue: (name, { retentionMs: _, ...options } = {}) => good.declareQueue(name, options),
    }),
  },
  {
    name: "declareTopic() gives another address each time",
    fails: ["declareTopic() twice keeps the topic"],
    spares: [],
    mutate: (good) => {
      let declared = 0;
      return {
        declareTopic: async (...args) => {
          const { name, address } = await good.declareTopic(...args);
          return { name, address: `${address}/${declared++}` };
        },
      };
    },
  },
  {
    name: "deletes nothing",
    fails: [
      "deleteQueue() deletes the queue and what is in it",
      "deleteTopic() ends its subscriptions",
      "every verb takes the address of a queue",
    ],
    mutate: () => ({
      deleteQueue: () => Promise.resolve(),
      deleteTopic: () => Promise.resolve(),
    }),
  },
  {
    name: "cannot delete what is missing",
    fails: [
      "deleteQueue() of a missing queue is success",
      "deleteTopic() of a missing topic is success",
    ],
    mutate: (good) => {
      const topics = new Set<string>();
      return {
        deleteQueue: async (name) => {
          await good.describeQueue(name);
          await good.deleteQueue(name);
        },
        declareTopic: (name) => good.declareTopic(topics.add(name) && name),
        deleteTopic: async (name) => {
          if (!topics.delete(name)) throw error("NOT_FOUND");
          await good.deleteTopic(name);
        },
      };
    },
  },
  {
    name: "does not know its own addresses",
    fails: ["every verb takes the address of a queue", "every verb takes the address of a topic"],
    mutate: (good) => ({
      declareQueue: async (...args) => ({ ...await good.declareQueue(...args), address: "wrong" }),
      declareTopic: async (...args) => ({ ...await good.declareTopic(...args), address: "wrong" }),
    }),
  },
  {
    name: "says that it is durable, and is not",
    guarantees: { durable: true },
    fails: ["what was accepted is there after a new start"],
    mutate: () => ({}),
  },
];
