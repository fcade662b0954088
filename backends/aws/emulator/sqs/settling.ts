/** The actions of SQS that delete messages and change their locks. */
import { lockAgain, remove } from "../../../memory/late_receipts.ts";
import * as engine from "../../../memory/queue.ts";
import { invalidValue, missing, sqsError } from "../errors.ts";
import { integerWithin } from "../input.ts";
import type { Call, Input, Output } from "../operation.ts";
import type { QueueRecord } from "../world.ts";
import { batch, entriesOf } from "./batches.ts";
import { isFifoQueue, queueOf } from "./find.ts";
import { handledIn } from "./receipt_handles.ts";

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html */
export function deleteMessage(call: Call): Output {
  return deleteOne(queueOf(call), call.input, call);
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html */
export function deleteMessageBatch(call: Call): Output {
  const queue = queueOf(call);
  const entries = entriesOf(call.input, "DeleteMessageBatchRequestEntry");
  return batch(call, entries, (entry) => deleteOne(queue, entry, call));
}

function deleteOne(queue: QueueRecord, input: Input, call: Call): Output {
  const { handle, receipt, found } = handledIn(queue, input, call);
  call.woken.add(queue.arn);
  const isLate = found.state === "expired" || found.state === "replaced";
  if (isLate && isFifoQueue(queue)) {
    throw invalidValue("ReceiptHandle", handle, "The receipt handle has expired.");
  }
  if (found.state === "locked" || found.state === "expired") {
    remove(queue.engine, found.message, receipt);
    forgetAttempts(queue, receipt);
  }
  return {};
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html */
export function changeMessageVisibility(call: Call): Output {
  return changeOne(queueOf(call), call.input, call);
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html */
export function changeMessageVisibilityBatch(call: Call): Output {
  const queue = queueOf(call);
  const entries = entriesOf(call.input, "ChangeMessageVisibilityBatchRequestEntry");
  return batch(call, entries, (entry) => changeOne(queue, entry, call));
}

function changeOne(queue: QueueRecord, input: Input, call: Call): Output {
  const reason = "Must be between 0 and 43200.";
  const seconds = integerWithin(input, "VisibilityTimeout", { range: [0, 43_200], reason });
  if (seconds === undefined) throw missing("VisibilityTimeout");
  const { handle, receipt, found } = handledIn(queue, input, call);
  call.woken.add(queue.arn);
  if (found.state === "locked") {
    const change = { now: call.at, endsInMs: seconds * 1_000 };
    if (!engine.extend(queue.engine, receipt, change).ok) throw tooLong(seconds);
    return forgetAttempts(queue, receipt);
  }
  if (found.state === "expired" && !isFifoQueue(queue)) {
    const endsAt = call.at + seconds * 1_000;
    if (endsAt > found.message.receivedAt + engine.MAX_VISIBILITY_MS) throw tooLong(seconds);
    lockAgain(queue.engine, found.message, endsAt);
    return {};
  }
  if (found.state === "gone") {
    throw invalidValue(
      "ReceiptHandle",
      handle,
      "Message does not exist or is not available for visibility timeout change.",
    );
  }
  throw sqsError("MessageNotInflight", "The specified message isn't in flight.");
}

function tooLong(seconds: number) {
  return invalidValue(
    "VisibilityTimeout",
    seconds,
    "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
  );
}

/** A receive cannot be repeated once a message of it was deleted or changed. */
function forgetAttempts(queue: QueueRecord, receipt: string): Output {
  for (const [id, { receipts }] of Object.entries(queue.attempts)) {
    if (receipts.includes(receipt)) delete queue.attempts[id];
  }
  return {};
}
