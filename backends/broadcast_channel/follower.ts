/**
 * What everyone but the leader does: it applies the leader's entries in order to its own copy, asks
 * for what it missed, and takes over a snapshot where the leader's log is another one than its own.
 */
import type { Clock } from "../../src/support/clock.ts";
import type { Beat, Chunk, Content, Entries, Position } from "./frame.ts";
import { append, recentEntries, replace, type Replica } from "./replica.ts";
import { restoreSnapshot, type SnapshotPart } from "./snapshot.ts";
import type { Applied, Entry } from "./state.ts";
import type { Timing } from "./timing.ts";

/** One context's part in following a leader. */
export interface Follower {
  /** Whom it follows. */
  readonly leader: string;
  /** In which epoch. */
  readonly epoch: number;
  /** The last entry it shares with the leader; 0 as long as it does not know. */
  shared(): number;
  onBeat(frame: Beat): void;
  onEntries(frame: Entries): void;
  onChunk(frame: Chunk): void;
  /** When it asks again for what it misses. */
  dueAt(): number | undefined;
  wake(): void;
}

/** Options of {@linkcode createFollower}. */
export interface FollowerOptions {
  id: string;
  leader: string;
  epoch: number;
  /** Which log the leader goes on with. */
  log: string;
  clock: Clock;
  timing: Timing;
  replica: Replica;
  post: (content: Content) => void;
  /** Called with each entry that was applied. */
  applied: (entry: Entry, applied: Applied) => void;
  /** Called when the log is known to be the leader's; with the own entries that are not in it. */
  synced: (dropped: readonly Entry[]) => void;
}

interface Incoming {
  readonly snapshot: string;
  readonly log: string;
  readonly at: Position;
  readonly parts: (SnapshotPart | undefined)[];
  missing: number;
}

/** How many entries may wait for one that is missing. */
const AHEAD = 2_000;
/** How many messages with entries go by before an acknowledgement: a third of the leader's window. */
const ACKNOWLEDGE_EVERY = 16;

/** Begins to follow. */
export function createFollower(options: FollowerOptions): Follower {
  const { id, leader, epoch, clock, timing, replica, post } = options;
  let isSynced = false;
  let leaderSeq = 0;
  const ahead = new Map<number, Entry>();
  let incoming: Incoming | undefined;
  let pullAt: number | undefined;
  let pullMs = timing.retryMs;
  let unacknowledged = 0;

  function onBeat({ log, base, seq, probe }: Beat): void {
    leaderSeq = Math.max(leaderSeq, seq);
    const { last } = replica;
    if (!isSynced && log === replica.log && equal(last, base)) becomeSynced([]);
    if (!isSynced || last.seq < seq) pull();
    else if (probe.includes(id)) acknowledge();
  }

  function onEntries({ entries, ask, after, to }: Entries): void {
    for (const entry of entries) {
      leaderSeq = Math.max(leaderSeq, entry.seq);
      const distance = entry.seq - replica.last.seq;
      if (!isSynced || (distance > 0 && distance <= AHEAD)) ahead.set(entry.seq, entry);
      if (ahead.size > AHEAD) ahead.clear();
    }
    // Only now: what follows must not be taken for a gap.
    if (!isSynced && after && equal(after, replica.last)) becomeSynced([]);
    if (isSynced) applyAhead();
    const isMoreToCome = to !== undefined && ask === undefined;
    if (isMoreToCome) pullAt = clock.now() + pullMs;
    else if (!isSynced || replica.last.seq < leaderSeq) pull();
    if (entries.length > 0) unacknowledged++;
    const isAsked = ask === id || ask === "*";
    if (isSynced && (isAsked || unacknowledged >= ACKNOWLEDGE_EVERY)) acknowledge();
  }

  function applyAhead(): void {
    for (;;) {
      const entry = ahead.get(replica.last.seq + 1);
      if (!entry) break;
      ahead.delete(entry.seq);
      options.applied(entry, append(replica, entry));
      pullAt = undefined;
      pullMs = timing.retryMs;
    }
    for (const seq of ahead.keys()) if (seq <= replica.last.seq) ahead.delete(seq);
  }

  function acknowledge(): void {
    unacknowledged = 0;
    post({ kind: "ack", epoch, seq: shared() });
  }

  function shared(): number {
    return isSynced ? replica.last.seq : 0;
  }

  function becomeSynced(dropped: readonly Entry[]): void {
    isSynced = true;
    replica.log = options.log;
    pullAt = undefined;
    acknowledge();
    options.synced(dropped);
  }

  /** Asks for what is missing, unless it has just done so. */
  function pull(): void {
    const now = clock.now();
    if (pullAt !== undefined && now < pullAt) return;
    pullAt = now + pullMs;
    pullMs = Math.min(2 * pullMs, timing.maxRetryMs);
    const { log, last: have } = replica;
    const index = incoming?.parts.findIndex((part) => part === undefined) ?? -1;
    const part = incoming && index >= 0 ? { snapshot: incoming.snapshot, index } : undefined;
    post({ kind: "pull", to: leader, log, have, ...(part ? { part } : {}) });
  }

  function onChunk(frame: Chunk): void {
    const { snapshot, log, at, index, count, part, isLast } = frame;
    if (isSynced && (pullAt === undefined || at.seq <= replica.last.seq)) return;
    leaderSeq = Math.max(leaderSeq, at.seq);
    if (incoming?.snapshot !== snapshot) {
      incoming = { snapshot, log, at, parts: Array(count).fill(undefined), missing: count };
    }
    if (index >= incoming.parts.length || incoming.parts[index]) return;
    incoming.parts[index] = part;
    incoming.missing--;
    pullMs = timing.retryMs;
    if (incoming.missing === 0) return takeOver(incoming);
    if (!isLast) return;
    pullAt = undefined;
    pull();
  }

  function takeOver({ log, at, parts }: Incoming): void {
    const before = recentEntries(replica);
    incoming = undefined;
    replace(replica, { log, last: at, state: restoreSnapshot(parts as SnapshotPart[]) });
    const next = replica.state.members.get(id)?.next ?? 0;
    becomeSynced(before.filter(({ member, number }) => member === id && number >= next));
    applyAhead();
    if (replica.last.seq < leaderSeq) pull();
  }

  function dueAt(): number | undefined {
    return pullAt;
  }

  function wake(): void {
    if (pullAt === undefined || clock.now() < pullAt) return;
    pullAt = undefined;
    if (!isSynced || replica.last.seq < leaderSeq) pull();
  }

  return { leader, epoch, shared, onBeat, onEntries, onChunk, dueAt, wake };
}

function equal(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.seq === b.seq;
}
