/** Tells the compiler what to test. Nothing here does anything when it is run. */

/** Is `true` for one type twice, and for nothing else. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2)
  ? true
  : false;

/** Compiles if the type argument is `true`. */
export function same<_ extends true>(): void {}

/** Takes what must compile, and is never called with a host of these types. */
export function compiles<Host = undefined>(
  _promise: string,
  _uncalled: (host: Host) => void | Promise<void>,
): void {}
