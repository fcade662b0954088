/**
 * Stands in for `@std/testing/bdd`. On Node and Bun it is the runtime's own test framework; under
 * Deno each suite is a `Deno.test` with steps, so that the sanitizers apply; anywhere else the
 * suites are kept in {@linkcode collected} until someone runs them.
 */
import { collect, run, type Suite, type Test } from "./harness.ts";

/** What a test or a hook runs. */
export type Body = () => void | Promise<void>;

/** The functions that every test framework has, under the names of `@std/testing/bdd`. */
export interface Framework {
  /** Groups the tests and hooks that `body` registers. */
  describe(name: string, body: () => void): void;
  /** Registers a test. */
  it(name: string, body: Body): void;
  /** Registers what runs once before the tests of the group. */
  beforeAll(body: Body): void;
  /** Registers what runs once after the tests of the group, whether they passed or not. */
  afterAll(body: Body): void;
  /** Registers what runs before each test of the group, inner groups included. */
  beforeEach(body: Body): void;
  /** Registers what runs after each test of the group, whether it passed or not. */
  afterEach(body: Body): void;
}

/** Where there is no framework and no `Deno.test`: what is to be run. */
export const collected: (Suite | Test)[] = [];

const framework = await hostFramework() ?? collect(register);

export const describe: Framework["describe"] = framework.describe;
export const it: Framework["it"] = framework.it;
export const test: Framework["it"] = framework.it;
export const beforeAll: Framework["beforeAll"] = framework.beforeAll;
export const before: Framework["beforeAll"] = framework.beforeAll;
export const afterAll: Framework["afterAll"] = framework.afterAll;
export const after: Framework["afterAll"] = framework.afterAll;
export const beforeEach: Framework["beforeEach"] = framework.beforeEach;
export const afterEach: Framework["afterEach"] = framework.afterEach;

/** The names are not literals here, so that a bundler leaves them to the runtime. */
async function hostFramework(): Promise<Framework | undefined> {
  const load = (name: string) => import(name);
  if ("Deno" in globalThis) return undefined;
  if ("Bun" in globalThis) return await load("bun:test");
  if (!isNode()) return undefined;
  const { before, after, ...rest } = await load("node:test");
  return { ...rest, beforeAll: before, afterAll: after };
}

function isNode(): boolean {
  const { process } = globalThis as { process?: { release?: { name?: string } } };
  return process?.release?.name === "node";
}

function register(child: Suite | Test): void {
  if ("Deno" in globalThis) Deno.test(child.name, (context) => run(child, context));
  else collected.push(child);
}
