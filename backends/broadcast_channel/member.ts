/**
 * The record of one context among the contexts that share the queues of a name: the leader, the
 * known part of the log, and the calls under way. `step.ts` changes the record.
 */
import type { Random } from "../../src/support/clock.ts";
import type { Content, Position, Vote } from "./frame.ts";
import type { Operation, Want } from "./operation.ts";
import type { Outcome } from "./outcome.ts";
import type { Peers } from "./peers.ts";
import { createReplica, type Replica } from "./replica.ts";
import type { SnapshotPart } from "./snapshot.ts";
import type { Entry } from "./state.ts";
import type { Timing } from "./timing.ts";

/** One context. */
export interface Member extends MemberOptions {
  /** The copy of the log and the state. */
  readonly replica: Replica;
  /** The other contexts. */
  readonly peers: Peers;
  /** The operations that this context asks for. */
  readonly calls: Calls;
  /** The receives that this context asks for. */
  readonly receives: Receives;
  /** The next repetition of calls and receives without an answer. */
  readonly retry: { ms: number; at: number | undefined };
  /** The part of a leader, while this context leads. */
  leader: Leading | undefined;
  /** The part of a follower, while this context follows. */
  follower: Following | undefined;
  /** The claim to lead, while one is under way. */
  claim: Claim | undefined;
  /** The highest epoch that this context has heard of. */
  highestEpoch: number;
  /** The id of the leader that this context followed last. */
  lastLeader: string | undefined;
  /**
   * The leader whose lock has become free: a closed tab goes on objecting to claims for a moment.
   */
  gone: string | undefined;
  /** The epoch of the claim that this context answered last. */
  voted: number;
  /** The time at which a leader was heard, or spoke in this context. */
  leaderAt: number;
  /** `true` while there is no sound channel: then this context says, hears and accepts nothing. */
  isMute: boolean;
  /** `true` after the end. */
  isClosed: boolean;
}

/** Options of {@linkcode createMember}. */
export interface MemberOptions {
  /** The id among the contexts. */
  readonly id: string;
  /** All times. */
  readonly timing: Timing;
  /** `true` where Web Locks show which contexts live. */
  readonly hasLocks: boolean;
}

/** The facts of one step, and the list that takes its effects. */
export interface Turn {
  /** The context that takes the step. */
  readonly member: Member;
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
  /** The source of chance. */
  readonly random: Random;
  /** Makes an id. */
  readonly newId: () => string;
  /** `true` while this context holds the leader's lock. */
  readonly holdsLock: boolean;
  /** The effects so far, in order. */
  readonly effects: Effect[];
}

/** An act that a step leaves to the edge. */
export type Effect =
  /** Posts on the channel. */
  | { readonly kind: "post"; readonly content: Content }
  /** Takes the step `commit`, if all posts before it were taken by the channel. */
  | { readonly kind: "commit" }
  /** Takes the step `flush` at the end of the current turn of the event loop. */
  | { readonly kind: "flush" }
  /** Tells a caller the outcome. */
  | { readonly kind: "settle"; readonly ticket: number; readonly outcome: Outcome }
  /** Takes the leader's lock from its holder. */
  | { readonly kind: "steal" }
  /** Takes the step `gone` once the context of a member has ended. */
  | { readonly kind: "watch"; readonly member: string };

/** The operations of a context, each asked for in order and once. */
export interface Calls {
  /** Calls without a number: too many others are under way. */
  waiting: Call[];
  /** Calls without an outcome, by number. */
  readonly open: Map<number, Call>;
  /** The lowest number without an outcome. */
  low: number;
  /** The number of the next call. */
  next: number;
  /** The highest number that was sent to the current leader. */
  transmitted: number;
}

/** One operation with its caller. */
export interface Call {
  /** The caller's ticket; 0 if nobody waits for the outcome. */
  readonly ticket: number;
  readonly operation: Operation;
}

/** The receives of a context. */
export interface Receives {
  /** Receives that the leader knows, or is about to know, by number. */
  readonly announced: Map<number, Announced>;
  /** The number of the next receive. */
  next: number;
  /** Numbers that the leader shall forget. */
  cancels: number[];
  /** A time before which no lingering receive ends. */
  lingersUntil: number;
}

/** A receive as the leader knows it. */
export interface Announced {
  readonly want: Want;
  /** The caller's receive; `undefined` while the announcement lingers for the next one. */
  poll: Poll | undefined;
  isSent: boolean;
  /** `true` once the leader has said that the receive waits. */
  isNoted: boolean;
  /** The end of the lingering; `Infinity` without one. */
  lingersUntil: number;
}

