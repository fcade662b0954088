import { fromBase64 } from "../support/base64.ts";
import { probe } from "../support/errors.ts";
import { isRecord, ownText, tryParse } from "./json.ts";
import {
  type Attributes,
  attributeValue,
  type MessageOrigin,
  type ReceivedMessage,
} from "./message.ts";
import { MANIFEST, PACKED, type PackedOrigin, textOf, unpack } from "./packed.ts";

/** Words of an envelope. Only a body with all of them is parsed. */
const ENVELOPE_WORDS: readonly string[] = ['"Notification"', '"TopicArn"', '"MessageId"'];

/**
 * Takes a message out of the envelope that SNS adds where a subscription is not raw. Body and
 * attributes are the published ones. The id is the id of SNS, which is the same in every queue.
 * Topic, subject and time of the envelope become the origin. A dead-letter copy gets back the
 * origin of its original. Any other message is returned unchanged.
 *
 * @example
 * ```ts
 * import { openEnvelope } from "@melange/melange";
 *
 * const envelope = { Type: "Notification", TopicArn: "arn:aws:sns:eu-west-1:123456789012:orders", MessageId: "n-1", Message: "hello" };
 * const received = { id: "m-1", body: JSON.stringify(envelope), attributes: {}, sentAt: new Date(), attempt: 1 };
 * const { id, body } = openEnvelope(received);
 * console.log(id, body); // prints: n-1 hello
 * ```
 *
 * @category Messages
 */
export function openEnvelope(message: ReceivedMessage): ReceivedMessage {
  const kept = keptOrigin(message.attributes);
  if (kept) return withOrigin(message, kept);
  if (Object.hasOwn(message.attributes, MANIFEST)) return message;
  if (!ENVELOPE_WORDS.every((word) => message.body.includes(word))) return message;
  const envelope = tryParse(message.body)?.value;
  if (!isRecord(envelope) || ownText(envelope, "Type") !== "Notification") return message;
  const id = ownText(envelope, "MessageId");
  const body = ownText(envelope, "Message");
  const topic = ownText(envelope, "TopicArn");
  if (id === undefined || body === undefined || topic === undefined) return message;
  const subject = ownText(envelope, "Subject");
  const at = ownText(envelope, "Timestamp");
  return {
    ...withOrigin(message, { topic, subject, at }),
    id,
    body,
    attributes: { ...message.attributes, ...envelopeAttributes(envelope.MessageAttributes) },
  };
}

/** Only where the text has the word: to parse it for each message would be for nothing. */
function keptOrigin(attributes: Attributes): PackedOrigin | undefined {
  return textOf(attributes, PACKED)?.includes('"origin"') ? unpack(attributes)?.origin : undefined;
}

function withOrigin(message: ReceivedMessage, kept: PackedOrigin): ReceivedMessage {
  const { topic, subject, at } = kept;
  const publishedAt = new Date(at ?? NaN);
  const origin: MessageOrigin = {
    ...message.origin,
    // An empty name, as of a topic that a host does not know, says nothing.
    ...(topic ? { topic } : {}),
    ...(subject === undefined ? {} : { subject }),
    ...(Number.isNaN(publishedAt.getTime()) ? {} : { publishedAt }),
  };
  return Object.keys(origin).length > 0 ? { ...message, origin } : message;
}

/** The part of the SNS envelope that a copy of the message keeps. */
export function packedOrigin(origin: MessageOrigin = {}): { origin?: PackedOrigin } {
  const { topic, subject, publishedAt } = origin;
  if (topic === undefined && subject === undefined && !publishedAt) return {};
  return { origin: { topic, subject, at: publishedAt?.toISOString() } };
}

/** The attributes as the envelope spells them: `{ name: { Type, Value } }`, bytes as base64. */
function envelopeAttributes(value: unknown): Attributes {
  if (!isRecord(value)) return {};
  const entries = Object.entries(value).flatMap(([name, item]) => {
    const type = isRecord(item) ? ownText(item, "Type") : undefined;
    const text = isRecord(item) ? ownText(item, "Value") : undefined;
    if (type === undefined || text === undefined) return [];
    const value = type.startsWith("Binary") ? probe(() => fromBase64(text)) : text;
    return value === undefined ? [] : [[name, attributeValue({ type, value })] as const];
  });
  return Object.fromEntries(entries);
}
