/** The choice of a leader: claims, votes, and the change from one part to the other. */
import { beat } from "./beat.ts";
import { createFollowing } from "./follower.ts";
import type { Beat, Frame, Position, Vote } from "./frame.ts";
import { createLeading, release, watchHolders } from "./leader.ts";
import { type Claim, type Leading, type Member, type OwnEntry, post, type Turn } from "./member.ts";
import { recentEntries } from "./replica.ts";
import { isOpen, reconcile, repeat } from "./requests.ts";
import { answerOf } from "./state.ts";

type From<T> = T & { readonly from: string };
type Claiming = Extract<Frame, { kind: "claim" }>;

/**
 * Number of epochs in a count. Chance chooses among them, so that no two leaders share an epoch.
 */
const CHANCE = 2 ** 16;
/**
 * Number of times that a claim listens anew after its thread was blocked: timers may always be
 * late.
 */
const LISTENS = 2;

/** Claims the leadership. */
export function startClaim(turn: Turn): void {
  const { member, now } = turn;
  const { graceMs } = member.timing;
  member.follower = member.gone = undefined;
  if (member.isMute) return;
  member.claim = {
    epoch: nextEpoch(turn),
    againAt: isAlone(member) ? now + graceMs / 2 : Infinity,
    endsAt: now + graceMs,
    listens: LISTENS,
    votes: new Map(),
  };
  postClaim(member.claim, turn);
}

function postClaim({ epoch }: Claim, turn: Turn): void {
  post({ kind: "claim", epoch, isSure: turn.holdsLock }, turn);
}

function listenAnew(claim: Claim, turn: Turn): void {
  claim.endsAt = turn.now + turn.member.timing.graceMs;
  postClaim(claim, turn);
}

/** Tells if a context knows of no log, and has nothing but the channel to find out who leads. */
function isAlone({ hasLocks, replica }: Member): boolean {
  return !hasLocks && replica.log === "";
}

function nextEpoch({ member, random }: Turn): number {
  const count = Math.floor(member.highestEpoch / CHANCE) + 1;
  member.highestEpoch = count * CHANCE + Math.floor(random() * CHANCE);
  return member.highestEpoch;
}

/**
 * Gives up a leadership after a long silence, in which another leader may have come, and claims
 * anew.
 */
export function checkLease(turn: Turn): void {
  const { member, now } = turn;
  if (!member.leader || now - member.leaderAt <= member.timing.leaseMs) return;
  member.leader = undefined;
  startClaim(turn);
}

/** Answers another context's claim: objects, votes, or lets the leader do it. */
export function onClaim({ from, epoch, isSure }: From<Claiming>, turn: Turn): void {
  const { member, holdsLock, now } = turn;
  if (member.leader) return beat(member.leader, turn);
  const isHighest = epoch >= member.highestEpoch;
  member.highestEpoch = Math.max(member.highestEpoch, epoch);
  if (member.claim && isHighest && !holdsLock) {
    // Its claim is the better one. Should it come to nothing, the silence will tell.
    member.claim = undefined;
    member.leaderAt = now;
  }
  // Who joined later has not heard of this one's claim, which is the better one.
  if (member.claim && !isHighest && !member.hasLocks) postClaim(member.claim, turn);
  if (!isSure && member.hasLocks && isLed(turn)) return;
  const { log, last } = member.replica;
  if (log === "" && !isHighest) return;
  member.voted = epoch;
  post({ kind: "vote", to: from, epoch, log, last }, turn);
}

/** Tells if a leader was heard lately. Such a leader will object to a claim. */
function isLed({ member: { follower, leaderAt, timing }, now }: Turn): boolean {
  return follower !== undefined && now - leaderAt < 1.5 * timing.beatMs;
}

/** Counts a vote, and ends the claim when all have voted. */
export function onVote(vote: From<Vote>, turn: Turn): void {
  const { claim } = turn.member;
  if (claim?.epoch !== vote.epoch) return;
  claim.votes.set(vote.from, vote);
  if (others(turn.member).every((peer) => claim.votes.has(peer))) endClaim(claim, turn);
}

/** Leads, as the context that claimed has less. */
export function onCede({ epoch }: { readonly epoch: number }, turn: Turn): void {
  const { member } = turn;
  if (epoch !== member.voted || member.leader) return;
  member.voted = 0;
  lead(turn);
}

/** Does the due work of a claim. */
export function wakeClaim(claim: Claim, turn: Turn): void {
  const { member, now } = turn;
  if (isAlone(member) && now > claim.endsAt + member.timing.lateMs && claim.listens-- > 0) {
    // What was said meanwhile is heard only after this: it has not listened yet.
    listenAnew(claim, turn);
  } else if (now >= claim.endsAt) endClaim(claim, turn);
  else if (now >= claim.againAt) {
    claim.againAt = Infinity;
    postClaim(claim, turn);
  }
}

