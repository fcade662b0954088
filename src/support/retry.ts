import { failed, type Result } from "./result.ts";
import { type Clock, type Random, reading, sleep } from "./clock.ts";
import { checkRanges } from "./range.ts";
import { isMelangeError, type MelangeError, outcomeUnknown } from "./errors.ts";

/**
 * The growth of delays: the first is at most `baseMs`, each further delay at most twice the one before.
 *
 * @category Publishing
 */
export interface Backoff {
  /** The bound of the first delay, in milliseconds. */
  baseMs: number;
  /** The bound of every delay, in milliseconds. */
  maxMs: number;
}

/**
 * The number, the pace and the end of attempts.
 *
 * @category Publishing
 */
export interface RetryPolicy extends Partial<Backoff> {
  /** Attempts, the first included. Default: 8. */
  maxAttempts?: number;
  /** The bound of the first delay, in milliseconds. Default: 100. */
  baseMs?: number;
  /** The bound of every delay, in milliseconds. Default: 20 000. */
  maxMs?: number;
  /** The time after the first attempt in which others may start, in milliseconds. Default: 60 000. */
  deadlineMs?: number;
}

/** The deadline where none is given. */
export const DEADLINE_MS = 60_000;

/**
 * Refuses a policy that makes no sense.
 * @throws {RangeError} if a time is negative, or an attempt is not even made once
 */
export function checkRetryPolicy(policy: RetryPolicy): void {
  const { maxAttempts = 1, baseMs = 0, maxMs = 0, deadlineMs = 0 } = policy;
  checkRanges({ maxAttempts }, { cannot: "retry", min: 1 });
  checkRanges({ baseMs, maxMs, deadlineMs }, { cannot: "retry", min: 0 });
}

/** Options of {@linkcode retry} and {@linkcode retryEach}. */
export interface RetryOptions extends RetryPolicy {
  /** The clock that delays are measured by. */
  clock: Clock;
  /** The source of jitter. */
  random: Random;
  /** Ends the waiting and the attempts. */
  signal?: AbortSignal | undefined;
  /** The budget of all calls of one service, so that a throttled fleet slows down. Default: none. */
  budget?: RetryBudget;
}

/** The delay before the next attempt: full jitter below a bound that doubles with each attempt. */
export function backoffMs(attempt: number, backoff: Backoff, random: Random): number {
  const bound = Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(attempt - 1, 50));
  return random() * bound;
}

/** Tells whether trying again may help: only errors that say so of themselves are retryable. */
export function isRetryable(error: unknown): boolean {
  return isMelangeError(error) && error.retryable;
}

/**
 * Runs `operation` until a success, a final failure, or the end of the policy; then throws the last
 * error. The effects of a failed attempt may happen twice.
 */
export async function retry<T>(
  operation: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const pace = pacer(options);
  for (let attempt = 1;; attempt++) {
    try {
      const value = await operation(attempt);
      options.budget?.credit();
      return value;
    } catch (error) {
      if (!isRetryable(error) || !(await pace(attempt, [error as MelangeError]))) throw error;
    }
  }
}

/** Runs a batch; one result per item, in order. A rejection stands for the same error of each. */
export type RunBatch<Item, Value> = (items: Item[]) => Promise<Result<Value>[]>;

/**
 * Runs a batch until each item has succeeded or failed for good. A further run takes only the items
 * that may succeed. Calls `settle` once per item, as soon as the result is known. An item with an
 * unknown outcome in one attempt fails, if at all, with `OUTCOME_UNKNOWN`. Never rejects.
 */
export async function retryEach<Item, Value>(
  items: readonly Item[],
  run: RunBatch<Item, Value>,
  settle: (item: Item, result: Result<Value>) => void,
  options: RetryOptions,
): Promise<void> {
  const pace = pacer(options);
  const unknown = new Set<Item>();
  const fail = (item: Item, error: MelangeError) =>
    settle(item, failed(unknown.has(item) ? asUnknown(error) : error));
  let pending = [...items];
  for (let attempt = 1; pending.length > 0; attempt++) {
    const results = await resultsOf(run, pending);
    const again: { item: Item; error: MelangeError }[] = [];
    pending.forEach((item, index) => {
      const result = results[index] ?? failed(unmentioned());
      if (result.ok) return settle(item, result);
      const { error } = result;
      if (error.code === "OUTCOME_UNKNOWN") unknown.add(item);
      if (error.retryable) again.push({ item, error });
      else fail(item, error);
    });
    if (again.length < pending.length) options.budget?.credit();
    pending = again.map(({ item }) => item);
    if (pending.length === 0 || await pace(attempt, again.map(({ error }) => error))) continue;
    for (const { item, error } of again) fail(item, error);
    return;
  }
}

