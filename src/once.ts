import type { Clock } from "./clock.ts";
import type { Claim, DeduplicationStore } from "./deduplication.ts";
import { describeError, MelangeError } from "./errors.ts";
import type { Logger } from "./logger.ts";

/** How repeated deliveries of one event are told apart from new ones. */
export interface DeduplicationOptions {
  /** Where claims are kept. */
  store: DeduplicationStore;
  /** How long a claim lasts unless it is renewed, in milliseconds. Default: 60 000. */
  leaseMs?: number;
  /** How long a handled event is remembered, in milliseconds. Default: 24 hours. */
  retentionMs?: number;
  /**
   * What happens when the store fails; it is logged as an error either way. `"retry"` handles the
   * message later, `"process"` handles it without protection. Default: `"retry"`.
   */
  onFailure?: "retry" | "process";
}

/** Options of {@linkcode runOnce}. */
export interface OnceOptions extends DeduplicationOptions {
  /** Tells subscriber and event. */
  key: string;
  /** Where time comes from. */
  clock: Clock;
  /** Where failures of the store are reported. */
  logger: Logger;
}

/** Whether a subscriber is done with an event, or when to ask again. */
export type OnceResult =
  | { kind: "acknowledge" }
  | { kind: "retry"; error: unknown; uncounted: true; delayMs?: number };

/** Claims, runs, marks. Rejects with what the handler throws. */
export async function runOnce(
  handle: () => Promise<void>,
  options: OnceOptions,
): Promise<OnceResult> {
  const { store, key, leaseMs = 60_000, onFailure = "retry" } = options;
  let claim: Claim;
  try {
    claim = await store.claim(key, leaseMs);
  } catch (error) {
    storeFailed("claim", error, options);
    if (onFailure === "retry") return { kind: "retry", error, uncounted: true };
    await handle();
    return { kind: "acknowledge" };
  }
  if (claim.status === "completed") return { kind: "acknowledge" };
  if (claim.status === "inProgress") return inProgress(claim.retryAfterMs);
  return await runClaimed(handle, claim.token, { ...options, leaseMs });
}

/**
 * The claim lives as long as the handler really runs, also past the time at which its message was
 * given up: a redelivery meanwhile finds it in progress.
 */
async function runClaimed(
  handle: () => Promise<void>,
  token: string,
  options: OnceOptions & { leaseMs: number },
): Promise<OnceResult> {
  const { store, key, leaseMs, retentionMs = 86_400_000, clock } = options;
  const ask = async (verb: "renew" | "release" | "complete", call: () => Promise<unknown>) => {
    try {
      await call();
    } catch (error) {
      storeFailed(verb, error, options);
    }
  };
  const renew = () => ask("renew", () => store.renew(key, token, leaseMs));
  const stopRenewing = keepRenewing(renew, leaseMs / 3, clock);
  try {
    await handle();
  } catch (error) {
    stopRenewing();
    await ask("release", () => store.release(key, token));
    throw error;
  }
  stopRenewing();
  await ask("complete", () => store.complete(key, token, retentionMs));
  return { kind: "acknowledge" };
}

function storeFailed(verb: string, error: unknown, { key, logger }: OnceOptions): void {
  logger.error(`The de-duplication store failed to ${verb}`, { key, error: describeError(error) });
}

function inProgress(retryAfterMs: number | undefined): OnceResult {
  const error = new MelangeError("CONFLICT", "Cannot handle the event as it is being handled");
  const delay = retryAfterMs === undefined ? {} : { delayMs: retryAfterMs };
  return { kind: "retry", error, uncounted: true, ...delay };
}

function keepRenewing(renew: () => Promise<void>, everyMs: number, clock: Clock): () => void {
  let cancel = () => {};
  let stopped = false;
  const next = () => {
    if (stopped) return;
    cancel = clock.after(everyMs, () => void renew().then(next));
  };
  next();
  return () => {
    stopped = true;
    cancel();
  };
}
