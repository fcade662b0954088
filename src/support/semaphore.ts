/** Lets a bounded number in; the others wait in line. */
export class Semaphore {
  readonly #waiting = new Set<() => void>();
  #free: number;

  /** Creates a semaphore with so many places. */
  constructor(places: number) {
    this.#free = places;
  }

  /** Whether the next one would wait. */
  get full(): boolean {
    return this.#free <= 0;
  }

  /**
   * Takes a place: returns nothing if there was one, else a promise that resolves when there is,
   * first come first served, and rejects with the signal's reason.
   */
  acquire(signal?: AbortSignal): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free -= 1;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        this.#waiting.delete(enter);
        reject(signal?.reason);
      };
      const enter = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(enter);
    });
  }

  /** Gives a place back, to the first in line if somebody waits. */
  release(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
