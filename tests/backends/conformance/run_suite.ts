import { testBackend, type TestBackendOptions } from "../../../backends/conformance/mod.ts";

/** Runs the suite, or some of its checks, and returns the errors of those that fail, by name. */
export async function runSuite(
  options: Omit<TestBackendOptions, "name" | "test">,
  only: (check: string) => boolean = () => true,
): Promise<Map<string, Error>> {
  const cases = new Map<string, () => Promise<void>>();
  testBackend({ ...options, name: "x", test: (name, fn) => void cases.set(name.slice(3), fn) });
  const failures = new Map<string, Error>();
  for (const [name, fn] of cases) {
    if (!only(name)) continue;
    const [outcome] = await Promise.allSettled([fn()]);
    if (outcome.status === "rejected") failures.set(name, outcome.reason);
  }
  return failures;
}
