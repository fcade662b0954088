import { arnOf, parseQueueUrl } from "../addresses.ts";
import { configure } from "../../../memory/queue.ts";
import { sqsError } from "../errors.ts";
import { needed } from "../input.ts";
import type { Call } from "../operation.ts";
import type { QueueRecord } from "../world.ts";
import { settingsOf } from "./queue_attributes.ts";

/** Returns the queue whose URL a call names. */
export function queueOf(call: Call): QueueRecord {
  const url = needed(call.input, "QueueUrl");
  const address = parseQueueUrl(url);
  const queue = address && call.world.queues.get(
    arnOf("sqs", address.name, { region: call.region, account: address.account }),
  );
  if (!queue) throw doesNotExist();
  settle(queue, call.at);
  return queue;
}

/** Lets changed attributes hold whose time has come. */
export function settle(queue: QueueRecord, at: number): void {
  const { coming } = queue;
  if (!coming || coming.from > at) return;
  delete queue.coming;
  queue.attributes = coming.attributes;
  const settings = settingsOf(coming.attributes, { fifo: isFifoQueue(queue) });
  configure(queue.engine, settings, coming.from);
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
