import type { FilterPolicy } from "../../src/backend.ts";
import { isInRange, parseRange } from "./cidr.ts";

/** An operator: its operands, and the values that match. */
export interface Operator {
  /** Returns the reason why the operator refuses an operand; `undefined` for a valid operand. */
  rule(operand: unknown): string | undefined;
  /** Tells whether a value matches. The operand must be valid. */
  test(value: unknown, operand: unknown): boolean;
}

/** The operators by name. `exists` looks at no value, so the caller decides. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["prefix", onText((value, operand) => value.startsWith(operand))],
  ["suffix", onText((value, operand) => value.endsWith(operand))],
  ["equals-ignore-case", onText((value, operand) => value.toLowerCase() === operand.toLowerCase())],
  ["wildcard", { ...onText(matchesWildcard), rule: wildcardRule }],
  ["cidr", { ...onText(isInCidr), rule: cidrRule }],
  ["numeric", { rule: numericRule, test: isInNumericRange }],
  ["anything-but", { rule: anythingButRule, test: isAnythingBut }],
  ["exists", {
    rule: (operand) => typeof operand === "boolean" ? undefined : `"exists" takes true or false`,
    test: () => false,
  }],
]);

function onText(test: (value: string, operand: string) => boolean): Operator {
  return {
    rule: (operand) => typeof operand === "string" ? undefined : "the operator takes a string",
    test: (value, operand) =>
      typeof value === "string" && typeof operand === "string" && test(value, operand),
  };
}

/** Goes through the text once; a regular expression could be made to take exponential time. */
function matchesWildcard(value: string, pattern: string): boolean {
  const pieces = wildcardPieces(pattern);
  const first = pieces[0] as string;
  if (pieces.length === 1) return value === first;
  const last = pieces[pieces.length - 1] as string;
  if (!value.startsWith(first) || !value.endsWith(last)) return false;
  let from = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const at = value.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return from <= value.length - last.length;
}

/** The literal text between the wildcards of a pattern; `\*` and `\\` stand for themselves. */
export function wildcardPieces(pattern: string): string[] {
  const pieces = [""];
  for (const token of pattern.match(/\\[*\\]|[^]/gu) ?? []) {
    if (token === "*") pieces.push("");
    else pieces.push(pieces.pop() + (token.length === 2 ? token.replace("\\", "") : token));
  }
  return pieces;
}

/** https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html */
const MAX_WILDCARDS = 3;

function wildcardRule(operand: unknown): string | undefined {
  if (typeof operand !== "string") return `"wildcard" takes a string`;
  const pieces = wildcardPieces(operand);
  if (pieces.length - 1 > MAX_WILDCARDS) {
    return `a pattern takes at most ${MAX_WILDCARDS} wildcards`;
  }
  const doubled = pieces.slice(1, -1).includes("");
  return doubled ? "a pattern takes no two wildcards in a row" : undefined;
}

function isInCidr(value: string, operand: string): boolean {
  const range = parseRange(operand);
  return range !== undefined && isInRange(value, range);
}

function cidrRule(operand: unknown): string | undefined {
  if (typeof operand === "string" && parseRange(operand)) return undefined;
  return `"cidr" takes an address, a slash and the number of its leading bits`;
}

const COMPARISONS: ReadonlyMap<unknown, (a: number, b: number) => boolean> = new Map([
  ["=", (a: number, b: number) => a === b],
  [">", (a: number, b: number) => a > b],
  [">=", (a: number, b: number) => a >= b],
  ["<", (a: number, b: number) => a < b],
  ["<=", (a: number, b: number) => a <= b],
]);

function isInNumericRange(value: unknown, operand: unknown): boolean {
  if (typeof value !== "number" || !Array.isArray(operand)) return false;
  const pairs = operand.length === 4 ? [operand.slice(0, 2), operand.slice(2)] : [operand];
  return pairs.every(([sign, bound]) => COMPARISONS.get(sign)?.(value, bound) ?? false);
}

/** The range of numbers in a policy. */
const MAX_NUMBER = 1e9;

function numericRule(operand: unknown): string | undefined {
  const [sign, bound, upperSign, upperBound] = Array.isArray(operand) ? operand : [];
  const count = Array.isArray(operand) ? operand.length : 0;
  const single = count === 2 && COMPARISONS.has(sign) && isPolicyNumber(bound);
  const range = count === 4 && (sign === ">" || sign === ">=") && isPolicyNumber(bound) &&
    (upperSign === "<" || upperSign === "<=") && isPolicyNumber(upperBound) && bound < upperBound;
  if (single || range) return undefined;
  return `"numeric" takes a sign and a number, or a range such as [">", 0, "<=", 5], within ±10^9`;
}

/** Tells whether a value is a number that a policy may hold. */
export function isPolicyNumber(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= MAX_NUMBER;
}

/** The operators that `anything-but` can reverse. */
const REVERSIBLE = ["prefix", "suffix", "wildcard", "equals-ignore-case"];

function isAnythingBut(value: unknown, operand: unknown): boolean {
  const [name, inner] = operatorOf(operand) ?? ["", undefined];
  if (name === "") return !asList(operand).includes(value);
  return !asList(inner).some((each) => OPERATORS.get(name)?.test(value, each));
}

function anythingButRule(operand: unknown): string | undefined {
  const [name, inner] = operatorOf(operand) ?? ["", operand];
  const list = asList(inner);
  if (list.length === 0) return `"anything-but" takes no empty list`;
  if (name === "") {
    const plain = list.every((value) => typeof value === "string" || isPolicyNumber(value));
    return plain ? undefined : `"anything-but" takes strings, numbers or one operator`;
  }
  if (!REVERSIBLE.includes(name)) return `"anything-but" cannot turn round "${name}"`;
  return list.map((each) => OPERATORS.get(name)?.rule(each)).find((rule) => rule !== undefined);
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}

/** Tells whether a condition is a plain value, to be equalled. */
export function isScalar(value: unknown): value is string | number | boolean | null {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

/** The name and the operand of an operator, which is an object with one key. */
export function operatorOf(condition: unknown): [name: string, operand: unknown] | undefined {
  if (!isObject(condition)) return undefined;
  const [entry, ...more] = Object.entries(condition);
  return more.length === 0 ? entry : undefined;
}

/** Tells whether a value is an object and no list. */
export function isObject(value: unknown): value is FilterPolicy {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
