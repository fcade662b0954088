import type { LocksLike } from "./channel.ts";

/**
 * The Web Locks of a member. A lock tells at once when another member ends; silence takes seconds.
 */
export interface MemberLocks {
  /** Waits for the leader's lock, and holds it from then on; calls `granted` each time. */
  wait(): void;
  /** Takes the leader's lock from its holder. */
  steal(): void;
  /** Tells if this member holds the leader's lock. */
  holds(): boolean;
  /** Calls `gone` once the context of a member has ended. */
  watch(member: string, gone: () => void): void;
  /** Gives everything back. */
  release(): void;
}

/** Options of {@linkcode createMemberLocks}. */
export interface MemberLocksOptions {
  /** The Web Locks. */
  locks: LocksLike;
  /** The beginning of the names of the locks. */
  prefix: string;
  /** The id of the member. */
  id: string;
  /** Called when nobody else has the leader's lock any more. */
  granted: () => void;
}

/** Takes the lock that shows the life of this member. */
export function createMemberLocks(options: MemberLocksOptions): MemberLocks {
  const { locks, prefix, id, granted } = options;
  const leader = `${prefix}/leader`;
  const released = new AbortController();
  const { signal } = released;
  const watched = new Set<string>();
  let holding = 0;
  let isWaiting = false;

  void holdLock(locks, { name: memberLock(id), how: { signal } }, {
    granted: () => {},
    until: signal,
  });

  function memberLock(member: string): string {
    return `${prefix}/member/${member}`;
  }

  function wait(): void {
    if (isWaiting || signal.aborted) return;
    isWaiting = true;
    void holdLeader({ signal });
  }

  function steal(): void {
    if (holding === 0 && !signal.aborted) void holdLeader({ steal: true });
  }

  async function holdLeader(how: { steal?: boolean; signal?: AbortSignal }): Promise<void> {
    const isWait = how.steal === undefined;
    let isGranted = false;
    let isTaken = false;
    const onGranted = () => {
      isGranted = true;
      holding++;
      if (isWait) isWaiting = false;
      if (isWait) granted();
      isTaken = true;
    };
    await holdLock(locks, { name: leader, how }, { granted: onGranted, until: signal });
    if (isWait) isWaiting = false;
    if (!isGranted) return;
    holding--;
    // What threw once would throw again at once, for ever.
    if (isTaken) wait();
  }

  function watch(member: string, gone: () => void): void {
    if (watched.has(member) || signal.aborted) return;
    watched.add(member);
    const onGranted = () => {
      watched.delete(member);
      if (!signal.aborted) gone();
    };
    void holdLock(locks, { name: memberLock(member), how: { signal } }, { granted: onGranted });
  }

  function release(): void {
    released.abort();
  }

  return { wait, steal, holds: () => holding > 0, watch, release };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Holds a lock from its grant until a signal, or only for a moment; ends if the lock is stolen. */
async function holdLock(
  locks: LocksLike,
  { name, how }: { name: string; how: { steal?: boolean; signal?: AbortSignal } },
  then: { granted: () => void; until?: AbortSignal },
): Promise<void> {
  try {
    // A callback that throws, instead of one that rejects, keeps the lock for ever in some runtimes.
    await locks.request(name, how, async () => {
      then.granted();
      if (then.until) await aborted(then.until);
    });
  } catch {
    // Stolen, released before it was granted, or not allowed here: silence tells the same, later.
  }
}