async function resultsOf<Item, Value>(
  run: RunBatch<Item, Value>,
  items: Item[],
): Promise<Result<Value>[]> {
  let cause: unknown;
  try {
    const results = await run(items);
    if (Array.isArray(results)) return results;
  } catch (error) {
    cause = error;
  }
  const failure = failed(asMelangeError(cause));
  return items.map(() => failure);
}

/** Returns an error of ours unchanged; any other thrown value becomes `OUTCOME_UNKNOWN`. */
export function asMelangeError(cause: unknown): MelangeError {
  return isMelangeError(cause) ? cause : outcomeUnknown("as the backend threw", { cause });
}

/** Creates the error of an item without a result. */
export function unmentioned(): MelangeError {
  return outcomeUnknown("as no result was given", { retryable: true });
}

function asUnknown(cause: MelangeError): MelangeError {
  if (cause.code === "OUTCOME_UNKNOWN") return cause;
  return outcomeUnknown("as an earlier attempt may have succeeded", { cause });
}

/** Waits between attempts; the function returned resolves to whether there shall be another. */
function pacer(options: RetryOptions) {
  const { clock, random, signal, budget } = options;
  const { maxAttempts = 8, baseMs = 100, maxMs = 20_000, deadlineMs = DEADLINE_MS } = options;
  const deadline = reading(clock) + deadlineMs;
  return async (attempt: number, errors: MelangeError[]): Promise<boolean> => {
    if (attempt >= maxAttempts || signal?.aborted) return false;
    const asked = Math.max(0, ...errors.map((error) => Number(error.retryAfterMs ?? 0)));
    const backoff = backoffMs(attempt, { baseMs, maxMs }, random);
    const delay = Math.max(asked, backoff, budget?.reserve() ?? 0);
    const again = reading(clock) + delay <= deadline && await slept(clock, delay, signal);
    if (!again) budget?.credit();
    return again;
  };
}

function slept(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  return sleep(clock, ms, signal).then(() => true, () => false);
}

/** Options of {@linkcode createRetryBudget}. */
export interface RetryBudgetOptions {
  /** The source of time. */
  clock: Clock;
  /** The most retries that may follow each other at once. Default: 100. */
  capacity?: number;
  /** The retries a second that go on for ever when nothing succeeds. Default: 10. */
  refillPerSecond?: number;
}

/**
 * A token bucket for retries. A retry takes a token, or waits for the next token; time and
 * successes bring tokens back. The bucket bounds the requests to a service that is down or
 * throttles.
 */
export interface RetryBudget {
  /** Takes a token and returns the wait until the token is there, in milliseconds. */
  reserve(): number;
  /** Gives a token back after a success, or when a reserved token is not used. */
  credit(): void;
}

/** Creates a full bucket. */
export function createRetryBudget(options: RetryBudgetOptions): RetryBudget {
  const { clock, capacity = 100, refillPerSecond = 10 } = options;
  let tokens = capacity;
  let filledAt = reading(clock);

  /** Adds the tokens that time has brought, and then a token, or takes one. */
  function add(count: 1 | -1): void {
    const now = reading(clock);
    const earned = Math.max(0, now - filledAt) / 1000 * refillPerSecond;
    tokens = Math.min(capacity, Math.min(capacity, tokens + earned) + count);
    filledAt = now;
  }

  return {
    reserve() {
      add(-1);
      return Math.max(0, -tokens / refillPerSecond * 1000);
    },
    credit: () => add(1),
  };
}

/** Takes a token; resolves when there was one, rejects with the signal's reason. */
export async function takeToken(
  budget: RetryBudget,
  { clock, signal }: { clock: Clock; signal?: AbortSignal },
): Promise<void> {
  const waitMs = budget.reserve();
  if (waitMs === 0) return;
  await sleep(clock, waitMs, signal).catch((reason) => {
    budget.credit();
    throw reason;
  });
}
