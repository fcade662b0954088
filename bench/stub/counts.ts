/** Counts of what was asked of the stub: exact, so that a bench may fail when one is off. */

/** Counts since the last reset. */
export interface Counts {
  /** Requests by action. */
  requests: Record<string, number>;
  /** Messages sent, received and deleted, by action. */
  entries: Record<string, number>;
  /** Receives that were answered without a message. */
  emptyReceives: number;
  /** Receives that were answered with messages. One that still waits is neither. */
  fullReceives: number;
  /** Requests that carried a signature. */
  signed: number;
}

/** Creates counts of nothing. */
export function createCounts(): Counts {
  return { requests: {}, entries: {}, emptyReceives: 0, fullReceives: 0, signed: 0 };
}

/** Counts a request. */
export function countRequest(counts: Counts, action: string, signed: boolean): void {
  counts.requests[action] = (counts.requests[action] ?? 0) + 1;
  if (signed) counts.signed++;
}

/** Counts the messages of a request. */
export function countEntries(counts: Counts, action: string, entries: number): void {
  counts.entries[action] = (counts.entries[action] ?? 0) + entries;
}
