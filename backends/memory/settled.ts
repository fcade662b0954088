/** The receipts that settled the last messages of a queue, by the places of these. */
export interface Settled {
  /** The latest receipts. */
  recent: Map<number, string>;
  /** The receipts before the latest ones. */
  earlier: Map<number, string>;
}

/**
 * Number of messages after which earlier messages are forgotten: so many to twice as many are
 * known.
 */
const GENERATION = 5_000;

/** Creates the memory of a queue without settled messages. */
export function createSettled(): Settled {
  return { recent: new Map(), earlier: new Map() };
}

/** Takes note of the receipt that settled the message at a place. */
export function noteSettled(settled: Settled, ordinal: number, receipt: string): void {
  settled.recent.set(ordinal, receipt);
  if (settled.recent.size < GENERATION) return;
  settled.earlier = settled.recent;
  settled.recent = new Map();
}

/** Returns the receipt that settled the message at a place, if remembered. */
export function settledBy({ recent, earlier }: Settled, ordinal: number): string | undefined {
  return recent.get(ordinal) ?? earlier.get(ordinal);
}
