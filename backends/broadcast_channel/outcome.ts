import { MelangeError } from "../../src/support/errors.ts";

/** The end of an operation: the value or the error with which its call resolves or rejects. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** A `MelangeError` as plain data: a structured clone would lose its code. */
export interface ErrorData {
  readonly melangeError: true;
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/** Replaces the errors in an outcome by plain data. */
export function toData(outcome: Outcome): Outcome {
  return map(outcome, (value) => value instanceof MelangeError ? dataOf(value) : value);
}

/** Replaces plain data in an outcome by errors: the inverse of {@linkcode toData}. */
export function fromData(outcome: Outcome): Outcome {
  return map(outcome, (value) => isErrorData(value) ? errorOf(value) : value);
}

/**
 * Converts the errors of an outcome, which stand in `error` of the outcome or of one item of its
 * list.
 */
function map(outcome: Outcome, convert: (error: unknown) => unknown): Outcome {
  if ("error" in outcome) return { error: convert(outcome.error) };
  const { value } = outcome;
  if (!Array.isArray(value)) return outcome;
  const items = value.map((item) =>
    hasError(item) ? { ...item, error: convert(item.error) } : item
  );
  return { value: items };
}

function hasError(item: unknown): item is { readonly error: unknown } {
  return typeof item === "object" && item !== null && "error" in item;
}

function dataOf({ code, message, retryable }: MelangeError): ErrorData {
  return { melangeError: true, code, message, retryable };
}

function isErrorData(value: unknown): value is ErrorData {
  return typeof value === "object" && value !== null && "melangeError" in value;
}

function errorOf({ code, message, retryable }: ErrorData): MelangeError {
  return new MelangeError(code, message, { retryable });
}
