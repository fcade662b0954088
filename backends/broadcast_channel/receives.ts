/**
 * The receives of one context. The leader lets receives wait. An announcement outlives its caller's
 * receive for a moment, so that the next receive takes its place without a message.
 */
import type { Delivery } from "../../src/backend.ts";
import { enqueue } from "./calls.ts";
import { type Announced, flushLater, type Poll, type Turn } from "./member.ts";
import type { Want } from "./operation.ts";
import type { Outcome } from "./outcome.ts";
import { charactersOf, cutToFit } from "./weight.ts";

/** Numbers of receives, and of ends of receives, in one message. */
const BATCH = { wants: 200, cancels: 1_000 };

/** Lets a receive wait at the leader: in the place of a lingering one, or announced anew. */
export function announce(poll: Poll, turn: Turn): void {
  const { receives } = turn.member;
  const lingering = poll.waitMs > 0 &&
    [...receives.announced.values()].find((other) => takesPlaceOf(poll, other));
  if (lingering) {
    lingering.poll = poll;
    lingering.lingersUntil = Infinity;
    return;
  }
  const { queue, max, visibilityMs, waitMs } = poll;
  const want: Want = { number: receives.next++, queue, max, visibilityMs, wait: waitMs > 0 };
  const announced = { want, poll, isSent: false, isNoted: false, lingersUntil: Infinity };
  receives.announced.set(want.number, announced);
  flushLater(turn);
}

function takesPlaceOf(
  { queue, max, visibilityMs }: Poll,
  { poll, want }: Announced,
): boolean {
  return !poll && want.queue === queue && want.max === max && want.visibilityMs === visibilityMs;
}

/** Ends a receive for its caller; the announcement lingers if `lingers`, except at the leader. */
export function abandon(
  { ticket, lingers }: { readonly ticket: number; readonly lingers: boolean },
  turn: Turn,
): void {
  const { receives, leader, timing } = turn.member;
  for (const announced of receives.announced.values()) {
    if (announced.poll?.ticket !== ticket) continue;
    announced.poll = undefined;
    if (!lingers || leader) return withdraw(announced, turn);
    announced.lingersUntil = turn.now + timing.lingerMs;
    receives.lingersUntil = Math.min(receives.lingersUntil, announced.lingersUntil);
  }
}

/** Withdraws the receives that have lingered long enough. */
export function endLingering(turn: Turn): void {
  const { receives } = turn.member;
  if (turn.now < receives.lingersUntil) return;
  receives.lingersUntil = Infinity;
  for (const announced of [...receives.announced.values()]) {
    if (announced.lingersUntil <= turn.now) withdraw(announced, turn);
    else receives.lingersUntil = Math.min(receives.lingersUntil, announced.lingersUntil);
  }
}

function withdraw({ want, isSent }: Announced, turn: Turn): void {
  const { receives } = turn.member;
  receives.announced.delete(want.number);
  if (!isSent) return;
  receives.cancels.push(want.number);
  flushLater(turn);
}

/** Tells the caller of a receive the outcome; gives messages back if there is no caller any more. */
export function settleReceive(
  { number, queue }: { readonly number: number; readonly queue: string },
  outcome: Outcome,
  turn: Turn,
): void {
  const { announced } = turn.member.receives;
  const poll = announced.get(number)?.poll;
  announced.delete(number);
  if ("error" in outcome) {
    if (poll) turn.effects.push({ kind: "settle", ticket: poll.ticket, outcome });
    return;
  }
  const deliveries = outcome.value as Delivery[];
  if (!poll) return giveBack(queue, deliveries, turn);
  const isOver = poll.waitMs <= 0 || turn.now >= poll.endsAt;
  if (deliveries.length === 0 && !isOver) return announce(poll, turn);
  turn.effects.push({ kind: "settle", ticket: poll.ticket, outcome });
}

/** Releases messages for a receive that had ended while the messages were on their way. */
function giveBack(queue: string, deliveries: readonly Delivery[], turn: Turn): void {
  if (deliveries.length === 0) return;
  const releases = deliveries.map(({ receipt }) => ({ receipt, delayMs: 0 }));
  enqueue({ kind: "release", queue, releases }, 0, turn);
}

/** Takes the numbers for the leader to forget, as many at a time as fit into one message. */
export function takeCancels({ member: { receives } }: Turn): number[][] {
  const pieces = cutToFit(receives.cancels, { weightOf: () => 0, max: BATCH.cancels });
  receives.cancels = [];
  return pieces;
}

/** Takes the receives that the leader does not know, as many at a time as fit into one message. */
export function takeWants({ member: { receives } }: Turn): Want[][] {
  const wants = [];
  for (const announced of receives.announced.values()) {
    if (!announced.isSent) wants.push(announced.want);
    announced.isSent = true;
  }
  return cutToFit(wants, { weightOf: charactersOf, max: BATCH.wants });
}

/** Takes note of receives that wait at the leader. */
export function noteWaiting(numbers: readonly number[], { member: { receives } }: Turn): void {
  for (const number of numbers) {
    const announced = receives.announced.get(number);
    if (announced) announced.isNoted = true;
  }
}
