/**
 * Disposal by `await using`, in a form that leaves nothing behind in a bundle: transpilers move the
 * computed name of a class member out of its class, into a statement that no bundler may drop.
 */

/**
 * The shape that `await using` disposes of: a method named `Symbol.asyncDispose`. In a program whose
 * types know no such symbol, this type is empty, and compiles all the same.
 *
 * @category Time and chance
 */
export type AsyncDisposing = {
  readonly [name in SymbolConstructor["asyncDispose" & keyof SymbolConstructor]]: () => PromiseLike<
    void
  >;
};

/**
 * Gives an object a `Symbol.asyncDispose`, unless its class has one. A runtime without the symbol
 * has no `await using` either, and the object stays unchanged.
 */
export function disposable<T extends object>(
  target: T,
  dispose: () => Promise<void>,
  name: symbol | undefined = Symbol.asyncDispose,
): T & AsyncDisposing {
  if (name && !(name in target)) {
    // As a method would be: not listed, and free to be replaced.
    Object.defineProperty(target, name, { value: dispose, configurable: true, writable: true });
  }
  return target as T & AsyncDisposing;
}
