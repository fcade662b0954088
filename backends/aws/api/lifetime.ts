import { abortable } from "../../../src/support/clock.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import type { AwsClient } from "./client.ts";

/** A lifetime, at whose end all work under way ends. */
export interface Lifetime {
  /**
   * Runs work with a new signal. Rejects as soon as the signal aborts, even if the work goes on.
   */
  during<T>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
  /**
   * Aborts when the lifetime is closed, unless the function returned was called before.
   * @throws {MelangeError} `CLOSED` if that has happened
   */
  enter(ending: AbortController): () => void;
  /** Ends the work under way with `CLOSED`, and refuses later work. */
  close(): void;
}

/**
 * Creates a lifetime. Calls share no controller: edge workers allow none outside of a request, and
 * so no listeners collect at a long-lived signal.
 */
export function createLifetime(): Lifetime {
  const underWay = new Set<AbortController>();
  let closed = false;
  function enter(ending: AbortController): () => void {
    if (closed) throw closedError();
    underWay.add(ending);
    return () => underWay.delete(ending);
  }
  return {
    enter,
    async during(signal, work) {
      const controller = new AbortController();
      const leave = enter(controller);
      const abort = () => controller.abort(signal?.reason);
      try {
        signal?.throwIfAborted();
        signal?.addEventListener("abort", abort);
        return await abortable(work(controller.signal), controller.signal);
      } finally {
        leave();
        signal?.removeEventListener("abort", abort);
      }
    },
    close() {
      closed = true;
      for (const ending of underWay) ending.abort(closedError());
    },
  };
}

/** Returns the same client, whose calls end with a lifetime. */
export function withLifetime(client: AwsClient, { enter }: Lifetime): AwsClient {
  return {
    ...client,
    async call(request) {
      const ending = new AbortController();
      const leave = enter(ending);
      try {
        return await client.call({ ...request, ending });
      } finally {
        leave();
      }
    },
  };
}

function closedError(): MelangeError {
  return new MelangeError("CLOSED", "Cannot call AWS as the backend is closed");
}
