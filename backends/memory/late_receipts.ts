/**
 * The rules of SQS for receipts after their lock. In a standard queue the last receipt of a message
 * still deletes the message and can lock the message again. A FIFO queue refuses the receipt.
 */
import { goAway } from "./order.ts";
import { ordinalOf } from "./queue.ts";
import { advance, become, forget, hide, type Queue } from "./queue_state.ts";
import { settledBy } from "./settled.ts";
import type { StoredMessage } from "./stored_message.ts";

/**
 * State of a receipt: `locked` while the lock lasts; `expired` after the lock, until the message is
 * received again; then `replaced`; `gone` after the message; `unknown` for text that no receive
 * gave out.
 */
export type ReceiptState =
  | { readonly state: "locked" | "expired"; readonly message: StoredMessage }
  | { readonly state: "replaced" | "gone" | "unknown" };

/** Tells the state of a receipt at a time. */
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

/** Removes a message for good by receipt, also after the lock. */
export function remove(queue: Queue, message: StoredMessage, receipt: string): void {
  forget(queue, message, receipt);
}

/** Locks a message of a standard queue again after the end of the lock, by the last receipt. */
export function lockAgain(queue: Queue, message: StoredMessage, endsAt: number): void {
  if (endsAt <= message.dueAt) return;
  become(queue, message, "inFlight");
  goAway(queue.order, message);
  message.dueAt = endsAt;
  hide(queue, message);
}
