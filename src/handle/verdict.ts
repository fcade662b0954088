import { MelangeError } from "../support/errors.ts";
import type { Fallback } from "./dispatcher.ts";

/** The wish of one subscriber, or of the option for messages without a subscriber. */
export type Verdict =
  | { readonly kind: "acknowledge" }
  | {
    readonly kind: "retry";
    readonly error: unknown;
    readonly subscriber?: string;
    readonly delayMs?: number;
    readonly uncounted?: boolean;
  }
  | { readonly kind: "deadLetter"; readonly reason: string; readonly subscriber?: string };

/**
 * Returns the verdict on a message that cannot be handled, as the option of the dispatcher says.
 */
export function fallback(kind: Fallback, code: "UNKNOWN_TYPE" | "UNDECODABLE"): Verdict {
  if (kind === "acknowledge") return { kind };
  if (kind === "deadLetter") return { kind, reason: code };
  return { kind, error: new MelangeError(code, "Cannot handle the message now") };
}
