import type { Guarantees } from "../backend.ts";

/** Moments of a drain, in milliseconds from its beginning. */
export interface DrainTimes {
  /** Moment at which receives under way are given up. */
  readonly receivesMs: number;
  /** Moment at which handlers are told to end. */
  readonly handlersMs: number;
  /** Moment at which all remaining work ends. */
  readonly endMs: number;
}

/** Time after the end of its wait until a stopping consumer gives up a receive. */
const RECEIVE_GRACE_MS = 1_000;
/** Share of a drain for giving unfinished messages back, and the bound of that share. */
const RELEASE_SHARE = 0.2;
const RELEASE_MAX_MS = 1_000;
/** Time that even a forced stop may take to give messages back. */
const MIN_RELEASE_MS = 250;

/** Returns the moments of a drain that may take `drainMs`, where a receive waits for `waitMs`. */
export function drainTimes(
  drainMs: number,
  { waitMs, guarantees }: { waitMs: number; guarantees: Pick<Guarantees, "cancelsReceive"> },
): DrainTimes {
  const handlersMs = drainMs - Math.min(RELEASE_MAX_MS, drainMs * RELEASE_SHARE);
  return {
    // An aborted receive may strand the messages that it was about to bring, unless it can be cancelled.
    receivesMs: guarantees.cancelsReceive ? 0 : Math.min(handlersMs, waitMs + RECEIVE_GRACE_MS),
    handlersMs,
    endMs: Math.max(drainMs, MIN_RELEASE_MS),
  };
}
