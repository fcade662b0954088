/** The lines by which a program of the bench tells what it measured. */
import type { Counts } from "./stub/counts.ts";

/** One run of one variant in one round. */
export interface Measurement {
  readonly scenario: string;
  readonly variant: string;
  /** From 0. What comes before is not told: it only warms up. */
  readonly round: number;
  /** How many messages, events or calls it was. */
  readonly count: number;
  readonly wallMs: number;
  /** Processor time of the whole process, in milliseconds; missing where nobody tells it. */
  readonly cpuMs?: number;
  /** What the stub counted; missing where nothing was sent. */
  readonly counts?: Counts;
  /** How long single ones took, in milliseconds. */
  readonly latencies?: readonly number[];
}

/** A variant that could not be run, and why. */
export interface Failure {
  readonly scenario: string;
  readonly variant: string;
  readonly failure: string;
}

/** One number, of which there are no rounds. */
export interface Single {
  readonly scenario: string;
  readonly variant: string;
  readonly value: number;
  /** The unit of the number. */
  readonly unit: string;
}

/** Anything that a program tells. */
export type Line = Measurement | Failure | Single;

/** What a program writes is read again by this prefix. */
export const PREFIX = "@bench ";
