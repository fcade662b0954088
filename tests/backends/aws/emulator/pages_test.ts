import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { paged } from "../../../../backends/aws/emulator/pages.ts";

describe("paged()", () => {
  it("gives a list page by page, and no token with the last", () => {
    const list = [1, 2, 3, 4];
    const first = paged(list, { max: 2, token: undefined });
    assertEquals(first.items, [1, 2]);
    const second = paged(list, { max: 2, token: first.NextToken.NextToken });
    assertEquals(second, { items: [3, 4], NextToken: {} });
    const [whole, most] = [4, 3].map((max) => paged(list, { max, token: undefined }));
    assertEquals([whole!.NextToken, most!.items], [{}, [1, 2, 3]]);
    assertEquals(paged(list, { max: 9, token: most!.NextToken.NextToken }).items, [4]);
  });

  it("begins anew with a token that it did not give", () => {
    for (const token of ["", "%", btoa("at x"), btoa("x at 1"), btoa("at 1 x")]) {
      assertEquals(paged([1, 2], { max: 1, token }).items, [1]);
    }
  });
});
