import type { Clock } from "../../src/support/clock.ts";
import { createHeap, type Heap, peek, pop, push } from "./heap.ts";

/** Options of {@linkcode VirtualClock}. */
export interface VirtualClockOptions {
  /** The time at first, in milliseconds since the epoch. Default: the beginning of 2026. */
  now?: number;
}

interface Timer {
  readonly at: number;
  readonly number: number;
  readonly callback: () => void;
  /** Tells that the timer has fired or was cancelled. */
  isOver: boolean;
}

/**
 * A clock that stands still until {@linkcode VirtualClock.advance} moves the clock, so that an hour
 * in a test takes no time.
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
  readonly #timers: Heap<Timer> = createHeap(
    (a, b) => a.at === b.at ? a.number < b.number : a.at < b.at,
    ({ isOver }) => isOver,
  );
  #now: number;
  /** Distance of the wall clock from the time that has passed. */
  #stepped = 0;
  #timersSet = 0;
  #pending = 0;

  /** Creates a clock without timers. */
  constructor({ now = Date.UTC(2026, 0) }: VirtualClockOptions = {}) {
    this.#now = now;
  }

  /** Number of waiting timers: 0 tells that all users of this clock are at rest. */
  get pending(): number {
    return this.#pending;
  }

  /** Milliseconds since the epoch; the same until the next advance or step. */
  now(): number {
    return this.#now + this.#stepped;
  }

  /** The time that has passed, which {@linkcode VirtualClock.step} does not change. */
  monotonic(): number {
    return this.#now;
  }

  /**
   * Sets the wall clock forward by `ms` milliseconds, or back if negative, as an administrator or a
   * time server does: dates change, no time passes and no timer fires.
   */
  step(ms: number): void {
    this.#stepped += ms;
  }

  /** Calls `callback` when the clock has advanced by `ms`; the function returned cancels it. */
  after(ms: number, callback: () => void): () => void {
    const at = this.#now + Math.max(ms, 0);
    const timer: Timer = { at, number: this.#timersSet++, callback, isOver: false };
    push(this.#timers, timer);
    this.#pending++;
    return () => this.#end(timer);
  }

  #end(timer: Timer): void {
    if (!timer.isOver) this.#pending--;
    timer.isOver = true;
  }

  /**
   * Moves the clock by `ms` milliseconds. The timers that fall due fire in the order of their
   * times, also timers that are set on the way. Before each timer, and at the end, everything that
   * only waits for promises has settled. Await the call before the next call.
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
      this.#end(next);
      this.#now = next.at;
      next.callback();
      await settled();
    }
    this.#now = target;
  }
}

/**
 * Real timers, taken when this module loads, so that fake timers of a test do not stop the clock.
 */
const { MessageChannel: RealMessageChannel, setTimeout: realSetTimeout } = globalThis;
/**
 * Turns of the event loop. One turn runs all promise reactions, however long their chain. The
 * second turn runs the reactions to work that left the thread meanwhile.
 */
const TURNS = 2;
/**
 * Digests to wait for. Work that leaves the thread, such as a digest of Web Crypto, comes back in
 * its own time. A later digest comes back later, on a busy machine too. A signature takes about
 * this many digests, one after the other.
 */
const DIGESTS = 2;
const NOTHING = new Uint8Array();

async function settled(): Promise<void> {
  for (let count = 0; count < TURNS; count++) {
    await turn();
    for (let count = 0; count < DIGESTS; count++) await crypto.subtle.digest("SHA-256", NOTHING);
  }
}

/** One turn of the event loop: by a message to oneself, which comes fifty times as soon as a timer. */
async function turn(): Promise<void> {
  messagesAreTurns ??= await areTurns(message);
  await (messagesAreTurns ? message() : timer());
}

/** True if a message arrives after all promise reactions; workerd delivers messages between them. */
let messagesAreTurns: boolean | undefined;

async function areTurns(turn: () => Promise<void>): Promise<boolean> {
  if (RealMessageChannel === undefined) return false;
  // Bun's messages overtake the signatures that its threads are making.
  if (globalThis.navigator?.userAgent?.startsWith("Bun/")) return false;
  let reactions = 0;
  const chain = async () => {
    while (reactions < 1_000) reactions += await 1;
  };
  void chain();
  await turn();
  return reactions === 1_000;
}

function timer(): Promise<void> {
  return new Promise((resolve) => void realSetTimeout(resolve, 0));
}

function message(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new RealMessageChannel();
    port1.onmessage = () => {
      port1.close();
      port2.close();
      resolve();
    };
    port2.postMessage(0);
  });
}
