import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { findMutants } from "../../../tasks/mutate/find.ts";
import { failedTest, type Judgement, type Verdict } from "../../../tasks/mutate/judge.ts";
import { asJson, closingLines, countByRoom, lineOf } from "../../../tasks/mutate/report.ts";

function judged(file: string, source: string, verdict: Verdict, killer?: string): Judgement {
  const [mutant] = findMutants(file, source).mutants;
  if (!mutant) throw new Error(`There is no fault in ${source}`);
  return { mutant, verdict, ...(killer && { killer }) };
}

const JUDGEMENTS = [
  judged("src/b.ts", "x = a && b;", "killed", "B > does"),
  judged("src/a.ts", "\n  x = a < 1;", "survived"),
  judged("cli/c.ts", "f(\n  a,\n);", "survived"),
  judged("cli/c.ts", "x = true;", "equal", "nobody asks"),
];

describe("lineOf()", () => {
  it("says where, what and by which test", () => {
    assertEquals(JUDGEMENTS.map(lineOf), [
      "killed   src/b.ts:1 logic: && → || (B > does)",
      "survived src/a.ts:2 comparison: < → >=",
      "survived cli/c.ts:1 call: f( a, ); → ;",
      "equal    cli/c.ts:1 boolean: true → false (nobody asks)",
    ]);
  });
});

describe("countByRoom()", () => {
  it("counts without those that are equal", () => {
    assertEquals(countByRoom(JUDGEMENTS), [
      { room: "cli", killed: 0, tried: 1, equal: 1 },
      { room: "src", killed: 1, tried: 2, equal: 0 },
      { room: "all", killed: 1, tried: 3, equal: 1 },
    ]);
  });
});

describe("closingLines()", () => {
  it("shows the survivors with their lines, then the table", () => {
    assertEquals(closingLines(JUDGEMENTS), [
      "",
      "Survivors:",
      "src/a.ts:2 comparison",
      "  - x = a < 1;",
      "  + x = a >= 1;",
      "cli/c.ts:1 call",
      "  - f(",
      "  + ;",
      "",
      "cli  0/1 killed    0 %, 1 equal",
      "src  1/2 killed   50 %",
      "all  1/3 killed   33 %, 1 equal",
    ]);
  });

  it("has only the table where none survived", () => {
    assertEquals(closingLines(JUDGEMENTS.slice(0, 1)), [
      "",
      "src  1/1 killed  100 %",
      "all  1/1 killed  100 %",
    ]);
  });
});

describe("asJson()", () => {
  it("has the seed, the rooms and every fault", () => {
    const { seed, rooms, mutants } = JSON.parse(asJson(7, JUDGEMENTS));
    assertEquals([seed, rooms.length, mutants.length], [7, 3, 4]);
    assertEquals(mutants[0], {
      file: "src/b.ts",
      line: 1,
      operator: "logic",
      before: "&&",
      after: "||",
      sourceLine: "x = a && b;",
      mutatedLine: "x = a || b;",
      verdict: "killed",
      killer: "B > does",
    });
  });
});

describe("failedTest()", () => {
  it("is the innermost one that failed", () => {
    const report = [
      `<testcase name="A"><failure message="1 test step failed"/></testcase>`,
      `<testcase name="A &gt; passes"></testcase>`,
      `<testcase name="A &gt; b &gt; says &quot;&lt;&amp;&quot;"><failure message="no"/></testcase>`,
      `<testcase name="A &gt; b"><failure message="1 test step failed"/></testcase>`,
    ];
    assertEquals(failedTest(report.join("\n")), `A > b > says "<&"`);
  });

  it("is the first of those that are equally deep", () => {
    const report = ["A", "B"].map((name) => `<testcase name="${name}"><error/></testcase>`);
    assertEquals(failedTest(report.join("\n")), "A");
  });

  it("says so where there is no report", () => {
    assertEquals(failedTest(""), "the tests do not load");
  });
});
