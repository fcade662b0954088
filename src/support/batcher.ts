import type { Clock } from "./clock.ts";

/** Options of {@linkcode Batcher}. */
export interface BatcherOptions<Item, Answer> {
  /** The most items of a batch. */
  maxItems: number;
  /** The most bytes of a batch; an item that is larger alone gets a batch of its own. Default: no limit. */
  maxBytes?: number;
  /** The bytes of an item. Default: 0. */
  sizeOf?: (item: Item) => number;
  /** The time for which the first item waits for others, in milliseconds; 0 waits for items of the same turn. */
  lingerMs: number;
  /** The most batches under way. */
  maxInFlight: number;
  /** Items with the same key are never in two batches at once, so they keep their order. Default: no keys. */
  keyOf?: (item: Item) => string | undefined;
  /** The source of time. */
  clock: Clock;
  /** Runs a batch and settles each of its items, once. */
  run: (items: Item[], settle: (item: Item, answer: Answer) => void) => Promise<void>;
}

interface Entry<Answer> {
  size: number;
  resolve: (answer: Answer) => void;
  reject: (reason: unknown) => void;
}

/** Items that share a key, oldest first. Items without a key stand in one line that is never held. */
interface Line<Item, Answer> {
  readonly key: string | undefined;
  readonly waiting: Map<Item, Entry<Answer>>;
  bytes: number;
  /** Tells that a batch with this key is under way. */
  held: boolean;
}

/**
 * Collects items and runs them in batches: as soon as a batch is full by count or bytes, else when
 * the first item has waited long enough. Each item gets an answer of its own.
 */
export class Batcher<Item extends object, Answer> {
  readonly #options: BatcherOptions<Item, Answer>;
  /** The lines that are held or hold items, in the order of service. */
  readonly #lines = new Map<string | undefined, Line<Item, Answer>>();
  /** The count of items in lines that are not held. */
  readonly #ready = { items: 0, bytes: 0 };
  readonly #running = new Set<Promise<void>>();
  #due = false;
  #cancelLinger: (() => void) | undefined;

  /** Creates an empty batcher. */
  constructor(options: BatcherOptions<Item, Answer>) {
    this.#options = options;
  }

  /** Tells whether no item waits and no batch runs. */
  get idle(): boolean {
    return this.#lines.size === 0 && this.#running.size === 0;
  }

  /** Adds an item, at its place in the order, before it returns. The same object is added once. */
  add(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const size = this.#options.sizeOf?.(item) ?? 0;
      const line = this.#lineOf(item);
      line.waiting.set(item, { size, resolve, reject });
      this.#count(line, 1, size);
      this.#pump();
    });
  }

  /** Takes an item back; `false` if it is in a batch already. Its promise is never settled then. */
  remove(item: Item): boolean {
    const line = this.#lines.get(this.#options.keyOf?.(item));
    if (!line?.waiting.has(item)) return false;
    this.#leave(line, item);
    this.#drop(line);
    this.#pump();
    return true;
  }

  /** Runs what waits without waiting longer. */
  hurry(): void {
    this.#due = true;
    this.#pump();
  }

  #pump(): void {
    const { maxInFlight } = this.#options;
    while (this.#running.size < maxInFlight && this.#ready.items > 0 && this.#ripe()) {
      this.#start(this.#take());
    }
    if (this.#ready.items === 0) this.#stopLinger();
    else if (!this.#due && !this.#cancelLinger) this.#linger();
  }

  #ripe(): boolean {
    const { maxItems, maxBytes = Infinity } = this.#options;
    return this.#due || this.#ready.items >= maxItems || this.#ready.bytes >= maxBytes;
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
  #take(): Map<Item, Entry<Answer>> {
    const { maxItems, maxBytes = Infinity } = this.#options;
    const batch = new Map<Item, Entry<Answer>>();
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

  #start(batch: Map<Item, Entry<Answer>>): void {
    const items = [...batch.keys()];
    const lines = new Set(items.map((item) => this.#lineOf(item)));
    for (const item of items) this.#leave(this.#lineOf(item), item);
    for (const line of lines) this.#hold(line);
    const running = this.#options.run(items, (item, answer) => batch.get(item)?.resolve(answer))
      .catch((error) => batch.forEach((entry) => entry.reject(error)))
      .finally(() => {
        this.#running.delete(running);
        for (const line of lines) this.#release(line);
        this.#pump();
      });
    this.#running.add(running);
  }

  #lineOf(item: Item): Line<Item, Answer> {
    const key = this.#options.keyOf?.(item);
    const known = this.#lines.get(key);
    if (known) return known;
    const line = { key, waiting: new Map<Item, Entry<Answer>>(), bytes: 0, held: false };
    this.#lines.set(key, line);
    return line;
  }

  #leave(line: Line<Item, Answer>, item: Item): void {
    const size = line.waiting.get(item)?.size ?? 0;
    line.waiting.delete(item);
    this.#count(line, -1, -size);
  }

  #count(line: Line<Item, Answer>, items: number, bytes: number): void {
    line.bytes += bytes;
    if (!line.held) this.#countReady(items, bytes);
  }

  #countReady(items: number, bytes: number): void {
    this.#ready.items += items;
    this.#ready.bytes += bytes;
  }

  /** Holds a line until its batch has ended. */
  #hold(line: Line<Item, Answer>): void {
    if (line.key !== undefined) {
      line.held = true;
      this.#countReady(-line.waiting.size, -line.bytes);
    }
    this.#drop(line);
  }

  /** Releases a line to the end of the order of service. */
  #release(line: Line<Item, Answer>): void {
    if (!line.held) return;
    line.held = false;
    this.#lines.delete(line.key);
    if (line.waiting.size === 0) return;
    this.#lines.set(line.key, line);
    this.#countReady(line.waiting.size, line.bytes);
    this.#due = true;
  }

  #drop(line: Line<Item, Answer>): void {
    if (line.waiting.size === 0 && !line.held) this.#lines.delete(line.key);
  }
}
