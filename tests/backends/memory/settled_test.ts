import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createSettled, noteSettled, settledBy } from "../../../backends/memory/settled.ts";

describe("settled", () => {
  it("settledBy() tells the receipt of the last 5,000 at least, and of 10,000 at most", () => {
    const settled = createSettled();
    for (let ordinal = 1; ordinal <= 12_345; ordinal++) {
      noteSettled(settled, ordinal, `r${ordinal}`);
      assert(settled.recent.size + settled.earlier.size <= 10_000, "it does not grow");
    }
    assertEquals(settledBy(settled, 12_345), "r12345");
    assertEquals(settledBy(settled, 12_345 - 4_999), "r7346");
    assertEquals(settledBy(settled, 5_001), "r5001");
    assertEquals(settledBy(settled, 5_000), undefined);
    assertEquals(settledBy(settled, 1), undefined);
  });

  it("settledBy() tells that a message was settled by no receipt", () => {
    const settled = createSettled();
    noteSettled(settled, 7, "");
    assertEquals(settledBy(settled, 7), "");
  });
});
