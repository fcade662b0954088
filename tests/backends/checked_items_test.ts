import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { checkItems } from "../../backends/checked_items.ts";
import { MelangeError } from "../../src/support/errors.ts";

const REFUSED = new MelangeError("INVALID_MESSAGE", "refused");

describe("checkItems()", () => {
  it("keeps the accepted items in order, and puts refusals between their results", () => {
    const checked = checkItems([1, -1, 2, -2], (item) => item < 0 ? REFUSED : `${item}`);
    assertEquals(checked.accepted, ["1", "2"]);
    const results = checked.accepted.map((messageId) => ({ ok: true as const, messageId }));
    assertEquals(checked.merge<(typeof results)[number]>(results) as unknown[], [
      { ok: true, messageId: "1" },
      { ok: false, error: REFUSED },
      { ok: true, messageId: "2" },
      { ok: false, error: REFUSED },
    ]);
  });

  it("has no items and no results of an empty call", () => {
    const checked = checkItems([], () => REFUSED);
    assertEquals([checked.accepted, checked.merge([])], [[], []]);
  });
});
