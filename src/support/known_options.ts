/** Refuses misspelt options of constructors, which a program without the compiler would not notice. */

/**
 * Refuses an object with an unknown option that is close to a known one: one or two letters differ,
 * or only its beginning was written. Any other unknown property is left alone, because a program may
 * pass more than one constructor wants.
 * @throws {TypeError} with the name that was meant
 */
export function checkKnown(options: object, known: string, cannot: string): void {
  const names = known.split(" ");
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const meant = names.find((other) => isClose(name, other));
    if (meant === undefined) continue;
    throw new TypeError(
      `Cannot ${cannot} with the unknown option "${name}": did you mean "${meant}"?`,
    );
  }
}

/** Names this short are close to too many. */
const MIN_LENGTH = 4;

function isClose(name: string, other: string): boolean {
  const [a, b] = [name.toLowerCase(), other.toLowerCase()];
  if (a.length < MIN_LENGTH || b.length < MIN_LENGTH) return false;
  return b.startsWith(a) || differing(a, b) <= (a.length < 5 ? 1 : 2);
}

/** Counts the letters that differ between the same beginning and the same end. */
function differing(a: string, b: string): number {
  const least = Math.min(a.length, b.length);
  let start = 0;
  while (start < least && a[start] === b[start]) start++;
  let end = 0;
  while (end < least - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  return Math.max(a.length, b.length) - start - end;
}

/** The options of a bus and of its parts, which each get all of them. */
export const BUS_OPTIONS =
  "backend queue queues dispatcher publisher concurrency visibilityTimeoutMs waitMs " +
  "drainMs refillMs ackLingerMs redelivery clock random middleware serializers payloads typeOf dataOf " +
  "defaultEvent onUnknown onUndecodable deduplication handlerTimeoutMs maxAttempts logger format lingerMs " +
  "eager maxInFlight maxPending retry telemetry concurrencyPerGroup limiter killSwitch";
