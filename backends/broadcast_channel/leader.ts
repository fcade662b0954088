/**
 * The work of the one leader: to put operations in order, to apply them, and to let receives wait
 * for messages.
 */
import { nameIn } from "../memory/names.ts";
import { nextChangeAt } from "../memory/queue.ts";
import { forgetSnapshot } from "./answer.ts";
import { beat, otherHolders, quietHolders } from "./beat.ts";
import { flushLater, type Leading, type OwnEntry, post, type Turn } from "./member.ts";
import type { Want } from "./operation.ts";
import { receiveOf } from "./operation.ts";
import { append, entriesFrom } from "./replica.ts";
import { type Batch, noted } from "./requests.ts";
import { askedUntil, pursue, sendEagerly } from "./sending.ts";
import { answerOf, type Entry } from "./state.ts";

/** Highest number of waiting receives of one member. */
const WANTS = 1_000;

/** A batch, with the asking member. */
type From<T> = T & { readonly from: string };

/** Creates the part of a leader. The entries `own`, unknown to their calls, are sent once more. */
export function createLeading(
  { epoch, own }: { readonly epoch: number; readonly own: readonly OwnEntry[] },
  { member: { replica }, now }: Turn,
): Leading {
  return {
    epoch,
    base: replica.last,
    since: now,
    // The time of the log goes on where the leader before ended, whatever this clock says.
    aheadMs: Math.max(0, replica.state.now - now),
    beatAt: now,
    wants: new Map(),
    unsent: entriesFrom(replica, own[0]?.entry.seq),
    sentSeq: replica.last.seq,
    onTheWay: [],
    uncommitted: [...own],
    askedAt: undefined,
    isAllAsked: false,
    taken: undefined,
    wakeAt: undefined,
  };
}

/** Takes a member's requests. */
export function accept(leading: Leading, batch: From<Batch>, turn: Turn): void {
  const { from, operations, first } = batch;
  const { id, replica } = turn.member;
  for (const number of batch.cancels) forgetWant(leading, { member: from, number });
  const expect = Math.max(replica.state.members.get(from)?.next ?? 0, batch.done[0]);
  if (operations.length > 0 && first > expect) {
    post({ kind: "noted", to: from, expect, wants: [] }, turn);
  } else addAll(leading, { ...batch, expect }, turn);
  const waiting = batch.wants.filter((want) => {
    acceptWant(leading, { ...want, member: from, done: batch.done }, turn);
    return isWaiting(leading, { member: from, number: want.number, queue: want.queue });
  });
  if (waiting.length === 0) return;
  const wants = waiting.map(({ number }) => number);
  if (from === id) noted({ expect: 0, wants }, turn);
  else post({ kind: "noted", to: from, expect: 0, wants }, turn);
}

function addAll(
  leading: Leading,
  { from, first, operations, done, expect }: From<Batch> & { readonly expect: number },
  turn: Turn,
): void {
  const repeated = Math.min(expect - first, operations.length);
  // It asks again because it has missed the answer: it learns from a beat how far the log is.
  if (repeated > 0 && from !== turn.member.id) beat(leading, turn);
  operations.slice(Math.max(repeated, 0)).forEach((operation, place) =>
    add(leading, { member: from, number: expect + place, done, operation }, turn)
  );
}

/** A receive of a member. */
type MemberWant = Want & Pick<Entry, "member" | "done">;

function acceptWant(leading: Leading, want: MemberWant, turn: Turn): void {
  const { member, number, done } = want;
  const { id, replica: { state } } = turn.member;
  const isAnswered = state.members.get(member)?.receives.has(number) ?? false;
  if (isAnswered && member !== id) beat(leading, turn);
  if (isAnswered || number < done[1] || isWaiting(leading, want)) return;
  const name = nameIn(want.queue);
  if (!state.broker.queues.has(name) || !want.wait) return addReceive(leading, want, turn);
  const waiting = leading.wants.get(name) ?? [];
  if (waiting.length >= WANTS) return;
  leading.wants.set(name, [...waiting, want]);
  serve(leading, name, turn);
}

