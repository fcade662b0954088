/** Durations, in milliseconds. */
export interface Timing {
  /** The interval of the signs of life of a leader. */
  readonly beatMs: number;
  /** The silence after which a leader asks for its leadership before any other work. */
  readonly leaseMs: number;
  /** The silence of the leader after which another context claims the leadership. */
  readonly leaderTimeoutMs: number;
  /** The silence after which a member that holds locks is taken for dead. */
  readonly memberTimeoutMs: number;
  /** The time that a claim waits for objections and votes. */
  readonly graceMs: number;
  /** The delay of a claim's end after which it listens once more: the thread was blocked. */
  readonly lateMs: number;
  /** The time until a request is repeated first. */
  readonly retryMs: number;
  /** The longest time until a request is repeated. */
  readonly maxRetryMs: number;
  /** The time that a follower may take to acknowledge before the leader goes on without it. */
  readonly patienceMs: number;
  /** The time that an ended receive stays announced, for the next receive to take its place. */
  readonly lingerMs: number;
}

/** Options of {@linkcode timingOf}. */
export interface TimingOptions {
  leaderTimeoutMs: number;
  memberTimeoutMs: number;
}

/** Derives all times from the two that a user may choose. */
export function timingOf({ leaderTimeoutMs, memberTimeoutMs }: TimingOptions): Timing {
  return {
    beatMs: leaderTimeoutMs / 3,
    leaseMs: leaderTimeoutMs * 2 / 3,
    leaderTimeoutMs,
    memberTimeoutMs,
    graceMs: 200,
    lateMs: 20,
    retryMs: 250,
    maxRetryMs: 2_000,
    patienceMs: 1_000,
    lingerMs: 50,
  };
}
