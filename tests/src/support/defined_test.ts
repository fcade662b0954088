import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { defined } from "../../../src/support/defined.ts";

describe("defined()", () => {
  it("leaves out what is undefined, and nothing else", () => {
    const kept = defined({ a: undefined, b: null, c: 0, d: "", e: false, f: NaN });
    assertEquals(Object.keys(kept), ["b", "c", "d", "e", "f"]);
  });

  it("leaves the object that it was given as it is", () => {
    const given = { a: undefined, b: 1 };
    const kept = defined(given);
    kept.b = 2;
    assertEquals(given, { a: undefined, b: 1 });
  });

  it("makes optional what may be undefined, and leaves the rest required", () => {
    const maybe = (): string | undefined => undefined;
    const typed: { a: number; b?: string } = defined({ a: 1, b: maybe() });
    assertEquals(typed, { a: 1 });
  });
});
