/**
 * Recent events by key. Each entry is forgotten at its time. Entries are added in the order of
 * their times, so the oldest is always the first to go.
 */
export interface Recent<V> {
  /** The entries by key. */
  readonly entries: Map<string, RecentEntry<V>>;
  /** The entries in the order in which they go. A Map alone would make finding the first O(n). */
  queue: RecentEntry<V>[];
  /** The place of the first entry in `queue`; the entries before that place have gone. */
  start: number;
}

/** One remembered thing; plain data. */
export interface RecentEntry<V> {
  /** The key of the entry. */
  readonly key: string;
  /** The value of the entry. */
  readonly value: V;
  /** When it is forgotten, in milliseconds since the epoch. */
  readonly until: number;
}

/** Below this many gone entries, the room they take is not worth a copy. */
const COMPACT_FROM = 1_000;

/** Creates an empty memory. */
export function createRecent<V>(): Recent<V> {
  return { entries: new Map(), queue: [], start: 0 };
}

/** Remembers a key that is not remembered. */
export function remember<V>(recent: Recent<V>, entry: RecentEntry<V>): void {
  recent.entries.set(entry.key, entry);
  recent.queue.push(entry);
}

/** Returns the value of a key at the time `now`. */
export function recall<V>(recent: Recent<V>, key: string, now: number): V | undefined {
  forgetUntil(recent, now);
  return recent.entries.get(key)?.value;
}

/** All that is remembered, oldest first. */
export function remembered<V>(recent: Recent<V>): RecentEntry<V>[] {
  return recent.queue.slice(recent.start);
}

function forgetUntil<V>(recent: Recent<V>, now: number): void {
  for (;;) {
    const first = recent.queue[recent.start];
    if (first === undefined || first.until > now) return;
    forgetFirst(recent);
  }
}

function forgetFirst<V>(recent: Recent<V>): void {
  const first = recent.queue[recent.start] as RecentEntry<V>;
  recent.entries.delete(first.key);
  recent.start++;
  if (recent.start < COMPACT_FROM || recent.start * 2 < recent.queue.length) return;
  recent.queue = recent.queue.slice(recent.start);
  recent.start = 0;
}
