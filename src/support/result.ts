import type { MelangeError } from "./errors.ts";

/**
 * The outcome of one item of a batch.
 *
 * @category Backends
 */
export type Result<T = unknown> =
  | ({ readonly ok: true } & T)
  | { readonly ok: false; readonly error: MelangeError };
