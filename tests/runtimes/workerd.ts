/** Runs the portable tests in a handler of workerd, which is where it allows timers and random ids. */
import { collected } from "../portable/bdd.ts";
import { runAll } from "../portable/harness.ts";

/** Loads the test files, runs what they describe, and rejects if a test failed. */
export async function testFiles(files: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const load of files) await load();
  const { passed, failures } = await runAll(collected);
  for (const { name, error } of failures) {
    console.log(`FAILED ${name}\n${error instanceof Error ? error.stack : error}`);
  }
  console.log(`${passed} pass`);
  console.log(`${failures.length} fail`);
  if (failures.length > 0) throw new Error("Some tests failed");
}
