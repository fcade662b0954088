import { checkRange } from "./range.ts";

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

/**
 * Refuses a value that is no length of time.
 * @throws {RangeError} if the value is no number, negative, not finite, or 0 where the rule asks
 * for more
 */
export function checkMs(value: unknown, rule: DurationRule): void {
  const { cannot, name, positive = false, endless = false } = rule;
  const min = positive ? Number.MIN_VALUE : 0;
  checkRange(value, { cannot, name, min, max: endless ? Infinity : Number.MAX_VALUE });
}
