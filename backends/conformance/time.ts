/** The time of a check, which a virtual clock or real waiting lets pass. */
export interface Time {
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  /** Milliseconds that have passed so far. */
  passed(): number;
  /** Lets time pass until the call settles, at most `limitMs`; then settles as it does. */
  flow<T>(call: Promise<T>, options: FlowOptions): Promise<T>;
  /** Waits for the rest of a step, so that no timer outlives the check. */
  rest(): Promise<void>;
}

/** Options of {@linkcode Time.flow}. */
export interface FlowOptions {
  /** The call, as it is named in the error. */
  what: string;
  /** The longest time that the call may take, in milliseconds. */
  limitMs: number;
}

/**
 * The real timer, taken before any test replaces the timers: a virtual clock must not stop the
 * suite.
 */
const setTimer = globalThis.setTimeout;

/**
 * The time of one check. Concurrent calls share the steps, so that two waits of a second take one.
 */
export function createTime(pass: (ms: number) => Promise<void>, stepMs: number): Time {
  let passed = 0;
  let step: Promise<void> | undefined;

  async function takeStep(ms: number): Promise<void> {
    await pass(ms);
    passed += ms;
    step = undefined;
  }

  async function flow<T>(call: Promise<T>, options: FlowOptions): Promise<T> {
    let settled = false;
    const settlement = call.then(() => void (settled = true), () => void (settled = true));
    await turns(() => settled);
    const end = passed + options.limitMs;
    // Short steps first: most calls of a real broker end soon, and a step outlives its call.
    for (let ms = stepMs / 16; !settled; ms = Math.min(4 * ms, stepMs)) {
      if (passed > end) {
        throw new Error(`${options.what} must end within ${options.limitMs} ms: it is under way`);
      }
      await Promise.race([settlement, step ??= takeStep(ms)]);
      await turns(() => settled);
    }
    return await call;
  }

  return {
    async pass(ms) {
      await step;
      await pass(ms);
      passed += ms;
    },
    passed: () => passed,
    flow,
    rest: async () => await step,
  };
}

/**
 * Lets other code run without letting time pass: microtasks first, because microtasks are cheap.
 */
async function turns(settled: () => boolean): Promise<void> {
  for (let turn = 0; turn < 50 && !settled(); turn++) await null;
  if (!settled()) await new Promise<void>((resolve) => void setTimer(() => resolve(), 0));
}