function isWaiting(
  { wants }: Leading,
  { member, number, queue }: { member: string; number: number; queue: string },
): boolean {
  const waiting = wants.get(nameIn(queue)) ?? [];
  return waiting.some((each) => each.member === member && each.number === number);
}

function addReceive(leading: Leading, want: MemberWant, turn: Turn): void {
  const { member, number, done } = want;
  add(leading, { member, number, done, operation: receiveOf(want) }, turn);
}

/** Forgets one receive of a member, or all. */
function forgetWant(
  { wants }: Leading,
  { member, number }: { readonly member: string; readonly number?: number },
): void {
  for (const [name, waiting] of wants) {
    const others = waiting.filter((each) =>
      each.member !== member || (number !== undefined && each.number !== number)
    );
    if (others.length === 0) wants.delete(name);
    else if (others.length < waiting.length) wants.set(name, others);
  }
}

function add(
  leading: Leading,
  request: Pick<Entry, "member" | "number" | "done" | "operation">,
  turn: Turn,
): void {
  const { id, replica } = turn.member;
  const { member, number, done, operation } = request;
  const now = logTime(leading, turn);
  const seq = replica.last.seq + 1;
  const entry: Entry = { seq, epoch: leading.epoch, now, member, number, done, operation };
  const { outcome, woken } = append(replica, entry);
  leading.unsent.push(entry);
  if (member === id && operation.kind !== "gone") {
    leading.uncommitted.push({ entry, outcome: answerOf(replica.state, entry, outcome) });
  }
  for (const name of woken) serve(leading, name, turn);
  sendEagerly(leading, turn);
  flushLater(turn);
}

/** The time of the log: it never goes back. */
function logTime({ aheadMs }: Leading, { member, now }: Turn): number {
  return Math.max(now + aheadMs, member.replica.state.now);
}

/** Receives for the waiting receives of a queue, as long as there are messages. */
function serve(leading: Leading, name: string, turn: Turn): void {
  const { broker } = turn.member.replica.state;
  for (;;) {
    const first = leading.wants.get(name)?.[0];
    if (!first) return;
    const queue = broker.queues.get(name);
    const now = logTime(leading, turn);
    const at = queue ? nextChangeAt(queue, now) : now;
    if (at === undefined) return;
    if (at > now) {
      leading.wakeAt = Math.min(at - leading.aheadMs, leading.wakeAt ?? Infinity);
      return;
    }
    forgetWant(leading, first);
    addReceive(leading, first, turn);
  }
}

/** Ends the locks and forgets the receives of a member. */
export function release(leading: Leading, member: string, turn: Turn): void {
  forgetWant(leading, { member });
  const { id } = turn.member;
  if (!otherHolders(turn.member).has(member)) return;
  add(leading, { member: id, number: 0, done: [0, 0], operation: { kind: "gone", member } }, turn);
}

/** The time at which a leader has something to do. */
export function leaderDueAt(leading: Leading, turn: Pick<Turn, "member">): number {
  const { beatAt, wakeAt = Infinity } = leading;
  return Math.min(beatAt + turn.member.timing.beatMs, askedUntil(leading, turn), wakeAt);
}

/** Does the work that is due, and asks the edge to watch the holders of locks. */
export function wakeLeader(leading: Leading, turn: Turn): void {
  const { member: { timing }, now } = turn;
  if (leading.wakeAt !== undefined && now >= leading.wakeAt) {
    leading.wakeAt = undefined;
    for (const name of [...leading.wants.keys()]) serve(leading, name, turn);
  }
  pursue(leading, turn);
  forgetSnapshot(leading, turn);
  if (now >= leading.beatAt + timing.beatMs) {
    for (const id of quietHolders(leading, timing.memberTimeoutMs, turn)) {
      release(leading, id, turn);
    }
    beat(leading, turn);
  }
  watchHolders(turn);
}

/**
 * Watches the lifetime locks of the holders. Such a lock tells at once when its member has ended.
 */
export function watchHolders({ member, effects }: Turn): void {
  if (!member.hasLocks) return;
  for (const id of otherHolders(member)) effects.push({ kind: "watch", member: id });
}
