/** Parts that the stores on servers share: keys that every server can keep, and lengths of time. */
import { checkMs } from "../../support/duration.ts";
import type { Claim } from "./store.ts";

/** Longest key that is kept as it is, in bytes. DynamoDB takes 2 048, an index of Postgres 2 704. */
const MAX_KEY_BYTES = 1_024;
/** Longest time that a store keeps, in milliseconds: a hundred years. Servers reckon no further. */
const MAX_MS = 3_155_760_000_000;
/** Characters that some server refuses or changes, and the mark of a changed key. */
const UNSTORABLE = /[~\0\uFFFE\uFFFF\p{Cs}]/gu;

/**
 * Returns a key in a form that every server keeps. Different keys stay different: an unstorable
 * character is spelled out, and a long key is replaced by a SHA-256.
 */
export async function serverKey(key: string): Promise<string> {
  const spelled = key.replace(UNSTORABLE, (character) => {
    return `~${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  const bytes = new TextEncoder().encode(spelled);
  if (bytes.length <= MAX_KEY_BYTES) return spelled;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `~sha256-${[...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * Returns a length of time in whole milliseconds, cut at a hundred years.
 * @throws {RangeError} if the value is no number, negative or not finite
 */
export function wholeMs(value: number, rule: { cannot: string; name: string }): number {
  checkMs(value, rule);
  return Math.min(Math.ceil(value), MAX_MS);
}

/** Returns the answer to a claim that another claim was faster than. */
export function inProgress(leftMs: unknown): Claim {
  const left = Number(leftMs);
  return { status: "inProgress", retryAfterMs: left > 0 ? Math.ceil(left) : 0 };
}

/** Returns the error for an answer that makes no sense. The answer is not shown. */
export function strangeAnswer(cannot: string, server: string, answer: unknown): TypeError {
  return new TypeError(
    `Cannot ${cannot} as the client of ${server} gave no answer of ${server}: current value is ${
      answer === null ? "null" : typeof answer
    }`,
  );
}

/**
 * Refuses a Workers KV namespace and everything else without the functions that are needed.
 * @throws {TypeError} if a function is missing
 */
export function checkClient(
  client: unknown,
  options: { server: string; functions: readonly string[] },
): void {
  const { server, functions } = options;
  const has = (name: string) =>
    typeof (client as Record<string, unknown> | null | undefined)?.[name] === "function";
  if (functions.every(has)) return;
  const isWorkersKv = has("get") && has("put") && has("getWithMetadata");
  const reason = isWorkersKv
    ? "Workers KV has no compare-and-set, so two workers would get one key: use Durable Objects"
    : `${server} needs ${functions.map((name) => `${name}()`).join(" and ")}`;
  throw new TypeError(`Cannot create a store as the client does not fit: ${reason}`);
}
