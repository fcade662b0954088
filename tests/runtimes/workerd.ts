/**
 * The module that `workerd test` runs: `tasks/portable.ts` bundles it behind all portable tests,
 * which have been collected by then.
 */
import { collected } from "../portable/bdd.ts";
import { runAll } from "../portable/harness.ts";

export default {
  /** Runs all tests; throws if one failed. */
  async test(): Promise<void> {
    const { passed, failures } = await runAll(collected);
    for (const { name, error } of failures) {
      console.log(`FAILED ${name}\n${error instanceof Error ? error.stack : error}`);
    }
    console.log(`${passed} pass`);
    console.log(`${failures.length} fail`);
    if (failures.length > 0) throw new Error("Some tests failed");
  },
};
