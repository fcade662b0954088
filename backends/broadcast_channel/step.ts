/**
 * One step of a member, which changes the record of the member by an input, and lists the effects
 * for the edge. There is no clock, timer, channel or promise here: equal inputs on equal members
 * have equal effects.
 */
import { answer } from "./answer.ts";
import { enqueue, withdrawCall } from "./calls.ts";
import {
  adopt,
  checkLease,
  maybeEndClaim,
  onCede,
  onClaim,
  onGranted,
  onVote,
  startClaim,
  wakeClaim,
} from "./election.ts";
import { onBeat, onChunk, onEntries, sharedSeq, wakeFollower } from "./follower.ts";
import type { Beat, Frame } from "./frame.ts";
import { accept, leaderDueAt, release, wakeLeader } from "./leader.ts";
import { type Effect, type Following, type Member, type Poll, post, type Turn } from "./member.ts";
import type { Operation } from "./operation.ts";
import { hear, type Peer } from "./peers.ts";
import { abandon, announce, endLingering } from "./receives.ts";
import { collect, isMuch, noted, retry } from "./requests.ts";
import { acknowledged, commit, sendNew } from "./sending.ts";

/** An event that a member has to deal with. */
export type Input =
  /** A channel is open. */
  | { readonly kind: "opened" }
  /** The channel has thrown: perhaps this context was deaf for a while. */
  | { readonly kind: "broken" }
  /** A frame of another context. */
  | { readonly kind: "frame"; readonly frame: Frame }
  /** The time of {@linkcode dueAt} has come. */
  | { readonly kind: "alarm" }
  /** The turn of the event loop ends. */
  | { readonly kind: "flush" }
  /** The channel has taken all posts so far. */
  | { readonly kind: "commit" }
  /** The leader's lock has come to this context. */
  | { readonly kind: "granted" }
  /** The context of a member has ended. */
  | { readonly kind: "gone"; readonly member: string }
  /** A caller asks for an operation. */
  | { readonly kind: "submit"; readonly ticket: number; readonly operation: Operation }
  /** A caller waits no longer for an operation. */
  | { readonly kind: "withdraw"; readonly ticket: number }
  /** A caller receives. */
  | ({ readonly kind: "receive" } & Poll)
  /** A caller waits no longer for messages; `lingers` if another receive may follow at once. */
  | { readonly kind: "abandon"; readonly ticket: number; readonly lingers: boolean }
  /** The member leaves. */
  | { readonly kind: "close" };

/** The facts of a step beside its input. */
export type Facts = Omit<Turn, "member" | "effects">;

/** Takes one step. */
export function step(member: Member, input: Input, facts: Facts): Effect[] {
  const effects: Effect[] = [];
  const turn: Turn = { member, effects, ...facts };
  // The outcomes that posts made safe are told also at the end.
  if (!member.isClosed || input.kind === "commit") take(input, turn);
  return effects;
}

function take(input: Input, turn: Turn): void {
  const { member } = turn;
  switch (input.kind) {
    case "opened":
      member.isMute = false;
      return startClaim(turn);
    case "broken":
      return becomeMute(member);
    case "frame":
      return member.isMute ? undefined : onFrame(input.frame, turn);
    case "alarm":
      return member.isMute ? undefined : onAlarm(turn);
    case "flush":
      return flush(turn);
    case "commit":
      return member.leader && commit(member.leader, turn);
    case "granted":
      return onGranted(turn);
    case "gone":
      return forget(input.member, turn);
    case "submit":
      enqueue(input.operation, input.ticket, turn);
      return isMuch(member) ? flush(turn) : undefined;
    case "withdraw":
      return withdrawCall(input.ticket, turn);
    case "receive":
      return announce(input, turn);
    case "abandon":
      return abandon(input, turn);
    case "close":
      return close(turn);
  }
}

/** The next time at which a member has something to do; `Infinity` if there is none. */
export function dueAt(member: Member): number {
  const { claim, leader, follower, leaderAt, timing, receives } = member;
  return Math.min(
    claim?.againAt ?? Infinity,
    claim?.endsAt ?? Infinity,
    leader || claim ? Infinity : leaderAt + timing.leaderTimeoutMs,
    leader ? leaderDueAt(leader, { member }) : Infinity,
    follower?.pullAt ?? Infinity,
    member.retry.at ?? Infinity,
    receives.lingersUntil,
  );
}

/**
 * Takes note that the channel throws. No post leaves any more, and perhaps none has arrived for a
 * while. The context joins anew on another channel, and asks again for everything. Until then it
 * accepts nothing.
 */
