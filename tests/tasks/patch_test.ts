import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { applyHunks, parsePatch } from "../../tasks/patch.ts";

const PATCH = `# a word about it
--- a/src/one.ts
+++ b/src/one.ts
@@ -10,3 +10,3 @@ function one() {
   first();
-  second();
+  third();
 }
@@ -20,2 +20,1 @@
-last();
 end
--- a/two.ts
+++ b/two.ts
@@ -1 +1,2 @@
 only
+more
`;

describe("parsePatch()", () => {
  it("reads the hunks of each file", () => {
    assertEquals(parsePatch(PATCH), [
      {
        path: "src/one.ts",
        hunks: [
          { before: "  first();\n  second();\n}\n", after: "  first();\n  third();\n}\n" },
          { before: "last();\nend\n", after: "end\n" },
        ],
      },
      { path: "two.ts", hunks: [{ before: "only\n", after: "only\nmore\n" }] },
    ]);
  });

  it("refuses a file in which nothing changes", () => {
    assertThrows(() => parsePatch("--- a/x\n+++ b/x\n"), Error, "changes nothing");
  });
});

describe("applyHunks()", () => {
  const [one] = parsePatch(PATCH);
  const hunks = one?.hunks ?? [];

  it("changes the lines wherever they stand", () => {
    const text = "moved\n  first();\n  second();\n}\nlast();\nend\n";
    assertEquals(applyHunks(text, hunks), "moved\n  first();\n  third();\n}\nend\n");
  });

  it("throws if the lines are not there, or not only once", () => {
    assertThrows(() => applyHunks("other\n", hunks), Error, "0 times");
    const twice = "  first();\n  second();\n}\n".repeat(2);
    assertThrows(() => applyHunks(twice, hunks), Error, "2 times");
  });
});
