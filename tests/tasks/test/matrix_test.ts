import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { cellsOf, COLUMNS, matrixOf, missingCells, ROWS } from "../../../tasks/test/matrix.ts";

const result = { passed: 3, failed: 1, output: "", tests: [], ms: 0 };

describe("cellsOf()", () => {
  it("takes portable files for Deno, and leaves out those for Deno alone", () => {
    const [cell, ...others] = cellsOf("tests/src/a_test.ts", result);
    assertEquals(cell, { suite: ROWS.portable, runtime: "Deno", passed: 3, failed: 1 });
    assertEquals([...others, ...cellsOf("tests/src/a_deno_test.ts", result)], []);
  });

  it("reads the lines of the other runtimes", () => {
    const output = "some test 1: 5 passed, 0 failed\nNode.js 20 20.20.2: 7 passed, 2 failed\n" +
      "Chromium 156.0: 8 passed, 0 failed\n";
    assertEquals(cellsOf("portable tests on other runtimes", { ...result, output }), [
      { suite: ROWS.portable, runtime: "Node.js 20", passed: 7, failed: 2 },
      { suite: ROWS.portable, runtime: "Chromium", passed: 8, failed: 0 },
    ]);
  });

  it("tells by their names where the tests of the package ran", () => {
    const tests = [
      { name: "the npm package &gt; on Bun &gt; a", failed: false },
      { name: "the npm package &gt; on Bun &gt; b", failed: true },
      { name: "the npm package &gt; on Node.js 24 &gt; a", failed: false },
    ];
    assertEquals(cellsOf("tests/package/runtimes_suite.ts", { ...result, tests }), [
      { suite: ROWS.installed, runtime: "Node.js 24", passed: 1, failed: 0 },
      { suite: ROWS.installed, runtime: "Bun", passed: 1, failed: 1 },
    ]);
  });
});

describe("matrixOf()", () => {
  const cells = COLUMNS.slice(1).map((runtime) => (
    { suite: ROWS.portable, runtime, passed: 40, failed: runtime === "Bun" ? 2 : 0 }
  ));

  it("has a row for each suite, the sums, the failures, and the reasons of what is empty", () => {
    const table = matrixOf([...cells, ...cells.slice(0, 1)]);
    const rows = table.split("\n").filter((line) => !line.startsWith("("));
    assertEquals(rows.length, 1 + Object.keys(ROWS).length);
    assertMatch(rows[1] ?? "", /^portable tests +not run +80 +40 +40 +40 +2 FAILED +40 +40$/);
    assertMatch(table, /^\(a\) \S/m);
  });

  it("tells what did not run although nothing says that it cannot", () => {
    assertEquals(missingCells(cells)[0], "portable tests on Deno");
    const missing = missingCells(cells, { quickElsewhere: true });
    assertEquals(missing.includes("portable tests on Deno"), false);
    assertEquals(missing.includes("npm package, installed on Bun"), true);
    assertEquals(missing.includes("npm package, installed on workerd"), false);
  });
});
