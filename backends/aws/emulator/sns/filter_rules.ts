/**
 * The reasons of SNS for refusing a filter policy, in its words.
 * https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
 */
import { parseRange } from "../../../memory/cidr.ts";
import { isAlternatives } from "../../../memory/filter.ts";
import { isObject, isScalar, OPERATORS } from "../../../memory/filter_operators.ts";

const MAX_KEYS = 5;
const MAX_COMBINATIONS = 150;

/** Returns the reason for which SNS refuses a policy; `undefined` where this file knows none. */
export function whyRefused(policy: Readonly<Record<string, unknown>>): string | undefined {
  const found: Found = { keys: 0, reasons: [] };
  const combinations = combinationsOf(policy, 1, found);
  const [reason] = found.reasons;
  if (reason !== undefined) return reason;
  if (found.keys > MAX_KEYS) {
    return `Filter policy can not have more than ${MAX_KEYS} keys`;
  }
  return combinations > MAX_COMBINATIONS ? "Filter policy is too complex" : undefined;
}

/** Tells whether a policy has keys below keys, which is for the scope of the body only. */
export function isNested(policy: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(policy).some(([key, value]) =>
    isAlternatives(key, value) ? value.some(isNested) : isObject(value)
  );
}

interface Found {
  keys: number;
  readonly reasons: string[];
}

/** Conditions count as often as they are deep; keys are multiplied, and alternatives added. */
function combinationsOf(policy: object, depth: number, found: Found): number {
  let product = 1;
  for (const [key, value] of Object.entries(policy)) {
    if (isAlternatives(key, value)) {
      product *= value.reduce((sum, each) => sum + combinationsOf(each, depth, found), 0);
    } else if (isObject(value)) product *= combinationsOf(value, depth + 1, found);
    else if (Array.isArray(value)) {
      found.keys++;
      product *= value.length * depth;
      if (value.length === 0) found.reasons.push("Empty arrays are not allowed");
      for (const each of value) found.reasons.push(...reasonsOf(each));
    } else found.reasons.push(`"${key}" must be an object or an array`);
  }
  return product;
}

function reasonsOf(condition: unknown): string[] {
  if (isScalar(condition)) return [];
  if (!isObject(condition)) return ["Match value must be String, number, true, false, or null"];
  const [entry, ...more] = Object.entries(condition);
  if (entry === undefined || more.length > 0) return ["Only one key allowed in match expression"];
  const reason = reasonOf(entry[0], entry[1]);
  return reason === undefined ? [] : [reason];
}

function reasonOf(operator: string, operand: unknown): string | undefined {
  if (!OPERATORS.has(operator)) return `Unrecognized match type ${operator}`;
  if (operator === "numeric") return reasonOfNumbers(Array.isArray(operand) ? operand : []);
  if (operator === "cidr") return reasonOfRange(operand);
  if (operator === "anything-but") return reasonOfReverse(operand);
  if (operator === "exists") {
    const fits = typeof operand === "boolean";
    return fits ? undefined : "exists match pattern must be either true or false.";
  }
  return typeof operand === "string" ? undefined : `${operator} match pattern must be a string`;
}

const REVERSIBLE = ["prefix", "suffix", "wildcard", "equals-ignore-case"];

function reasonOfReverse(operand: unknown): string | undefined {
  if (!isObject(operand)) return undefined;
  const [[operator, inner] = ["", undefined]] = Object.entries(operand);
  if (!REVERSIBLE.includes(operator)) return `Unsupported anything-but pattern: ${operator}`;
  const all: unknown[] = Array.isArray(inner) ? inner : [inner];
  return all.map((each) => reasonOf(operator, each)).find((reason) => reason !== undefined);
}

function reasonOfRange(operand: unknown): string | undefined {
  // SNS speaks of a prefix here, too.
  if (typeof operand !== "string") return "prefix match pattern must be a string";
  const [address = "", bits, ...more] = operand.split("/");
  if (bits === undefined || more.length > 0) return "Malformed CIDR, one '/' required";
  if (!/^\d+$/.test(bits)) return "Malformed CIDR, mask bits must be an integer";
  return parseRange(`${address}/0`) ? undefined : `Nonstandard IP address: ${address}`;
}

function reasonOfNumbers(members: readonly unknown[]): string | undefined {
  const [sign, bound, upperSign, upperBound] = members;
  if (typeof sign !== "string") return `Invalid member in numeric match: ${sign ?? "]"}`;
  if (!["=", "<", "<=", ">", ">="].includes(sign)) {
    return `Unrecognized numeric range operator: ${sign}`;
  }
  if (typeof bound !== "number") return notNumeric(sign);
  if (members.length === 2) return undefined;
  if (!sign.startsWith(">")) return "Too many elements in numeric expression";
  if (typeof upperSign !== "string") return `Bad value in numeric range: ${upperSign}`;
  if (upperSign !== "<" && upperSign !== "<=") return `Bad numeric range operator: ${upperSign}`;
  if (typeof upperBound !== "number") return notNumeric(upperSign);
  if (bound >= upperBound) return "Bottom must be less than top";
  return members.length > 4 ? "Too many terms in numeric range expression" : undefined;
}

function notNumeric(sign: string): string {
  return `Value of ${sign === "=" ? "equals" : sign} must be numeric`;
}
