/** The promises of the calls of one context, by ticket. */
import type { Clock } from "../../src/support/clock.ts";
import type { Outcome } from "./outcome.ts";

/** Callers that wait for an outcome. */
export interface Callers {
  /** Lets somebody wait; `begin` gets the ticket. Rejects at once after the end. */
  wait<T>(begin: (ticket: number) => void, options: WaitOptions): Promise<T>;
  /** Tells a caller the outcome. */
  settle(ticket: number, outcome: Outcome): void;
  /** Rejects all callers, also later callers. */
  end(reason: unknown): void;
}

/** Options of {@linkcode Callers.wait}. */
export interface WaitOptions {
  /** Ends the wait; then `aborted` is called. */
  signal: AbortSignal | undefined;
  /** Called after the signal has ended the wait. */
  aborted: (ticket: number) => void;
  /** The end of the wait: the promise resolves to `value`, then `over` is called. */
  timeout?: { ms: number; value: unknown; over: (ticket: number) => void };
}

interface Caller {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** Creates the promises of a context that has made no calls. */
export function createCallers(clock: Clock): Callers {
  const waiting = new Map<number, Caller>();
  let nextTicket = 1;
  let ended: { readonly reason: unknown } | undefined;

  function wait<T>(begin: (ticket: number) => void, options: WaitOptions): Promise<T> {
    if (ended) return Promise.reject(ended.reason);
    const { signal, timeout } = options;
    const ticket = nextTicket++;
    return new Promise<T>((resolve, reject) => {
      const onAbort = () => {
        waiting.get(ticket)?.reject(signal?.reason);
        options.aborted(ticket);
      };
      const onTimeout = () => {
        waiting.get(ticket)?.resolve(timeout?.value);
        timeout?.over(ticket);
      };
      const cancelTimer = timeout ? clock.after(timeout.ms, onTimeout) : () => {};
      const done = () => {
        waiting.delete(ticket);
        cancelTimer();
        signal?.removeEventListener("abort", onAbort);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      waiting.set(ticket, {
        resolve: (value) => (done(), resolve(value as T)),
        reject: (reason) => (done(), reject(reason)),
      });
      begin(ticket);
    });
  }

  function settle(ticket: number, outcome: Outcome): void {
    const caller = waiting.get(ticket);
    if ("error" in outcome) caller?.reject(outcome.error);
    else caller?.resolve(outcome.value);
  }

  function end(reason: unknown): void {
    ended ??= { reason };
    for (const { reject } of [...waiting.values()]) reject(reason);
  }

  return { wait, settle, end };
}
