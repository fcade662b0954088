import { arnOf, parseQueueUrl } from "../addresses.ts";
import { sqsError } from "../errors.ts";
import { needed } from "../input.ts";
import type { Call } from "../operation.ts";
import type { QueueRecord } from "../world.ts";

/**
 * Returns the queue whose URL a call names. Wakes the receives of the queue if the call may bring
 * messages.
 */
export function queueOf(call: Call): QueueRecord {
  const url = needed(call.input, "QueueUrl");
  const address = parseQueueUrl(url);
  const queue = address && call.world.queues.get(
    arnOf("sqs", address.name, { region: call.region, account: address.account }),
  );
  if (!queue) throw doesNotExist();
  return queue;
}

/** Why a call fails that names no queue there is. */
export function doesNotExist() {
  const error = sqsError("QueueDoesNotExist", "The specified queue does not exist.");
  error.inQuery = "The specified queue does not exist for this wsdl version.";
  return error;
}

/** Tells whether a queue is FIFO. */
export function isFifoQueue(queue: QueueRecord): boolean {
  return queue.engine.settings.fifo;
}
