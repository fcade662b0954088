/**
 * What the receipts of SQS do when their lock is over. A standard queue lets the last receipt of a
 * message go on: it still deletes the message and can lock it again. A FIFO queue refuses it.
 */
import { goAway } from "./order.ts";
import { ordinalOf } from "./queue.ts";
import { advance, become, forget, hide, type Queue } from "./queue_state.ts";
import { settledBy } from "./settled.ts";
import type { StoredMessage } from "./stored_message.ts";

/**
 * What a receipt is worth: `locked` while its lock lasts; `expired` after that, until the message is
 * received again; then `replaced`; `gone` when the message is; `unknown` if no receive gave it.
 */
export type ReceiptState =
  | { readonly state: "locked" | "expired"; readonly message: StoredMessage }
  | { readonly state: "replaced" | "gone" | "unknown" };

/** Tells what a receipt is worth at a time. */
export function receiptState(queue: Queue, receipt: string, now: number): ReceiptState {
  advance(queue, now);
  const ordinal = ordinalOf(queue, receipt);
  if (ordinal === undefined) return { state: "unknown" };
  const message = queue.messages.get(ordinal);
  if (message === undefined) {
    const settled = settledBy(queue.settled, ordinal) ?? receipt;
    return { state: settled === receipt || settled === "" ? "gone" : "replaced" };
  }
  if (message.receipt !== receipt) return { state: "replaced" };
  return { state: message.state === "inFlight" ? "locked" : "expired", message };
}

/** Removes a message for good by its receipt, also if its lock is over. */
export function remove(queue: Queue, message: StoredMessage, receipt: string): void {
  forget(queue, message, receipt);
}

/** Locks a message of a standard queue again whose lock is over, by its last receipt. */
export function lockAgain(queue: Queue, message: StoredMessage, endsAt: number): void {
  if (endsAt <= message.dueAt) return;
  become(queue, message, "inFlight");
  goAway(queue.order, message);
  message.dueAt = endsAt;
  hide(queue, message);
}
