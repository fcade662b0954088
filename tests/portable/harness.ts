/** Collects the suites that the tests describe and runs them, step by step, on any runtime. */
import type { Body, Framework } from "./bdd.ts";

type Hook = "beforeAll" | "afterAll" | "beforeEach" | "afterEach";
type EachHooks = Pick<Suite, "beforeEach" | "afterEach">;

/** A test. */
export interface Test {
  /** What it says. */
  readonly name: string;
  /** Rejects if it fails. */
  readonly body: Body;
}

/** A group of tests and groups. */
export interface Suite extends Record<Hook, Body[]> {
  /** What its tests are about. */
  readonly name: string;
  /** In the order in which they were registered. */
  readonly children: (Suite | Test)[];
}

/** Runs named steps inside of one another; `Deno.TestContext` is one. */
export interface Runner {
  /** How long a test may take, in milliseconds. Default: as long as it likes. */
  readonly patienceMs?: number;
  /** Resolves, to whether the step passed, when it is over. */
  step(name: string, body: (inner: Runner) => Promise<void>): Promise<boolean>;
}

/** What became of all tests. */
export interface Report {
  /** How many tests passed. */
  passed: number;
  /** The names of those that failed, and why. */
  failures: { name: string; error: unknown }[];
}

/** A framework that hands over each outermost suite, and each test outside of one. */
export function collect(register: (child: Suite | Test) => void): Framework {
  let current: Suite | undefined;
  const add = (child: Suite | Test) => current ? current.children.push(child) : register(child);
  const hook = (kind: Hook) => (body: Body) => {
    if (!current) throw new Error(`Cannot register ${kind} outside of a describe`);
    current[kind].push(body);
  };
  return {
    describe(name, body) {
      const outer = current;
      const suite = current = newSuite(name);
      try {
        requireSynchronous(body());
      } finally {
        current = outer;
      }
      add(suite);
    },
    it: (name, body) => void add({ name, body }),
    beforeAll: hook("beforeAll"),
    afterAll: hook("afterAll"),
    beforeEach: hook("beforeEach"),
    afterEach: hook("afterEach"),
  };
}

/** Runs what was collected, one after the other; a test that takes longer than 10 s has failed. */
export async function runAll(
  children: readonly (Suite | Test)[],
  patienceMs: number = 10_000,
): Promise<Report> {
  const report: Report = { passed: 0, failures: [] };
  for (const child of children) {
    await reporting(report, patienceMs).step(child.name, (runner) => run(child, runner));
  }
  return report;
}

/** Runs a suite or a test; rejects if it fails by itself or in a hook. */
export function run(
  child: Suite | Test,
  runner: Runner,
  each: EachHooks = { beforeEach: [], afterEach: [] },
): Promise<void> {
  if ("children" in child) return runSuite(child, runner, each);
  const body = limited(child.body, runner.patienceMs);
  return withCleanup([...each.beforeEach, body], each.afterEach);
}

function newSuite(name: string): Suite {
  return { name, children: [], beforeAll: [], afterAll: [], beforeEach: [], afterEach: [] };
}

function requireSynchronous(returned: unknown): void {
  if (!(returned instanceof Promise)) return;
  throw new Error("Cannot describe a suite asynchronously: its tests would never run");
}

function runSuite(suite: Suite, runner: Runner, outer: EachHooks): Promise<void> {
  const each = {
    beforeEach: [...outer.beforeEach, ...suite.beforeEach],
    afterEach: [...suite.afterEach, ...outer.afterEach],
  };
  const steps = suite.children.map((child) => async () => {
    await runner.step(child.name, (inner) => run(child, inner, each));
  });
  return withCleanup([...suite.beforeAll, ...steps], suite.afterAll);
}

/** The timers as they are before a test replaces them. */
const { setTimeout, clearTimeout } = globalThis;

function limited(body: Body, ms: number | undefined): Body {
  if (ms === undefined) return body;
  return async () => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const giveUp = () => reject(new Error(`Not over after ${ms} ms`));
      timer = setTimeout.call(globalThis, giveUp, ms);
    });
    try {
      await Promise.race([body(), late]);
    } finally {
      clearTimeout.call(globalThis, timer);
    }
  };
}

/** Runs the bodies up to the first that fails, then all of the cleanup; throws the first error. */
async function withCleanup(bodies: Body[], cleanup: Body[]): Promise<void> {
  const errors: unknown[] = [];
  for (const body of bodies) {
    if (errors.length === 0) await attempt(body, errors);
  }
  for (const body of cleanup) await attempt(body, errors);
  if (errors.length > 0) throw errors[0];
}

async function attempt(body: Body, errors: unknown[]): Promise<void> {
  try {
    await body();
  } catch (error) {
    errors.push(error);
  }
}

/** Counts the innermost steps, and an outer one only if it fails by itself. */
function reporting(
  report: Report,
  patienceMs: number,
  path: string[] = [],
): Runner & { inner: number } {
  const runner = {
    patienceMs,
    inner: 0,
    async step(name: string, body: (inner: Runner) => Promise<void>): Promise<boolean> {
      runner.inner++;
      const nested = reporting(report, patienceMs, [...path, name]);
      try {
        await body(nested);
        if (nested.inner === 0) report.passed++;
        return true;
      } catch (error) {
        report.failures.push({ name: [...path, name].join(" > "), error });
        return false;
      }
    },
  };
  return runner;
}
