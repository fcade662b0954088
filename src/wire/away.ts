import { MelangeError } from "../support/errors.ts";
import type { Attributes, ReceivedMessage } from "./message.ts";
import { PACKED, textOf } from "./packed.ts";

/** The attribute beside a pointer of the Amazon Extended Clients, with the bytes of the body. */
export const POINTER_SIZE = "ExtendedPayloadSize";
/** The name of that attribute before 2021. */
export const LEGACY_POINTER_SIZE = "SQSLargePayloadSize";

/** The beginning of a pointer, by today's and by the old class. */
const POINTER =
  /^\s*\[\s*"(software\.amazon\.payloadoffloading\.Payload|com\.amazon\.sqs\.javamessaging\.Message)S3Pointer"/;

/**
 * Tells whether the body of a message is not the published one: it is in a store, or encoded.
 */
export function isAway(
  { body, attributes }: Pick<ReceivedMessage, "body" | "attributes">,
): boolean {
  return POINTER_SIZE in attributes || LEGACY_POINTER_SIZE in attributes || POINTER.test(body) ||
    isPackedAway(attributes);
}

/** Only where the text has the word: to parse it for each message would be for nothing. */
function isPackedAway(attributes: Attributes): boolean {
  return /"payload":\{/.test(textOf(attributes, PACKED) ?? "");
}

/** Creates the error for a body that is not in its message, where no store is configured. */
export function notConfigured(): MelangeError {
  const rule = "its body is in a store, or encoded: configure payloads";
  return new MelangeError("UNDECODABLE", `Cannot read a message as ${rule}`);
}
