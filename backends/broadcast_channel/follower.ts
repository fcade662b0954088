/**
 * The work of every context but the leader. A follower applies the leader's entries in order to its
 * copy, asks for missing entries, and takes over a snapshot where the leader has another log.
 */
import type { Beat, Chunk, Entries, Position } from "./frame.ts";
import { type Following, type Incoming, post, type Turn } from "./member.ts";
import { append, recentEntries, replace } from "./replica.ts";
import { resume, settle } from "./requests.ts";
import { restoreSnapshot, type SnapshotPart } from "./snapshot.ts";
import { answerOf, type Entry } from "./state.ts";

/** Number of entries that may wait for a missing entry. */
const AHEAD = 2_000;
/** Number of messages with entries between acknowledgements: a third of the leader's window. */
const ACKNOWLEDGE_EVERY = 16;

/** Creates the part of a follower. */
export function createFollowing(
  { leader, epoch, log }: Pick<Following, "leader" | "epoch" | "log">,
  { member: { timing } }: Turn,
): Following {
  return {
    leader,
    epoch,
    log,
    isSynced: false,
    leaderSeq: 0,
    ahead: new Map(),
    incoming: undefined,
    pullAt: undefined,
    pullMs: timing.retryMs,
    unacknowledged: 0,
  };
}

/** Learns from a beat how far the leader's log is. */
export function onBeat(following: Following, { log, base, seq, probe }: Beat, turn: Turn): void {
  const { id, replica } = turn.member;
  following.leaderSeq = Math.max(following.leaderSeq, seq);
  if (!following.isSynced && log === replica.log && equal(replica.last, base)) {
    becomeSynced(following, [], turn);
  }
  if (!following.isSynced || replica.last.seq < seq) pull(following, turn);
  else if (probe.includes(id)) acknowledge(following, turn);
}

/** Takes entries, and applies them in order. */
export function onEntries(following: Following, frame: Entries, turn: Turn): void {
  const { entries, ask, after, to } = frame;
  const { id, replica } = turn.member;
  for (const entry of entries) hold(following, entry, turn);
  // Only now: what follows must not be taken for a gap.
  if (!following.isSynced && after && equal(after, replica.last)) becomeSynced(following, [], turn);
  if (following.isSynced) applyAhead(following, turn);
  const isMoreToCome = to !== undefined && ask === undefined;
  if (isMoreToCome) following.pullAt = turn.now + following.pullMs;
  else pullIfBehind(following, turn);
  if (entries.length > 0) following.unacknowledged++;
  const isAsked = ask === id || ask === "*";
  const isDue = isAsked || following.unacknowledged >= ACKNOWLEDGE_EVERY;
  if (following.isSynced && isDue) acknowledge(following, turn);
}

function hold(following: Following, entry: Entry, { member: { replica } }: Turn): void {
  const { ahead, isSynced } = following;
  following.leaderSeq = Math.max(following.leaderSeq, entry.seq);
  const distance = entry.seq - replica.last.seq;
  if (!isSynced || (distance > 0 && distance <= AHEAD)) ahead.set(entry.seq, entry);
  if (ahead.size > AHEAD) ahead.clear();
}

function applyAhead(following: Following, turn: Turn): void {
  const { ahead } = following;
  const { id, replica, timing } = turn.member;
  for (;;) {
    const entry = ahead.get(replica.last.seq + 1);
    if (!entry) break;
    ahead.delete(entry.seq);
    const { outcome } = append(replica, entry);
    if (entry.member === id && entry.operation.kind !== "gone") {
      settle(entry, answerOf(replica.state, entry, outcome), turn);
    }
    following.pullAt = undefined;
    following.pullMs = timing.retryMs;
  }
  for (const seq of ahead.keys()) if (seq <= replica.last.seq) ahead.delete(seq);
}

function acknowledge(following: Following, turn: Turn): void {
  following.unacknowledged = 0;
  post({ kind: "ack", epoch: following.epoch, seq: sharedSeq(following, turn) }, turn);
}

/**
 * Returns the last entry that a follower shares with its leader; 0 as long as the entry is unknown.
 */
export function sharedSeq({ isSynced }: Following, { member: { replica } }: Turn): number {
  return isSynced ? replica.last.seq : 0;
}

function becomeSynced(following: Following, dropped: readonly Entry[], turn: Turn): void {
  following.isSynced = true;
  following.pullAt = undefined;
  turn.member.replica.log = following.log;
  acknowledge(following, turn);
  resume(dropped, turn);
}

/** Asks for missing entries, unless it has just done so. */
function pull(following: Following, turn: Turn): void {
  const { member: { replica, timing }, now } = turn;
  const { pullAt, pullMs, incoming, leader: to } = following;
  if (pullAt !== undefined && now < pullAt) return;
  following.pullAt = now + pullMs;
  following.pullMs = Math.min(2 * pullMs, timing.maxRetryMs);
  const index = incoming?.parts.findIndex((part) => part === undefined) ?? -1;
  const part = incoming && index >= 0 ? { snapshot: incoming.snapshot, index } : undefined;
  const { log, last: have } = replica;
  post({ kind: "pull", to, log, have, ...(part ? { part } : {}) }, turn);
}

function pullIfBehind(following: Following, turn: Turn): void {
  const { isSynced, leaderSeq } = following;
  if (!isSynced || turn.member.replica.last.seq < leaderSeq) pull(following, turn);
}

/** Takes a part of a snapshot, and the snapshot in place of its own copy once all parts are here. */
export function onChunk(following: Following, frame: Chunk, turn: Turn): void {
  const { snapshot, log, at, index, count, part, isLast } = frame;
  const { isSynced, pullAt } = following;
  const { replica, timing } = turn.member;
  if (isSynced && (pullAt === undefined || at.seq <= replica.last.seq)) return;
  following.leaderSeq = Math.max(following.leaderSeq, at.seq);
  if (following.incoming?.snapshot !== snapshot) {
    const parts = Array(count).fill(undefined);
    following.incoming = { snapshot, log, at, parts, missing: count };
  }
  const { incoming } = following;
  if (index >= incoming.parts.length || incoming.parts[index]) return;
  incoming.parts[index] = part;
  incoming.missing--;
  following.pullMs = timing.retryMs;
  if (incoming.missing === 0) return takeOver(following, incoming, turn);
  if (!isLast) return;
  following.pullAt = undefined;
  pull(following, turn);
}

function takeOver(following: Following, { log, at, parts }: Incoming, turn: Turn): void {
  const { id, replica } = turn.member;
  const before = recentEntries(replica);
  following.incoming = undefined;
  replace(replica, { log, last: at, state: restoreSnapshot(parts as SnapshotPart[]) });
  const next = replica.state.members.get(id)?.next ?? 0;
  const dropped = before.filter(({ member, number }) => member === id && number >= next);
  becomeSynced(following, dropped, turn);
  applyAhead(following, turn);
  pullIfBehind(following, turn);
}

/** Asks again for missing entries when that is due. */
export function wakeFollower(following: Following, turn: Turn): void {
  if (following.pullAt === undefined || turn.now < following.pullAt) return;
  following.pullAt = undefined;
  pullIfBehind(following, turn);
}

function equal(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.seq === b.seq;
}
