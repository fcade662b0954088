import { isRecord, ownText, tryParse } from "./json.ts";
import { type Attributes, attributeValue, type ReceivedMessage } from "./message.ts";
import { MANIFEST } from "./packed.ts";

/** Only a body that holds them all is parsed to see whether it is an envelope. */
const ENVELOPE_WORDS: readonly string[] = ['"Notification"', '"TopicArn"', '"MessageId"'];

/**
 * Takes a message out of the envelope that SNS puts round it where a subscription is not raw: body
 * and attributes are those that were published, and the id is the one of SNS, which is the same in
 * every queue. Any other message is returned as it is.
 */
export function openEnvelope(message: ReceivedMessage): ReceivedMessage {
  if (Object.hasOwn(message.attributes, MANIFEST)) return message;
  if (!ENVELOPE_WORDS.every((word) => message.body.includes(word))) return message;
  const envelope = tryParse(message.body)?.value;
  if (!isRecord(envelope) || ownText(envelope, "Type") !== "Notification") return message;
  const id = ownText(envelope, "MessageId");
  const body = ownText(envelope, "Message");
  if (id === undefined || body === undefined || ownText(envelope, "TopicArn") === undefined) {
    return message;
  }
  return {
    ...message,
    id,
    body,
    attributes: { ...message.attributes, ...envelopeAttributes(envelope.MessageAttributes) },
  };
}

/** The attributes as the envelope spells them: `{ name: { Type, Value } }`, bytes as base64. */
function envelopeAttributes(value: unknown): Attributes {
  if (!isRecord(value)) return {};
  const entries = Object.entries(value).flatMap(([name, item]) => {
    const type = isRecord(item) ? ownText(item, "Type") : undefined;
    const text = isRecord(item) ? ownText(item, "Value") : undefined;
    if (type === undefined || text === undefined) return [];
    const value = type.startsWith("Binary") ? bytesOf(text) : text;
    return value === undefined ? [] : [[name, attributeValue({ type, value })] as const];
  });
  return Object.fromEntries(entries);
}

function bytesOf(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
