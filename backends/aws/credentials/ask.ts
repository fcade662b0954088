import { abortable } from "../../../src/support/clock.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { retry } from "../../../src/support/retry.ts";
import { readBytes } from "../../../src/support/read_bytes.ts";
import { hopelessReason } from "../api/unreachable.ts";
import { brokenSource, type SearchContext } from "./source.ts";

/** A request to somebody who has credentials. */
export interface Ask {
  /** The name of the service that is asked, for error messages. */
  readonly who: string;
  readonly url: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** The longest time for an answer, to its last byte, in milliseconds. */
  readonly timeoutMs: number;
  /** Tells that the service may be missing: then silence is not asked twice. Default: `false`. */
  readonly mayBeAbsent?: boolean;
}

/** An answer that is a success, or an error for which we are to blame. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The longest answer: longer than any with credentials. */
const MAX_BYTES = 65_536;
const PATIENCE = { maxAttempts: 3, baseMs: 100, maxMs: 1_000 };

/**
 * Sends a request and reads the answer, again up to two times where that may help. A redirect is
 * not followed, because it would take tokens to another host. Throws a `MelangeError`.
 */
export function ask(context: SearchContext, request: Ask): Promise<Answer> {
  const { clock, random } = context;
  return retry(() => askOnce(context, request), { ...PATIENCE, clock, random });
}

async function askOnce({ fetch, clock }: SearchContext, request: Ask): Promise<Answer> {
  const { who, url, method = "GET", headers = {}, body = null, mayBeAbsent = false } = request;
  const controller = new AbortController();
  const { signal } = controller;
  const clear = clock.after(request.timeoutMs, () => controller.abort());
  try {
    const init = { method, headers, body, signal, redirect: "manual" } as const;
    const response = await abortable(fetch(url, init), signal);
    const refusal = refusalOf(response);
    if (refusal) {
      response.body?.cancel().catch(() => {});
      throw brokenSource(`${who} answered with ${refusal.what}`, refusal);
    }
    const bytes = await readBytes(response.body, { maxBytes: MAX_BYTES, signal });
    if (!bytes) throw brokenSource(`${who} answered with too much`);
    return { status: response.status, text: new TextDecoder().decode(bytes) };
  } catch (error) {
    if (error instanceof MelangeError) throw error;
    const why = hopelessReason(error);
    const reason = signal.aborted
      ? "did not answer in time"
      : `cannot be reached${why ? `: ${why}` : ""}`;
    throw brokenSource(`${who} ${reason}`, { retryable: !mayBeAbsent });
  } finally {
    clear();
  }
}

function refusalOf({ status, type }: Response): { what: string; retryable: boolean } | undefined {
  if (type === "opaqueredirect" || (status >= 300 && status < 400)) {
    return { what: "a redirect", retryable: false };
  }
  return status >= 500 || status === 429 ? { what: `HTTP ${status}`, retryable: true } : undefined;
}
