/**
 * The module that `workerd test` runs: `tasks/portable.ts` bundles it behind all portable tests,
 * which the harness has collected by then.
 */
import { runCollected } from "../portable/harness.ts";

export default {
  /** Runs all tests; throws if one failed. */
  async test(): Promise<void> {
    const { passed, failures } = await runCollected();
    for (const { name, error } of failures) {
      console.log(`FAILED ${name}\n${error instanceof Error ? error.stack : error}`);
    }
    console.log(`${passed} pass`);
    console.log(`${failures.length} fail`);
    if (failures.length > 0) throw new Error("Some tests failed");
  },
};
