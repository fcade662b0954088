/**
 * Holds the handlers of a worker that is about to be killed. The laboratory puts a file beside the
 * worker's log; from then on each handler that begins waits, some before their effect, some between
 * effect and mark, some after the mark: a kill meets all of these.
 */
import { existsSync, writeFileSync } from "node:fs";
import { sleep, systemClock } from "../../src/support/clock.ts";
import { record } from "./records.ts";

/** Where a handler can wait: right after this step of it. */
export type Moment = "start" | "effect" | "mark";

/** What a handler asks for when it begins. */
export interface HoldOptions {
  /** The log of the worker. */
  log: string;
  /** The event. */
  key: string;
  /** The moments there are in this worker; each event waits at one of them. */
  moments: readonly Moment[];
  /** The longest wait, in milliseconds. Default: 30 000, long after the kill. */
  limitMs?: number;
}

/** Waits if this is the moment to; rejects when its signal aborts. */
export type Hold = (moment: Moment, signal?: AbortSignal) => Promise<void>;

const LIMIT_MS = 30_000;

/** Makes all handlers of a worker wait that begin from now on. */
export function holdHandlers(log: string): void {
  writeFileSync(fileOf(log), "");
}

/** Looks whether a handler that begins now is to wait, and where. */
export function holdOf({ log, key, moments, limitMs = LIMIT_MS }: HoldOptions): Hold {
  if (!existsSync(fileOf(log))) return () => Promise.resolve();
  const place = moments[Number(key.split("-").pop()) % moments.length];
  return async (moment, signal) => {
    if (moment !== place) return;
    record(log, { key, step: "held", at: Date.now() });
    await sleep(systemClock, limitMs, signal);
  };
}

function fileOf(log: string): string {
  return `${log}.hold`;
}
