/** Requests and answers without the objects of the Web, which cost more than all the rest. */

/** A request that arrived, apart from its body. A `Request` is one, too. */
export interface Incoming {
  /** The method. */
  readonly method: string;
  /** The whole address. */
  readonly url: string;
  /** The headers, by their names in lower case. */
  readonly headers: {
    /** Returns the value of a header, or `null`. */
    get(name: string): string | null;
    /** Tells whether there is a header. */
    has(name: string): boolean;
  };
  /** Aborts when nobody waits for the answer any more. It is asked for only where something waits. */
  readonly signal: AbortSignal;
}

/** An answer. */
export interface EmulatorAnswer {
  /** The HTTP status. */
  readonly status: number;
  /** The headers, by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body. */
  readonly body: string;
}

/** Highest number of addresses whose parts are remembered. */
const KEPT = 100;
const known = new Map<string, URL>();

/** Returns the parts of an address. Requests repeat their addresses, so the last ones are kept. */
export function addressOf(url: string): URL {
  const before = known.get(url);
  if (before) return before;
  if (known.size >= KEPT) known.clear();
  const parts = new URL(url);
  known.set(url, parts);
  return parts;
}
