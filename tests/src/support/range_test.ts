import { assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { checkRange, type RangeRule } from "../../../src/support/range.ts";

const ABOVE_ZERO = Number.MIN_VALUE;

describe("checkRange()", () => {
  const rows: [
    rule: Omit<RangeRule, "cannot" | "name">,
    good: number[],
    bad: unknown[],
    must: string,
  ][] = [
    [{ min: 1, max: 10 }, [1, 1.5, 10], [0.9, 10.1, NaN, "5", undefined], "be 1 to 10"],
    [{ min: 1, max: 10, integer: true }, [1, 10], [0, 1.5, 11], "be an integer, 1 to 10"],
    [
      { min: 1, integer: true },
      [1, 2 ** 53 - 1],
      [0, 2 ** 53, Infinity],
      "be an integer, 1 or more",
    ],
    [{ min: 0, integer: true }, [0, 1], [-1, 0.5], "be an integer, 0 or more"],
    [{ min: ABOVE_ZERO }, [ABOVE_ZERO, Infinity], [0, -1, NaN, null], "be more than 0"],
    [{ min: 0 }, [0, Infinity], [-1, NaN, {}], "be 0 or more"],
    [{ min: 2 }, [2], [1], "be 2 or more"],
  ];
  for (const [rule, good, bad, must] of rows) {
    it(`takes ${good.join(", ")} and refuses ${bad.map(String).join(", ")}: ${must}`, () => {
      const check = (value: unknown) => checkRange(value, { cannot: "try", name: "n", ...rule });
      good.forEach(check);
      for (const value of bad) {
        const shown = typeof value === "number" ? value : typeof value;
        const message = `Cannot try as n must ${must}: current value is ${shown}`;
        assertThrows(() => check(value), RangeError, message);
      }
    });
  }
});
