import { isNumber } from "./duration.ts";

/** The numbers that an option may be, and the words of the error for others. */
export interface RangeRule {
  /** The action that fails with another number, such as `create a store`. */
  cannot: string;
  /** The name of the option or argument. */
  name: string;
  /** The least number. `Number.MIN_VALUE` stands for everything above 0. */
  min: number;
  /** The greatest number. Default: `Infinity`. */
  max?: number;
  /** Refuses fractions, and integers that JavaScript cannot count by. Default: `false`. */
  integer?: boolean;
}

/**
 * Refuses a number outside a range, and a value that is no number.
 * @throws {RangeError} if the rule is broken
 */
export function checkRange(value: unknown, rule: RangeRule): void {
  const { cannot, name, min, max, integer = false } = rule;
  if (isNumber(value, min, max) && (!integer || Number.isSafeInteger(value))) return;
  const shown = typeof value === "number" ? value : typeof value;
  throw new RangeError(
    `Cannot ${cannot} as ${name} must ${wordsFor(rule)}: current value is ${shown}`,
  );
}

function wordsFor({ min, max, integer = false }: RangeRule): string {
  if (max !== undefined) return `be ${integer ? "an integer from " : ""}${min} to ${max}`;
  if (integer && min === 1) return "be a positive integer";
  if (min === Number.MIN_VALUE) return "be positive";
  if (integer) return `be an integer, ${min} or more`;
  return min === 0 ? "not be negative" : `be ${min} or more`;
}
