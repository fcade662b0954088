import { openEnvelope } from "./envelope.ts";
import { isCloudEvent, read } from "./format.ts";
import { lazyJson } from "./json.ts";
import {
  type Attributes,
  isFifo,
  type OutgoingMessage,
  type ReceivedMessage,
  refusal,
} from "./message.ts";
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
  const { body } = opened;
  const { dead: stale, ...packed } = unpack(opened.attributes) ?? packForeign(opened);
  const told = withPacked(opened, { ...packed, dead: facts });
  // What an earlier death said would be taken for the reason of this one.
  const untold = stale ? withPacked(opened, packed) : opened.attributes;
  const placed = {
    ...(message.group === undefined ? {} : { group: message.group }),
    // Not the event's id: a message that is redriven and fails again within five minutes would be
    // taken for a repetition and dropped. The broker gives a redriven message a new id.
    ...(isFifo(facts.queue) ? { deduplicationId: message.id } : {}),
  };
  const enveloped = opened !== message;
  const asReceived = {
    body: message.body,
    attributes: enveloped ? message.attributes : untold,
    ...placed,
  };
  const copies: OutgoingMessage[] = [
    { body, attributes: told, ...placed },
    { body, attributes: untold, ...placed },
  ];
  const destination = { queue: facts.queue };
  const fits = (copy: OutgoingMessage) =>
    refusal(copy, destination, { messageBytes, delayMs: 0 }) === undefined;
  return copies.find(fits) ?? asReceived;
}

function withPacked({ attributes }: ReceivedMessage, packed: Packed): Attributes {
  return { ...attributes, [PACKED]: JSON.stringify(packed) };
}

/** A message of others is read by its looks; once it has our attribute, that says how. */
function packForeign(message: ReceivedMessage): Packed {
  const format = isCloudEvent(message, lazyJson(message.body)) ? "cloudevents" : "melange";
  const { facts, source } = read(message);
  return { ...pack(facts, format), ...(source === undefined ? {} : { source }) };
}

/**
 * Why a message is in a dead-letter queue: the facts of its last death. `undefined` if the broker
 * moved it there, which knows no reason, and if there was no room to say why. What an earlier death
 * said of a message that was sent back since does not count.
 */
export function deadLetterFactsOf(message: ReceivedMessage): DeadLetterFacts | undefined {
  if (message.origin?.deadLetterSource !== undefined) return undefined;
  return unpack(message.attributes)?.dead;
}
