import type { Clock } from "../../../src/support/clock.ts";

/** A clock that stands still until it is told to move. */
export interface VirtualClock extends Clock {
  /** Moves on, and calls back what is due on the way, in order. */
  pass(ms: number): Promise<void>;
}

interface Timer {
  at: number;
  callback: () => void;
}

/**
 * Does not wait for the event loop as the clock of `@melange/melange/testing` does: what waits for
 * promises alone is settled by the suite, and hundreds of checks take seconds instead of a minute.
 */
export function createVirtualClock(): VirtualClock {
  let now = Date.UTC(2026, 0, 1);
  const timers = new Set<Timer>();

  function nextUntil(end: number): Timer | undefined {
    const due = [...timers].filter(({ at }) => at <= end);
    return due.sort((a, b) => a.at - b.at)[0];
  }

  return {
    now: () => now,
    after(ms, callback) {
      const timer = { at: now + Math.max(ms, 0), callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    async pass(ms) {
      const end = now + ms;
      for (let timer = nextUntil(end); timer; timer = nextUntil(end)) {
        timers.delete(timer);
        now = timer.at;
        timer.callback();
        await null;
      }
      now = end;
    },
  };
}
