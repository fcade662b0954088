import type { Clock } from "./clock.ts";

/** Options of {@linkcode createBatcher}. */
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
export interface Batcher<Item extends object, Outcome> {
  /** Adds an item, at its place in the order, before returning. The same object is added once. */
  add(item: Item): Promise<Outcome>;
  /**
   * Takes an item back; `false` if the item is in a batch already. The promise of the item then
   * never settles.
   */
  remove(item: Item): boolean;
  /** Runs the waiting items without further waiting. */
  hurry(): void;
  /** Tells whether no item waits and no batch runs. */
  isIdle(): boolean;
}

/** Creates an empty batcher. */
export function createBatcher<Item extends object, Outcome>(
  options: BatcherOptions<Item, Outcome>,
): Batcher<Item, Outcome> {
  const { maxItems, maxBytes = Infinity, lingerMs, maxInFlight, clock, gathers } = options;
  const { sizeOf = () => 0, keyOf = () => undefined, run } = options;
  /** The lines with items that may go, in the order of service. */
  const ready = new Map<string | undefined, Line<Item, Outcome>>();
  /** The lines that wait for the batch with their key. */
  const held = new Map<string | undefined, Line<Item, Outcome>>();
  let running = 0;
  /** Ends the time in which a batch with room left holds up further batches. */
  let patience: (() => void) | undefined;
  let due = false;
  let cancelLinger: (() => void) | undefined;

  function pump(): void {
    let { batch, isFull } = next();
    while (batch.size > 0 && running < maxInFlight && (isFull || (due && !patience))) {
      start(batch, gathers && !isFull ? holdUp() : undefined);
      ({ batch, isFull } = next());
    }
    if (batch.size === 0) stopLinger();
    else if (!due) cancelLinger ??= linger();
  }

  /** The items that are next and fit together. The batch is full if no other item fits. */
  function next(): { batch: Line<Item, Outcome>; isFull: boolean } {
    const batch: Line<Item, Outcome> = new Map();
    let bytes = 0;
    for (const line of ready.values()) {
      for (const [item, entry] of line) {
        const fits = batch.size < 1 || bytes + entry.size <= maxBytes;
        if (!fits || batch.size >= maxItems) return { batch, isFull: true };
        batch.set(item, entry);
        bytes += entry.size;
      }
    }
    return { batch, isFull: batch.size >= maxItems || bytes >= maxBytes };
  }

  /** Starts the time for which the first item waits, and returns the function that ends the time. */
  function linger(): () => void {
    if (lingerMs > 0) return clock.after(lingerMs, hurry);
    let cancelled = false;
    queueMicrotask(() => cancelled || hurry());
    return () => cancelled = true;
  }

  function stopLinger(): void {
    cancelLinger?.();
    cancelLinger = undefined;
    due = false;
  }

  function hurry(): void {
    stopLinger();
    due = true;
    pump();
  }

  /** Lets no other batch with room left go until the function returned is called, or patience ends. */
  function holdUp(): () => void {
    const answered = () => {
      cancel();
      if (patience !== answered) return;
      patience = undefined;
      pump();
    };
    const cancel = clock.after(PATIENCE_MS, answered);
    return patience = answered;
  }

  function start(batch: Line<Item, Outcome>, answered: (() => void) | undefined): void {
    const items = [...batch.keys()];
    for (const item of items) {
      const key = keyOf(item);
      const line = lineOf(key);
      line.delete(item);
      if (key !== undefined) held.set(key, line);
      if (key !== undefined || line.size < 1) ready.delete(key);
    }
    running += 1;
    run(items, (item, outcome) => batch.get(item)?.resolve(outcome), answered)
      .catch((error) => batch.forEach(({ reject }) => reject(error)))
      .finally(() => {
        running -= 1;
        for (const item of items) release(keyOf(item));
        answered?.();
        pump();
      });
  }

  function lineOf(key: string | undefined): Line<Item, Outcome> {
    return held.get(key) ?? ready.get(key) ?? new Map();
  }

  /** Lets the waiting items of a line go next. The lines that were served last come at the end. */
  function release(key: string | undefined): void {
    const line = lineOf(key);
    if (!held.delete(key) || line.size < 1) return;
    ready.set(key, line);
    due = true;
  }

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        const entry = { size: sizeOf(item), resolve, reject };
        const key = keyOf(item);
        const line = lineOf(key).set(item, entry);
        if (!held.has(key)) ready.set(key, line);
        pump();
      }),
    remove(item) {
      const key = keyOf(item);
      const line = lineOf(key);
      if (!line.delete(item)) return false;
      if (line.size < 1) ready.delete(key);
      pump();
      return true;
    },
    hurry,
    isIdle: () => ready.size + running < 1,
  };
}
