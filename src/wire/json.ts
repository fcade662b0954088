/** JSON of other writers, read without assumptions and without exceptions. */
import { parseJson } from "./serializer.ts";

/** The result of parsing, or nothing if the text is no JSON. */
export type Parsed = { value: unknown } | undefined;

/** Parses a text at the first call, and only once. */
export function lazyJson(text: string): () => Parsed {
  let parsed: Parsed;
  let done = false;
  return () => {
    if (!done) parsed = tryParse(text);
    done = true;
    return parsed;
  };
}

/** Parses; nothing if the text is no JSON. */
export function tryParse(text: string): Parsed {
  try {
    return { value: parseJson(text) };
  } catch {
    return undefined;
  }
}

/** Tells whether a value is an object with keys. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A string under a key of the object itself, not of its prototype. */
export function ownText(record: Record<string, unknown>, key: string): string | undefined {
  const value = Object.hasOwn(record, key) ? record[key] : undefined;
  return typeof value === "string" ? value : undefined;
}
