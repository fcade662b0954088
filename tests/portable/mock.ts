/** Stands in for the part of `@std/testing/mock` that the tests use: spies and stubs. */
import { AssertionError } from "./assert.ts";

// deno-lint-ignore no-explicit-any -- only `any` accepts functions of every type
type AnyFunction = (...args: any[]) => any;
/** The type of a method of an object. */
type Method<T, K extends keyof T> = T[K] extends AnyFunction ? T[K] : never;

/** One call of a spy. */
export interface SpyCall<F extends AnyFunction = AnyFunction> {
  /** What it was called with. */
  readonly args: Parameters<F>;
  /** What it was called on, if anything. */
  readonly self?: unknown;
  /** What it returned. */
  readonly returned?: ReturnType<F>;
  /** What it threw. */
  readonly error?: unknown;
}

/** A function that keeps a record of its calls. */
export interface Spy<F extends AnyFunction = AnyFunction> extends Disposable {
  (...args: Parameters<F>): ReturnType<F>;
  /** The function behind it. */
  readonly original: F;
  /** Its calls, in the order in which they returned. */
  readonly calls: SpyCall<F>[];
  /** Whether the method it took the place of is back. */
  readonly restored: boolean;
  /** Puts back the method it took the place of. */
  restore(): void;
}

/** Replaced methods, latest last. */
const replaced = new Set<Spy>();

/** Watches a function, or a method of an object, which still does what it did. */
export function spy<F extends AnyFunction = () => undefined>(fn?: F): Spy<F>;
/** Watches a method of an object, which still does what it did. */
export function spy<T extends object, K extends keyof T>(
  self: T,
  property: K,
): Spy<Method<T, K>>;
export function spy(
  selfOrFunction: object | AnyFunction = () => undefined,
  property?: PropertyKey,
): Spy {
  if (property === undefined) return recorder(selfOrFunction as AnyFunction, cannotRestore);
  return replace(selfOrFunction, property, method(selfOrFunction, property));
}

/** Puts a function, by default one that does nothing, in the place of a method. */
export function stub<T extends object, K extends keyof T>(
  self: T,
  property: K,
  fn: (...args: Parameters<Method<T, K>>) => ReturnType<Method<T, K>> = () => undefined as never,
): Spy<Method<T, K>> {
  method(self, property);
  return replace(self, property, fn) as unknown as Spy<Method<T, K>>;
}

/** Puts back every method that a spy or a stub took the place of. */
export function restore(): void {
  for (const replacement of [...replaced].reverse()) replacement.restore();
}

/** Fails unless the spy was called this often. */
export function assertSpyCalls(spy: Pick<Spy, "calls">, expected: number): void {
  const { length } = spy.calls;
  if (length === expected) return;
  throw new AssertionError(`Expected ${expected} calls but got ${length}`);
}

function method(self: object, property: PropertyKey): AnyFunction {
  const value: unknown = Reflect.get(self, property);
  if (typeof value !== "function") throw new Error("Cannot spy: property is not a method");
  if ("calls" in value) throw new Error("Cannot spy: already spying on this method");
  return value as AnyFunction;
}

function replace(self: object, property: PropertyKey, fn: AnyFunction): Spy {
  const before = Object.getOwnPropertyDescriptor(self, property);
  const spy = recorder(fn, () => {
    if (before) Object.defineProperty(self, property, before);
    else Reflect.deleteProperty(self, property);
    replaced.delete(spy);
  });
  Object.defineProperty(self, property, { configurable: true, writable: true, value: spy });
  replaced.add(spy);
  return spy;
}

function cannotRestore(): never {
  throw new Error("Cannot restore: it did not take the place of a method");
}

function recorder(original: AnyFunction, putBack: () => void): Spy {
  const calls: SpyCall[] = [];
  let restored = false;
  const restore = () => {
    if (restored) throw new Error("Cannot restore: already restored");
    putBack();
    restored = true;
  };
  const spy = function (this: unknown, ...args: unknown[]): unknown {
    const call = this === undefined ? { args } : { args, self: this };
    try {
      const returned = original.apply(this, args);
      calls.push({ ...call, returned });
      return returned;
    } catch (error) {
      calls.push({ ...call, error });
      throw error;
    }
  };
  const facts = { original, calls, restore, [Symbol.dispose]: restore };
  return Object.defineProperty(Object.assign(spy, facts), "restored", { get: () => restored }) as
    & typeof spy
    & Spy;
}
