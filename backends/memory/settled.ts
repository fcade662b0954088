/** The receipts that settled the last messages of a queue, by the places of these. */
export interface Settled {
  /** The latest. */
  recent: Map<number, string>;
  /** Those before. */
  earlier: Map<number, string>;
}

/** After how many messages the earlier ones are forgotten: so many, and as many more, are known. */
const GENERATION = 5_000;

/** Creates the memory of a queue that nothing was settled at. */
export function createSettled(): Settled {
  return { recent: new Map(), earlier: new Map() };
}

/** Takes note of what settled the message at a place. */
export function noteSettled(settled: Settled, ordinal: number, receipt: string): void {
  settled.recent.set(ordinal, receipt);
  if (settled.recent.size < GENERATION) return;
  settled.earlier = settled.recent;
  settled.recent = new Map();
}

/** What settled the message at a place, as far as that is remembered. */
export function settledBy({ recent, earlier }: Settled, ordinal: number): string | undefined {
  return recent.get(ordinal) ?? earlier.get(ordinal);
}
