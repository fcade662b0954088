import type { Clock } from "./clock.ts";

/** Options of {@linkcode Batcher}. */
export interface BatcherOptions<Item, Outcome> {
  /** The most items of a batch. */
  maxItems: number;
  /**
   * Highest number of bytes in a batch; a larger item gets a batch of its own. Default: no limit.
   */
  maxBytes?: number;
  /** The bytes of an item. Default: 0. */
  sizeOf?: (item: Item) => number;
  /**
   * Time that the first item waits for more, in milliseconds; 0 gathers the items of the same turn.
   */
  lingerMs: number;
  /** The most batches under way. */
  maxInFlight: number;
  /**
   * Gathering: a batch with room left waits while another such batch has no answer yet, for
   * {@linkcode PATIENCE_MS} at the most. Default: `false`.
   */
  gathers?: boolean;
  /** Items with the same key are never in two batches at once, so they keep their order. Default: no keys. */
  keyOf?: (item: Item) => string | undefined;
  /** The clock of the waits. */
  clock: Clock;
  /**
   * Runs a batch and settles each item once. Reports the first answer, if the batch goes on
   * afterwards.
   */
  run: (
    items: Item[],
    settle: (item: Item, outcome: Outcome) => void,
    answered?: () => void,
  ) => Promise<void>;
}

/** The time for which a batch without an answer holds up another one, in milliseconds. */
export const PATIENCE_MS = 100;

interface Entry<Outcome> {
  size: number;
  resolve: (outcome: Outcome) => void;
  reject: (reason: unknown) => void;
}

/** Items that share a key, oldest first. Items without a key share one line, which is never held. */
type Line<Item, Outcome> = Map<Item, Entry<Outcome>>;

/**
 * Collects items and runs them in batches: as soon as a batch is full by count or bytes, else when
 * the first item has waited long enough. Each item gets an outcome of its own.
 */
export class Batcher<Item extends object, Outcome> {
  readonly #options: BatcherOptions<Item, Outcome>;
  /** The lines with items that may go, in the order of service. */
  readonly #ready = new Map<string | undefined, Line<Item, Outcome>>();
  /** The lines that wait for the batch with their key. */
  readonly #held = new Map<string | undefined, Line<Item, Outcome>>();
  #running = 0;
  /** Ends the time in which a batch with room left holds up further batches. */
  #answered: (() => void) | undefined;
  #due = false;
  #cancelLinger: (() => void) | undefined;

  /** Creates an empty batcher. */
  constructor(options: BatcherOptions<Item, Outcome>) {
    this.#options = options;
  }

  /** State of rest: no item waits and no batch runs. */
  get idle(): boolean {
    return this.#ready.size + this.#running < 1;
  }

  /** Adds an item, at its place in the order, before returning. The same object is added once. */
  add(item: Item): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const size = this.#options.sizeOf?.(item) ?? 0;
      const key = this.#keyOf(item);
      const line = this.#lineOf(key).set(item, { size, resolve, reject });
      if (!this.#held.has(key)) this.#ready.set(key, line);
      this.#pump();
    });
  }

  /**
   * Takes an item back; `false` if the item is in a batch already. The promise of the item then
   * never settles.
   */
  remove(item: Item): boolean {
    const key = this.#keyOf(item);
    const line = this.#lineOf(key);
    if (!line.delete(item)) return false;
    if (line.size < 1) this.#ready.delete(key);
    this.#pump();
    return true;
  }

  /** Runs the waiting items without further waiting. */
  hurry(): void {
    this.#stopLinger();
    this.#due = true;
    this.#pump();
  }

  #keyOf(item: Item): string | undefined {
    return this.#options.keyOf?.(item);
  }

  #lineOf(key: string | undefined): Line<Item, Outcome> {
    return this.#held.get(key) ?? this.#ready.get(key) ?? new Map();
  }

  #pump(): void {
    const { maxInFlight, gathers } = this.#options;
    while (this.#ready.size > 0 && this.#running < maxInFlight) {
      const isFull = this.#isFull();
      if (!isFull && (!this.#due || this.#answered)) break;
      this.#start(this.#take(), gathers && !isFull ? this.#holdUp() : undefined);
    }
    if (this.#ready.size < 1) this.#stopLinger();
    else if (!this.#due) this.#cancelLinger ??= this.#linger();
  }

  /** Tells whether the items that may go fill a batch. Looks only at items that one batch holds. */
  #isFull(): boolean {
    const { maxItems, maxBytes = Infinity } = this.#options;
    let [items, bytes] = [0, 0];
    for (const line of this.#ready.values()) {
      items += line.size;
      if (items >= maxItems) return true;
      for (const { size } of line.values()) bytes += size;
    }
    return bytes >= maxBytes;
  }

  /** The items that are next and fit together. */
  #take(): Line<Item, Outcome> {
    const { maxItems, maxBytes = Infinity } = this.#options;
    const batch: Line<Item, Outcome> = new Map();
    let bytes = 0;
    for (const line of this.#ready.values()) {
      for (const [item, entry] of line) {
        bytes += entry.size;
        if (batch.size >= maxItems || (batch.size > 0 && bytes > maxBytes)) return batch;
        batch.set(item, entry);
      }
    }
    return batch;
  }

  /** Starts the time for which the first item waits, and returns the function that ends the time. */
  #linger(): () => void {
    const { lingerMs, clock } = this.#options;
    if (lingerMs > 0) return clock.after(lingerMs, () => this.hurry());
    let cancelled = false;
    queueMicrotask(() => cancelled || this.hurry());
    return () => cancelled = true;
  }

  #stopLinger(): void {
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    this.#due = false;
  }

  /** Lets no other batch with room left go until the function returned is called, or patience ends. */
  #holdUp(): () => void {
    const answered = () => {
      cancel();
      if (this.#answered !== answered) return;
      this.#answered = undefined;
      this.#pump();
    };
    const cancel = this.#options.clock.after(PATIENCE_MS, answered);
    return this.#answered = answered;
  }

  #start(batch: Line<Item, Outcome>, answered: (() => void) | undefined): void {
    const items = [...batch.keys()];
    for (const item of items) this.#leave(item);
    this.#running += 1;
    const settle = (item: Item, outcome: Outcome) => batch.get(item)?.resolve(outcome);
    this.#options.run(items, settle, answered)
      .catch((error) => batch.forEach(({ reject }) => reject(error)))
      .finally(() => {
        this.#running -= 1;
        for (const item of items) this.#release(this.#keyOf(item));
        answered?.();
        this.#pump();
      });
  }

  /** Takes an item out of its line, and lets nobody of a line with a key go until its batch has ended. */
  #leave(item: Item): void {
    const key = this.#keyOf(item);
    const line = this.#lineOf(key);
    line.delete(item);
    if (key !== undefined) this.#held.set(key, line);
    if (key !== undefined || line.size < 1) this.#ready.delete(key);
  }

  /** Lets the waiting items of a line go next. The lines that were served last come at the end. */
  #release(key: string | undefined): void {
    const line = this.#lineOf(key);
    if (!this.#held.delete(key) || line.size < 1) return;
    this.#ready.set(key, line);
    this.#due = true;
  }
}
