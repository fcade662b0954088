import type { Entry } from "./state.ts";
import type { Operation, Want } from "./operation.ts";
import type { SnapshotPart } from "./snapshot.ts";

/** The version of everything below: a message of any other is dropped. */
export const VERSION = 1;

/** A place in the log; equal places in one log have equal histories. */
export interface Position {
  /** The leadership under which the entry there was added; 0 before the first. */
  readonly epoch: number;
  /** The number of the place; 0 before the first. */
  readonly seq: number;
}

/** A message between contexts. Every context hears all frames; `to` names the one concerned. */
export type Frame = { readonly version: typeof VERSION; readonly from: string } & Content;

/** A frame without its envelope. */
export type Content =
  | Claim
  | Vote
  | Cede
  | Beat
  | Entries
  | Pull
  | Chunk
  | Request
  | Noted
  | { readonly kind: "ack"; readonly epoch: number; readonly seq: number }
  | { readonly kind: "bye" };

/** "I am about to lead, unless a leader objects." */
export interface Claim {
  readonly kind: "claim";
  readonly epoch: number;
  /**
   * `true` if a lock tells that there is no leader: then every context tells the length of its log.
   */
  readonly isSure: boolean;
}

/** A vote for the claim, with the log of the voter. */
export interface Vote {
  readonly kind: "vote";
  readonly to: string;
  readonly epoch: number;
  readonly log: string;
  readonly last: Position;
}

/** "You have more than I: lead." */
export interface Cede {
  readonly kind: "cede";
  readonly to: string;
  readonly epoch: number;
}

/** "I lead, and this is how far the log goes." */
export interface Beat {
  readonly kind: "beat";
  readonly epoch: number;
  readonly log: string;
  /** The last entry that was sent. */
  readonly seq: number;
  /** The place of the log at the beginning of the leadership. */
  readonly base: Position;
  /** Members that shall give a sign of life. */
  readonly probe: readonly string[];
}

/** Entries of the log, in order. */
export interface Entries {
  readonly kind: "entries";
  readonly epoch: number;
  readonly entries: readonly Entry[];
  /** The member whose acknowledgement is awaited, or `"*"` for all. */
  readonly ask?: string;
  /** The member that the entries answer. */
  readonly to?: string;
  /** An answer: the place after which the entries follow, which the leader's log has, too. */
  readonly after?: Position;
}

/** A question for the entries after a place, or for the parts of a snapshot from one part on. */
export interface Pull {
  readonly kind: "pull";
  readonly to: string;
  readonly log: string;
  readonly have: Position;
  readonly part?: { readonly snapshot: string; readonly index: number };
}

/** A part of a snapshot, for every context without the snapshot. */
export interface Chunk {
  readonly kind: "chunk";
  readonly epoch: number;
  readonly snapshot: string;
  readonly log: string;
  /** The place of the log when the snapshot was taken. */
  readonly at: Position;
  readonly index: number;
  readonly count: number;
  readonly part: SnapshotPart;
  /** `true` for the last part for now. Members without further parts ask for them. */
  readonly isLast: boolean;
}

/** Operations and receives that a member asks the leader for. */
export interface Request {
  readonly kind: "request";
  readonly to: string;
  /** The last applied entry of the member that the leader is known to share; or 0. */
  readonly ack: number;
  readonly done: readonly [number, number];
  /** The number of the first operation; the others follow without a gap. */
  readonly first: number;
  readonly operations: readonly Operation[];
  readonly wants: readonly Want[];
  /** The numbers of receives that are given up. */
  readonly cancels: readonly number[];
}

/** "I have noted that you wait", or "the next operation I take from you is this". */
export interface Noted {
  readonly kind: "noted";
  readonly to: string;
  readonly expect: number;
  readonly wants: readonly number[];
}
