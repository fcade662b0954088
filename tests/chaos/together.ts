import { before } from "@std/testing/bdd";

/**
 * Runs scenarios that mostly wait, all at once, before the tests of a suite; each test asks for the
 * one that it is about, and fails if that one threw.
 */
export function together<Results extends Record<string, unknown>>(
  scenarios: { [Name in keyof Results]: () => Promise<Results[Name]> },
): <Name extends keyof Results>(name: Name) => Results[Name] {
  const settled = new Map<keyof Results, PromiseSettledResult<unknown>>();
  before(async () => {
    const names = Object.keys(scenarios);
    const results = await Promise.allSettled(names.map((name) => scenarios[name]!()));
    names.forEach((name, index) => settled.set(name, results[index]!));
  });
  return <Name extends keyof Results>(name: Name) => {
    const result = settled.get(name);
    if (result?.status === "fulfilled") return result.value as Results[Name];
    throw result?.reason ?? new Error(`There is no scenario "${String(name)}"`);
  };
}
