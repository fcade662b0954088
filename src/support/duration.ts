/** What a length of time is for, and what it may be. */
export interface DurationRule {
  /** What cannot be done with a wrong one, such as `stop a consumer`. */
  cannot: string;
  /** The name of the option or argument. */
  name: string;
  /** Whether 0 is too little. Default: `false`. */
  positive?: boolean;
  /** Whether `Infinity` will do. Default: `false`. */
  endless?: boolean;
}

/** Tells whether a value is a number from `least` to `most`; text that looks like one is none. */
export function isNumber(value: unknown, least: number, most: number = Infinity): value is number {
  return typeof value === "number" && value >= least && value <= most;
}

/**
 * Refuses what is no length of time.
 * @throws {RangeError} if it is no number, negative, not finite, or 0 where it must be positive
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
