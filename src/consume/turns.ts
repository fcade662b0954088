import { Semaphore } from "../support/semaphore.ts";

/** Turns of a bounded number of groups; the others wait in line. */
export class Turns {
  readonly #places: Semaphore;
  #running = 0;
  #waiting = 0;

  /** Creates so many turns. */
  constructor(count: number) {
    this.#places = new Semaphore(count);
  }

  /** Turns that are taken. */
  get running(): number {
    return this.#running;
  }

  /** Turns that are taken or waited for. */
  get occupied(): number {
    return this.#running + this.#waiting;
  }

  /**
   * Takes a turn. Returns `true`, at once or when a turn is free, or `false` if the signal aborts
   * first.
   */
  take(signal: AbortSignal): boolean | Promise<boolean> {
    if (signal.aborted) return false;
    const free = this.#places.acquire(signal);
    if (!free) return this.#begin();
    this.#waiting += 1;
    const leave = (taken: boolean) => {
      this.#waiting -= 1;
      return taken && this.#begin();
    };
    return free.then(() => leave(true), () => leave(false));
  }

  /** Ends a turn, which goes to the first in line. */
  end(): void {
    this.#running -= 1;
    this.#places.release();
  }

  #begin(): boolean {
    this.#running += 1;
    return true;
  }
}
