import { openEnvelope } from "./envelope.ts";
import { isCloudEvent, read } from "./format.ts";
import { lazyJson } from "./json.ts";
import { isFifo, type OutgoingMessage, type ReceivedMessage, refusal } from "./message.ts";
import { type DeadLetterFacts, pack, PACKED, type Packed, unpack } from "./packed.ts";

/**
 * The copy of a message that goes to a dead-letter queue: the message as it was published, with its
 * facts. Where there is no room for them (ten attributes, or the size limit), the copy goes without;
 * and where what was published cannot be sent to a queue, it goes as it was received.
 */
export function deadLetterCopy(
  message: ReceivedMessage,
  facts: DeadLetterFacts,
  messageBytes: number,
): OutgoingMessage {
  const opened = openEnvelope(message);
  const { body, attributes } = opened;
  const packed = unpack(attributes) ?? packForeign(opened);
  const told = { ...attributes, [PACKED]: JSON.stringify({ ...packed, dead: facts }) };
  const placed = {
    ...(message.group === undefined ? {} : { group: message.group }),
    // Not the event's id: a message that is redriven and fails again within five minutes would be
    // taken for a repetition and dropped. The broker gives a redriven message a new id.
    ...(isFifo(facts.queue) ? { deduplicationId: message.id } : {}),
  };
  const asReceived = { body: message.body, attributes: message.attributes, ...placed };
  const copies: OutgoingMessage[] = [
    { body, attributes: told, ...placed },
    { body, attributes, ...placed },
  ];
  const destination = { queue: facts.queue };
  const fits = (copy: OutgoingMessage) =>
    refusal(copy, destination, { messageBytes, delayMs: 0 }) === undefined;
  return copies.find(fits) ?? asReceived;
}

/** A message of others is read by its looks; once it has our attribute, that says how. */
function packForeign(message: ReceivedMessage): Packed {
  const format = isCloudEvent(message, lazyJson(message.body)) ? "cloudevents" : "melange";
  return pack(read(message).facts, format);
}

/**
 * Why a message is in a dead-letter queue; `undefined` if the broker moved it there, or if there
 * was no room to say why.
 */
export function deadLetterFactsOf(message: ReceivedMessage): DeadLetterFacts | undefined {
  return unpack(message.attributes)?.dead;
}
