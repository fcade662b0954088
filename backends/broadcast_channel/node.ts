/**
 * One context among those that share the queues of a name: it speaks on the channel, finds out who
 * leads, leads itself if nobody does, and hands its calls to whoever leads.
 */
import type { Clock, Random } from "../../src/support/clock.ts";
import { MelangeError } from "../../src/support/errors.ts";
import type { BroadcastChannelLike, LocksLike } from "./channel.ts";
import { createFollower, type Follower } from "./follower.ts";
import { type Beat, type Content, type Frame, type Position, VERSION, type Vote } from "./frame.ts";
import { createLeader, type Leader, type OwnEntry } from "./leader.ts";
import { createMemberLocks, type MemberLocks } from "./lock.ts";
import { hear, type Peers } from "./peers.ts";
import { readFrame } from "./read_frame.ts";
import { createReplica, recentEntries } from "./replica.ts";
import { createRequests, type Requests } from "./requests.ts";
import { answerOf, type Entry } from "./state.ts";
import type { Timing } from "./timing.ts";
import { toWire } from "./wire.ts";

/** One context. */
export interface Node {
  /** Its id among the others. */
  readonly id: string;
  /** Its calls. */
  readonly requests: Requests;
  /** Whether it leads, follows, or does not know yet. */
  role(): Role;
  /** Leaves, and rejects all calls. */
  close(reason: unknown): void;
}

/** What a context is among the others. */
export type Role = "leader" | "follower" | "joining";

/** Options of {@linkcode createNode}. */
export interface NodeOptions {
  name: string;
  channel: (name: string) => BroadcastChannelLike;
  locks: LocksLike | undefined;
  clock: Clock;
  random: Random;
  newId: () => string;
  timing: Timing;
}

interface Claim {
  readonly epoch: number;
  /** When it is said once more, as the first time may have been too early for somebody. */
  againAt: number;
  endsAt: number;
  /** How often more it listens anew after a time in which it heard nothing. */
  listens: number;
  readonly votes: Map<string, Vote>;
}

type Claiming = Extract<Frame, { kind: "claim" }>;

/** How many epochs there are to a count: the rest is chance, so that no two leaders share one. */
const CHANCE = 2 ** 16;
/** How long a channel is tried again that cannot be opened: Deno needs a turn after a close. */
const REOPEN = { tries: 100, ms: 5 };
/** How often a channel is replaced that throws soon, and the first wait; each is twice the last. */
const REPLACE = { tries: 10, ms: 5 };
/** How often who joins listens anew because its thread was blocked: timers may always be late. */
const LISTENS = 2;
/** After what time an alarm is set anew by what arrives, though it is soon enough. */
const REARM_MS = 500;

