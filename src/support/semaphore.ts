/** Permits for a bounded number of callers; further callers wait in line. */
export class Semaphore {
  readonly #waiting = new Set<() => void>();
  #free: number;

  /** Creates a semaphore that lets this many in at once. */
  constructor(permits: number) {
    this.#free = permits;
  }

  /** Tells whether the next caller would wait. */
  get full(): boolean {
    return this.#free <= 0;
  }

  /**
   * Takes a permit. Returns nothing if one was free, else a promise that resolves when the caller's
   * turn has come, and rejects with the signal's reason.
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

  /** Gives a permit back, to the first in line if somebody waits. */
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
