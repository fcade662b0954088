import type { Backend, ReceiveOptions } from "../../../../src/backend.ts";
import { error, type Mutant, onDeliveries } from "./mutant.ts";

export const settlingMutants: Mutant[] = [
  {
    name: "cannot settle nothing",
    fails: ["every verb gives no results for no items"],
    mutate: (good) => ({
      acknowledge: (queue, receipts) =>
        receipts.length > 0 ? good.acknowledge(queue, receipts) : Promise.reject(error("REFUSED")),
    }),
  },
  {
    name: "acknowledge() does not delete",
    fails: [
      "acknowledge() removes messages for good",
      "acknowledge() leaves other messages alone",
      "acknowledge() works after extend()",
      "deadLetter() lets the message group go on",
    ],
    spares: ["acknowledge() succeeds for each message", "acknowledge() twice is success"],
    mutate: (good) => ({
      acknowledge: (_, receipts) => Promise.resolve(receipts.map(() => ({ ok: true }))),
      deadLetter: async (queue, copies) => {
        const { deadLetterQueue } = await good.describeQueue(queue);
        return await good.send({ queue: deadLetterQueue! }, copies.map(({ copy }) => copy));
      },
    }),
  },
  {
    name: "acknowledge() forgets a result",
    fails: ["acknowledge() succeeds for each message"],
    mutate: (good) => ({
      acknowledge: async (...args) => (await good.acknowledge(...args)).slice(1),
    }),
  },
  {
    name: "acknowledge() twice fails",
    fails: ["acknowledge() twice is success"],
    mutate: (good) => {
      const known = new Set<string>();
      return {
        acknowledge: async (queue, receipts) => {
          const repeated = receipts.map((receipt) => known.has(receipt));
          for (const receipt of receipts) known.add(receipt);
          const results = await good.acknowledge(queue, receipts);
          return results.map((result, index) =>
            repeated[index] ? { ok: false, error: error("LOCK_LOST") } : result
          );
        },
      };
    },
  },
  {
    name: "settles everything in flight",
    fails: [
      "acknowledge() leaves other messages alone",
      "release() leaves other messages alone",
      "extend() leaves other messages alone",
    ],
    mutate: (good) => settlesAll(good),
  },
  {
    name: "throws for a bad item",
    fails: [
      "acknowledge() fails for a bad receipt only",
      "release() fails for a bad receipt only",
      "extend() fails for a bad receipt only",
      "deadLetter() fails for a bad receipt only",
      "deadLetter() keeps a message whose copy is refused",
    ],
    mutate: (good) => ({
      acknowledge: async (...args) => thrown(await good.acknowledge(...args)),
      release: async (...args) => thrown(await good.release(...args)),
      extend: async (...args) => thrown(await good.extend(...args)),
      deadLetter: async (...args) => thrown(await good.deadLetter!(...args)),
    }),
  },
  {
    name: "acknowledge() reads its array later",
    fails: ["acknowledge() is not affected by later changes of its array"],
    mutate: (good) => ({
      acknowledge: async (...args) => {
        await null;
        return await good.acknowledge(...args);
      },
    }),
  },
  {
    name: "takes a lost lock for a success",
    fails: [
      "acknowledge() of a lock that another receive took over is LOCK_LOST",
      "acknowledge() of an expired FIFO lock is LOCK_LOST",
      "release() of a lost lock is LOCK_LOST",
      "release() of an acknowledged message is LOCK_LOST",
      "extend() of a lost lock is LOCK_LOST",
      "extend() of an acknowledged message is LOCK_LOST",
      "acknowledge() fails for a bad receipt only",
      "release() fails for a bad receipt only",
      "extend() fails for a bad receipt only",
    ],
    mutate: (good, clock) => ({
      acknowledge: async (...args) =>
        (await good.acknowledge(...args)).map(() => ({ ok: true as const })),
      release: async (...args) => (await good.release(...args)).map(() => ({ ok: true as const })),
      extend: async (...args) =>
        (await good.extend(...args)).map(() => ({ ok: true, lockedUntil: new Date(clock.now()) })),
    }),
  },
  {
    name: "acknowledge() does nothing after the lock ended, and says it did",
    fails: ["acknowledge() after the lock ended tells what became of the message"],
    mutate: (good, clock) => {
      const ends = new Map<string, number>();
      const isOver = (receipt: string) => (ends.get(receipt) ?? Infinity) < clock.now();
      return {
        ...onDeliveries(good, (deliveries) => {
          for (const { receipt, message } of deliveries) {
            ends.set(receipt, message.lockedUntil!.getTime());
          }
          return deliveries;
        }),
        acknowledge: async (queue, receipts) =>
          receipts.some(isOver)
            ? receipts.map(() => ({ ok: true }))
            : await good.acknowledge(queue, receipts),
      };
    },
  },
  {
    name: "extend() invalidates the receipt",
    fails: ["acknowledge() works after extend()"],
    mutate: (good) => {
      const extended = new Set<string>();
      return {
        extend: (queue, extensions) => {
          for (const { receipt } of extensions) extended.add(receipt);
          return good.extend(queue, extensions);
        },
        acknowledge: (queue, receipts) =>
          good.acknowledge(queue, receipts.map((one) => extended.has(one) ? `${one}!` : one)),
      };
    },
  },
  {
    name: "release() ignores delays",
    fails: [
      "release() hides a message for its delay",
      "release() gives each message its own delay",
      "receive() blocks a group while its first message is hidden",
    ],
    mutate: (good) => ({
      release: (queue, releases) =>
        good.release(queue, releases.map((item) => ({ ...item, delayMs: 0 }))),
    }),
  },
  {
    name: "release() uses one delay for all",
    fails: ["release() gives each message its own delay"],
    mutate: (good) => ({
      release: (queue, releases) =>
        good.release(queue, releases.map((item) => ({ ...item, delayMs: releases[0]!.delayMs }))),
    }),
  },
  {
    name: "release() does nothing",
    fails: [
      "release() without a delay makes a message available at once",
      "release() leaves other messages alone",
      "receive() returns a released message before its followers",
      "a message received maxReceives times moves to the dead-letter queue",
    ],
    mutate: () => ({
      release: (_, releases) => Promise.resolve(releases.map(() => ({ ok: true }))),
    }),
  },
  {
    name: "extend() lies",
    fails: [
      "extend() keeps a message locked",
      "extend() may be repeated",
      "extend() leaves other messages alone",
      "extend() fails for a bad receipt only",
    ],
    mutate: (_, clock) => ({
      extend: (_, extensions) =>
        Promise.resolve(extensions.map(({ visibilityMs }) => ({
          ok: true,
          lockedUntil: new Date(clock.now() + visibilityMs),
        }))),
    }),
  },
  {
    name: "extend() counts from the end of the lock",
    fails: ["extend() counts from now and gives the new end"],
    mutate: (good) => ({
      extend: async (...args) =>
        (await good.extend(...args)).map((result) =>
          result.ok
            ? { ok: true, lockedUntil: new Date(result.lockedUntil.getTime() + 2_000) }
            : result
        ),
    }),
  },
  {
    name: "extend() gives its results out of order",
    fails: ["extend() gives one result per message, in order"],
    mutate: (good) => ({ extend: async (...args) => (await good.extend(...args)).reverse() }),
  },
];

