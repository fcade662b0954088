import type { MelangeError } from "./errors.ts";

/**
 * The outcome of one item of a batch.
 *
 * @category Backends
 */
export type Result<T = unknown> =
  | ({ readonly ok: true } & T)
  | { readonly ok: false; readonly error: MelangeError };

/** A failure. */
export type Failed = Extract<Result, { ok: false }>;

/** Returns a failure with this error. */
export function failed(error: MelangeError): Failed {
  return { ok: false, error };
}
