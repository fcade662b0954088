/** How long things take, in milliseconds. */
export interface Timing {
  /** How often a leader that has nothing else to say shows that it lives. */
  readonly beatMs: number;
  /** After which silence of its own a leader asks whether it still leads before it does anything. */
  readonly leaseMs: number;
  /** After which silence of the leader another context claims the leadership. */
  readonly leaderTimeoutMs: number;
  /** After which silence a member that holds locks is taken for dead. */
  readonly memberTimeoutMs: number;
  /** How long a claim waits for objections and votes. */
  readonly graceMs: number;
  /** How late the end of a claim may be before it listens once more: the thread was blocked. */
  readonly lateMs: number;
  /** After what time a request is repeated at first. */
  readonly retryMs: number;
  /** After what time it is repeated at last. */
  readonly maxRetryMs: number;
  /** How long a follower may take to acknowledge before it is not waited for. */
  readonly patienceMs: number;
  /** How long a receive that ended stays announced, for the next one to take its place. */
  readonly lingerMs: number;
}

/** Options of {@linkcode timingOf}. */
export interface TimingOptions {
  leaderTimeoutMs: number;
  memberTimeoutMs: number;
}

/** All times, from the two that a user may choose. */
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
