import type { Entry } from "./state.ts";
import type { Operation, Want } from "./operation.ts";
import type { SnapshotPart } from "./snapshot.ts";

/** The version of everything below: a message of any other is dropped. */
export const VERSION = 1;

/** A place in the log; equal places in one log have equal histories. */
export interface Position {
  /** Under whose leadership the entry there was added; 0 before the first. */
  readonly epoch: number;
  /** Its place; 0 before the first. */
  readonly seq: number;
}

/** What the contexts tell each other. Every one hears all; `to` names whom it concerns. */
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
  /** Whether a lock tells that nobody leads: then everyone says what it has. */
  readonly isSure: boolean;
}

/** "Go ahead; this is what I have." */
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
  /** Where the log was when the leadership began. */
  readonly base: Position;
  /** Members that shall give a sign of life. */
  readonly probe: readonly string[];
}

/** Entries of the log, in order. */
export interface Entries {
  readonly kind: "entries";
  readonly epoch: number;
  readonly entries: readonly Entry[];
  /** Whose acknowledgement is awaited: one, or `"*"` for all. */
  readonly ask?: string;
  /** Whom it answers. */
  readonly to?: string;
  /** An answer: the place after which the entries follow, which the leader's log has, too. */
  readonly after?: Position;
}

/** "I have this; send me what follows", or the parts of a snapshot from one on. */
export interface Pull {
  readonly kind: "pull";
  readonly to: string;
  readonly log: string;
  readonly have: Position;
  readonly part?: { readonly snapshot: string; readonly index: number };
}

/** A part of a snapshot, for everyone who misses it. */
export interface Chunk {
  readonly kind: "chunk";
  readonly epoch: number;
  readonly snapshot: string;
  readonly log: string;
  /** Where the log was when it was taken. */
  readonly at: Position;
  readonly index: number;
  readonly count: number;
  readonly part: SnapshotPart;
  /** Whether it is the last one for now: those who miss more ask for it. */
  readonly isLast: boolean;
}

/** What a member asks the leader to do. */
export interface Request {
  readonly kind: "request";
  readonly to: string;
  /** The last entry that the member applied, as far as it knows that the leader has the same; or 0. */
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
