import type { Guarantees } from "../../src/backend.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { type BackendUnderTest, type BenchOptions, createBench } from "./bench.ts";
import type { Check } from "./check.ts";
import { administrationChecks } from "./checks/administration.ts";
import { attributeChecks } from "./checks/attributes.ts";
import { concurrencyChecks } from "./checks/concurrency.ts";
import { deadLetterChecks } from "./checks/dead_letters.ts";
import { endingChecks } from "./checks/ending.ts";
import { deduplicationChecks } from "./checks/deduplication.ts";
import { fifoChecks } from "./checks/fifo.ts";
import { receivingChecks } from "./checks/receiving.ts";
import { sendingChecks } from "./checks/sending.ts";
import { acknowledgingChecks } from "./checks/acknowledging.ts";
import { extendingChecks } from "./checks/extending.ts";
import { releasingChecks } from "./checks/releasing.ts";
import { topicChecks } from "./checks/topics.ts";

/** Options of {@linkcode testBackend}. */
export interface TestBackendOptions {
  /** The subject of the checks; the first part of their names. */
  name: string;
  /** The guarantees of the backend, which decide about the checks that run. */
  guarantees: Guarantees;
  /** Registers a test with the framework of your choice. */
  test: (name: string, fn: () => Promise<void>) => void;
  /** Makes a new backend; called for each check. */
  create: () => BackendUnderTest | Promise<BackendUnderTest>;
  /** The way of messages to a queue: straight, or through a topic. Default: `"queue"`. */
  route?: "queue" | "topic";
  /** True if topics deliver body and attributes as they are, without an envelope. Default: `true`. */
  rawDelivery?: boolean;
  /** The shortest lock and delay that the backend keeps, in milliseconds. Default: 1 000. */
  visibilityMs?: number;
  /** The shortest wait of a receive that the backend keeps, in milliseconds. Default: 1 000. */
  waitMs?: number;
  /**
   * Longest time that a check may let pass at once, in milliseconds; longer checks are left out.
   * With a virtual clock, `Infinity`. Default: 20 000.
   */
  patienceMs?: number;
  /** Promises that are known not to be kept: the name of the check, and why. Default: none. */
  except?: Readonly<Record<string, string>>;
  /**
   * Registers a check that does not run, with the reason. Default: such checks are only in the
   * report.
   */
  skip?: (name: string, reason: string) => void;
}

/** Which checks run and which do not. */
export interface ConformanceReport {
  /** The names of the checks that run. */
  run: string[];
  /** The checks that do not run, by name, and why. */
  skipped: Record<string, string>;
}

/** All checks, in the order in which they run. */
export const checks: readonly Check[] = [
  ...sendingChecks,
  ...attributeChecks,
  ...receivingChecks,
  ...acknowledgingChecks,
  ...releasingChecks,
  ...extendingChecks,
  ...deadLetterChecks,
  ...fifoChecks,
  ...deduplicationChecks,
  ...topicChecks,
  ...administrationChecks,
  ...endingChecks,
  ...concurrencyChecks,
];

/**
 * Registers one test for each promise of the backend contract: the promises of every backend, and
 * the promises that this backend declares in its guarantees. Each test gets a new backend. With a
 * virtual clock the suite takes some seconds; against a real broker with locks of a second, about a
 * minute.
 *
 * Returns the names of the checks that run and of the checks that do not.
 *
 * @throws {TypeError} If `except` names a check that does not exist.
 *
 * @example Register the suite, and run one of its checks by hand
 * ```ts
 * import { testBackend } from "@melange/melange/conformance";
 * import { MemoryBackend } from "@melange/melange/memory";
 *
 * const tests = new Map<string, () => Promise<void>>();
 * const report = testBackend({
 *   name: "Memory",
 *   guarantees: new MemoryBackend().guarantees,
 *   test: (name, fn) => void tests.set(name, fn), // or: Deno.test(name, fn)
 *   create: () => {
 *     const backend = new MemoryBackend();
 *     const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
 *     return { backend, pass, close: () => backend.close() };
 *   },
 * });
 * await tests.get("Memory: send() carries bytes as attributes")?.();
 * if (report.run.length !== tests.size) throw new Error("unexpected");
 * ```
 */
export function testBackend(options: TestBackendOptions): ConformanceReport {
  const report: ConformanceReport = { run: [], skipped: {} };
  refuseUnknown(options.except ?? {});
  for (const check of checks) {
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

function refuseUnknown(except: Readonly<Record<string, string>>): void {
  const known = new Set(checks.map(({ name }) => name));
  for (const name of Object.keys(except)) {
    if (known.has(name)) continue;
    throw new TypeError(
      `Cannot except a check as none has this name: current value is "${name}"`,
    );
  }
}

function reasonToSkip(check: Check, options: TestBackendOptions): string | undefined {
  const { guarantees, except = {}, patienceMs = 20_000 } = options;
  const missing = check.needs?.filter((guarantee) => !guarantees[guarantee]) ?? [];
  if (missing.length > 0) return `not guaranteed: ${missing.join(", ")}`;
  if (check.without && guarantees[check.without]) return `guaranteed: ${check.without}`;
  if (Object.hasOwn(except, check.name)) return except[check.name];
  const { passesMs = 0 } = check;
  return passesMs > patienceMs ? `takes ${passesMs} ms, which is above patienceMs` : undefined;
}

async function runCheck(check: Check, options: TestBackendOptions): Promise<void> {
  const { bench, end } = createBench(await options.create(), benchOptions(options));
  try {
    await check.run(bench);
  } catch (error) {
    if (!(error instanceof MelangeError)) throw error;
    throw new Error(`No call must fail in this check: got ${error.code}`, { cause: error });
  } finally {
    await end();
  }
}

function benchOptions(options: TestBackendOptions): BenchOptions {
  const { guarantees, route = "queue", rawDelivery = true } = options;
  const { visibilityMs = 1_000, waitMs = 1_000 } = options;
  return { guarantees, route, rawDelivery, visibilityMs, waitMs };
}
