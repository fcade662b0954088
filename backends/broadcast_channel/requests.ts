/**
 * All requests of one context, operations and receives. They are sent in batches, repeated until
 * the log holds the answer, and settled by the log.
 */
import type { Request } from "./frame.ts";
import { BATCH_OPERATIONS, expectCall, restoreCalls, settleCall, takeOperations } from "./calls.ts";
import { flushLater, type Member, type Turn } from "./member.ts";
import { receiveOf } from "./operation.ts";
import type { Outcome } from "./outcome.ts";
import { noteWaiting, settleReceive, takeCancels, takeWants } from "./receives.ts";
import { answerOf, type Entry } from "./state.ts";

/** The number and operation of an entry of this context. */
type OwnRequest = Pick<Entry, "number" | "operation">;

/** A part of a {@linkcode Request} that fits into one message on the channel. */
export type Batch = Pick<Request, "done" | "first" | "operations" | "wants" | "cancels">;

/** Tells the caller of an own entry its outcome. */
export function settle({ number, operation }: OwnRequest, outcome: Outcome, turn: Turn): void {
  const { member: { retry, timing }, now } = turn;
  if (operation.kind === "receive") {
    settleReceive({ number, queue: operation.queue }, outcome, turn);
  } else settleCall(number, outcome, turn);
  retry.ms = timing.retryMs;
  retry.at = isAnyOpen(turn.member) ? now + retry.ms : undefined;
}

/**
 * Settles all requests with a known outcome, after a part of the log was skipped; except entries
 * that are not safe yet.
 */
export function reconcile(except: readonly OwnRequest[], turn: Turn): void {
  const { id, calls, receives, replica: { state } } = turn.member;
  const known = state.members.get(id);
  const isExcepted = (number: number, isReceive: boolean) =>
    except.some((each) =>
      each.number === number && (each.operation.kind === "receive") === isReceive
    );
  for (const [number, outcome] of known?.outcomes ?? []) {
    const call = calls.open.get(number);
    if (!call || isExcepted(number, false)) continue;
    settle({ number, operation: call.operation }, outcome, turn);
  }
  for (const [number, outcome] of known?.receives ?? []) {
    const want = receives.announced.get(number)?.want;
    if (!want || isExcepted(number, true)) continue;
    const operation = receiveOf(want);
    settle({ number, operation }, answerOf(state, { operation }, outcome), turn);
  }
}

/** Asks again for all open requests, and for the entries that are missing in a new leader's log. */
export function resume(dropped: readonly Entry[], turn: Turn): void {
  restoreCalls(dropped, turn);
  reconcile([], turn);
  repeat(turn);
}

/** Sends everything once more: there is a new leader. */
export function repeat(turn: Turn): void {
  const { calls, receives, retry } = turn.member;
  calls.transmitted = calls.low - 1;
  for (const announced of receives.announced.values()) announced.isSent = announced.isNoted = false;
  retry.at = undefined;
  flushLater(turn);
}

/** Takes the requests that are to be sent now. */
export function collect(turn: Turn): Batch[] {
  const { member: { calls, retry }, now } = turn;
  const batches: Batch[] = [];
  // Given up before what was sent after it, and wanted after what was sent before it.
  const cancels = takeCancels(turn);
  const runs = takeOperations(turn);
  const wants = takeWants(turn);
  const none = { first: calls.next, operations: [], wants: [], cancels: [] };
  const done = doneOf(turn.member);
  for (const some of cancels) batches.push({ ...none, done, cancels: some });
  for (const run of runs) batches.push({ ...none, done, ...run });
  for (const some of wants) batches.push({ ...none, done, wants: some });
  if (batches.length > 0) retry.at ??= now + retry.ms;
  return batches;
}

/** The numbers (others, receives) below which this context knows all outcomes. */
function doneOf({ calls, receives }: Member): [number, number] {
  let low = receives.next;
  for (const number of receives.announced.keys()) low = Math.min(low, number);
  return [calls.low, low];
}

/** Takes note that the leader waits for another operation, or lets receives wait. */
export function noted(
  { expect, wants }: { readonly expect: number; readonly wants: readonly number[] },
  turn: Turn,
): void {
  noteWaiting(wants, turn);
  expectCall(expect, turn);
}

/** Repeats the overdue requests. */
export function retry(turn: Turn): void {
  const { member, now } = turn;
  const { calls, receives, timing } = member;
  if (member.retry.at === undefined || now < member.retry.at) return;
  member.retry.at = undefined;
  if (!isAnyOpen(member)) return;
  member.retry.ms = Math.min(2 * member.retry.ms, timing.maxRetryMs);
  calls.transmitted = Math.min(calls.transmitted, calls.low - 1);
  for (const announced of receives.announced.values()) {
    if (!announced.isNoted) announced.isSent = false;
  }
  flushLater(turn);
}

/** Tells if no caller has been told the outcome of an entry yet. */
export function isOpen({ number, operation }: OwnRequest, { calls, receives }: Member): boolean {
  return operation.kind === "receive" ? receives.announced.has(number) : calls.open.has(number);
}

/** Tells if waiting calls fill a message: then they can leave at once. */
export function isMuch({ calls }: Member): boolean {
  return calls.waiting.length === BATCH_OPERATIONS;
}

function isAnyOpen({ calls, receives }: Member): boolean {
  if (calls.open.size > 0) return true;
  for (const { isNoted } of receives.announced.values()) if (!isNoted) return true;
  return false;
}
