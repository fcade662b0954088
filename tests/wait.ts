/** How tests, tasks and laboratories wait: never without end, and with a word on what for. */

/** What is waited for, and for how long. */
export interface WaitOptions {
  /** What is waited for, as it reads after "Waited 10000 ms for". */
  what: string;
  /** How long it may take, in milliseconds of real time. Default: 10,000. */
  ms?: number;
  /** What there is to see when the time is up. Default: what the condition gave last. */
  saw?: () => unknown;
}

/** What a condition gives once it holds. */
export type Truthy<T> = Exclude<T, undefined | null | false | 0 | "">;

const PATIENCE_MS = 10_000;
/** Between two looks at a condition, in milliseconds. */
const PAUSE_MS = 5;
/** An error shows so many of the last characters that were seen. */
const SHOWN = 4_000;

// The real ones, also in a test that fakes the time.
const { setTimeout: setTimer, clearTimeout: clearTimer } = globalThis;

/**
 * Looks at a condition again and again; resolves to the first value that is not falsy. Rejects when
 * the time is up, and with what the condition throws.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions,
): Promise<Truthy<T>> {
  const { what, ms = PATIENCE_MS } = options;
  const deadline = performance.now() + ms;
  let last: T | undefined;
  const saw = options.saw ?? (() => last);
  for (;;) {
    const look = Promise.resolve(condition());
    last = await within(look, { what, ms, saw, left: deadline - performance.now() });
    if (last) return last as Truthy<T>;
    if (performance.now() >= deadline) throw late({ what, ms, saw });
    await sleep(PAUSE_MS);
  }
}

/** Settles as a promise does, and rejects when the time is up before. */
export async function within<T>(
  promise: Promise<T>,
  { what, ms = PATIENCE_MS, saw, left = ms }: WaitOptions & { left?: number },
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isLate = new Promise<never>((_, reject) => {
    timer = setTimer(() => reject(late({ what, ms, saw })), Math.max(left, 0));
  });
  try {
    return await Promise.race([promise, isLate]);
  } finally {
    clearTimer(timer);
  }
}

/** Collects what `next` brings, until it brings nothing; rejects after `turns`, by default 1,000. */
export async function untilEmpty<T>(
  next: () => Promise<readonly T[]>,
  { what, turns = 1_000 }: { what: string; turns?: number },
): Promise<T[]> {
  const all: T[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const some = await next();
    if (some.length === 0) return all;
    all.push(...some);
  }
  throw new Error(`Asked ${turns} times for ${what}, and there are still more than ${all.length}`);
}

/** Lets real time pass. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimer(resolve, ms));
}

interface Late {
  readonly what: string;
  readonly ms: number;
  readonly saw: (() => unknown) | undefined;
}

function late({ what, ms, saw }: Late): Error {
  const seen = saw ? `; saw ${textOf(saw())}` : "";
  return new Error(`Waited ${ms} ms for ${what}${seen}`);
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value.slice(-SHOWN);
  const plain = value instanceof Set || value instanceof Map ? [...value] : value;
  return (JSON.stringify(plain) ?? String(plain)).slice(-SHOWN);
}
