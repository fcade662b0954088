import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { closingLine, countTests } from "../../../tasks/test/count.ts";

const passing = (name: string) => `<testcase name="${name}" time="0.1"></testcase>`;
const failing = (name: string, message: string) =>
  `<testcase name="${name}"><failure message="${message}">at a line</failure></testcase>`;

describe("countTests()", () => {
  it("counts the innermost tests, in whatever order", () => {
    const report = [
      passing("a"),
      passing("b"),
      passing("alone"),
      passing("b &gt; three"),
      passing("a &gt; one"),
      passing("a &gt; inner"),
      passing("a &gt; inner &gt; two"),
    ];
    assertEquals(countTests(report.join("\n")), { passed: 4, failed: 0 });
  });

  it("counts a failed test once, not again for its suites", () => {
    const report = [
      failing("a", "1 test step failed"),
      failing("a &gt; inner", "2 test steps failed"),
      failing("a &gt; inner &gt; one", "Uncaught Error"),
      failing("a &gt; inner &gt; two", "Uncaught Error"),
    ];
    assertEquals(countTests(report.join("\n")), { passed: 0, failed: 2 });
  });

  it("counts a suite that failed by itself", () => {
    const report = [failing("a", "Leaks detected"), passing("a &gt; one")];
    assertEquals(countTests(report.join("\n")), { passed: 1, failed: 1 });
  });

  it("counts neither what was skipped nor an empty report", () => {
    const skipped = `<testcase name="a"><skipped/></testcase>`;
    assertEquals(countTests(skipped), { passed: 0, failed: 0 });
    assertEquals(countTests("<testsuites></testsuites>"), { passed: 0, failed: 0 });
  });

  it("survives markup in names and messages", () => {
    const report = failing("a &lt;b&gt; &quot;c&quot;", "&lt;/testcase&gt;") + passing("d");
    assertEquals(countTests(report), { passed: 1, failed: 1 });
  });
});

describe("closingLine()", () => {
  it("says it in the words that a CI looks for", () => {
    assertEquals(closingLine({ passed: 12, failed: 0 }), "12 passed, 0 failed");
  });
});
