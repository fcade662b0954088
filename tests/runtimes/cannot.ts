/** The portable tests that a runtime cannot run, and why. All others must pass on all runtimes. */
import type { Suite, Test } from "../portable/harness.ts";

/** Reasons by the names of tests, which are those of their suites and their own, with ` > ` between. */
export type Reasons = Readonly<Record<string, string>>;

/** What runtimes cannot run. */
export const CANNOT: Readonly<Record<string, Reasons>> = {
  Chromium: {
    "snsEndpoint() refuses, without a request of its own, > a body that is announced as too long with 413":
      "a page may not set Content-Length",
  },
};

/**
 * The suites and tests but for those that are named.
 * @throws {Error} if there is none of a name: the list is out of date then
 */
export function without(children: readonly (Suite | Test)[], reasons: Reasons): (Suite | Test)[] {
  const names = new Set(Object.keys(reasons));
  const left = children.flatMap((child) => remaining(child, [], names));
  if (names.size === 0) return left;
  throw new Error(`Cannot leave out tests that do not exist: ${[...names].join(", ")}`);
}

/** Takes the names that it finds out of the set. */
function remaining(
  child: Suite | Test,
  path: readonly string[],
  names: Set<string>,
): (Suite | Test)[] {
  const inner = [...path, child.name];
  if (names.delete(inner.join(" > "))) return [];
  if (!("children" in child)) return [child];
  const children = child.children.flatMap((each) => remaining(each, inner, names));
  return [{ ...child, children }];
}
