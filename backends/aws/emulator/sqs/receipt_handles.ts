/** The receipts of the engine as handles that nobody reads anything into. */
import { type ReceiptState, receiptState } from "../../../memory/late_receipts.ts";
import { sqsError } from "../errors.ts";
import { needed } from "../input.ts";
import type { Call, Input } from "../operation.ts";
import type { QueueRecord } from "../world.ts";

/** The handles of SQS begin so. */
const BEGINNING = "AQEB";
const RECEIPT = /^q\d+:\d+:\d+:\d+$/;

/** The handle of a receipt. */
export function handleOf(receipt: string): string {
  return BEGINNING + btoa(receipt);
}

/** The object of a handle in a call or an entry. */
export interface Handled {
  /** The handle. */
  readonly handle: string;
  /** The receipt behind it. */
  readonly receipt: string;
  /** The state of the receipt. */
  readonly found: ReceiptState;
}

/** Returns the object of a handle at a queue. Refuses a handle that no receive gave out. */
export function handledIn(queue: QueueRecord, input: Input, { at }: Call): Handled {
  const handle = needed(input, "ReceiptHandle");
  const receipt = receiptOf(handle);
  const found = receiptState(queue.engine, receipt ?? "", at);
  if (receipt === undefined || found.state === "unknown") {
    throw sqsError(
      "ReceiptHandleIsInvalid",
      `The input receipt handle "${handle}" is not a valid receipt handle.`,
    );
  }
  return { handle, receipt, found };
}

function receiptOf(handle: string): string | undefined {
  if (!handle.startsWith(BEGINNING)) return undefined;
  try {
    const receipt = atob(handle.slice(BEGINNING.length));
    return RECEIPT.test(receipt) ? receipt : undefined;
  } catch {
    return undefined;
  }
}
