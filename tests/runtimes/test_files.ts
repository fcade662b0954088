/**
 * Runs the portable tests on a runtime without a test framework: in a handler of workerd, which is
 * where it allows timers and random ids, and in a page of a browser.
 */
import { collected } from "../portable/bdd.ts";
import { runAll } from "../portable/harness.ts";
import { CANNOT, without } from "./cannot.ts";

/**
 * Loads the test files, runs what they describe, but for what the runtime cannot run, and rejects if
 * a test failed.
 */
export async function testFiles(
  files: readonly (() => Promise<unknown>)[],
  runtime: string,
): Promise<void> {
  for (const load of files) await load();
  const { passed, failures } = await runAll(without(collected, CANNOT[runtime] ?? {}));
  for (const { name, error } of failures) {
    console.log(`FAILED ${name}\n${error instanceof Error ? error.stack : error}`);
  }
  console.log(`${passed} pass`);
  console.log(`${failures.length} fail`);
  if (failures.length > 0) throw new Error("Some tests failed");
}
