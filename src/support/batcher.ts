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

/**
 * Items that share a key, oldest first. Items without a key share one line, which is never held.
 */
interface Line<Item, Outcome> {
  readonly key: string | undefined;
  readonly waiting: Map<Item, Entry<Outcome>>;
  bytes: number;
  /** State of the key: a batch with this key is under way. */
  held: boolean;
}

/**
 * Collects items and runs them in batches: as soon as a batch is full by count or bytes, else when
 * the first item has waited long enough. Each item gets an outcome of its own.
 */
export class Batcher<Item extends object, Outcome> {
  readonly #options: BatcherOptions<Item, Outcome>;
  /** The lines that are held or hold items, in the order of service. */
  readonly #lines = new Map<string | undefined, Line<Item, Outcome>>();
  /** The items in lines that are not held. */
  readonly #ready = { items: 0, bytes: 0 };
  readonly #running = new Set<Promise<void>>();
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
    return this.#lines.size === 0 && this.#running.size === 0;
  }

  /** Adds an item, at its place in the order, before returning. The same object is added once. */
  add(item: Item): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const size = this.#options.sizeOf?.(item) ?? 0;
      const line = this.#lineOf(item);
      line.waiting.set(item, { size, resolve, reject });
      this.#count(line, 1, size);
      this.#pump();
    });
  }

  /**
   * Takes an item back; `false` if the item is in a batch already. The promise of the item then
   * never settles.
   */
  remove(item: Item): boolean {
    const line = this.#lines.get(this.#options.keyOf?.(item));
    if (!line?.waiting.has(item)) return false;
    this.#leave(line, item);
    this.#drop(line);
    this.#pump();
    return true;
  }

  /** Runs the waiting items without further waiting. */
  hurry(): void {
    this.#due = true;
    this.#pump();
  }

  #pump(): void {
    const { maxInFlight } = this.#options;
    while (this.#running.size < maxInFlight && this.#ready.items > 0 && this.#ripe()) {
      const answered = this.#options.gathers && !this.#isFull() ? this.#holdUp() : undefined;
      this.#start(this.#take(), answered);
    }
    if (this.#ready.items === 0) this.#stopLinger();
    else if (!this.#due && !this.#cancelLinger) this.#linger();
  }

  #ripe(): boolean {
    return (this.#due && !this.#answered) || this.#isFull();
  }

  #isFull(): boolean {
    const { maxItems, maxBytes = Infinity } = this.#options;
    return this.#ready.items >= maxItems || this.#ready.bytes >= maxBytes;
  }

  #linger(): void {
    const ripe = () => {
      this.#cancelLinger = undefined;
      this.hurry();
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

  /** The items that are next and fit together. */
  #take(): Map<Item, Entry<Outcome>> {
    const { maxItems, maxBytes = Infinity } = this.#options;
    const batch = new Map<Item, Entry<Outcome>>();
    let bytes = 0;
    for (const { held, waiting } of this.#lines.values()) {
      for (const [item, entry] of held ? [] : waiting) {
        const fits = batch.size === 0 || bytes + entry.size <= maxBytes;
        if (!fits || batch.size >= maxItems) return batch;
        batch.set(item, entry);
        bytes += entry.size;
      }
    }
    return batch;
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

  #start(batch: Map<Item, Entry<Outcome>>, answered: (() => void) | undefined): void {
    const items = [...batch.keys()];
    const lines = new Set(items.map((item) => this.#lineOf(item)));
    for (const item of items) this.#leave(this.#lineOf(item), item);
    for (const line of lines) this.#hold(line);
    const settle = (item: Item, outcome: Outcome) => batch.get(item)?.resolve(outcome);
    const running = this.#options.run(items, settle, answered)
      .catch((error) => batch.forEach((entry) => entry.reject(error)))
      .finally(() => {
        this.#running.delete(running);
        for (const line of lines) this.#release(line);
        answered?.();
        this.#pump();
      });
    this.#running.add(running);
  }

  #lineOf(item: Item): Line<Item, Outcome> {
    const key = this.#options.keyOf?.(item);
    const known = this.#lines.get(key);
    if (known) return known;
    const line = { key, waiting: new Map<Item, Entry<Outcome>>(), bytes: 0, held: false };
    this.#lines.set(key, line);
    return line;
  }

  #leave(line: Line<Item, Outcome>, item: Item): void {
    const size = line.waiting.get(item)?.size ?? 0;
    line.waiting.delete(item);
    this.#count(line, -1, -size);
  }

  #count(line: Line<Item, Outcome>, items: number, bytes: number): void {
    line.bytes += bytes;
    if (!line.held) this.#countReady(items, bytes);
  }

  #countReady(items: number, bytes: number): void {
    this.#ready.items += items;
    this.#ready.bytes += bytes;
  }

  /** Lets nobody of this line go until its batch has ended. */
  #hold(line: Line<Item, Outcome>): void {
    if (line.key !== undefined) {
      line.held = true;
      this.#countReady(-line.waiting.size, -line.bytes);
    }
    this.#drop(line);
  }

  /** Lets the waiting items of a line go next. The lines that were served last come at the end. */
  #release(line: Line<Item, Outcome>): void {
    if (!line.held) return;
    line.held = false;
    this.#lines.delete(line.key);
    if (line.waiting.size === 0) return;
    this.#lines.set(line.key, line);
    this.#countReady(line.waiting.size, line.bytes);
    this.#due = true;
  }

  #drop(line: Line<Item, Outcome>): void {
    if (line.waiting.size === 0 && !line.held) this.#lines.delete(line.key);
  }
}
