/** A machine whose clock is set while it works. */
import { type Clock, reading, systemClock } from "../../src/support/clock.ts";

/** When the clock is set, and by how much. */
export interface ClockSteps {
  /** When the first period begins, by the true time in milliseconds. */
  origin: number;
  /** How long a period lasts, in milliseconds. */
  everyMs: number;
  /** How far the clock is off in each period, in milliseconds; then it begins again. */
  offsetsMs: readonly number[];
}

/** An hour back and forth, a minute, a day, and right in between. */
export const STEPS: readonly number[] = [0, -3_600_000, 0, 3_600_000, -60_000, 86_400_000];

/** The steps of the machine that all programs of the laboratory run on. */
export const MACHINE: ClockSteps = { origin: 0, everyMs: 1_500, offsetsMs: STEPS };

/** Returns the time until the next step, in milliseconds. */
export function untilNextStep({ origin, everyMs }: ClockSteps, now: number): number {
  return everyMs - (now - origin) % everyMs;
}

/**
 * The clock of a machine that is set at fixed moments. All programs that are given the same steps
 * read the same time, as the programs of one machine do. What has passed is what has really passed.
 */
export function steppingClock(steps: ClockSteps, inner: Clock = systemClock): Clock {
  const { origin, everyMs, offsetsMs } = steps;
  return {
    now() {
      const period = Math.max(0, Math.floor((inner.now() - origin) / everyMs));
      return inner.now() + (offsetsMs[period % offsetsMs.length] ?? 0);
    },
    monotonic: () => reading(inner),
    after: (ms, callback) => inner.after(ms, callback),
  };
}
