import type { SendResult } from "../../../src/backend.ts";
import type { Attributes, OutgoingMessage } from "../../../src/wire/message.ts";
import { unknownOutcome } from "../api/errors.ts";
import { md5, md5OfAttributes } from "./md5.ts";
import { readSent } from "../sender.ts";
import type { Answered } from "../api/sqs.ts";

/**
 * The parts of a message whose digests are compared with the digests of SQS, when the message is
 * sent and when it is received.
 *
 * - `body`: the body, as the AWS SDK for JavaScript does. Some brokers compute the digest of
 *   attributes unlike AWS, such as without custom labels.
 * - `all`: the attributes as well.
 * - `none`: nothing. TLS protects messages on their way all the same.
 */
export type Integrity = "body" | "all" | "none";

const CHOICES: readonly unknown[] = ["body", "all", "none"] satisfies Integrity[];

/** Digests of a message, by their names in an answer. Missing digests are not compared. */
export interface Digests {
  readonly body: unknown;
  readonly attributes: unknown;
}

/** Tells whether a message has these digests, as far as they are compared. */
export type IsIntact = (
  message: { readonly body: string; readonly attributes: Attributes },
  digests: Digests,
) => boolean;

/** Returns the comparison for a choice; throws a `TypeError` for an unknown choice. */
export function comparison(integrity: Integrity): IsIntact {
  if (!CHOICES.includes(integrity)) {
    throw new TypeError('Cannot compare digests as integrity is "body", "all" or "none"');
  }
  return (message, { body, attributes }) =>
    (integrity === "none" || isMissing(body) || body === md5(message.body)) &&
    (integrity !== "all" || isMissing(attributes) ||
      attributes === md5OfAttributes(message.attributes));
}

function isMissing(digest: unknown): boolean {
  return typeof digest !== "string" || digest === "";
}

/** Returns a reader of successes, which compares the stored digests with the sent message. */
export function readIntact(isIntact: IsIntact) {
  return (entry: Answered, message: OutgoingMessage): SendResult | undefined => {
    const { MD5OfMessageBody: body, MD5OfMessageAttributes: attributes } = entry;
    if (isIntact(message, { body, attributes })) return readSent(entry);
    // It is stored, so it is not sent again: that would make two of it.
    const reason = "the queue has stored something else: the digests differ";
    return { ok: false, error: unknownOutcome("SendMessageBatch", reason, { retryable: false }) };
  };
}
