/** The facts that are known of another context. */
export interface Peer {
  /** The time at which it was heard of last, in milliseconds since the epoch. */
  heardAt: number;
  /**
   * The last entry of the context, as far as this leader knows; `undefined` before its first
   * answer.
   */
  acked: number | undefined;
  /** `true` after a missing answer, until the context is heard of again. */
  silent: boolean;
}

/** The other contexts by id. */
export type Peers = Map<string, Peer>;

/** More than there are tabs and workers; forged ids make room for others, and nothing grows. */
const LIMIT = 1_000;

/** Takes note that a context lives. */
export function hear(peers: Peers, id: string, now: number): Peer {
  const peer = peers.get(id) ?? { heardAt: now, acked: undefined, silent: false };
  peer.heardAt = now;
  peer.silent = false;
  peers.set(id, peer);
  if (peers.size > LIMIT) forgetQuietest(peers);
  return peer;
}

function forgetQuietest(peers: Peers): void {
  let quietest: [string, Peer] | undefined;
  for (const entry of peers) {
    if (!quietest || entry[1].heardAt < quietest[1].heardAt) quietest = entry;
  }
  if (quietest) peers.delete(quietest[0]);
}