/** Ends a claim at once where there is nobody to wait for. */
export function maybeEndClaim(turn: Turn): void {
  const { member } = turn;
  if (member.claim && others(member).length === 0) endClaim(member.claim, turn);
}

function others({ peers }: Member): string[] {
  return [...peers].filter(([, { silent }]) => !silent).map(([peer]) => peer);
}

function endClaim(claim: Claim, turn: Turn): void {
  const { member, now } = turn;
  const isJoining = member.replica.log === "";
  // Who joins knows nobody: it takes the time to hear of all.
  if (isJoining && now < claim.endsAt) return;
  // Somebody leads, as it has the lock, and has not heard this.
  if (isJoining && !mayLead(turn)) return listenAnew(claim, turn);
  member.claim = undefined;
  if (!mayLead(turn)) return;
  for (const [peer, facts] of member.peers) if (!claim.votes.has(peer)) facts.silent = true;
  const [best] = [...claim.votes].sort(([, a], [, b]) => compare(b, a));
  if (!best || compare(best[1], member.replica) <= 0) return lead(turn);
  member.leaderAt = now;
  post({ kind: "cede", to: best[0], epoch: best[1].epoch }, turn);
}

/**
 * Tells if this context may lead. With Web Locks, a context without the lock leads only after a
 * long silence of the holder.
 */
function mayLead({ member: { hasLocks, leaderAt, timing }, holdsLock, now }: Turn): boolean {
  return !hasLocks || holdsLock || now - leaderAt >= timing.leaderTimeoutMs;
}

/** Claims, as the leader's lock has come to this context. */
export function onGranted(turn: Turn): void {
  const { member } = turn;
  if (member.leader) return;
  const before = member.follower?.leader;
  if (before !== undefined) member.peers.delete(before);
  startClaim(turn);
  member.gone = before;
  maybeEndClaim(turn);
}

function lead(turn: Turn): void {
  const { member } = turn;
  const { replica, peers } = member;
  member.claim = member.follower = undefined;
  if (replica.log === "") replica.log = turn.newId();
  for (const peer of peers.values()) peer.acked = undefined;
  const own = openEntries(member);
  const leading = createLeading({ epoch: nextEpoch(turn), own }, turn);
  member.leader = leading;
  beat(leading, turn);
  turn.effects.push({ kind: "steal" });
  reconcile(own.map(({ entry }) => entry), turn);
  repeat(turn);
  releaseLast(leading, turn);
  watchHolders(turn);
}

/**
 * Returns the entries that this context put in order as leader, before a question for its
 * leadership, and whose calls are not told yet. Perhaps no other context has these entries.
 */
function openEntries(member: Member): OwnEntry[] {
  const { id, replica: { state } } = member;
  const { outcomes, receives } = state.members.get(id) ?? {};
  return recentEntries(member.replica).flatMap((entry) => {
    const { number, operation } = entry;
    if (entry.member !== id || operation.kind === "gone") return [];
    const outcome = (operation.kind === "receive" ? receives : outcomes)?.get(number);
    if (!outcome || !isOpen(entry, member)) return [];
    return [{ entry, outcome: answerOf(state, entry, outcome) }];
  });
}

/** Releases the locks of the leader before, if silence was the reason for the change. */
function releaseLast(leading: Leading, turn: Turn): void {
  const { member, now } = turn;
  const { lastLeader, peers, timing } = member;
  const heardAt = peers.get(lastLeader ?? "")?.heardAt ?? 0;
  if (lastLeader !== undefined && now - heardAt >= timing.leaseMs) {
    release(leading, lastLeader, turn);
  }
  member.lastLeader = undefined;
}

/** Follows a new leader, unless there is a better leader; tells if the context follows. */
export function adopt({ from, epoch, log, seq }: From<Beat>, turn: Turn): boolean {
  const { member } = turn;
  const { leader, follower, replica } = member;
  member.highestEpoch = Math.max(member.highestEpoch, epoch);
  if (epoch <= (leader?.epoch ?? follower?.epoch ?? 0)) {
    if (leader) beat(leader, turn);
    return false;
  }
  const isOther = log !== replica.log && replica.log !== "";
  // Two groups that did not hear of each other: the one that did more goes on.
  if (isOther && compare({ log, last: { epoch, seq } }, replica) < 0) {
    if (leader) lead(turn);
    return false;
  }
  member.leader = undefined;
  member.lastLeader = from;
  member.follower = createFollowing({ leader: from, epoch, log }, turn);
  return true;
}

/** Compares two logs by length; for equal logs, the result is always the same. */
function compare(
  a: { readonly log: string; readonly last: Position },
  b: { readonly log: string; readonly last: Position },
): number {
  if (a.log === b.log) return a.last.epoch - b.last.epoch || a.last.seq - b.last.seq;
  return a.last.seq - b.last.seq || (a.log < b.log ? -1 : 1);
}
