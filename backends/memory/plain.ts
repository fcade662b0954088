/** Copies of arguments that hold plain data only, and nothing that a caller can change later. */
import { MelangeError } from "../../src/support/errors.ts";
import type { Destination, OutgoingMessage } from "../../src/wire/message.ts";
import { nameIn } from "./names.ts";
import { ownMessage } from "./stored_message.ts";

/** No name of a queue or topic is longer. */
const LONGEST_NAME = 256;
/** No receipt is longer. */
const LONGEST_RECEIPT = 200;

/** Returns the name in a name, ARN or URL. A name that is too long names nothing, shortened or not. */
export function plainName(given: string): string {
  return nameIn(given).slice(0, LONGEST_NAME + 1) || "-";
}

/** Copies a destination. */
export function plainDestination(destination: Destination): Destination {
  return "topic" in destination
    ? { topic: plainName(destination.topic) }
    : { queue: plainName(destination.queue) };
}

/**
 * Returns a receipt, or a text that is no receipt. Too long a text is no receipt, shortened or not.
 */
export function plainReceipt(receipt: unknown): string {
  return typeof receipt === "string" ? receipt.slice(0, LONGEST_RECEIPT) : "";
}

/** Returns a number; for any other value, a number that each queue refuses. */
export function plainNumber(given: unknown): number {
  return typeof given === "number" ? given : NaN;
}

/** Checks of {@linkcode plainMessage}. */
export interface MessageChecks {
  /** Returns the error for a message that breaks a rule. */
  refusal: (message: OutgoingMessage) => MelangeError | undefined;
  /** Tells if a copy can be sent. */
  isSendable: (message: OutgoingMessage) => boolean;
}

/** Copies a message, or returns the error for an invalid message. */
export function plainMessage(
  given: OutgoingMessage,
  { refusal, isSendable }: MessageChecks,
): OutgoingMessage | MelangeError {
  try {
    const error = refusal(given);
    if (error) return error;
    const own = ownMessage(given);
    if (isRecord(given.attributes) && isSendable(own)) return own;
  } catch {
    // It is no message at all, or a getter of it throws: the text of that error may quote the message.
  }
  const sentence = "Cannot send a message as its body, attributes or options have other types";
  return new MelangeError("INVALID_MESSAGE", sentence);
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