function becomeMute(member: Member): void {
  member.isMute = true;
  member.leader = undefined;
  member.follower = undefined;
  member.claim = undefined;
  member.gone = undefined;
  // A log without entries binds nobody.
  if (member.replica.last.seq === 0) member.replica.log = "";
}

function onFrame(frame: Frame, turn: Turn): void {
  const { member, now } = turn;
  if (member.claim && frame.from === member.gone) return;
  const peer = hear(member.peers, frame.from, now);
  checkLease(turn);
  // Timers of hidden tabs are late: what is due is also done when something arrives.
  if (member.leader && now >= leaderDueAt(member.leader, turn)) wakeLeader(member.leader, turn);
  switch (frame.kind) {
    case "claim":
      return onClaim(frame, turn);
    case "vote":
      return onVote(frame, turn);
    case "cede":
      return onCede(frame, turn);
    case "beat":
      return hearBeat(frame, turn);
    case "entries":
    case "chunk":
      return hearLeader(frame, turn);
    case "bye":
      return onBye(frame.from, turn);
    case "noted":
      return member.follower?.leader === frame.from ? noted(frame, turn) : undefined;
    case "ack":
    case "pull":
    case "request":
      return hearFollower(frame, peer, turn);
  }
}

function hearBeat(frame: Beat & { readonly from: string }, turn: Turn): void {
  const { member, now } = turn;
  const { follower } = member;
  const isKnown = follower?.leader === frame.from && follower.epoch === frame.epoch;
  if (!isKnown && !adopt(frame, turn)) return;
  member.leaderAt = now;
  member.claim = undefined;
  if (member.follower) onBeat(member.follower, frame, turn);
}

function hearLeader(frame: Extract<Frame, { kind: "entries" | "chunk" }>, turn: Turn): void {
  const { member, now } = turn;
  const { follower } = member;
  member.highestEpoch = Math.max(member.highestEpoch, frame.epoch);
  if (follower?.leader !== frame.from || follower.epoch !== frame.epoch) return;
  member.leaderAt = now;
  if (frame.kind === "entries") onEntries(follower, frame, turn);
  else onChunk(follower, frame, turn);
}

function hearFollower(
  frame: Extract<Frame, { kind: "ack" | "pull" | "request" }>,
  peer: Peer,
  turn: Turn,
): void {
  const { leader } = turn.member;
  if (!leader) return;
  switch (frame.kind) {
    case "pull":
      return answer(leader, frame, turn);
    case "ack":
      if (leader.epoch === frame.epoch) acknowledged(leader, { peer, seq: frame.seq }, turn);
      return;
    case "request":
      if (frame.ack > 0) acknowledged(leader, { peer, seq: frame.ack }, turn);
      return accept(leader, frame, turn);
  }
}

function onBye(from: string, turn: Turn): void {
  const { member } = turn;
  forget(from, turn);
  // Its lock is free, where there are locks: who gets it claims.
  if (member.follower?.leader === from && !member.hasLocks) startClaim(turn);
  maybeEndClaim(turn);
}

function forget(id: string, turn: Turn): void {
  const { peers, leader } = turn.member;
  peers.delete(id);
  if (leader) release(leader, id, turn);
}

function onAlarm(turn: Turn): void {
  const { member, now } = turn;
  checkLease(turn);
  if (member.claim) wakeClaim(member.claim, turn);
  else if (!member.leader && now >= member.leaderAt + member.timing.leaderTimeoutMs) {
    startClaim(turn);
  }
  if (member.leader) wakeLeader(member.leader, turn);
  if (member.follower) wakeFollower(member.follower, turn);
  endLingering(turn);
  retry(turn);
}

function flush(turn: Turn): void {
  const { member } = turn;
  checkLease(turn);
  const { leader, follower, id } = member;
  if (leader) {
    for (const batch of collect(turn)) accept(leader, { ...batch, from: id }, turn);
    sendNew(leader, turn);
  } else if (follower) sendRequests(follower, turn);
}

function sendRequests(follower: Following, turn: Turn): void {
  const to = follower.leader;
  for (const batch of collect(turn)) {
    post({ kind: "request", to, ack: sharedSeq(follower, turn), ...batch }, turn);
  }
}

function close(turn: Turn): void {
  const { member } = turn;
  if (member.leader) sendNew(member.leader, turn);
  post({ kind: "bye" }, turn);
  member.isClosed = true;
}
