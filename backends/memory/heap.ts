/**
 * A binary heap whose items can end while they are inside. An ended item is passed over at the top,
 * and all ended items are thrown out when a heap has grown to twice its size. So no search goes
 * through the middle. The order of an item must not change while the item is inside.
 */
export interface Heap<T> {
  /** The items; the first is the least. */
  items: T[];
  /** Tells whether `a` comes before `b`. */
  readonly before: (a: T, b: T) => boolean;
  /** Tells whether an item counts no more. */
  readonly isOver: (item: T) => boolean;
  /** Number of items at which ended items are thrown out. */
  sweepAt: number;
}

/** Number of items below which ended items may stay. */
const SWEEP_FROM = 64;

/** Creates an empty heap in the order of `before`. */
export function createHeap<T>(
  before: (a: T, b: T) => boolean,
  isOver: (item: T) => boolean,
): Heap<T> {
  return { items: [], before, isOver, sweepAt: SWEEP_FROM };
}

/** Adds an item. */
export function push<T>(heap: Heap<T>, item: T): void {
  if (heap.items.length >= heap.sweepAt) sweep(heap);
  heap.items.push(item);
  rise(heap, item);
}

/** Returns the least item that has not ended; the item stays inside. */
export function peek<T>(heap: Heap<T>): T | undefined {
  for (;;) {
    const least = heap.items[0];
    if (least === undefined || !heap.isOver(least)) return least;
    removeLeast(heap);
  }
}

/** Takes out the least item that is not over. */
export function pop<T>(heap: Heap<T>): T | undefined {
  const least = peek(heap);
  if (least !== undefined) removeLeast(heap);
  return least;
}

function sweep<T>(heap: Heap<T>): void {
  heap.items = heap.items.filter((item) => !heap.isOver(item));
  const { items } = heap;
  heap.sweepAt = Math.max(SWEEP_FROM, 2 * items.length);
  for (let place = (items.length >> 1) - 1; place >= 0; place--) {
    sink(heap, items[place] as T, place);
  }
}

function removeLeast<T>(heap: Heap<T>): void {
  const last = heap.items.pop() as T;
  if (heap.items.length > 0) sink(heap, last, 0);
}

function rise<T>({ items, before }: Heap<T>, item: T): void {
  let place = items.length - 1;
  while (place > 0) {
    const above = (place - 1) >> 1;
    const parent = items[above] as T;
    if (!before(item, parent)) break;
    items[place] = parent;
    place = above;
  }
  items[place] = item;
}

function sink<T>({ items, before }: Heap<T>, item: T, from: number): void {
  let place = from;
  for (;;) {
    let below = 2 * place + 1;
    if (below >= items.length) break;
    const right = below + 1;
    if (right < items.length && before(items[right] as T, items[below] as T)) below = right;
    if (!before(items[below] as T, item)) break;
    items[place] = items[below] as T;
    place = below;
  }
  items[place] = item;
}
