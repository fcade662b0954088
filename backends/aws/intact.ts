import type { SendResult } from "../../src/backend.ts";
import type { OutgoingMessage } from "../../src/message.ts";
import { unknownOutcome } from "./errors.ts";
import { isIntact } from "./md5.ts";
import { readSent } from "./sender.ts";
import type { Answered } from "./sqs.ts";

/** Reads what became of a message, and compares what a queue says it has stored with what was sent. */
export function readIntact(entry: Answered, message: OutgoingMessage): SendResult | undefined {
  const { MD5OfMessageBody: body, MD5OfMessageAttributes: attributes } = entry;
  if (isIntact(message, { body, attributes })) return readSent(entry);
  // It is stored, so it is not sent again: that would make two of it.
  const reason = "the queue has stored something else: the digests differ";
  return { ok: false, error: unknownOutcome("SendMessageBatch", reason, { retryable: false }) };
}
