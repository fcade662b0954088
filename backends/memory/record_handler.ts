import { systemClock } from "../../src/support/clock.ts";
import { MelangeError } from "../../src/support/errors.ts";
import type { Event } from "../../src/event/event.ts";

/** Options of {@linkcode RecordingHandler.waitFor}. */
export interface WaitForOptions {
  /** Longest wait in real time, in milliseconds. Default: 1 000. */
  timeoutMs?: number;
}

/** Goal of a wait: a number of events, or a condition on all events. */
export type WaitTarget<E extends Event> = number | ((events: readonly E[]) => boolean);

/** A handler with a memory of its events. */
export interface RecordingHandler<E extends Event = Event> {
  /** Records the event; rejects if it was told to fail. */
  (event: E, context?: unknown): Promise<void>;
  /** The events of all calls in order, also of failed calls. */
  readonly events: readonly E[];
  /** Lets the next calls reject, with the given error or a default error. Default: one call. */
  failNext(times?: number, error?: unknown): void;
  /**
   * Resolves with the events as soon as there are enough: at once, or when a call brings the last.
   * Rejects with `TIMEOUT` after the time given.
   */
  waitFor(target: WaitTarget<E>, options?: WaitForOptions): Promise<readonly E[]>;
}

/**
 * Creates a handler that remembers events, can fail on demand, and can be waited for.
 *
 * @example
 * ```ts
 * import { defineEvent, typed } from "@melange/melange";
 * import { recordHandler } from "@melange/melange/testing";
 *
 * const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
 * const handler = recordHandler();
 * const both = handler.waitFor(2);
 * await handler(Ping({ at: 1 }));
 * handler.failNext();
 * await handler(Ping({ at: 2 })).catch(() => {});
 * if ((await both).length !== 2) throw new Error("unexpected");
 * ```
 */
export function recordHandler<E extends Event = Event>(): RecordingHandler<E> {
  const events: E[] = [];
  const watchers = new Set<() => void>();
  let failures = 0;
  let failure: unknown;

  function handle(event: E): Promise<void> {
    events.push(event);
    for (const watch of watchers) watch();
    if (failures === 0) return Promise.resolve();
    failures--;
    return Promise.reject(failure);
  }

  function failNext(times = 1, error: unknown = new Error("the handler was told to fail")): void {
    failures = times;
    failure = error;
  }

  function waitFor(target: WaitTarget<E>, options: WaitForOptions = {}): Promise<readonly E[]> {
    const { timeoutMs = 1_000 } = options;
    return new Promise((resolve, reject) => {
      const watch = () => {
        if (!isReached(target, events)) return;
        finish();
        resolve(events.slice());
      };
      const cancel = systemClock.after(timeoutMs, () => {
        finish();
        reject(tooFew(events.length, timeoutMs));
      });
      const finish = () => {
        cancel();
        watchers.delete(watch);
      };
      watchers.add(watch);
      watch();
    });
  }

  return Object.assign(handle, { events, failNext, waitFor });
}

function isReached<E extends Event>(target: WaitTarget<E>, events: readonly E[]): boolean {
  return typeof target === "number" ? events.length >= target : target(events);
}

function tooFew(count: number, timeoutMs: number): MelangeError {
  return new MelangeError(
    "TIMEOUT",
    `Cannot wait longer than ${timeoutMs} ms for events: the handler got ${count} so far`,
  );
}
