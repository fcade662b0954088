import { VirtualClock } from "../../backends/memory/testing.ts";
import type { Delivery, Guarantees, ReceiveOptions } from "../../src/backend.ts";
import type { Counts } from "../../src/consume/counts.ts";
import type { Lease } from "../../src/consume/leases.ts";
import { Worker } from "../../src/consume/worker.ts";
import type { Outcome } from "../../src/handle/dispatch.ts";
import { createRetryBudget } from "../../src/support/retry.ts";
import { type FaultyReceiver, scriptedReceiver } from "./receiver.ts";
import { recordingLogger } from "./world.ts";

/** A delivery that is worked on, until `end` says what becomes of it. */
export interface Work {
  readonly lease: Lease;
  end(outcome: Outcome): void;
}

/** A worker on virtual time whose receives follow a script and whose handling is done by hand. */
export interface ScriptedWorker {
  readonly clock: VirtualClock;
  readonly receiver: FaultyReceiver;
  readonly worker: Worker;
  readonly counts: Counts;
  /** Work that has not ended, oldest first. */
  readonly works: Work[];
  /** Most deliveries that were worked on at once. */
  most(): number;
}

/** Creates a worker that has not begun. */
export function createWorker(
  { receive, slots = 10, fifo = false, random = () => 0.5, waitMs = 20_000, ...rest }: {
    receive: (
      clock: VirtualClock,
    ) => (options: ReceiveOptions, call: number) => Promise<Delivery[]>;
    slots?: number;
    fifo?: boolean;
    random?: () => number;
    waitMs?: number;
    guarantees?: Partial<Guarantees>;
    refillPerSecond?: number;
  },
): ScriptedWorker {
  const { guarantees = {}, refillPerSecond = 10 } = rest;
  const clock = new VirtualClock();
  const receiver = scriptedReceiver({ clock, receive: receive(clock), guarantees });
  const counts = countsOfNothing();
  const works: Work[] = [];
  let most = 0;
  const worker = new Worker({
    receiver,
    queue: fifo ? "q.fifo" : "q",
    concurrency: slots,
    visibilityTimeoutMs: 30_000,
    waitMs,
    refillMs: 100,
    ackLingerMs: 0,
    redelivery: { baseMs: 1_000, maxMs: 900_000 },
    clock,
    random,
    budget: createRetryBudget({ clock, capacity: 2, refillPerSecond }),
    logger: recordingLogger(),
    telemetry: undefined,
    concurrencyPerGroup: undefined,
    limiter: undefined,
    killSwitch: undefined,
    counts,
    handle: (lease) =>
      new Promise((end) => {
        works.push({ lease, end });
        most = Math.max(most, works.length);
      }),
  });
  return { clock, receiver, worker, counts, works, most: () => most };
}

function countsOfNothing(): Counts {
  return {
    received: 0,
    acknowledged: 0,
    retried: 0,
    deadLettered: 0,
    lost: 0,
    receiveErrors: 0,
    lastReceiveAt: undefined,
    lastError: undefined,
  };
}
