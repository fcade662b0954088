import type { LocksLike } from "./channel.ts";

/** What Web Locks tell at once, where silence would take seconds to tell it. */
export interface MemberLocks {
  /** Waits for the leader's lock, and holds it from then on; calls `granted` each time. */
  wait(): void;
  /** Takes the leader's lock from whoever has it. */
  steal(): void;
  /** Whether the leader's lock is held. */
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
  /** What the names of the locks begin with. */
  prefix: string;
  /** The id of the member. */
  id: string;
  /** Called when nobody else has the leader's lock any more. */
  granted: () => void;
}

/** Takes the lock that shows that this member lives. */
export function createMemberLocks(options: MemberLocksOptions): MemberLocks {
  const { locks, prefix, id, granted } = options;
  const leader = `${prefix}/leader`;
  const released = new AbortController();
  const { signal } = released;
  const watched = new Set<string>();
  let holding = 0;
  let isWaiting = false;

  void hold(memberLock(id), { signal }, () => {});

  function memberLock(member: string): string {
    return `${prefix}/member/${member}`;
  }

  /** Holds a lock from when it is granted until the release, or only looks; ends if it is stolen. */
  async function hold(
    name: string,
    how: { steal?: boolean; signal?: AbortSignal },
    then: () => void,
    isKept = true,
  ) {
    try {
      // A callback that throws, instead of one that rejects, keeps the lock for ever in some runtimes.
      await locks.request(name, how, async () => {
        then();
        if (isKept) await until(signal);
      });
    } catch {
      // Stolen, released before it was granted, or not allowed here: silence tells the same, later.
    }
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
    await hold(leader, how, () => {
      isGranted = true;
      holding++;
      if (isWait) isWaiting = false;
      if (isWait) granted();
      isTaken = true;
    });
    if (isWait) isWaiting = false;
    if (!isGranted) return;
    holding--;
    // What threw once would throw again at once, for ever.
    if (isTaken) wait();
  }

  function watch(member: string, gone: () => void): void {
    if (watched.has(member) || signal.aborted) return;
    watched.add(member);
    void hold(memberLock(member), { signal }, () => {
      watched.delete(member);
      if (!signal.aborted) gone();
    }, false);
  }

  function release(): void {
    released.abort();
  }

  return { wait, steal, holds: () => holding > 0, watch, release };
}

function until(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
