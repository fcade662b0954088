import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { seededRandom } from "../../../backends/memory/testing.ts";
import { uuidFrom } from "../../../backends/memory/uuid.ts";

describe("uuidFrom()", () => {
  it("has the version 4 and the variant of the RFC at both ends of chance", () => {
    assertEquals(uuidFrom(() => 0), "00000000-0000-4000-8000-000000000000");
    assertEquals(uuidFrom(() => 1 - 2 ** -32), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    const values = [4, 5, 6, 7, 8].map((value) => uuidFrom(() => value / 16)[19]);
    assertEquals(values, ["8", "9", "a", "b", "8"]);
  });

  it("uses chance for every other digit, one number each", () => {
    let calls = 0;
    const random = seededRandom(1);
    assertMatch(
      uuidFrom(() => (calls++, random())),
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    assertEquals(calls, 31);
    let count = 0;
    const digits = uuidFrom(() => (count++ % 16) / 16);
    assertEquals(digits, "01234567-89ab-4cde-b012-3456789abcde");
  });

  it("is a different one each time, and the same ones for a seed", () => {
    const [a, b] = [seededRandom(2), seededRandom(2)];
    const ids = Array.from({ length: 1_000 }, () => uuidFrom(a));
    assertEquals(new Set(ids).size, 1_000);
    assertEquals(ids, Array.from({ length: 1_000 }, () => uuidFrom(b)));
  });
});
