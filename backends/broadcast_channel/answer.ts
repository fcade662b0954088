/**
 * The leader's answer to a context with a gap: the missing entries, or a snapshot where the entries
 * are too many or forgotten.
 */
import type { Pull } from "./frame.ts";
import { type Leading, post, type TakenSnapshot, type Turn } from "./member.ts";
import { entriesAfter } from "./replica.ts";
import { takeFrame } from "./sending.ts";
import { type SnapshotPart, takeSnapshot } from "./snapshot.ts";
import type { Entry } from "./state.ts";

/** Numbers of entries and of snapshot parts that answer one question. */
const ANSWER = { entries: 400, parts: 4 };
/** Time that a snapshot is kept after its last use. */
const SNAPSHOT_MS = 10_000;

/** Sends a member the missing entries. */
export function answer(
  leading: Leading,
  { from, log, have, part }: Pull & { readonly from: string },
  turn: Turn,
): void {
  const { replica } = turn.member;
  if (part && leading.taken?.id === part.snapshot) return sendParts(leading, part.index, turn);
  const entries = entriesAfter(replica, { log, have, max: ANSWER.entries });
  // Who begins needs what is there now, not all that has been.
  const isBeginner = have.seq === 0 && replica.last.seq > ANSWER.entries;
  if (entries && !isBeginner) return sendEntries(leading, { to: from, after: have, entries }, turn);
  refresh(leading, turn);
  sendParts(leading, 0, turn);
}

function sendEntries(
  { epoch }: Leading,
  { to, after, entries }: Pick<Pull, "to"> & { after: Pull["have"]; entries: Entry[] },
  turn: Turn,
): void {
  do {
    const some = takeFrame(entries);
    const ask = entries.length === 0 ? { ask: to } : {};
    post({ kind: "entries", epoch, to, after, entries: some, ...ask }, turn);
    const last = some.at(-1);
    after = last ? { epoch: last.epoch, seq: last.seq } : after;
  } while (entries.length > 0);
}

/** Takes another snapshot, unless the entries since the last one are few. */
function refresh(leading: Leading, { member: { replica }, now, newId }: Turn): void {
  const { taken } = leading;
  const { log, last, state } = replica;
  const place = { log, have: taken?.at ?? last, max: ANSWER.entries };
  if (taken && (entriesAfter(replica, place)?.length ?? Infinity) < ANSWER.entries) return;
  const parts = takeSnapshot(state);
  leading.taken = { id: newId(), at: last, parts, sentAt: new Map(), usedAt: now };
}

function sendParts({ taken, epoch }: Leading, from: number, turn: Turn): void {
  const { member: { replica: { log }, timing }, now } = turn;
  // All hear it: those who joined together ask for the same at once, and once is enough.
  if (!taken || now < (taken.sentAt.get(from) ?? -Infinity) + timing.retryMs / 2) return;
  taken.sentAt.set(from, now);
  taken.usedAt = now;
  const { id: snapshot, at, parts } = taken;
  const end = Math.min(from + ANSWER.parts, parts.length);
  const facts = { kind: "chunk", epoch, snapshot, log, at, count: parts.length } as const;
  parts.slice(from, end).forEach((part: SnapshotPart, place) => {
    const index = from + place;
    post({ ...facts, index, part, isLast: index === end - 1 }, turn);
  });
}

/** Forgets a snapshot that nobody has asked for in a while. */
export function forgetSnapshot(leading: Leading, { now }: Turn): void {
  if (isOver(leading.taken, now)) leading.taken = undefined;
}

function isOver(taken: TakenSnapshot | undefined, now: number): boolean {
  return taken !== undefined && now > taken.usedAt + SNAPSHOT_MS;
}
