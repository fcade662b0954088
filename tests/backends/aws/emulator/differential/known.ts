/** The differences that docs/emulator_differences.md explains. */

/** Returns the row of the page that a difference belongs to; `undefined` if there is none. */
export function knownAs(_broker: string, _signature: string): string | undefined {
  return undefined;
}
