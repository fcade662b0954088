import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createHeap, type Heap, peek, pop, push } from "../../../backends/memory/heap.ts";
import { seededRandom } from "../../../backends/memory/testing.ts";

interface Item {
  readonly key: number;
  isOver: boolean;
}

function createHeapOf(items: readonly Item[]): Heap<Item> {
  const heap = createHeap<Item>((a, b) => a.key < b.key, ({ isOver }) => isOver);
  for (const item of items) push(heap, item);
  return heap;
}

function randomItems(count: number): Item[] {
  const random = seededRandom(3);
  return Array.from({ length: count }, () => ({
    key: Math.floor(random() * 100),
    isOver: random() < 0.5,
  }));
}

const inOrder = (keys: readonly number[]) => [...keys].sort((a, b) => a - b);

describe("heap", () => {
  it("pop() returns the items in order and then undefined", () => {
    const heap = createHeapOf([5, 3, 9, 1, 4].map((key) => ({ key, isOver: false })));
    const keys = Array.from({ length: 6 }, () => pop(heap)?.key);
    assertEquals(keys, [1, 3, 4, 5, 9, undefined]);
  });

  it("peek() passes over what is over, and leaves the rest inside", () => {
    const items = [1, 2, 3].map((key) => ({ key, isOver: false }));
    const heap = createHeapOf(items);
    assertEquals(peek(heap)?.key, 1);
    for (const item of items.slice(0, 2)) item.isOver = true;
    assertEquals(peek(heap)?.key, 3);
    assertEquals(pop(heap)?.key, 3);
    assertEquals(peek(heap), undefined);
  });

  it("pop() keeps the order when items are over at any place", () => {
    const items = randomItems(500);
    const heap = createHeapOf(items.map((item) => item));
    const kept = items.filter(({ isOver }) => !isOver);
    const keys = kept.map(() => pop(heap)?.key);
    assertEquals(keys, inOrder(kept.map(({ key }) => key)));
    assertEquals(pop(heap), undefined);
  });

  it("push() throws out what is over, in the order of the rest", () => {
    const heap = createHeapOf([]);
    const kept: number[] = [];
    for (const item of randomItems(1_000)) {
      const { isOver } = item;
      item.isOver = false;
      push(heap, item);
      item.isOver = isOver;
      if (!isOver) kept.push(item.key);
      assert(heap.items.length <= Math.max(64, 2 * kept.length + 1), "it does not grow");
    }
    assertEquals(kept.map(() => pop(heap)?.key), inOrder(kept));
  });
});
