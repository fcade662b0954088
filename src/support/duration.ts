/** The rule for a length of time, and the words of its error. */
export interface DurationRule {
  /** The action that fails with a wrong time, such as `stop a consumer`. */
  cannot: string;
  /** The name of the option or argument. */
  name: string;
  /** Refuses 0. Default: `false`. */
  positive?: boolean;
  /** Takes `Infinity`. Default: `false`. */
  endless?: boolean;
}

/** Tells whether a value is a number from `least` to `most`; numeric text is no number. */
export function isNumber(value: unknown, least: number, most: number = Infinity): value is number {
  return typeof value === "number" && value >= least && value <= most;
}

/**
 * Refuses a value that is no length of time.
 * @throws {RangeError} if the value is no number, negative, not finite, or 0 where the rule asks
 * for more
 */
export function checkMs(value: unknown, rule: DurationRule): void {
  const { cannot, name, positive = false, endless = false } = rule;
  const least = positive ? Number.MIN_VALUE : 0;
  const most = endless ? Infinity : Number.MAX_VALUE;
  if (isNumber(value, least, most)) return;
  const shown = typeof value === "number" ? value : typeof value;
  throw new RangeError(
    `Cannot ${cannot} as ${name} must be ${positive ? "more than 0" : "0 or more"} milliseconds${
      endless ? "" : ", and finite"
    }: current value is ${shown}`,
  );
}
