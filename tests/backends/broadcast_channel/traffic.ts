import type { Network } from "./network.ts";

/** One message on the channel, measured. */
export interface Post {
  /** When it was posted, in milliseconds since the epoch. */
  readonly at: number;
  /** The id of the context that posted it. */
  readonly from: string;
  /** Whom it is for; `undefined` if it is for all. */
  readonly to: string | undefined;
  readonly kind: string;
  /** How much it takes, in characters: all text and numbers in it, and the names of all fields. */
  readonly size: number;
  /** What was posted. */
  readonly frame: Readonly<Record<string, unknown>>;
}

/** What contexts say on a channel from now on. */
export interface Traffic {
  /** What was posted since the last call, or since the beginning. */
  take(): Post[];
}

/** Begins to measure a network. */
export function measureTraffic({ posted, postedAt }: Network): Traffic {
  let from = posted.length;
  return {
    take: () => {
      const posts = posted.slice(from).map((frame, i) => postOf(frame, postedAt[from + i] ?? 0));
      from = posted.length;
      return posts;
    },
  };
}

/** How many there are of each kind, the kinds in the order of the alphabet. */
export function countKinds(posts: readonly Post[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of [...posts].sort((a, b) => a.kind < b.kind ? -1 : 1)) {
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** The posts of one kind. */
export function ofKind(posts: readonly Post[], kind: string): Post[] {
  return posts.filter((post) => post.kind === kind);
}

/** The length of the list that each post has in a field. */
export function lengthsOf(posts: readonly Post[], field: string): number[] {
  return posts.map(({ frame }) => (frame[field] as readonly unknown[]).length);
}

function postOf(message: unknown, at: number): Post {
  const frame = message as Record<string, unknown>;
  const { from, to, kind } = frame as { from: string; to?: string; kind: string };
  return { at, from, to, kind, size: sizeOf(frame), frame };
}

/** The characters of everything in a value. */
export function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return String(value).length;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof Date) return 8;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + sizeOf(item), 0);
  return Object.entries(value).reduce((sum, [name, item]) => sum + name.length + sizeOf(item), 0);
}
