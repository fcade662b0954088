/** The beats of a leader: signs of life, which also ask quiet members for one. */
import { type Leading, post, type Turn } from "./member.ts";
import { holdersIn } from "./state.ts";

/** Says that this context leads. */
export function beat(leading: Leading, turn: Turn): void {
  const { member, now } = turn;
  const { epoch, base, sentSeq } = leading;
  const probe = quietHolders(leading, member.timing.beatMs, turn);
  leading.beatAt = now;
  if (member.isMute) return;
  member.leaderAt = now;
  post({ kind: "beat", epoch, log: member.replica.log, seq: sentSeq, base, probe }, turn);
}

/**
 * Returns the holders of locks without a sign of life for a time, once the leader has asked them
 * twice.
 */
export function quietHolders({ since }: Leading, ms: number, { member, now }: Turn): string[] {
  const { peers, timing } = member;
  const before = now - ms;
  if (since > now - Math.min(ms, 2 * timing.beatMs)) return [];
  return [...otherHolders(member)].filter((id) => (peers.get(id)?.heardAt ?? since) < before);
}

/** Returns the other members with locks. */
export function otherHolders({ id, replica }: Turn["member"]): Set<string> {
  const holders = holdersIn(replica.state);
  holders.delete(id);
  return holders;
}
