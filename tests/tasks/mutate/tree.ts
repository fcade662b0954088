/** A small tree with tests of its own, into which faults can be put. */
const FILES: Readonly<Record<string, string>> = {
  "deno.json": "{}",
  "src/age.ts": `export function isAdult(age: number): boolean {
  if (age < 0) throw new RangeError("A negative age");
  return age >= 18;
}

export function agesOf(ages: Iterable<number>): number[] {
  const known: number[] = [];
  for (const age of ages) known.push(age);
  return known;
}
`,
  "tests/std.ts": `console.error("said apart");\nconsole.log("--config=deno.json");\n`,
  "tests/src/age_test.ts": `import { isAdult } from "../../src/age.ts";
Deno.test("is an adult at 18", () => {
  if (!isAdult(18) || isAdult(17)) throw new Error("not at 18");
});
Deno.test("has an age", () => {
  let refused = false;
  try {
    isAdult(-1);
  } catch {
    refused = true;
  }
  if (!refused) throw new Error("not refused");
});
`,
  "tests/src/other_deno_test.ts": `import { agesOf } from "../../src/age.ts";
Deno.test("copies ages", () => {
  if (agesOf([1, 2]).length !== 2) throw new Error("not two");
});
`,
  "tests/equal_mutants.txt":
    `src/age.ts | if (age < 0) throw new RangeError("A negative age"); | 1 | said so\n`,
  "tests/chaos/mutants/at_17.patch": `# test: tests/src/age_test.ts "is an adult at 18"
--- a/src/age.ts
+++ b/src/age.ts
@@ -2,2 +2,2 @@
   if (age < 0) throw new RangeError("A negative age");
-  return age >= 18;
+  return age >= 17;
`,
  "tests/chaos/mutants/harmless.patch": `# test: tests/src/age_test.ts "has an age"
--- a/src/age.ts
+++ b/src/age.ts
@@ -3,1 +3,1 @@
-  return age >= 18;
+  return age > 17;
`,
  "tests/chaos/mutants/of_nothing.patch": `# test: tests/src/age_test.ts "has no such test"
--- a/src/age.ts
+++ b/src/age.ts
@@ -3,1 +3,1 @@
-  return age >= 18;
+  return age > 18;
`,
};

/** Makes the tree for as long as `use` takes; its folder has a slash at its end. */
export async function withTree(
  use: (root: string) => Promise<void>,
  others: Readonly<Record<string, string>> = {},
): Promise<void> {
  const root = `${await Deno.makeTempDir({ prefix: "melange-tree-" })}/`;
  try {
    for (const [path, text] of Object.entries({ ...FILES, ...others })) {
      await Deno.mkdir(root + path.replace(/[^/]+$/, ""), { recursive: true });
      await Deno.writeTextFile(root + path, text);
    }
    await use(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
