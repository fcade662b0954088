/**
 * A binary heap that knows where each item is, so that any of them leaves in O(log n). What an
 * item is ordered by must not change while it is inside.
 */
export interface Heap<T> {
  /** The items; the first is the least. */
  readonly items: T[];
  /** Where each item is in `items`. */
  readonly places: Map<T, number>;
  /** Tells whether `a` comes before `b`. */
  readonly before: (a: T, b: T) => boolean;
}

/** Creates an empty heap in the order of `before`. */
export function createHeap<T>(before: (a: T, b: T) => boolean): Heap<T> {
  return { items: [], places: new Map(), before };
}

/** Adds an item that is not inside. */
export function push<T>(heap: Heap<T>, item: T): void {
  heap.items.push(item);
  rise(heap, item, heap.items.length - 1);
}

/** The least item, which stays inside. */
export function peek<T>(heap: Heap<T>): T | undefined {
  return heap.items[0];
}

/** Takes the least item out. */
export function pop<T>(heap: Heap<T>): T | undefined {
  const least = heap.items[0];
  if (least !== undefined) remove(heap, least);
  return least;
}

/** Takes an item out; does nothing if it is not inside. */
export function remove<T>(heap: Heap<T>, item: T): void {
  const place = heap.places.get(item);
  if (place === undefined) return;
  heap.places.delete(item);
  const last = heap.items.pop() as T;
  if (last === item) return;
  rise(heap, last, place);
  sink(heap, last, heap.places.get(last) as number);
}

function rise<T>(heap: Heap<T>, item: T, from: number): void {
  let place = from;
  while (place > 0) {
    const above = (place - 1) >> 1;
    const parent = heap.items[above] as T;
    if (!heap.before(item, parent)) break;
    put(heap, parent, place);
    place = above;
  }
  put(heap, item, place);
}

function sink<T>(heap: Heap<T>, item: T, from: number): void {
  let place = from;
  for (;;) {
    const below = lesserChild(heap, place);
    if (below === undefined || !heap.before(heap.items[below] as T, item)) break;
    put(heap, heap.items[below] as T, place);
    place = below;
  }
  put(heap, item, place);
}

function lesserChild<T>(heap: Heap<T>, place: number): number | undefined {
  const { items, before } = heap;
  const left = 2 * place + 1;
  if (left >= items.length) return undefined;
  const right = left + 1;
  return right < items.length && before(items[right] as T, items[left] as T) ? right : left;
}

function put<T>(heap: Heap<T>, item: T, place: number): void {
  heap.items[place] = item;
  heap.places.set(item, place);
}