/** A receive with the options of its caller. */
export interface Poll {
  /** The caller's ticket. */
  readonly ticket: number;
  readonly queue: string;
  readonly max: number;
  readonly visibilityMs: number;
  readonly waitMs: number;
  /** The end of the wait, in milliseconds since the epoch. */
  readonly endsAt: number;
}

/** A claim to lead. */
export interface Claim {
  readonly epoch: number;
  /** The time of a repetition, as the first post may have been too early for somebody. */
  againAt: number;
  endsAt: number;
  /** Number of times that the claim may still listen anew after its thread was blocked. */
  listens: number;
  readonly votes: Map<string, Vote>;
}

/** The part of a leader. */
export interface Leading {
  /** The epoch of the leadership: its locks are given under this number. */
  readonly epoch: number;
  /** The place of the log at the beginning of the leadership. */
  readonly base: Position;
  /** The beginning of the leadership, in milliseconds since the epoch. */
  readonly since: number;
  /** Lead of the log's time over the clock of this context. */
  readonly aheadMs: number;
  beatAt: number;
  /** Waiting receives, by the name of the queue. */
  readonly wants: Map<string, WaitingWant[]>;
  /** Entries that were not posted yet. */
  readonly unsent: Entry[];
  sentSeq: number;
  /** The last entry of each post that some follower has not acknowledged. */
  readonly onTheWay: number[];
  /** Own entries that no other context has, as far as known. */
  readonly uncommitted: OwnEntry[];
  /** The time of the open question for acknowledgements. */
  askedAt: number | undefined;
  /** `true` if the open question goes to all. */
  isAllAsked: boolean;
  /** The snapshot that beginners get. */
  taken: TakenSnapshot | undefined;
  /** The time at which a waiting receive may be served. */
  wakeAt: number | undefined;
}

/** An entry of the leader's own context, and the outcome for its caller. */
export interface OwnEntry {
  readonly entry: Entry;
  readonly outcome: Outcome;
}

/** A receive that waits at the leader. */
export interface WaitingWant extends Want {
  readonly member: string;
  readonly done: readonly [number, number];
}

/** A snapshot that was cut into parts. */
export interface TakenSnapshot {
  readonly id: string;
  readonly at: Position;
  readonly parts: readonly SnapshotPart[];
  /** The last time at which parts were sent, by the index of the first. */
  readonly sentAt: Map<number, number>;
  usedAt: number;
}

/** The part of a follower. */
export interface Following {
  /** The id of the leader. */
  readonly leader: string;
  readonly epoch: number;
  /** The log of the leader. */
  readonly log: string;
  /** `true` once the log of this context is known to be the leader's. */
  isSynced: boolean;
  /** The last entry that the leader is known to have posted. */
  leaderSeq: number;
  /** Entries that wait for a missing entry, by place. */
  readonly ahead: Map<number, Entry>;
  /** The snapshot that is arriving. */
  incoming: Incoming | undefined;
  /** The time of the next question for missing entries. */
  pullAt: number | undefined;
  pullMs: number;
  /** Number of posts with entries since the last acknowledgement. */
  unacknowledged: number;
}

/** A snapshot of which not all parts have arrived. */
export interface Incoming {
  readonly snapshot: string;
  readonly log: string;
  readonly at: Position;
  readonly parts: (SnapshotPart | undefined)[];
  missing: number;
}

/** Creates a context that knows nothing and has no channel. */
export function createMember(options: MemberOptions, now: number): Member {
  return {
    ...options,
    replica: createReplica(),
    peers: new Map(),
    calls: { waiting: [], open: new Map(), low: 1, next: 1, transmitted: 0 },
    receives: { announced: new Map(), next: 1, cancels: [], lingersUntil: Infinity },
    retry: { ms: options.timing.retryMs, at: undefined },
    leader: undefined,
    follower: undefined,
    claim: undefined,
    highestEpoch: 0,
    lastLeader: undefined,
    gone: undefined,
    voted: 0,
    leaderAt: now,
    isMute: true,
    isClosed: false,
  };
}

/** Posts, unless there is no sound channel. */
export function post(content: Content, { member, effects }: Turn): void {
  if (!member.isMute) effects.push({ kind: "post", content });
}

/** Asks for a flush, so that the work of one turn of the event loop goes in few posts. */
export function flushLater({ member, effects }: Turn): void {
  if (!member.isClosed) effects.push({ kind: "flush" });
}
