/**
 * Stands in for the part of `@std/assert` that the tests use. Where the two differ, this one is
 * the stricter: two different `Error` objects are never equal.
 */
import { equal } from "./equal.ts";
import { show } from "./show.ts";

// deno-lint-ignore no-explicit-any -- only `any` accepts the constructors of every class
type Class<T> = abstract new (...args: any[]) => T;

/** What a failed assertion throws. */
export class AssertionError extends Error {
  /** Creates an error whose name tells it from those of the code under test. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** Fails unless `condition` is truthy. */
export function assert(condition: unknown, message = "Expected a truthy value"): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Fails always. */
export function fail(message?: string): never {
  throw new AssertionError(`Failed assertion${suffix(message)}`);
}

/** Fails unless both are structurally equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(`Values are not equal${suffix(message)}${comparison(actual, expected)}`);
}

/** Fails if both are structurally equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(`Expected values to differ${suffix(message)}\n    ${show(actual)}`);
}

/** Fails unless both are the same value, as `Object.is` compares. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  throw new AssertionError(
    `Values are not strictly equal${suffix(message)}${comparison(actual, expected)}`,
  );
}

/** Fails if `actual` is `null` or `undefined`. */
export function assertExists<T>(
  actual: T,
  message?: string,
): asserts actual is NonNullable<T> {
  if (actual !== null && actual !== undefined) return;
  throw new AssertionError(`Expected a value but got ${show(actual)}${suffix(message)}`);
}

/** Fails unless `actual` is an instance of the class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expected: Class<T>,
  message?: string,
): asserts actual is T {
  if (actual instanceof expected) return;
  throw new AssertionError(
    `Expected an instance of "${expected.name}" but got ${show(actual)}${suffix(message)}`,
  );
}

/** Fails unless the text matches. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  if (expected.test(actual)) return;
  throw new AssertionError(`Expected ${show(actual)} to match ${expected}${suffix(message)}`);
}

/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(
    `Expected ${show(actual)} to contain ${show(expected)}${suffix(message)}`,
  );
}

/** Fails if the numbers differ by more than `tolerance`. Default: a ten-millionth of `expected`. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance: number = Number.isFinite(expected) ? Math.abs(expected) * 1e-7 : 1e-7,
  message?: string,
): void {
  if (Object.is(actual, expected) || Math.abs(actual - expected) <= tolerance) return;
  throw new AssertionError(
    `Expected ${actual} to be within ${tolerance} of ${expected}${suffix(message)}`,
  );
}

/** Fails unless `fn` throws; returns what it threw. */
export function assertThrows(fn: () => unknown, message?: string): unknown;
/** Fails unless `fn` throws an error of this class whose message includes a text. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: Class<E>,
  includes?: string,
  message?: string,
): E;
export function assertThrows(fn: () => unknown, ...expectation: Expectation): unknown {
  const { errorClass, includes, message } = expected(expectation);
  let thrown: unknown;
  try {
    fn();
  } catch (error) {
    thrown = error;
    checkError(thrown, errorClass, includes, message);
    return thrown;
  }
  throw new AssertionError(`Expected function to throw${suffix(message)}`);
}

/** Fails unless the promise of `fn` rejects; resolves to its reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, message?: string): Promise<unknown>;
/** Fails unless the promise of `fn` rejects with such an error. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: Class<E>,
  includes?: string,
  message?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  ...expectation: Expectation
): Promise<unknown> {
  const { errorClass, includes, message } = expected(expectation);
  const promise = promiseOf(fn, message);
  try {
    await promise;
  } catch (reason) {
    checkError(reason, errorClass, includes, message);
    return reason;
  }
  throw new AssertionError(`Expected function to reject${suffix(message)}`);
}

/** A function that throws instead of rejecting is a mistake of its own. */
function promiseOf(fn: () => PromiseLike<unknown>, message?: string): PromiseLike<unknown> {
  let promise: unknown;
  try {
    promise = fn();
  } catch (cause) {
    throw new AssertionError(`Function throws when expected to reject${suffix(message)}`, {
      cause,
    });
  }
  if (typeof (promise as PromiseLike<unknown> | undefined)?.then !== "function") {
    throw new AssertionError(`Expected function to return a promise${suffix(message)}`);
  }
  return promise as PromiseLike<unknown>;
}

type Expectation =
  | [message?: string | undefined]
  | [errorClass: Class<Error>, includes?: string | undefined, message?: string | undefined];

function expected(expectation: Expectation) {
  const [first, includes, message] = expectation;
  if (typeof first === "function") return { errorClass: first, includes, message };
  return { errorClass: undefined, includes: undefined, message: first };
}

function checkError(
  error: unknown,
  errorClass: Class<Error> | undefined,
  includes = "",
  message?: string,
): void {
  if (!errorClass) return;
  if (!(error instanceof errorClass)) {
    throw new AssertionError(
      `Expected a "${errorClass.name}" but got ${show(error)}${suffix(message)}`,
      { cause: error },
    );
  }
  if (!error.message.includes(includes)) {
    throw new AssertionError(
      `Expected the error message ${show(error.message)} to include ${show(includes)}${
        suffix(message)
      }`,
      { cause: error },
    );
  }
}

function suffix(message: string | undefined): string {
  return message ? `: ${message}` : ".";
}

/** Both values, and of those that take several lines only the ones that differ, marked. */
function comparison(actual: unknown, expected: unknown): string {
  const [left, right] = [show(actual).split("\n"), show(expected).split("\n")];
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  let end = 0;
  const shortest = Math.min(left.length, right.length) - start;
  while (end < shortest && left.at(-1 - end) === right.at(-1 - end)) end++;
  const context = (lines: string[]) => lines.map((line) => `    ${line}`);
  return "\n" + [
    "    - expected, + actual",
    ...context(left.slice(0, start)),
    ...right.slice(start, right.length - end).map((line) => `  - ${line}`),
    ...left.slice(start, left.length - end).map((line) => `  + ${line}`),
    ...context(left.slice(left.length - end)),
  ].join("\n");
}
