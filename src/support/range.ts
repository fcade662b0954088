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

/** Tells whether a value is a number from `least` to `most`; numeric text is no number. */
export function isNumber(value: unknown, least: number, most: number = Infinity): value is number {
  return typeof value === "number" && value >= least && value <= most;
}

/**
 * Refuses a number outside a range, and a value that is no number.
 * @throws {RangeError} if the rule is broken
 */
export function checkRange(value: unknown, rule: RangeRule): void {
  const { cannot, name, min, max = Infinity, integer = false } = rule;
  if (isNumber(value, min, max) && (!integer || Number.isSafeInteger(value))) return;
  const shown = typeof value === "number" ? value : typeof value;
  const least = min === Number.MIN_VALUE ? "more than 0" : `${min} or more`;
  throw new RangeError(
    `Cannot ${cannot} as ${name} must be ${integer ? "an integer, " : ""}${
      max < Number.MAX_VALUE ? `${min} to ${max}` : least
    }: current value is ${shown}`,
  );
}

/** Refuses options, by their names, of which one breaks the rule. */
export function checkRanges(
  options: Readonly<Record<string, unknown>>,
  rule: Omit<RangeRule, "name">,
): void {
  for (const name in options) checkRange(options[name], { ...rule, name });
}
