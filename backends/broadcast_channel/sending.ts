/**
 * The way of entries from the leader to all others: how many are under way, which of its own calls
 * are safe, and which contexts are not waited for.
 */
import { flushLater, type Leading, post, type Turn } from "./member.ts";
import type { Peer, Peers } from "./peers.ts";
import { settle } from "./requests.ts";
import type { Entry } from "./state.ts";
import { countThatFits, weightOf } from "./weight.ts";

/** Number of entries in one message on the channel. */
const FRAME_ENTRIES = 100;
/** Number of messages that may be on their way: Deno drops messages after 256. */
const WINDOW = 48;
/**
 * Number of entries that fill a message as long as few messages are on their way. The other
 * contexts apply these entries while this context works on the next.
 */
const EAGER = { entries: 8, window: 16 };

/**
 * Sends the new entries as far as the window allows, and asks the other contexts for their
 * progress.
 */
export function sendNew(leading: Leading, turn: Turn): void {
  const { unsent, onTheWay } = leading;
  while (unsent.length > 0 && onTheWay.length < WINDOW) send(leading, turn);
  commitAfterPosts(leading, turn);
  if (leading.askedAt !== undefined) return;
  if (unsent.length > 0) ask(leading, "*", turn);
  else if (!isCommitted(leading, turn)) ask(leading, liveliest(turn.member.peers) ?? "*", turn);
}

/** Sends new entries before the end of the turn of the event loop, if they are many. */
export function sendEagerly(leading: Leading, turn: Turn): void {
  const { unsent, onTheWay } = leading;
  if (unsent.length >= EAGER.entries && onTheWay.length < EAGER.window) send(leading, turn);
}

function send(leading: Leading, turn: Turn): void {
  const { epoch, unsent, uncommitted, onTheWay } = leading;
  const { peers } = turn.member;
  const entries = takeFrame(unsent);
  leading.sentSeq = entries.at(-1)?.seq ?? leading.sentSeq;
  if (followersIn(peers).length > 0) onTheWay.push(leading.sentSeq);
  const isLast = unsent.length === 0 && uncommitted.length > 0 && leading.askedAt === undefined;
  const to = isLast ? liveliest(peers) : undefined;
  if (to !== undefined) noteAsked(leading, turn);
  post({ kind: "entries", epoch, entries, ...(to === undefined ? {} : { ask: to }) }, turn);
}

function ask(leading: Leading, whom: string, turn: Turn): void {
  noteAsked(leading, turn);
  leading.isAllAsked = whom === "*";
  post({ kind: "entries", epoch: leading.epoch, entries: [], ask: whom }, turn);
}

function noteAsked(leading: Leading, { now }: Turn): void {
  leading.askedAt = now;
  leading.isAllAsked = false;
}

/** Takes note of the last entry that a member has. */
export function acknowledged(
  leading: Leading,
  { peer, seq }: { readonly peer: Peer; readonly seq: number },
  turn: Turn,
): void {
  if (seq > turn.member.replica.last.seq) return;
  if (seq !== peer.acked) {
    peer.acked = Math.max(peer.acked ?? 0, seq);
    advance(leading, turn);
  }
  // The next question need not wait, unless somebody holds up all others.
  if (leading.onTheWay.length < WINDOW) leading.askedAt = undefined;
}

function advance(leading: Leading, turn: Turn): void {
  const { onTheWay, unsent } = leading;
  const slowest = Math.min(...followersIn(turn.member.peers).map(({ acked }) => acked ?? 0));
  const open = onTheWay.findIndex((seq) => seq > slowest);
  onTheWay.splice(0, open < 0 ? onTheWay.length : open);
  commitAfterPosts(leading, turn);
  if (unsent.length > 0 || !isCommitted(leading, turn)) flushLater(turn);
}

/**
 * Commits after the posts. The channel must have taken all posts first, because a throw ends the
 * leadership.
 */
function commitAfterPosts({ uncommitted }: Leading, { effects }: Turn): void {
  if (uncommitted.length > 0) effects.push({ kind: "commit" });
}

function isCommitted({ uncommitted }: Leading, turn: Turn): boolean {
  const last = uncommitted.at(-1);
  return last === undefined || last.entry.seq <= safeSeq(turn);
}

/**
 * Settles own entries that another context has, or all own entries if there is no other context.
 */
export function commit({ uncommitted }: Leading, turn: Turn): void {
  const safe = safeSeq(turn);
  const count = uncommitted.findIndex(({ entry }) => entry.seq > safe);
  const ready = uncommitted.splice(0, count < 0 ? uncommitted.length : count);
  for (const { entry, outcome } of ready) settle(entry, outcome, turn);
}

function safeSeq({ member: { peers, replica } }: Turn): number {
  const others = [...peers.values()].filter(({ silent }) => !silent);
  return others.length === 0 ? replica.last.seq : Math.max(...others.map(({ acked = 0 }) => acked));
}

/** Asks all contexts after a missing answer, and then goes on without the silent contexts. */
export function pursue(leading: Leading, turn: Turn): void {
  const { askedAt, isAllAsked, onTheWay } = leading;
  const { member: { peers }, now } = turn;
  if (askedAt === undefined || now < askedUntil(leading, turn)) return;
  if (!isAllAsked) return ask(leading, "*", turn);
  for (const peer of peers.values()) {
    if (peer.heardAt < askedAt || (peer.acked ?? 0) < (onTheWay[0] ?? 0)) peer.silent = true;
  }
  leading.askedAt = undefined;
  advance(leading, turn);
  flushLater(turn);
}

/** The time at which the leader waits no longer for acknowledgements. */
export function askedUntil(
  { askedAt = Infinity, isAllAsked }: Leading,
  { member: { timing } }: Pick<Turn, "member">,
): number {
  return askedAt + (isAllAsked ? timing.patienceMs : timing.retryMs);
}

/** Returns the followers that answer. */
function followersIn(peers: Peers): Peer[] {
  return [...peers.values()].filter(({ acked, silent }) => acked !== undefined && !silent);
}

function liveliest(peers: Peers): string | undefined {
  let found: [string, Peer] | undefined;
  for (const entry of peers) {
    const [, { acked, silent, heardAt }] = entry;
    if (acked === undefined || silent) continue;
    if (!found || heardAt > found[1].heardAt) found = entry;
  }
  return found?.[0];
}

/** Takes entries from the beginning of a list, as many as fit into one message on the channel. */
export function takeFrame(entries: Entry[]): Entry[] {
  const options = {
    weightOf: ({ operation }: Entry) => weightOf(operation),
    max: FRAME_ENTRIES,
  };
  return entries.splice(0, countThatFits(entries, options));
}
