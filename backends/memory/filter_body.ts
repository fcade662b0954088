/**
 * The filter policies of SNS in the scope of the body: the same conditions, at the ends of a tree.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering-scope.html
 */
import type { FilterPolicy } from "../../src/backend.ts";
import { checkCondition, checkFacts, isAlternatives, meets, type PolicyFacts } from "./filter.ts";
import { isObject } from "./filter_operators.ts";

/** Tells whether a policy lets a body through: every condition of the tree must be met. */
export function matchesBody(policy: FilterPolicy, body: string): boolean {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) && matchesTree(policy, value);
  } catch {
    return false;
  }
}

/** Matches below a value, where `path` holds the keys above that no member had so far. */
function matchesTree(policy: FilterPolicy, value: unknown, path: readonly string[] = []): boolean {
  return Object.entries(policy).every(([key, conditions]) => {
    if (isAlternatives(key, conditions)) {
      return conditions.some((alternative) => matchesTree(alternative, value, path));
    }
    return placesOf(value, [...path, ...key.split(".")]).some(({ inner, rest }) => {
      if (!Array.isArray(conditions)) {
        const branches: unknown[] = Array.isArray(inner) ? inner.flat(Infinity) : [inner];
        return branches.some((branch) => matchesTree(conditions as FilterPolicy, branch, rest));
      }
      const ends = rest.length > 0 ? undefined : endsOf(inner);
      return conditions.some((condition) => meets(ends, condition));
    });
  });
}

/** A value in the body, and the keys that lead on from there. */
interface Place {
  readonly inner: unknown;
  readonly rest: readonly string[];
}

/**
 * Returns the places that a path leads to, as far as it leads. Keys may be written apart, or joined
 * by dots. Of a list of objects one is enough.
 */
function placesOf(value: unknown, path: readonly string[]): Place[] {
  if (path.length === 0) return [{ inner: value, rest: path }];
  if (Array.isArray(value) && value.length > 0) {
    return value.flatMap((each) => placesOf(each, path));
  }
  for (let end = path.length; isObject(value) && end > 0; end--) {
    const key = path.slice(0, end).join(".");
    if (Object.hasOwn(value, key)) return placesOf(value[key], path.slice(end));
  }
  return [{ inner: value, rest: path }];
}

/** Returns the values for conditions; none for a branch or a missing value. */
function endsOf(value: unknown): unknown[] | undefined {
  if (value === undefined || isObject(value)) return undefined;
  return Array.isArray(value) ? value.flat(Infinity) : [value];
}

/**
 * Accepts the policies for the body that SNS accepts. The combinations of a condition count as
 * often as the condition is deep.
 *
 * @throws {MelangeError} `CONFIGURATION` that names the broken rule
 */
export function checkBodyPolicy(policy: FilterPolicy): void {
  checkFacts(policy, factsOf(policy, 1));
}

function factsOf(policy: FilterPolicy, depth: number): PolicyFacts {
  return Object.entries(policy).map(([key, value]) => factsOfKey(key, value, depth)).reduce(
    (all, each) => ({
      keys: [...all.keys, ...each.keys],
      combinations: all.combinations * each.combinations,
      wildcardPoints: all.wildcardPoints + each.wildcardPoints,
    }),
    { keys: [], combinations: 1, wildcardPoints: 0 },
  );
}

function factsOfKey(key: string, value: unknown, depth: number): PolicyFacts {
  if (isAlternatives(key, value)) {
    const all = value.map((each) => factsOf(each, depth));
    return {
      keys: all.flatMap(({ keys }) => keys),
      combinations: all.reduce((sum, { combinations }) => sum + combinations, 0),
      wildcardPoints: all.reduce((sum, { wildcardPoints }) => sum + wildcardPoints, 0),
    };
  }
  if (isObject(value)) return factsOf(value, depth + 1);
  const conditions = Array.isArray(value) ? value : [];
  const points = conditions.map((condition) => checkCondition(key, condition));
  return {
    keys: [key],
    combinations: conditions.length * depth,
    wildcardPoints: points.reduce((sum, each) => sum + each, 0),
  };
}
