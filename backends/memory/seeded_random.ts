import type { Random } from "../../src/support/clock.ts";

/**
 * Returns a source of numbers in [0, 1). Equal seeds give equal numbers. The source is good enough
 * to vary a test, not to keep a secret.
 *
 * @example
 * ```ts
 * import { seededRandom } from "@melange/melange/testing";
 *
 * const [a, b] = [seededRandom(7), seededRandom(7)];
 * if (a() !== b() || a() !== b()) throw new Error("unexpected");
 * ```
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  // A counter in steps of the golden ratio, mixed by multiplications: Weyl's sequence, hashed.
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
