import { MelangeError, type MelangeErrorCode } from "../../src/support/errors.ts";
import type { Result } from "../../src/support/result.ts";

/** Throws unless the condition holds; `rule` is a sentence with the rule. */
export function expect(condition: unknown, rule: string): asserts condition {
  if (!condition) throw new Error(rule);
}

/** Throws unless both have the same parts; bytes and dates are compared by value. */
export function expectSame(actual: unknown, expected: unknown, rule: string): void {
  const [got, wanted] = [inspect(actual), inspect(expected)];
  if (got !== wanted) throw new Error(`${rule}: expected ${brief(wanted)}, got ${brief(got)}`);
}

/** Throws unless there are `count` results; `verb` names the call. */
export function expectCount(results: readonly unknown[], count: number, verb: string): void {
  expect(Array.isArray(results), `${verb} must resolve to an array`);
  expectSame(results.length, count, `${verb} must give one result for each item`);
}

/** The results, all of which must have succeeded; throws unless there are `count`. */
export function expectAllOk<T extends { readonly ok: boolean }>(
  results: readonly T[],
  count: number,
  verb: string,
): Extract<T, { ok: true }>[] {
  expectCount(results, count, verb);
  return results.map((result, index) => {
    expect(isOk(result), `${verb} must succeed for item ${index}: got ${inspect(result)}`);
    return result;
  });
}

function isOk<T extends { readonly ok: boolean }>(result: T): result is Extract<T, { ok: true }> {
  return result.ok;
}

/** Throws unless the result is a failure, with this code if one is given. */
export function expectFailed(
  result: Result | undefined,
  rule: string,
  code?: MelangeErrorCode,
): void {
  expect(result !== undefined && !result.ok, `${rule}: it succeeded`);
  expectError(result.error, rule, code);
}

/** Throws unless the call rejects with a MelangeError, of this code if one is given. */
export async function expectThrown(
  call: Promise<unknown>,
  rule: string,
  code?: MelangeErrorCode,
): Promise<void> {
  expectError(await thrownBy(call, rule), rule, code);
}

/** Throws unless the call rejects with this very value. */
export async function expectReason(
  call: Promise<unknown>,
  reason: unknown,
  rule: string,
): Promise<void> {
  const error = await thrownBy(call, rule);
  expect(error === reason, `${rule}, and with the reason of the signal: got ${inspect(error)}`);
}

/** Throws unless the value is a MelangeError, of this code if one is given. */
export function expectError(error: unknown, rule: string, code?: MelangeErrorCode): void {
  expect(error instanceof MelangeError, `${rule}, with a MelangeError: got ${inspect(error)}`);
  if (code !== undefined) expectSame(error.code, code, `${rule}, with the right code`);
}

async function thrownBy(call: Promise<unknown>, rule: string): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error(`${rule}: it succeeded`);
}

/** Writes equal values as equal texts, whatever the order of their keys. */
function inspect(value: unknown): string {
  if (value instanceof Uint8Array) return `bytes(${Array.from(value).join(" ")})`;
  if (value instanceof Date) return `date(${value.getTime()})`;
  if (value instanceof MelangeError) return `${value.name} ${value.code} "${value.message}"`;
  if (value instanceof Error) return `${value.name} "${value.message}"`;
  if (Array.isArray(value)) return `[${value.map(inspect).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const parts = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
    return `{${parts.map(([key, part]) => `${key}: ${inspect(part)}`).join(", ")}}`;
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function brief(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 300)}… (${text.length} characters)`;
}
