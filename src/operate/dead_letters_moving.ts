/** Moves a whole dead-letter queue by the service's own task, and watches it. */
import type { MoveProgress, MoveTasks } from "../backend.ts";
import { type Clock, limited, type Random, sleep } from "../support/clock.ts";
import { MelangeError } from "../support/errors.ts";
import { retry } from "../support/retry.ts";
import type { RedriveReport } from "./dead_letters_options.ts";
import { CALL_MS } from "./dead_letters_walk.ts";

/** The time between two looks at a task, in milliseconds. */
const LOOK_MS = 1_000;
/** The time in which a failing look is tried again, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Options of {@linkcode moveAll}. */
export interface MoveAllOptions {
  readonly moves: MoveTasks;
  readonly queue: string;
  readonly to: string | undefined;
  readonly ratePerSecond: number | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((report: RedriveReport) => void) | undefined;
}

/**
 * Moves all messages; returns `undefined` where the service cannot, and nothing was done. An abort
 * ends the task of the service too.
 * @throws {MelangeError} `REFUSED` if the service gave the task up
 */
export async function moveAll(options: MoveAllOptions): Promise<RedriveReport | undefined> {
  const { moves, queue, to, ratePerSecond, signal } = options;
  const task = await patiently(
    options,
    (signal) => moves.start(queue, { to, ratePerSecond, signal }),
  );
  if (task === undefined) return undefined;
  try {
    return await watched(task, options);
  } catch (error) {
    // Whoever stopped waiting, or sees nothing any more, wants nothing more to be moved.
    if (signal?.aborted) await cancelled(task, options);
    throw error;
  }
}

async function watched(task: string, options: MoveAllOptions): Promise<RedriveReport> {
  const { moves, queue, clock, signal, onProgress } = options;
  for (;;) {
    signal?.throwIfAborted();
    const progress = await patiently(
      options,
      (signal) => moves.describe(queue, task, { signal }),
    );
    const report = reportOf(progress);
    onProgress?.(report);
    if (progress.state === "failed") throw givenUp(queue, progress);
    if (progress.state !== "running") return report;
    await sleep(clock, LOOK_MS, signal);
  }
}

function reportOf({ moved, toMove }: MoveProgress): RedriveReport {
  const seen = Math.max(moved, toMove);
  return { seen, moved, kept: seen - moved, failed: 0 };
}

function givenUp(queue: string, { moved, reason = "no reason" }: MoveProgress): MelangeError {
  return new MelangeError(
    "REFUSED",
    `Cannot move all letters of "${queue}" as the service gave up after ${moved}: ${reason}`,
  );
}

async function cancelled(task: string, options: MoveAllOptions): Promise<void> {
  const { moves, queue } = options;
  await patiently(
    { ...options, signal: undefined },
    (signal) => moves.cancel(queue, task, { signal }),
  ).catch(() => {
    // It has ended, or goes on: the caller is told of the abort either way.
  });
}

/** Makes a call that ends in time, and tries it again while its error may pass. */
function patiently<T>(
  { clock, random, signal }: MoveAllOptions,
  call: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const once = () => limited(call(signal), { clock, ms: CALL_MS, ...(signal ? { signal } : {}) });
  return retry(once, { clock, random, signal, deadlineMs: PATIENCE_MS });
}
