import { abortable } from "../../../src/support/clock.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import type { AwsClient } from "./client.ts";

/** Ends all work that is under way when it is closed. */
export interface Lifetime {
  /** Runs work with a signal of its own, and rejects as soon as that aborts, even if the work goes on. */
  during<T>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
  /** Aborts what is under way with `CLOSED`, and refuses what comes later. */
  close(): void;
}

/**
 * Creates a lifetime. One controller per call, none that is shared: edge workers allow none outside
 * of a request, and nothing collects listeners at a long-lived signal this way.
 */
export function createLifetime(): Lifetime {
  const underWay = new Set<AbortController>();
  let closed = false;
  return {
    async during(signal, work) {
      if (closed) throw closedError();
      signal?.throwIfAborted();
      const controller = new AbortController();
      const abort = () => controller.abort(signal?.reason);
      signal?.addEventListener("abort", abort);
      underWay.add(controller);
      try {
        return await abortable(work(controller.signal), controller.signal);
      } finally {
        underWay.delete(controller);
        signal?.removeEventListener("abort", abort);
      }
    },
    close() {
      closed = true;
      for (const controller of underWay) controller.abort(closedError());
    },
  };
}

/** The same client, whose calls end with a lifetime. */
export function withLifetime(client: AwsClient, { during }: Lifetime): AwsClient {
  return {
    ...client,
    call: (request) => during(request.signal, (signal) => client.call({ ...request, signal })),
  };
}

function closedError(): MelangeError {
  return new MelangeError("CLOSED", "Cannot call AWS as the backend is closed");
}
