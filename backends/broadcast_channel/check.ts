/** Tells if an unknown value has a certain shape. */
export type Check = (value: unknown) => boolean;

/** Text of `min` to `max` UTF-16 code units. */
export function text(max: number, min: number = 0): Check {
  return (value) => typeof value === "string" && value.length >= min && value.length <= max;
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER): Check {
  return (value) => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
}

/** Any number from `min` to `max`; not NaN. */
export function within(min: number, max: number): Check {
  return (value) => typeof value === "number" && value >= min && value <= max;
}

/** `true` or `false`. */
export const flag: Check = (value) => typeof value === "boolean";

/** A point in time. */
export const date: Check = (value) => value instanceof Date && !Number.isNaN(value.getTime());

/** Bytes. */
export const bytes: Check = (value) => value instanceof Uint8Array;

/** This very value. */
export function exactly(expected: unknown): Check {
  return (value) => value === expected;
}

/** One of several shapes. */
export function either(...checks: readonly Check[]): Check {
  return (value) => checks.some((check) => check(value));
}

/** A list of at most `max` items. */
export function list(item: Check, max: number): Check {
  return (value) => {
    if (!Array.isArray(value) || value.length > max) return false;
    // Not with `every`, which passes over holes.
    for (let place = 0; place < value.length; place++) if (!item(value[place])) return false;
    return true;
  };
}

/** A list with these items. */
export function tuple(...items: readonly Check[]): Check {
  return (value) =>
    Array.isArray(value) && value.length === items.length &&
    items.every((check, place) => check(value[place]));
}

/** An object with at most `max` entries of any names. */
export function dictionary(item: Check, max: number): Check {
  return (value) => {
    if (!isPlain(value)) return false;
    const values = Object.values(value);
    return values.length <= max && values.every(item);
  };
}

/** An object with these fields, perhaps the optional ones, and nothing else. */
export function shape(
  required: Readonly<Record<string, Check>>,
  optional: Readonly<Record<string, Check>> = {},
): Check {
  const needed = new Map(Object.entries(required));
  const allowed = new Map(Object.entries(optional));
  // In one pass, as everything that arrives is checked.
  return (value) => {
    if (!isPlain(value)) return false;
    let missing = needed.size;
    for (const name in value) {
      const field = value[name];
      const check = needed.get(name);
      if (check) {
        if (!check(field)) return false;
        missing--;
      } else if (!allowed.has(name) || (field !== undefined && !allowed.get(name)?.(field))) {
        return false;
      }
    }
    return missing === 0;
  };
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Not `Object.prototype`: what arrives may be of another realm than this code, as in Node's `vm`.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
