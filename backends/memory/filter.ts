/**
 * The filter policies of SNS, in the scope of message attributes.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
 */
import type { FilterPolicy } from "../../src/backend.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { type Attributes, byteLength, typedAttribute } from "../../src/wire/message.ts";
import {
  isObject,
  isPolicyNumber,
  isScalar,
  operatorOf,
  OPERATORS,
  wildcardPieces,
} from "./filter_operators.ts";

/**
 * Tells whether a policy lets a message with these attributes through: at least one entry in the
 * list of every key must match. Of a `String.Array` one element is enough, also for `anything-but`.
 * Binary attributes count as absent.
 */
export function matches(policy: FilterPolicy, attributes: Attributes): boolean {
  return Object.entries(policy).every(([key, conditions]) => {
    if (isAlternatives(key, conditions)) {
      return conditions.some((alternative) => matches(alternative, attributes));
    }
    const values = valuesOf(attributes, key);
    return Array.isArray(conditions) && conditions.some((condition) => meets(values, condition));
  });
}

/** Returns the values of an attribute for a condition; `undefined` if the attribute is absent. */
function valuesOf(attributes: Attributes, key: string): unknown[] | undefined {
  const attribute = Object.hasOwn(attributes, key) ? attributes[key] : undefined;
  if (attribute === undefined) return undefined;
  const { type, value } = typedAttribute(attribute);
  if (typeof value !== "string") return undefined;
  if (type === "String.Array") return elementsOf(value);
  return [type.startsWith("Number") ? Number(value) : value];
}

function elementsOf(json: string): unknown[] {
  try {
    const elements: unknown = JSON.parse(json);
    return Array.isArray(elements) ? elements : [];
  } catch {
    return [];
  }
}

/** Tells whether a value meets a condition; `undefined` stands for a missing key. */
export function meets(values: unknown[] | undefined, condition: unknown): boolean {
  if (isScalar(condition)) return values?.includes(condition) ?? false;
  const [name, operand] = operatorOf(condition) ?? ["", undefined];
  if (name === "exists") return (values !== undefined) === operand;
  const operator = OPERATORS.get(name);
  if (operator === undefined || values === undefined) return false;
  return values.some((value) => operator.test(value, operand));
}

/** `$or` is only an operator with two or more objects, none of which looks like a condition. */
export function isAlternatives(key: string, conditions: unknown): conditions is FilterPolicy[] {
  return key === "$or" && Array.isArray(conditions) && conditions.length >= 2 &&
    conditions.every((each) =>
      isObject(each) && Object.keys(each).every((name) => !OPERATORS.has(name))
    );
}

/** https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html */
const MAX_KEYS = 5;
const MAX_COMBINATIONS = 150;
const MAX_WILDCARD_POINTS = 100;
const MAX_POLICY_BYTES = 256 * 1024;

/**
 * Accepts the policies for attributes that SNS accepts.
 * @throws {MelangeError} `CONFIGURATION` that names the broken rule
 */
export function checkPolicy(policy: FilterPolicy): void {
  checkFacts(policy, factsOf(policy));
}

/** Refuses a policy whose parts together are more than SNS takes. */
export function checkFacts(policy: FilterPolicy, facts: PolicyFacts): void {
  const keys = new Set(facts.keys);
  if (keys.size > MAX_KEYS) refuse(`it takes at most ${MAX_KEYS} keys`, keys.size);
  if (facts.combinations > MAX_COMBINATIONS) {
    refuse(`it takes at most ${MAX_COMBINATIONS} combinations of values`, facts.combinations);
  }
  if (facts.wildcardPoints > MAX_WILDCARD_POINTS) {
    refuse(`its wildcards take at most ${MAX_WILDCARD_POINTS} points`, facts.wildcardPoints);
  }
  const bytes = byteLength(JSON.stringify(policy));
  if (bytes > MAX_POLICY_BYTES) refuse(`it takes at most ${MAX_POLICY_BYTES} bytes`, bytes);
}

/** Sums over the parts of a policy. */
export interface PolicyFacts {
  /** All keys. */
  readonly keys: readonly string[];
  /** Of values. */
  readonly combinations: number;
  /** Of all patterns. */
  readonly wildcardPoints: number;
}

const NOTHING: PolicyFacts = { keys: [], combinations: 1, wildcardPoints: 0 };

/** Keys together are multiplied, alternatives are added. */
function factsOf(policy: unknown): PolicyFacts {
  if (!isObject(policy)) refuse("it must be an object", typeof policy);
  return Object.entries(policy).map(factsOfKey).reduce((all, each) => ({
    keys: [...all.keys, ...each.keys],
    combinations: all.combinations * each.combinations,
    wildcardPoints: all.wildcardPoints + each.wildcardPoints,
  }), NOTHING);
}

function factsOfKey([key, conditions]: [string, unknown]): PolicyFacts {
  if (isAlternatives(key, conditions)) {
    const alternatives = conditions.map(factsOf);
    return {
      keys: alternatives.flatMap((each) => each.keys),
      combinations: sum(alternatives.map((each) => each.combinations)),
      wildcardPoints: sum(alternatives.map((each) => each.wildcardPoints)),
    };
  }
  if (!Array.isArray(conditions)) refuse(`the key "${key}" must hold a list`, typeof conditions);
  if (conditions.length === 0) refuse(`the list of the key "${key}" must not be empty`, "[]");
  const wildcardPoints = sum(conditions.map((condition) => checkCondition(key, condition)));
  return { keys: [key], combinations: conditions.length, wildcardPoints };
}

/** Checks one entry of a list, and returns the points of the entry. */
export function checkCondition(key: string, condition: unknown): number {
  if (typeof condition === "number" && !isPolicyNumber(condition)) {
    refuse(`a number of the key "${key}" must be within ±10^9`, condition);
  }
  if (isScalar(condition)) return 0;
  const [name, operand] = operatorOf(condition) ?? ["", undefined];
  const operator = OPERATORS.get(name);
  if (!operator) {
    refuse(`an entry of the key "${key}" must be a value or one known operator`, name || "neither");
  }
  const rule = operator.rule(operand);
  if (rule) refuse(`of its key "${key}" ${rule}`, JSON.stringify(operand));
  return name === "wildcard" ? pointsOf(operand as string) : 0;
}

/**
 * Counts the points of a pattern: one wildcard is one point; of several wildcards, each is three.
 */
function pointsOf(pattern: string): number {
  const wildcards = wildcardPieces(pattern).length - 1;
  return wildcards > 1 ? wildcards * 3 : wildcards;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** Says why a policy cannot be used. */
export function refuse(rule: string, value: unknown): never {
  throw new MelangeError(
    "CONFIGURATION",
    `Cannot use the filter policy as ${rule}: current value is ${value}`,
  );
}
