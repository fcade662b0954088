import type { Clock } from "./clock.ts";

/** Options of {@linkcode Batcher}. */
export interface BatcherOptions<Item, Outcome> {
  /** The most items of a batch. */
  maxItems: number;
  /** The most bytes of a batch; an item that is larger alone gets a batch of its own. Default: no limit. */
  maxBytes?: number;
  /** The bytes of an item. Default: 0. */
  sizeOf?: (item: Item) => number;
  /** How long the first item waits for others, in milliseconds; 0 waits for those of the same turn. */
  lingerMs: number;
  /** The most batches under way. */
  maxInFlight: number;
  /** Items with the same key are never in two batches at once, so they keep their order. Default: no keys. */
  keyOf?: (item: Item) => string | undefined;
  /** Where time comes from. */
  clock: Clock;
  /** Runs a batch and settles each of its items, once. */
  run: (items: Item[], settle: (item: Item, outcome: Outcome) => void) => Promise<void>;
}

interface Entry<Outcome> {
  size: number;
  resolve: (outcome: Outcome) => void;
  reject: (reason: unknown) => void;
}

/**
 * Collects items and runs them in batches: as soon as a batch is full by count or bytes, else when
 * the first item has waited long enough. Each item gets an outcome of its own.
 */
export class Batcher<Item extends object, Outcome> {
  readonly #options: BatcherOptions<Item, Outcome>;
  readonly #waiting = new Map<Item, Entry<Outcome>>();
  readonly #running = new Set<Promise<void>>();
  readonly #busyKeys = new Set<string>();
  #waitingBytes = 0;
  #due = false;
  #cancelLinger: (() => void) | undefined;

  /** Creates an empty batcher. */
  constructor(options: BatcherOptions<Item, Outcome>) {
    this.#options = options;
  }

  /** Items that wait for a batch. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether nothing waits and nothing runs. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#running.size === 0;
  }

  /** Adds an item, at its place in the order, before it returns. The same object is added once. */
  add(item: Item): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const size = this.#options.sizeOf?.(item) ?? 0;
      this.#waiting.set(item, { size, resolve, reject });
      this.#waitingBytes += size;
      this.#pump();
    });
  }

  /** Takes an item back; `false` if it is in a batch already. Its promise is never settled then. */
  remove(item: Item): boolean {
    const entry = this.#waiting.get(item);
    if (!entry) return false;
    this.#forget(item, entry);
    return true;
  }

  /** Runs what waits without waiting longer; resolves when all that was added has its outcome. */
  async flush(): Promise<void> {
    while (!this.idle) {
      this.#due = true;
      this.#pump();
      await Promise.race(this.#running);
    }
  }

  #pump(): void {
    while (this.#running.size < this.#options.maxInFlight && (this.#due || this.#full())) {
      const batch = this.#take();
      if (batch.size === 0) break;
      this.#start(batch);
    }
    if (this.#waiting.size === 0) this.#stopLinger();
    else if (!this.#due && !this.#cancelLinger) this.#linger();
  }

  #full(): boolean {
    const { maxItems, maxBytes = Infinity } = this.#options;
    return this.#waiting.size >= maxItems || this.#waitingBytes >= maxBytes;
  }

  #linger(): void {
    const ripe = () => {
      this.#cancelLinger = undefined;
      this.#due = true;
      this.#pump();
    };
    const { lingerMs, clock } = this.#options;
    if (lingerMs > 0) {
      this.#cancelLinger = clock.after(lingerMs, ripe);
      return;
    }
    let cancelled = false;
    this.#cancelLinger = () => cancelled = true;
    queueMicrotask(() => cancelled || ripe());
  }

  #stopLinger(): void {
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    this.#due = false;
  }

  /** The oldest items that fit; one whose key is under way stays, and with it all behind it. */
  #take(): Map<Item, Entry<Outcome>> {
    const { maxItems, maxBytes = Infinity, keyOf } = this.#options;
    const batch = new Map<Item, Entry<Outcome>>();
    let bytes = 0;
    for (const [item, entry] of this.#waiting) {
      if (batch.size >= maxItems) break;
      const key = keyOf?.(item);
      if (key !== undefined && this.#busyKeys.has(key)) continue;
      if (batch.size > 0 && bytes + entry.size > maxBytes) break;
      batch.set(item, entry);
      bytes += entry.size;
    }
    for (const [item, entry] of batch) this.#forget(item, entry);
    return batch;
  }

  #forget(item: Item, entry: Entry<Outcome>): void {
    this.#waiting.delete(item);
    this.#waitingBytes -= entry.size;
  }

  #start(batch: Map<Item, Entry<Outcome>>): void {
    const { run, keyOf } = this.#options;
    const items = [...batch.keys()];
    const keys = items.flatMap((item) => keyOf?.(item) ?? []);
    for (const key of keys) this.#busyKeys.add(key);
    const running = run(items, (item, outcome) => batch.get(item)?.resolve(outcome))
      .catch((error) => batch.forEach((entry) => entry.reject(error)))
      .finally(() => {
        this.#running.delete(running);
        for (const key of keys) this.#busyKeys.delete(key);
        this.#pump();
      });
    this.#running.add(running);
  }
}
