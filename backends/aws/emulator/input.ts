/** Reads the parameters of actions. In the Query protocol all of them are text. */
import { commonError, invalidValue, missing } from "./errors.ts";
import type { Input } from "./operation.ts";

/** The text of a parameter; `undefined` if it is missing. */
export function text(input: Input, name: string): string | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw malformed(name, "a string");
  return value;
}

/** The text of a parameter that must be there. */
export function needed(input: Input, name: string): string {
  const value = text(input, name);
  if (value === undefined || value === "") throw missing(name);
  return value;
}

/** A whole number; `undefined` if it is missing. */
export function integer(input: Input, name: string): number | undefined {
  const value = input[name];
  if (value === undefined || value === null || value === "") return undefined;
  const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number)) {
    throw invalidValue(name, value, "Must be an integer.");
  }
  return number;
}

/** A whole number within a range; `undefined` if it is missing. */
export function integerWithin(
  input: Input,
  name: string,
  { range: [least, most], reason }: { range: readonly [number, number]; reason: string },
): number | undefined {
  const value = integer(input, name);
  if (value !== undefined && (value < least || value > most)) {
    throw invalidValue(name, value, reason);
  }
  return value;
}

/** True or false; `undefined` if it is missing. */
export function flag(input: Input, name: string): boolean | undefined {
  const value = input[name];
  if (value === undefined || value === null || value === "") return undefined;
  if (value === true || value === "true" || value === "True") return true;
  if (value === false || value === "false" || value === "False") return false;
  throw malformed(name, "a boolean");
}

/** A list of texts; none if it is missing. */
export function texts(input: Input, name: string): string[] {
  const value = input[name] ?? [];
  if (!Array.isArray(value) || value.some((each) => typeof each !== "string")) {
    throw malformed(name, "a list of strings");
  }
  return value;
}

/** A list of objects; none if it is missing. */
export function records(input: Input, name: string): Input[] {
  const value = input[name] ?? [];
  if (!Array.isArray(value) || !value.every(isRecord)) throw malformed(name, "a list of objects");
  return value;
}

/** A map of texts; empty if it is missing. */
export function textMap(input: Input, name: string): Record<string, string> {
  const value = input[name] ?? {};
  if (!isRecord(value) || Object.values(value).some((each) => typeof each !== "string")) {
    throw malformed(name, "a map of strings");
  }
  return { ...value } as Record<string, string>;
}

/** A map of objects; empty if it is missing. */
export function recordMap(input: Input, name: string): Record<string, Input> {
  const value = input[name] ?? {};
  if (!isRecord(value) || !Object.values(value).every(isRecord)) {
    throw malformed(name, "a map of objects");
  }
  return value as Record<string, Input>;
}

/** Tells whether a value is an object and no list. */
export function isRecord(value: unknown): value is Input {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the object in a JSON text; `undefined` for any other text. */
export function parsed(json: string | undefined): Input | undefined {
  // Most queues have no policy at all, and an error for each would be dear.
  if (!json) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function malformed(name: string, wanted: string) {
  return commonError("MalformedInput", `The parameter ${name} must be ${wanted}.`);
}
