/**
 * Registered with `Deno.test` itself: were the stand-in for `describe` and `it` to swallow failures,
 * it would swallow those of its own tests too.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { countTests } from "../tasks/test/count.ts";
import { type Run, run } from "../tasks/process.ts";
import { standInImports } from "./std.ts";

const MAP = `data:application/json,${
  encodeURIComponent(JSON.stringify({ imports: standInImports() }))
}`;

Deno.test("a test that passes, among stand-ins, passes", async () => {
  assertEquals(await outcomeOf(`it("a", () => assertEquals(1, 1));`), "1 passed, 0 failed, 0");
});

Deno.test("a test that fails, among stand-ins, fails", async () => {
  assertEquals(await outcomeOf(`it("a", () => assertEquals(1, 2));`), "0 passed, 1 failed, 1");
});

Deno.test("a hook that fails, among stand-ins, fails", async () => {
  assertEquals(
    await outcomeOf(`afterAll(() => assertEquals(1, 2)); it("a", () => {});`),
    "1 passed, 1 failed, 1",
  );
});

Deno.test("a test that leaks a timer, among stand-ins, fails its suite", async () => {
  assertEquals(
    await outcomeOf(`it("a", () => void setTimeout(() => {}, 60_000));`),
    "1 passed, 1 failed, 1",
  );
});

Deno.test("std.ts prints one option that deno test takes, and says which", async () => {
  const { code, stdout, stderr } = await deno(["run", "-q", "-R", "tests/std.ts"]);
  assertEquals(code, 0);
  assertEquals(/^--(config|import-map)=\S+\n$/.test(stdout), true);
  assertStringIncludes(stderr, "JSR");
});

/** How many tests of a suite with this content passed and failed, and the exit code. */
async function outcomeOf(content: string): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const report = `${folder}/junit.xml`;
    await Deno.writeTextFile(
      `${folder}/some_test.ts`,
      `import { assertEquals } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
describe("suite", () => { afterAll(() => {}); ${content} assertEquals(1, 1); });`,
    );
    const options = [`--import-map=${MAP}`, `--junit-path=${report}`, "--no-check"];
    const { code } = await deno(["test", ...options, `${folder}/some_test.ts`]);
    const { passed, failed } = countTests(await Deno.readTextFile(report));
    return `${passed} passed, ${failed} failed, ${code}`;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function deno(args: string[]): Promise<Run> {
  return run(Deno.execPath(), args, { cwd: new URL("..", import.meta.url), timeoutMs: 60_000 });
}
