import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createHeap, peek, pop, push, remove } from "../../../backends/memory/heap.ts";
import { seededRandom } from "../../../backends/memory/testing.ts";

interface Item {
  readonly key: number;
}

const byKey = (a: Item, b: Item) => a.key < b.key;

describe("heap", () => {
  it("pop() returns the items in order and then undefined", () => {
    const heap = createHeap<Item>(byKey);
    for (const key of [5, 3, 9, 1, 4]) push(heap, { key });
    const keys = Array.from({ length: 6 }, () => pop(heap)?.key);
    assertEquals(keys, [1, 3, 4, 5, 9, undefined]);
  });

  it("remove() ignores an item that is not inside", () => {
    const heap = createHeap<Item>(byKey);
    push(heap, { key: 1 });
    remove(heap, { key: 1 });
    assertEquals(heap.items.length, 1);
  });

  it("remove() takes out any item and keeps the order of the others", () => {
    const random = seededRandom(3);
    const heap = createHeap<Item>(byKey);
    const items = Array.from({ length: 300 }, () => ({ key: Math.floor(random() * 100) }));
    for (const item of items) push(heap, item);
    const kept = items.filter(() => random() < 0.5);
    for (const item of items) if (!kept.includes(item)) remove(heap, item);
    const least = Math.min(...kept.map((item) => item.key));
    assertEquals(peek(heap)?.key, least);
    const keys = kept.map(() => pop(heap)?.key);
    assertEquals(keys, kept.map((item) => item.key).sort((a, b) => a - b));
    assertEquals(heap.places.size, 0);
  });
});
