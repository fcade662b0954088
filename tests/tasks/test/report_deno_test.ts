import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Unit } from "../../../tasks/test/plan.ts";
import { openReport } from "../../../tasks/test/report.ts";

const unit = (name: string): Unit => ({ name, args: [], limitMs: 1, counts: "junit" });
const passing = { passed: 12, failed: 0, output: "noise", tests: [], ms: 340 };

function openRecorded(total: number) {
  const printed: string[] = [];
  const shown: string[] = [];
  const report = openReport(total, {
    print: (line) => void printed.push(line),
    show: (line) => void shown.push(line),
  });
  return { report, printed, shown };
}

describe("openReport()", () => {
  it("prints one line for a file that passes", () => {
    const { report, printed } = openRecorded(1);
    report.started(unit("a_test.ts"));
    report.ended(unit("a_test.ts"), passing);
    report.close();
    assertEquals(printed, ["ok          12 passed    0.3 s  a_test.ts"]);
  });

  it("prints the failures of a file, without the tests that passed, and names it again last", () => {
    const { report, printed } = openRecorded(2);
    const output = "a ... ok\nb ... FAILED\n\n ERRORS \n\nb => it broke";
    report.ended(unit("b_test.ts"), { passed: 1, failed: 1, output, tests: [], ms: 1_000 });
    report.ended(unit("a_test.ts"), passing);
    report.close();
    assertEquals(printed, [
      "FAILED 1     1 passed    1.0 s  b_test.ts",
      "\n ERRORS \n\nb => it broke",
      "ok          12 passed    0.3 s  a_test.ts",
      "Failed: b_test.ts",
    ]);
  });

  it("prints all of the output where a file was stopped", () => {
    const { report, printed } = openRecorded(1);
    report.ended(unit("b_test.ts"), {
      passed: 0,
      failed: 1,
      output: "Stopped",
      tests: [],
      ms: 1_000,
    });
    assertEquals(printed[1], "Stopped");
  });

  it("shows what is running, and leaves nothing of that behind", () => {
    const { report, shown } = openRecorded(2);
    report.started(unit("a_test.ts"));
    report.started(unit("b_test.ts"));
    report.ended(unit("a_test.ts"), passing);
    report.close();
    assertEquals(shown, [
      "0 of 2 files, running a_test.ts",
      "0 of 2 files, running a_test.ts, b_test.ts",
      "",
      "1 of 2 files, running b_test.ts",
      "",
    ]);
  });
});
