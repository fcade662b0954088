/**
 * The operations of one context, in order and each once. An operation is repeated until its entry
 * appears in the log, which holds the answer.
 */
import { flushLater, type Turn } from "./member.ts";
import type { Operation } from "./operation.ts";
import type { Outcome } from "./outcome.ts";
import type { Entry } from "./state.ts";
import { countThatFits, weightOf } from "./weight.ts";

/** Number of operations under way at once. */
const WINDOW = 256;
/** Number of operations in one message. */
export const BATCH_OPERATIONS = 8;

/** A run of operations with numbers that follow each other. */
export interface OperationRun {
  /** The number of the first. */
  readonly first: number;
  readonly operations: Operation[];
}

/** Asks for an operation; ticket 0 if nobody waits for the outcome. */
export function enqueue(operation: Operation, ticket: number, turn: Turn): void {
  turn.member.calls.waiting.push({ operation, ticket });
  flushLater(turn);
}

/**
 * Forgets a call that was not sent. An operation that was sent takes place, although nobody waits
 * for it.
 */
export function withdrawCall(ticket: number, { member: { calls } }: Turn): void {
  calls.waiting = calls.waiting.filter((call) => call.ticket !== ticket);
}

/** Tells the caller of a number the outcome. */
export function settleCall(number: number, outcome: Outcome, turn: Turn): void {
  const { calls } = turn.member;
  const call = calls.open.get(number);
  calls.open.delete(number);
  while (calls.low < calls.next && !calls.open.has(calls.low)) calls.low++;
  if (calls.waiting.length > 0) flushLater(turn);
  if (call) turn.effects.push({ kind: "settle", ticket: call.ticket, outcome });
}

/** Asks again for operations that were done once, and are not any more. */
export function restoreCalls(entries: readonly Entry[], { member: { calls } }: Turn): void {
  for (const { number, operation } of entries) {
    if (operation.kind === "receive" || number >= calls.next || calls.open.has(number)) continue;
    calls.open.set(number, { operation, ticket: 0 });
    calls.low = Math.min(calls.low, number);
  }
  calls.transmitted = Math.min(calls.transmitted, calls.low - 1);
}

/** Gives numbers to waiting calls, and takes all runs that are to be sent now. */
export function takeOperations({ member: { calls } }: Turn): OperationRun[] {
  while (calls.open.size < WINDOW) {
    const call = calls.waiting.shift();
    if (!call) break;
    calls.open.set(calls.next++, call);
  }
  const runs: OperationRun[] = [];
  for (let number = Math.max(calls.transmitted + 1, calls.low); number < calls.next;) {
    const operations = operationsFrom(number, calls.open);
    if (operations.length > 0) runs.push({ first: number, operations });
    number += Math.max(operations.length, 1);
  }
  calls.transmitted = calls.next - 1;
  return runs;
}

function operationsFrom(
  first: number,
  open: ReadonlyMap<number, { readonly operation: Operation }>,
): Operation[] {
  const operations: Operation[] = [];
  let call = open.get(first);
  while (call && operations.length < BATCH_OPERATIONS) {
    operations.push(call.operation);
    call = open.get(first + operations.length);
  }
  return operations.slice(0, countThatFits(operations, { weightOf }));
}

/**
 * Sends the operations from `expect` on once more, if the leader waits for an operation that was
 * sent.
 */
export function expectCall(expect: number, turn: Turn): void {
  const { calls } = turn.member;
  if (expect < calls.low || expect > calls.transmitted) return;
  calls.transmitted = expect - 1;
  flushLater(turn);
}
