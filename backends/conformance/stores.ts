import { type StoreCheck, storeChecks } from "./store_checks.ts";
import type { DeduplicationStoreUnderTest, StoreAbility } from "./store_under_test.ts";

/** Options of {@linkcode testDeduplicationStore}. */
export interface TestDeduplicationStoreOptions {
  /** The subject of the checks; the first part of their names. */
  name: string;
  /** Registers a test with the framework of your choice. */
  test: (name: string, fn: () => Promise<void>) => void;
  /** Makes a new store; called for each check. */
  create: () => DeduplicationStoreUnderTest | Promise<DeduplicationStoreUnderTest>;
  /** The functions that `create` gives beyond the stores; checks without theirs are skipped. Default: none. */
  can?: readonly StoreAbility[];
  /** The lease of the checks, in milliseconds; above what a call of the store takes. Default: 1 000. */
  leaseMs?: number;
  /** The longest time that a lease outlives its end, in milliseconds. Default: 50. */
  slackMs?: number;
  /** The number of keys that two processes race for. Default: 5 000. */
  raceKeys?: number;
  /** Promises that are known not to be kept: the name of the check, and why. Default: none. */
  except?: Readonly<Record<string, string>>;
  /** Registers a check that does not run, with the reason. Default: nothing. */
  skip?: (name: string, reason: string) => void;
}

/** Which checks of a store run and which do not. */
export interface DeduplicationStoreReport {
  /** The names of the checks that run. */
  run: string[];
  /** The checks that do not run, by name, and why. */
  skipped: Record<string, string>;
}

/**
 * Registers one test for each promise of a de-duplication store. Checks of processes, of clocks and
 * of a server that is down run where `can` names the functions for them.
 *
 * @throws {TypeError} If `except` names a check that does not exist.
 *
 * @example Register the suite, and run one of its checks by hand
 * ```ts
 * import { testDeduplicationStore } from "@melange/melange/conformance";
 * import { MemoryDeduplicationStore } from "@melange/melange";
 *
 * const tests = new Map<string, () => Promise<void>>();
 * testDeduplicationStore({
 *   name: "Memory",
 *   test: (name, fn) => void tests.set(name, fn), // or: Deno.test(name, fn)
 *   create: () => {
 *     const store = new MemoryDeduplicationStore();
 *     const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
 *     return { store, other: store, pass };
 *   },
 * });
 * await tests.get("Memory: claim() gives a key to one of two")?.();
 * if (tests.size < 10) throw new Error("unexpected");
 * ```
 */
export function testDeduplicationStore(
  options: TestDeduplicationStoreOptions,
): DeduplicationStoreReport {
  const report: DeduplicationStoreReport = { run: [], skipped: {} };
  refuseUnknown(options.except ?? {});
  for (const check of storeChecks) {
    const name = `${options.name}: ${check.name}`;
    const reason = reasonToSkip(check, options);
    if (reason === undefined) {
      report.run.push(check.name);
      options.test(name, () => runCheck(check, options));
    } else {
      report.skipped[check.name] = reason;
      options.skip?.(name, reason);
    }
  }
  return report;
}

function reasonToSkip(
  { name, needs }: StoreCheck,
  { except = {}, can = [] }: TestDeduplicationStoreOptions,
): string | undefined {
  if (Object.hasOwn(except, name)) return except[name];
  return needs === undefined || can.includes(needs) ? undefined : `not given: ${needs}`;
}

function refuseUnknown(except: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(except)) {
    if (storeChecks.some((check) => check.name === name)) continue;
    throw new TypeError(
      `Cannot except a check as none has this name: current value is "${name}"`,
    );
  }
}

async function runCheck(check: StoreCheck, options: TestDeduplicationStoreOptions): Promise<void> {
  const { leaseMs = 1_000, slackMs = 50, raceKeys = 5_000 } = options;
  const made = await options.create();
  try {
    await check.run({ ...made, leaseMs, slackMs, raceKeys, prefix: crypto.randomUUID() });
  } finally {
    await made.close?.();
  }
}
