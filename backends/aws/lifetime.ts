import { abortable, type Clock } from "../../src/clock.ts";
import { MelangeError } from "../../src/errors.ts";

/** When work ends before it is done. */
export interface WorkLimits {
  /** Aborted by the caller; the work rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** How long the work may take, in milliseconds. Default: for ever. */
  readonly timeoutMs?: number;
  /** What it rejects with when that time is over. */
  readonly timeoutError?: () => Error;
}

/** Ends all work that is under way when it is closed. */
export interface Lifetime {
  /** Runs work with a signal of its own, and rejects as soon as that aborts, even if the work goes on. */
  during<T>(limits: WorkLimits, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Aborts what is under way with `CLOSED`, and refuses what comes later. */
  close(): void;
}

/**
 * Creates a lifetime. One controller per call, none that is shared: edge workers allow none outside
 * of a request, and nothing collects listeners at a long-lived signal this way.
 */
export function createLifetime(clock: Clock): Lifetime {
  const underWay = new Set<AbortController>();
  let closed = false;
  return {
    async during({ signal, timeoutMs, timeoutError }, work) {
      if (closed) throw closedError();
      signal?.throwIfAborted();
      const controller = new AbortController();
      const abort = () => controller.abort(signal?.reason);
      signal?.addEventListener("abort", abort);
      const cancel = timeoutMs === undefined
        ? undefined
        : clock.after(timeoutMs, () => controller.abort(timeoutError?.()));
      underWay.add(controller);
      try {
        return await abortable(work(controller.signal), controller.signal);
      } finally {
        underWay.delete(controller);
        cancel?.();
        signal?.removeEventListener("abort", abort);
      }
    },
    close() {
      closed = true;
      for (const controller of underWay) controller.abort(closedError());
    },
  };
}

function closedError(): MelangeError {
  return new MelangeError("CLOSED", "Cannot call AWS as the backend is closed");
}
