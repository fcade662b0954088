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

function matchesTree(policy: FilterPolicy, value: unknown): boolean {
  return Object.entries(policy).every(([key, conditions]) => {
    if (isAlternatives(key, conditions)) {
      return conditions.some((alternative) => matchesTree(alternative, value));
    }
    const inner = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    if (Array.isArray(conditions)) {
      const ends = endsOf(inner);
      return conditions.some((condition) => meets(ends, condition));
    }
    // Of a list of objects one is enough.
    const branches: unknown[] = Array.isArray(inner) ? inner : [inner];
    return branches.some((branch) => matchesTree(conditions as FilterPolicy, branch));
  });
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
