import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BUDGETS, isTooLarge, type Size, tableOf } from "../../../tasks/pack/budgets.ts";
import { gzippedBytes } from "../../../tasks/pack/bundle.ts";

const { name, limit } = BUDGETS[0]!;
const size = (gzipped: number): Size => (
  { name, form: "npm", bundler: "esbuild", minified: 1, gzipped }
);

describe("isTooLarge()", () => {
  it("allows the budget, and no byte more", () => {
    assertEquals([size(limit), size(limit + 1)].map(isTooLarge), [false, true]);
  });
});

describe("tableOf()", () => {
  it("has a row for each bundle and a column for each package and bundler", () => {
    const rows = tableOf([size(7), { ...size(8), form: "jsr", bundler: "rollup" }]).split("\n");
    assertEquals(rows.length, 2);
    assertMatch(rows[0] ?? "", /npm esbuild +jsr rollup +budget/);
    assertMatch(rows[1] ?? "", new RegExp(`^${name} +7 +8 +${limit}\\b`));
  });
});

describe("gzippedBytes()", () => {
  it("counts nothing for an empty bundle, and compresses", () => {
    assertEquals(gzippedBytes("\n"), 0);
    const bytes = gzippedBytes("melange ".repeat(1_000));
    assertEquals(bytes > 20 && bytes < 200, true);
  });
});
