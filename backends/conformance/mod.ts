/**
 * The conformance suite: one set of tests that every backend passes, ours and yours.
 *
 * The suite works from the contract in `src/backend.ts` alone and needs no test framework, only a
 * function that registers a test. `docs/backends.md` shows the way to a backend with the suite.
 *
 * @example Run the suite with the test runner of Deno
 * ```ts ignore
 * import { testBackend } from "@melange/melange/conformance";
 * import { MyBackend } from "./my_backend.ts";
 *
 * testBackend({
 *   name: "MyBackend",
 *   guarantees: MyBackend.guarantees,
 *   test: (name, fn) => Deno.test(name, fn),
 *   create: () => {
 *     const backend = new MyBackend();
 *     const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
 *     return { backend, pass, close: () => backend.close() };
 *   },
 * });
 * ```
 *
 * @module
 */
export { type ConformanceReport, testBackend, type TestBackendOptions } from "./suite.ts";
export type { BackendUnderTest } from "./bench.ts";
export {
  type DeduplicationStoreReport,
  testDeduplicationStore,
  type TestDeduplicationStoreOptions,
} from "./stores.ts";
export type { DeduplicationStoreUnderTest, StoreAbility } from "./store_under_test.ts";
