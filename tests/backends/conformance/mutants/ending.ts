import type { Backend } from "../../../../src/backend.ts";
import { error, type Mutant } from "./mutant.ts";

export const endingMutants: Mutant[] = [
  {
    name: "receive() ignores abort",
    fails: [
      "receive() ends soon after its signal aborts",
      "every verb rejects with the reason of an aborted signal",
      "receive() with an aborted signal takes no message",
    ],
    mutate: (good) => ({
      receive: (queue, { signal: _, ...options }) => good.receive(queue, options),
    }),
  },
  {
    name: "rejects with a reason of its own",
    fails: [
      "receive() ends soon after its signal aborts",
      "every verb rejects with the reason of an aborted signal",
    ],
    mutate: (good) => ({
      receive: (...args) => good.receive(...args).catch(() => Promise.reject(error("STOPPED"))),
    }),
  },
  {
    name: "an aborted receive() goes on in the background",
    fails: ["receive() that is aborted takes no message"],
    mutate: (good) => ({
      receive: (queue, { signal, ...options }) =>
        ignoringAbort(signal, () => good.receive(queue, options)),
    }),
  },
  {
    name: "one abort ends all receives",
    fails: ["receive() that is aborted leaves other receives alone"],
    mutate: (good) => {
      const all = new AbortController();
      return {
        receive: (queue, { signal, ...options }) => {
          signal?.addEventListener("abort", () => all.abort(signal.reason));
          return good.receive(queue, { ...options, signal: all.signal });
        },
      };
    },
  },
  {
    name: "works although its signal has aborted, and rejects",
    fails: [
      "receive() with an aborted signal takes no message",
      "send() with an aborted signal stores nothing",
      "acknowledge() with an aborted signal removes nothing",
    ],
    mutate: (good) => ({
      receive: (queue, { signal, ...options }) =>
        ignoringAbort(signal, () => good.receive(queue, options)),
      send: (destination, messages, options) =>
        ignoringAbort(options?.signal, () => good.send(destination, messages)),
      acknowledge: (queue, receipts, options) =>
        ignoringAbort(options?.signal, () => good.acknowledge(queue, receipts)),
    }),
  },
  {
    name: "a late abort gives locks back",
    fails: ["a signal that aborts after the call changes nothing"],
    mutate: (good) => ({
      receive: async (queue, options) => {
        const deliveries = await good.receive(queue, options);
        const releases = deliveries.map(({ receipt }) => ({ receipt, delayMs: 0 }));
        options.signal?.addEventListener("abort", () => void good.release(queue, releases));
        return deliveries;
      },
    }),
  },
  {
    name: "close() leaves a receive waiting",
    fails: ["close() ends a receive that waits with CLOSED"],
    mutate: (good, clock) => ({
      receive: (...args) =>
        good.receive(...args).catch(async (reason) => {
          await new Promise<void>((resolve) => void clock.after(60_000, resolve));
          throw reason;
        }),
    }),
  },
  {
    name: "close() lets later calls work",
    fails: ["close() makes every later call CLOSED", "Symbol.asyncDispose closes"],
    mutate: () => ({
      close: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  },
  {
    name: "closes once",
    fails: ["close() twice is success"],
    mutate: (good) => closesOnce(good),
  },
];

async function ignoringAbort<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (!signal) return await work();
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return await Promise.race([aborted, work()]);
}

function closesOnce(good: Backend): Partial<Backend> {
  let closed = false;
  return {
    close: async () => {
      if (closed) throw error("CLOSED");
      closed = true;
      await good.close();
    },
  };
}
