import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BoundedMap } from "../../../../backends/aws/api/bounded_map.ts";

describe("BoundedMap", () => {
  it("keeps as many as it may, and starts anew with one more", () => {
    const map = new BoundedMap<string, number>(2);
    map.set("a", 1).set("b", 2).set("a", 3);
    assertEquals([...map], [["a", 3], ["b", 2]]);
    map.set("c", 4);
    assertEquals([...map], [["c", 4]]);
  });

  it("keeps 10,000 by default", () => {
    const map = new BoundedMap<number, number>();
    for (let n = 0; n < 10_000; n++) map.set(n, n);
    assertEquals(map.size, 10_000);
    map.set(10_000, 0);
    assertEquals(map.size, 1);
  });
});
