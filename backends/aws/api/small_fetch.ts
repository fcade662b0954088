import type { Clock } from "../../../src/support/clock.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { readBytes } from "../../../src/support/read_bytes.ts";

/** The sources of requests and of time. */
export interface SmallFetchOptions {
  /** Sends the request. */
  fetch: typeof fetch;
  /** The source of time. */
  clock: Clock;
}

/** The longest time for an answer, to its last byte, in milliseconds. */
const TIMEOUT_MS = 5_000;
/** The longest answer, in bytes. */
const MAX_BYTES = 64 * 1024;

/**
 * Fetches a small text from a checked address. Only a 200 counts. A redirect is not followed, and a
 * slow or long answer is given up. Throws a `MelangeError`, `retryable` if a later answer may
 * differ.
 */
export async function smallFetch(url: string, options: SmallFetchOptions): Promise<string> {
  const { fetch, clock } = options;
  const controller = new AbortController();
  const { signal } = controller;
  const clear = clock.after(TIMEOUT_MS, () => controller.abort());
  try {
    // Not "error": workerd does not know it.
    const response = await fetch(url, { redirect: "manual", signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw failure(`the answer was ${response.status}`, isTransient(response.status));
    }
    const bytes = await readBytes(response.body, { maxBytes: MAX_BYTES, signal });
    if (!bytes) throw failure("the answer is too long", false);
    return new TextDecoder().decode(bytes);
  } catch (error) {
    if (error instanceof MelangeError) throw error;
    throw failure(signal.aborted ? "no answer came in time" : "the connection failed", true);
  } finally {
    clear();
  }
}

function isTransient(status: number): boolean {
  return status >= 500 || status === 429 || status === 408;
}

function failure(reason: string, retryable: boolean): MelangeError {
  return new MelangeError("REFUSED", `Cannot get what SNS points to as ${reason}`, { retryable });
}
