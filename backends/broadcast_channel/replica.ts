import type { Position } from "./frame.ts";
import { type Applied, apply, createState, type Entry, type State } from "./state.ts";
import { weightOf } from "./weight.ts";

/** A context's copy of the state, and the end of the log that led to this state. */
export interface Replica {
  /** The id of the log; empty before the first entry of any. */
  log: string;
  /** The place of the log. */
  last: Position;
  /** The state that all entries so far led to. */
  state: State;
  /** The last entries. */
  readonly tail: Tail;
}

interface Tail {
  entries: Entry[];
  /** The index of the first entry in `entries`; entries before the index have gone. */
  start: number;
  weight: number;
}

/** Number of last entries that are kept for contexts without them. */
const TAIL_LENGTH = 1_024;
/** Highest weight of the kept entries, in UTF-16 code units. */
const TAIL_WEIGHT = 8_000_000;
const START: Position = { epoch: 0, seq: 0 };

/** Creates the replica of a context that knows nothing. */
export function createReplica(): Replica {
  return {
    log: "",
    last: START,
    state: createState(),
    tail: { entries: [], start: 0, weight: 0 },
  };
}

/** Applies the next entry. */
export function append(replica: Replica, entry: Entry): Applied {
  replica.last = { epoch: entry.epoch, seq: entry.seq };
  const { tail } = replica;
  tail.entries.push(entry);
  tail.weight += weightOf(entry.operation);
  while (tail.entries.length - tail.start > TAIL_LENGTH || tail.weight > TAIL_WEIGHT) drop(tail);
  return apply(replica.state, entry);
}

function drop(tail: Tail): void {
  const first = tail.entries[tail.start];
  if (first === undefined) return;
  tail.weight -= weightOf(first.operation);
  tail.start++;
  if (tail.start < TAIL_LENGTH) return;
  tail.entries = tail.entries.slice(tail.start);
  tail.start = 0;
}

/** Takes over the log and state of another context. */
export function replace(replica: Replica, other: Omit<Replica, "tail">): void {
  Object.assign(replica, other);
  Object.assign(replica.tail, { entries: [], start: 0, weight: 0 });
}

/** Returns the last entries, oldest first. */
export function recentEntries({ tail }: Replica): Entry[] {
  return tail.entries.slice(tail.start);
}

/** Returns the last entries from a place on; none without a place. */
export function entriesFrom(replica: Replica, seq: number = Infinity): Entry[] {
  return recentEntries(replica).filter((entry) => entry.seq >= seq);
}

/**
 * Returns the entries after a place, at most `max`; `undefined` if the place is not in this log, or
 * too far back.
 */
export function entriesAfter(
  replica: Replica,
  place: { log: string; have: Position; max: number },
): Entry[] | undefined {
  const { tail, last } = replica;
  const { have, max } = place;
  const isStart = have.seq === 0;
  if (!isStart && place.log !== replica.log) return undefined;
  if (have.seq === last.seq) return isStart || have.epoch === last.epoch ? [] : undefined;
  const first = tail.entries[tail.start]?.seq;
  if (first === undefined || have.seq > last.seq) return undefined;
  const index = tail.start + have.seq - first;
  const known = isStart
    ? first === 1
    : tail.entries[index]?.epoch === have.epoch && index >= tail.start;
  return known ? tail.entries.slice(index + 1, index + 1 + max) : undefined;
}
