/**
 * What tests of code that uses Melange need: a clock that moves when it is told to, chance that
 * repeats itself, and handlers that remember what they got.
 *
 * @example
 * ```ts
 * import { MemoryBackend } from "@melange/melange/memory";
 * import { seededRandom, VirtualClock } from "@melange/melange/testing";
 *
 * const clock = new VirtualClock();
 * const backend = new MemoryBackend({ clock, random: seededRandom(1) });
 * await backend.declareQueue("billing");
 * await backend.send({ queue: "billing" }, [{ body: "o-1", attributes: {}, delayMs: 900_000 }]);
 * const received = backend.receive("billing", { max: 1, waitMs: 20_000, visibilityMs: 30_000 });
 * await clock.advance(20_000);
 * if ((await received).length !== 0) throw new Error("unexpected");
 * await clock.advance(3_600_000);
 * const { available } = await backend.describeQueue("billing");
 * if (available !== 1) throw new Error("unexpected");
 * ```
 *
 * @module
 */
import { type Clock, type Random, systemClock } from "../../src/clock.ts";
import { MelangeError } from "../../src/errors.ts";
import type { Event } from "../../src/event.ts";
import { createHeap, type Heap, peek, pop, push, remove } from "./heap.ts";

/** Options of {@linkcode VirtualClock}. */
export interface VirtualClockOptions {
  /** The time at first, in milliseconds since the epoch. Default: the beginning of 2026. */
  now?: number;
}

interface Timer {
  readonly at: number;
  readonly number: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until {@linkcode VirtualClock.advance} moves it, so that an hour passes
 * in a test in no time.
 *
 * @example
 * ```ts
 * import { VirtualClock } from "@melange/melange/testing";
 *
 * const clock = new VirtualClock({ now: 0 });
 * const fired: number[] = [];
 * clock.after(3_600_000, () => fired.push(clock.now()));
 * await clock.advance(3_600_000);
 * if (fired[0] !== 3_600_000 || clock.pending !== 0) throw new Error("unexpected");
 * ```
 */
export class VirtualClock implements Clock {
  readonly #timers: Heap<Timer> = createHeap((a, b) =>
    a.at === b.at ? a.number < b.number : a.at < b.at
  );
  #now: number;
  #timersSet = 0;

  /** Creates a clock without timers. */
  constructor({ now = Date.UTC(2026, 0) }: VirtualClockOptions = {}) {
    this.#now = now;
  }

  /** How many timers wait: 0 tells that whatever was given this clock is at rest. */
  get pending(): number {
    return this.#timers.items.length;
  }

  /** Milliseconds since the epoch; the same until the next advance. */
  now(): number {
    return this.#now;
  }

  /** Calls `callback` when the clock has advanced by `ms`; the function returned cancels it. */
  after(ms: number, callback: () => void): () => void {
    const at = this.#now + Math.max(ms, 0);
    const timer: Timer = { at, number: this.#timersSet++, callback };
    push(this.#timers, timer);
    return () => remove(this.#timers, timer);
  }

  /**
   * Moves the clock by `ms` milliseconds. The timers that fall due fire in the order of their times,
   * also those that are set on the way; before each, and at the end, everything that only waits for
   * promises has settled. Await it before the next call.
   *
   * @throws {RangeError} if `ms` is negative
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) {
      throw new RangeError(
        `Cannot advance a clock as it goes forward only: current value is ${ms}`,
      );
    }
    const target = this.#now + ms;
    await settled();
    for (let next = peek(this.#timers); next && next.at <= target; next = peek(this.#timers)) {
      pop(this.#timers);
      this.#now = next.at;
      next.callback();
      await settled();
    }
    this.#now = target;
  }
}

/** Taken when this module loads, so that a test that fakes the timers later does not stop it. */
const realSetTimeout = globalThis.setTimeout;
/**
 * One turn of the event loop runs all promise reactions, however long their chain, and takes about a
 * millisecond. What leaves the thread and comes back, a digest of Web Crypto for example, comes back
 * in that time; the second turn is for what that sets off.
 */
const TURNS = 2;

async function settled(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    await new Promise<void>((resolve) => realSetTimeout(resolve, 0));
  }
}

/**
 * Returns a source of numbers in [0, 1) that gives the same ones for the same seed. Good enough to
 * vary a test, not to keep a secret.
 *
 * @example
 * ```ts
 * import { seededRandom } from "@melange/melange/testing";
 *
 * const [a, b] = [seededRandom(7), seededRandom(7)];
 * if (a() !== b() || a() !== b()) throw new Error("unexpected");
 * ```
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  // A counter in steps of the golden ratio, mixed by multiplications: Weyl's sequence, hashed.
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** Options of {@linkcode RecordingHandler.waitFor}. */
export interface WaitForOptions {
  /** How long to wait in real time, in milliseconds. Default: 1 000. */
  timeoutMs?: number;
}

/** What is waited for: a number of events, or a condition on all of them. */
export type WaitTarget<E extends Event> = number | ((events: readonly E[]) => boolean);

/** A handler that remembers the events it was called with. */
export interface RecordingHandler<E extends Event = Event> {
  /** Records the event; rejects if it was told to fail. */
  (event: E, context?: unknown): Promise<void>;
  /** The events of all calls in their order, those of failed calls included. */
  readonly events: readonly E[];
  /** Lets the next calls reject, with an error of its own or the given one. Default: one call. */
  failNext(times?: number, error?: unknown): void;
  /**
   * Resolves with the events as soon as there are enough: at once, or when a call brings the last.
   * Rejects with `TIMEOUT` after the time given.
   */
  waitFor(target: WaitTarget<E>, options?: WaitForOptions): Promise<readonly E[]>;
}

/**
 * Creates a handler that remembers its events, can fail on demand, and can be waited for.
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
