/**
 * Ways to let a process end though a backend is open: in Node and Bun, whose channels and timers
 * have `unref()`. Elsewhere these have no effect.
 */
import { type Clock, systemClock } from "../../src/support/clock.ts";
import type { BroadcastChannelLike } from "./channel.ts";

/** The clock of the machine, with timers that keep no process running. */
export const unreferencedClock: Clock = {
  ...systemClock,
  after(ms, callback) {
    const timer = setTimeout(callback, Math.max(ms, 0));
    (timer as { unref?(): unknown }).unref?.();
    return () => clearTimeout(timer);
  },
};

/** Opens channels that keep no process running. */
export function unreferenced(
  open: (name: string) => BroadcastChannelLike,
): (name: string) => BroadcastChannelLike {
  return (name) => {
    const channel = open(name);
    channel.unref?.();
    return channel;
  };
}

/** Longer than anything waits. */
const A_DAY_MS = 86_400_000;

/** Keeps the process running until a promise settles, as nothing else might. */
export async function keptAlive<T>(promise: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, A_DAY_MS);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}