/** Joins those who share a name. */
export function createNode(options: NodeOptions): Node {
  const { name, clock, random, newId, timing } = options;
  // Short, as it is in everything that is sent, and long enough for all tabs there can be.
  const id = newId().slice(-12);
  const replica = createReplica();
  const peers: Peers = new Map();
  const requests = createRequests({
    clock,
    timing,
    changed: later,
    leads: () => leader !== undefined,
  });
  const locks: MemberLocks | undefined = options.locks && createMemberLocks({
    locks: options.locks,
    prefix: `melange/${name}`,
    id,
    granted: () => busy(onLock),
  });
  let channel: BroadcastChannelLike | undefined;
  let leader: Leader | undefined;
  let follower: Follower | undefined;
  let claim: Claim | undefined;
  /** The highest epoch heard of. */
  let highest = 0;
  /** Whom this context followed last. */
  let lastLeader: string | undefined;
  /** Whose lock has become free: a tab that is closed goes on objecting to claims for a moment. */
  let gone: string | undefined;
  /** The claim that this context answered last. */
  let voted = 0;
  /** When a leader was heard, or spoke itself. */
  let leaderAt = clock.now();
  /** Whether the channel is broken, and not replaced yet: then nothing is said, heard or accepted. */
  let isMute = false;
  let openedAt = 0;
  /** How many channels in a row broke soon. */
  let broken = 0;
  let isFlushing = false;
  let isBusy = false;
  let isClosed = false;
  let alarmAt = Infinity;
  let armedAt = 0;
  let cancelAlarm = () => {};
  let cancelOpening = () => {};

  open(REOPEN.tries);

  function open(tries: number): void {
    let opened: BroadcastChannelLike;
    try {
      opened = options.channel(`melange/${name}`);
    } catch (error) {
      if (tries === 0) return close(notUsable(name, "could not be opened", error));
      cancelOpening = clock.after(REOPEN.ms, () => open(tries - 1));
      return;
    }
    // Only now: in Deno, who opens a channel in the turn in which the last one closed gets a dead one.
    closeChannel();
    channel = opened;
    openedAt = clock.now();
    isMute = false;
    opened.onmessage = ({ data }) => busy(() => onMessage(data));
    opened.onmessageerror = () => busy(onUnreadable);
    busy(startClaim);
    locks?.wait();
  }

  function closeChannel(): void {
    if (!channel) return;
    channel.onmessage = channel.onmessageerror = null;
    try {
      channel.close();
    } catch {
      // It is dead: that was noticed when it threw at a post.
    }
  }

  /**
   * A channel that throws reaches nobody, and perhaps nobody has reached this context for a while:
   * it joins anew on another one, and asks again for everything. Until then it accepts nothing.
   */
  function onBroken(cause: unknown): void {
    if (isMute || isClosed) return;
    isMute = true;
    leader =
      follower =
      claim =
      gone =
        undefined;
    // A log without entries binds nobody.
    if (replica.last.seq === 0) replica.log = "";
    broken = clock.now() - openedAt > timing.leaseMs ? 0 : broken + 1;
    if (broken > REPLACE.tries) {
      cancelOpening = clock.after(0, () => close(notUsable(name, "throws at each post", cause)));
    } else {
      const ms = REPLACE.ms * 2 ** Math.max(broken - 1, 0);
      cancelOpening = clock.after(ms, () => open(REOPEN.tries));
    }
  }

  /** Also what a stranger posts may be unreadable: that must not keep a channel from working. */
  function onUnreadable(): void {
    if (clock.now() - openedAt > timing.leaseMs) onBroken(undefined);
  }

  function onMessage(data: unknown): void {
    const frame = readFrame(data, id);
    if (!frame || isClosed || isMute || (claim && frame.from === gone)) return;
    const peer = hear(peers, frame.from, clock.now());
    checkLease();
    // Timers of hidden tabs are late: what is due is also done when something arrives.
    if (leader && clock.now() >= (leader.dueAt() ?? Infinity)) onLeaderAlarm(leader);
    if (frame.kind === "ack") {
      if (leader?.epoch === frame.epoch) leader.acknowledged(peer, frame.seq);
    } else onFrame(frame);
    arm();
  }

  function onFrame(frame: Exclude<Frame, { kind: "ack" }>): void {
    switch (frame.kind) {
      case "claim":
        return onClaim(frame);
      case "vote":
        return onVote(frame);
      case "cede":
        return onCede(frame.epoch);
      case "beat":
        return onBeat(frame);
      case "entries":
        return followerOf(frame)?.onEntries(frame);
      case "chunk":
        return followerOf(frame)?.onChunk(frame);
      case "pull":
        return leader?.answer(frame.from, frame);
      case "request":
        return onRequest(frame);
      case "noted":
        return follower?.leader === frame.from
          ? requests.noted(frame.expect, frame.wants)
          : undefined;
      case "bye":
        return onBye(frame.from);
    }
  }

  function followerOf({ from, epoch }: { from: string; epoch: number }): Follower | undefined {
    highest = Math.max(highest, epoch);
    if (follower?.leader !== from || follower.epoch !== epoch) return undefined;
    leaderAt = clock.now();
    return follower;
  }

  function onRequest(frame: Extract<Frame, { kind: "request" }>): void {
    if (!leader) return;
    if (frame.ack > 0) leader.acknowledged(hear(peers, frame.from, clock.now()), frame.ack);
    leader.accept(frame.from, frame);
  }

  /** A leader that was silent for long may have been replaced: it asks before it does anything. */
  function checkLease(): void {
    if (!leader || clock.now() - leaderAt <= timing.leaseMs) return;
    leader = undefined;
    startClaim();
  }

  function startClaim(): void {
    follower = gone = undefined;
    if (isMute) return;
    const now = clock.now();
    claim = {
      epoch: nextEpoch(),
      againAt: isAlone() ? now + timing.graceMs / 2 : Infinity,
      endsAt: now + timing.graceMs,
      listens: LISTENS,
      votes: new Map(),
    };
    postClaim(claim);
    arm();
  }

  function postClaim({ epoch }: Claim): void {
    post({ kind: "claim", epoch, isSure: locks?.holds() ?? false });
  }

  function listenAnew(claim: Claim): void {
    claim.endsAt = clock.now() + timing.graceMs;
    postClaim(claim);
  }

  /** Whether it knows of no log, and has nothing but the channel to find out who leads. */
  function isAlone(): boolean {
    return !locks && replica.log === "";
  }

  function nextEpoch(): number {
    highest = (Math.floor(highest / CHANCE) + 1) * CHANCE + Math.floor(random() * CHANCE);
    return highest;
  }

  function onClaim({ from, epoch, isSure }: Claiming): void {
    if (leader) return leader.beat();
    const isHighest = epoch >= highest;
    highest = Math.max(highest, epoch);
    if (claim && isHighest && !locks?.holds()) {
      // Its claim is the better one. Should it come to nothing, the silence will tell.
      claim = undefined;
      leaderAt = clock.now();
    }
    // Who joined later has not heard of this one's claim, which is the better one.
    if (claim && !isHighest && !locks) postClaim(claim);
    if (!isSure && locks && isLed()) return;
    if (replica.log === "" && !isHighest) return;
    voted = epoch;
    const { log, last } = replica;
    post({ kind: "vote", to: from, epoch, log, last });
  }

  /** Whether a leader was heard lately: it will object to a claim itself. */
  function isLed(): boolean {
    return follower !== undefined && clock.now() - leaderAt < 1.5 * timing.beatMs;
  }

  function onVote(vote: Vote & { from: string }): void {
    if (claim?.epoch !== vote.epoch) return;
    claim.votes.set(vote.from, vote);
    const { votes } = claim;
    const others = [...peers].filter(([, { silent }]) => !silent);
    if (others.every(([peer]) => votes.has(peer))) endClaim(claim);
  }

  function onCede(epoch: number): void {
    if (epoch !== voted || leader) return;
    voted = 0;
    lead();
  }

  function endClaim(ending: Claim): void {
    const { votes, endsAt } = ending;
    const isJoining = replica.log === "";
    // Who joins knows nobody: it takes the time to hear of all.
    if (isJoining && clock.now() < endsAt) return;
    // Somebody leads, as it has the lock, and has not heard this.
    if (isJoining && !mayLead()) return listenAnew(ending);
    claim = undefined;
    if (!mayLead()) return;
    for (const [peer, facts] of peers) if (!votes.has(peer)) facts.silent = true;
    const [best] = [...votes].sort(([, a], [, b]) => compare(b, a));
    if (!best || compare(best[1], { log: replica.log, last: replica.last }) <= 0) return lead();
    const [to, { epoch }] = best;
    leaderAt = clock.now();
    post({ kind: "cede", to, epoch });
  }

  /** With Web Locks, who does not get the lock leads only if its holder has been silent for long. */
  function mayLead(): boolean {
    return !locks || locks.holds() || clock.now() - leaderAt >= timing.leaderTimeoutMs;
  }

  function onLock(): void {
    if (leader || isClosed) return;
    const before = follower?.leader;
    if (before !== undefined) forget(before);
    startClaim();
    gone = before;
    maybeEndClaim();
  }

  /** Ends a claim at once where there is nobody to wait for. */
  function maybeEndClaim(): void {
    const others = [...peers.values()].filter(({ silent }) => !silent);
    if (claim && others.length === 0) endClaim(claim);
  }

  function lead(): void {
    claim = undefined;
    follower = undefined;
    if (replica.log === "") replica.log = newId();
    for (const peer of peers.values()) peer.acked = undefined;
    const own = openEntries();
    const created = createLeader({
      id,
      epoch: nextEpoch(),
      own,
      leads: () => leader === created,
      clock,
      timing,
      replica,
      peers,
      newId,
      post,
      changed: later,
      settled: settle,
      noted: (wants) => requests.noted(0, wants),
    });
    leader = created;
    created.beat();
    if (leader !== created) return;
    locks?.steal();
    requests.reconcile(replica.state, { id, except: own.map(({ entry }) => entry) });
    requests.repeat();
    releaseLast(created);
    watchHolders(created);
  }

  /**
   * What it had put in order itself, before it had to ask whether it still leads, and had not told
   * its calls: perhaps nobody else has it.
   */
  function openEntries(): OwnEntry[] {
    const { outcomes, receives } = replica.state.members.get(id) ?? {};
    return recentEntries(replica).flatMap((entry) => {
      const { member, number, operation } = entry;
      const isReceive = operation.kind === "receive";
      if (member !== id || operation.kind === "gone") return [];
      const outcome = (isReceive ? receives : outcomes)?.get(number);
      if (!outcome || !requests.isOpen(number, isReceive)) return [];
      return [{ entry, outcome: answerOf(replica.state, entry, outcome) }];
    });
  }

  /** What the one held who led before, if it was replaced because it was silent. */
  function releaseLast(leader: Leader): void {
    const heardAt = peers.get(lastLeader ?? "")?.heardAt ?? 0;
    if (lastLeader !== undefined && clock.now() - heardAt >= timing.leaseMs) {
      leader.release(lastLeader);
    }
    lastLeader = undefined;
  }

  function onBeat(beat: Beat & { from: string }): void {
    const isKnown = follower?.leader === beat.from && follower.epoch === beat.epoch;
    if (!isKnown && !adopt(beat)) return;
    leaderAt = clock.now();
    claim = undefined;
    follower?.onBeat(beat);
  }

  /** Follows a new leader, unless there is a better one. */
  function adopt({ from, epoch, log, seq }: Beat & { from: string }): boolean {
    const current = leader?.epoch ?? follower?.epoch ?? 0;
    highest = Math.max(highest, epoch);
    if (epoch <= current) {
      leader?.beat();
      return false;
    }
    const isOther = log !== replica.log && replica.log !== "";
    // Two groups that did not hear of each other: the one that did more goes on.
    if (isOther && compare({ log, last: { epoch, seq } }, replica) < 0) {
      if (leader) lead();
      return false;
    }
    leader = undefined;
    lastLeader = from;
    follower = createFollower({
      id,
      leader: from,
      epoch,
      log,
      clock,
      timing,
      replica,
      post,
      applied: (entry, { outcome }) => {
        if (entry.member === id) settle(entry, answerOf(replica.state, entry, outcome));
      },
      synced: onSynced,
    });
    return true;
  }

  function onSynced(dropped: readonly Entry[]): void {
    requests.restore(dropped);
    requests.reconcile(replica.state, { id });
    requests.repeat();
  }

  function settle(entry: Entry, outcome: Parameters<Requests["settle"]>[1]): void {
    if (entry.member === id && entry.operation.kind !== "gone") requests.settle(entry, outcome);
  }

  function onBye(from: string): void {
    forget(from);
    leader?.release(from);
    // Its lock is free, where there are locks: who gets it claims.
    if (follower?.leader === from && !locks) startClaim();
    maybeEndClaim();
  }

  function forget(peer: string): void {
    peers.delete(peer);
  }

  /** Collects what a turn brings, so that it goes in few messages; but not more than fits into one. */
  function later(isMuch: boolean = false): void {
    if (isClosed) return;
    if (isMuch && !isBusy) return flush();
    if (isFlushing) return;
    isFlushing = true;
    queueMicrotask(flush);
  }

  function flush(): void {
    isFlushing = false;
    if (!isClosed) busy(flushAll);
  }

  /** Runs something that must not be interrupted by calls that it leads to. */
  function busy(work: () => void): void {
    const wasBusy = isBusy;
    isBusy = true;
    try {
      work();
    } finally {
      isBusy = wasBusy;
    }
  }

  function flushAll(): void {
    checkLease();
    if (leader) flushOwn(leader);
    else if (follower) sendRequests(follower);
    arm();
  }

  function flushOwn(current: Leader): void {
    for (const batch of requests.collect()) {
      if (leader === current) current.accept(id, batch);
    }
    if (leader === current) current.flush();
  }

  function sendRequests({ leader: to, shared }: Follower): void {
    for (const batch of requests.collect()) {
      post({ kind: "request", to, ack: shared(), ...batch });
    }
  }

  function post(content: Content): void {
    if (isMute) return;
    if (content.kind === "beat") leaderAt = clock.now();
    try {
      channel?.postMessage({ version: VERSION, from: id, ...toWire(content) });
    } catch (error) {
      onBroken(error);
    }
  }

  function arm(): void {
    const at = Math.min(
      claim?.againAt ?? Infinity,
      claim?.endsAt ?? Infinity,
      leader || claim ? Infinity : leaderAt + timing.leaderTimeoutMs,
      leader?.dueAt() ?? Infinity,
      follower?.dueAt() ?? Infinity,
      requests.dueAt() ?? Infinity,
    );
    const now = clock.now();
    if (at === Infinity || isClosed || isMute || !channel) return;
    // Browsers let a hidden tab's timer that a timer has set wait for a minute, and others for 1 s.
    if (at >= alarmAt && now < armedAt + REARM_MS) return;
    cancelAlarm();
    alarmAt = at;
    armedAt = now;
    cancelAlarm = clock.after(Math.max(at - now, 0), () => busy(onAlarm));
  }

  function onAlarm(): void {
    alarmAt = Infinity;
    if (isClosed || isMute) return;
    checkLease();
    const now = clock.now();
    if (claim) onClaimAlarm(claim, now);
    else if (!leader && now >= leaderAt + timing.leaderTimeoutMs) startClaim();
    if (leader) onLeaderAlarm(leader);
    follower?.wake();
    requests.wake();
    arm();
  }

  function onClaimAlarm(claim: Claim, now: number): void {
    if (isAlone() && now > claim.endsAt + timing.lateMs && claim.listens-- > 0) {
      // What was said meanwhile is heard only after this: it has not listened yet.
      listenAnew(claim);
    } else if (now >= claim.endsAt) endClaim(claim);
    else if (now >= claim.againAt) {
      claim.againAt = Infinity;
      postClaim(claim);
    }
  }

  function onLeaderAlarm(leader: Leader): void {
    leader.wake();
    watchHolders(leader);
  }

  /** A lock that a member holds as long as it lives tells at once when it does not any more. */
  function watchHolders(leader: Leader): void {
    for (const member of locks ? leader.holders() : []) watch(member);
  }

  function watch(member: string): void {
    locks?.watch(member, () => busy(() => onGone(member)));
  }

  function onGone(member: string): void {
    forget(member);
    leader?.release(member);
    arm();
  }

  function role(): Role {
    return leader ? "leader" : follower ? "follower" : "joining";
  }

  function close(reason: unknown): void {
    if (isClosed) return;
    leader?.flush();
    post({ kind: "bye" });
    isClosed = true;
    cancelAlarm();
    cancelOpening();
    requests.end(reason);
    locks?.release();
    closeChannel();
  }

  return { id, requests, role, close };
}

function notUsable(name: string, why: string, cause: unknown): MelangeError {
  const sentence = `Cannot use the channel "melange/${name}" as it ${why}`;
  return new MelangeError("CLOSED", sentence, { cause });
}

/** Which of two logs goes further; of two that do not differ in this, always the same one. */
function compare(
  a: { readonly log: string; readonly last: Position },
  b: { readonly log: string; readonly last: Position },
): number {
  if (a.log === b.log) return a.last.epoch - b.last.epoch || a.last.seq - b.last.seq;
  return a.last.seq - b.last.seq || (a.log < b.log ? -1 : 1);
}
