import { abortable, type Clock, limited } from "../support/clock.ts";
import type { Claim, DeduplicationStore } from "./deduplication/store.ts";
import { defined } from "../support/defined.ts";
import { describeError, MelangeError } from "../support/errors.ts";
import type { Logger } from "../support/logger.ts";

/**
 * Settings for the recognition of repeated deliveries of one event.
 *
 * @category Handling
 */
export interface DeduplicationOptions {
  /** The store that keeps the claims. */
  store: DeduplicationStore;
  /**
   * The longest time that a claim lasts without renewal, in milliseconds. The time is shorter where
   * the message is held for less, so that the claim of a killed worker is over when the message
   * comes again. Default: 60 000.
   */
  leaseMs?: number;
  /** The time for which a handled event is remembered, in milliseconds. Default: 24 hours. */
  retentionMs?: number;
  /**
   * The course when the store fails; the failure is logged as an error either way. `"retry"` handles
   * the message later, `"process"` handles it without protection. Default: `"retry"`. A call of the store
   * that takes longer than a third of the lease has failed.
   */
  onFailure?: "retry" | "process";
}

/** Options of {@linkcode runOnce}. */
export interface OnceOptions extends DeduplicationOptions {
  /** The key of the subscriber and the event. */
  key: string;
  /** Ends the claim when its message was given up. */
  signal: AbortSignal;
  /** Tells for how long the message is still held, in milliseconds. Default: no limit. */
  heldMs?: (() => number) | undefined;
  /** The source of time. */
  clock: Clock;
  /** The logger that failures of the store are reported to. */
  logger: Logger;
}

/** The verdict on one subscriber and event: done, or to be asked again later. */
export type OnceResult =
  | { kind: "acknowledge" }
  | { kind: "retry"; error: unknown; uncounted: true; delayMs?: number };

/** The shortest claim, unless a shorter lease is asked for: a store takes its time too. */
const MIN_LEASE_MS = 1_000;
/** Longest wait of a given-up message for the release of its claim, in milliseconds. */
const GIVE_BACK_MS = 100;

/**
 * Claims, runs, marks. Rejects with the error of the handler, or with the signal's reason when the
 * message is given up before.
 */
export async function runOnce(
  handle: () => Promise<void>,
  options: OnceOptions,
): Promise<OnceResult> {
  const { onFailure = "retry", signal } = options;
  let claim: Claim;
  try {
    claim = await claimed(options);
  } catch (error) {
    signal.throwIfAborted();
    storeFailed("claim", error, options);
    if (onFailure === "retry") return { kind: "retry", error, uncounted: true };
    await abortable(handle(), signal);
    return { kind: "acknowledge" };
  }
  if (claim.status === "completed") return { kind: "acknowledge" };
  if (claim.status === "inProgress") return inProgress(claim.retryAfterMs);
  return await runClaimed(handle, claim.token, options);
}

/** Claims the key. A claim after the end of the wait is given back. */
async function claimed(options: OnceOptions): Promise<Claim> {
  const { store, key, signal } = options;
  const answer = called(() => store.claim(key, leaseOf(options)));
  try {
    return soundClaim(await limited(answer, { ...limitOf(options), signal }), longestOf(options));
  } catch (error) {
    answer.then(async (late) => {
      if (late.status === "claimed") await store.release(key, late.token);
    }).catch(() => {});
    throw error;
  }
}

/** Checks the answer of a store, which anybody may have written. */
function soundClaim(claim: Claim, leaseMs: number): Claim {
  const { status } = claim;
  if (status === "completed" || (status === "claimed" && typeof claim.token === "string")) {
    return claim;
  }
  if (status !== "inProgress") throw new TypeError("Cannot use a store that answers with no claim");
  // Nobody holds a claim for longer than a lease without renewing it.
  const left = Number(claim.retryAfterMs);
  return left >= 0 ? { status, retryAfterMs: Math.min(left, leaseMs) } : { status };
}

/**
 * Runs the handler under a claim, which lives no longer than its message. When the message is given
 * up, the claim is released, even if the handler goes on, so that the next delivery can run. A
 * handler that still succeeds later marks the event as done, unless another claim has taken the
 * event since.
 */
async function runClaimed(
  handle: () => Promise<void>,
  token: string,
  options: OnceOptions,
): Promise<OnceResult> {
  const { store, key, signal, clock } = options;
  const stopRenewing = keepRenewing(token, options);
  const running = handle();
  try {
    await abortable(running, signal);
  } catch (error) {
    stopRenewing();
    const released = ask("release", options, () => store.release(key, token));
    await abortable(released, signal).catch(() => {});
    if (signal.aborted) await limited(released, { clock, ms: GIVE_BACK_MS }).catch(() => {});
    running.then(() => markLate(options), () => {});
    throw error;
  }
  stopRenewing();
  await abortable(
    ask("complete", options, () => store.complete(key, token, retentionOf(options))),
    signal,
  );
  return { kind: "acknowledge" };
}

/** The handler was given up and has succeeded after all. */
async function markLate(options: OnceOptions): Promise<void> {
  const { store, key } = options;
  await ask("complete", options, async () => {
    const claim = await store.claim(key, leaseOf(options));
    if (claim.status === "claimed") {
      await store.complete(key, claim.token, retentionOf(options));
    }
  });
}

/** Asks the store; a failure is only reported. Never rejects. */
async function ask(
  verb: "renew" | "release" | "complete",
  options: OnceOptions,
  call: () => Promise<unknown>,
): Promise<unknown> {
  try {
    return await limited(called(call), limitOf(options));
  } catch (error) {
    storeFailed(verb, error, options);
    return undefined;
  }
}

/** The promise of a call, also where it throws or gives none. */
async function called<T>(call: () => Promise<T>): Promise<T> {
  return await call();
}

function limitOf(options: OnceOptions): { clock: Clock; ms: number } {
  return { clock: options.clock, ms: leaseOf(options) / 3 };
}

/**
 * Returns the lease of a claim, which ends with the hold on the message, also if the process is
 * dead.
 */
function leaseOf(options: OnceOptions): number {
  const left = options.heldMs?.() ?? Infinity;
  return Math.min(longestOf(options), Math.max(left, MIN_LEASE_MS));
}

function longestOf({ leaseMs = 60_000 }: OnceOptions): number {
  return leaseMs;
}

function retentionOf({ retentionMs = 86_400_000 }: OnceOptions): number {
  return retentionMs;
}

function storeFailed(verb: string, error: unknown, { key, logger }: OnceOptions): void {
  logger.error(`The de-duplication store failed to ${verb}`, { key, error: describeError(error) });
}

function inProgress(retryAfterMs: number | undefined): OnceResult {
  const error = new MelangeError("CONFLICT", "Cannot handle the event as it is being handled");
  return { kind: "retry", error, uncounted: true, ...defined({ delayMs: retryAfterMs }) };
}

function keepRenewing(token: string, options: OnceOptions): () => void {
  const { store, key, clock, logger } = options;
  let cancel = () => {};
  let stopped = false;
  const renew = async () => {
    const renewed = await ask("renew", options, () => store.renew(key, token, leaseOf(options)));
    if (stopped || renewed !== false) return next();
    logger.warn("A claim was lost while its handler ran; it may run twice", { key });
  };
  const next = () => {
    if (!stopped) cancel = clock.after(leaseOf(options) / 3, () => void renew());
  };
  next();
  return () => {
    stopped = true;
    cancel();
  };
}