function thrown<R extends { ok: boolean; error?: unknown }>(results: R[]): R[] {
  for (const result of results) if (!result.ok) throw result.error;
  return results;
}

/** Every settlement concerns all receipts that were ever handed out. */
function settlesAll(good: Backend): Partial<Backend> {
  const all = new Set<string>();
  const others = (given: readonly string[]) => [...all].filter((one) => !given.includes(one));
  return {
    receive: async (queue: string, options: ReceiveOptions) => {
      const deliveries = await good.receive(queue, options);
      for (const { receipt } of deliveries) all.add(receipt);
      return deliveries;
    },
    acknowledge: async (queue, receipts) => {
      await good.acknowledge(queue, others(receipts));
      return await good.acknowledge(queue, receipts);
    },
    release: async (queue, releases) => {
      const receipts = others(releases.map(({ receipt }) => receipt));
      await good.release(queue, receipts.map((receipt) => ({ receipt, delayMs: 0 })));
      return await good.release(queue, releases);
    },
    extend: async (queue, extensions) => {
      const receipts = others(extensions.map(({ receipt }) => receipt));
      const visibilityMs = 30_000;
      await good.extend(queue, receipts.map((receipt) => ({ receipt, visibilityMs })));
      return await good.extend(queue, extensions);
    },
  };
}
