import { defined } from "../support/defined.ts";
import { openEnvelope, packedOrigin } from "./sns_envelope.ts";
import { isCloudEvent } from "./cloud_event.ts";
import { read } from "./format.ts";
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
 * Makes the copy of a message for a dead-letter queue: the message as it was published, with the
 * facts of the failure and of the envelope. Without room for the facts (ten attributes, or
 * `messageBytes`), the copy is the message as it was received. So is the copy of a published
 * message that cannot be sent to a queue. The copy belongs to the same trace. Backends and
 * `deadLetterTo` send the copy; a host with another way to store messages calls this function.
 *
 * @example
 * ```ts
 * import { deadLetterCopy, deadLetterFactsOf } from "@melange/melange";
 *
 * const message = { id: "m-1", body: "{}", attributes: { manifest: "Ping" }, sentAt: new Date(), attempt: 3 };
 * const facts = { reason: "card-expired", queue: "pings", attempts: 3 };
 * const copy = deadLetterCopy(message, facts, 262_144);
 * if (deadLetterFactsOf({ ...message, ...copy })?.reason !== "card-expired") throw new Error("unexpected");
 * ```
 *
 * @category Messages
 */
export function deadLetterCopy(
  message: ReceivedMessage,
  facts: DeadLetterFacts,
  messageBytes: number,
): OutgoingMessage {
  const opened = openEnvelope(message);
  const { body } = opened;
  const { dead: stale, ...packed } = unpack(opened.attributes) ?? packForeign(opened);
  const origin = packedOrigin(opened.origin);
  const placed = placeOf(message, facts.queue);
  const told = withPacked(opened, { ...packed, ...origin, dead: facts });
  // What an earlier death said would be taken for the reason of this one.
  const untold = withPacked(opened, packed);
  const copies = [told, ...(stale ? [untold] : [])].map((attributes): OutgoingMessage => {
    return { body, attributes, ...placed };
  });
  const destination = { queue: facts.queue };
  const fits = (copy: OutgoingMessage) =>
    refusal(copy, destination, { messageBytes, delayMs: 0 }) === undefined;
  return copies.find(fits) ?? { body: message.body, attributes: message.attributes, ...placed };
}

/**
 * Makes the copy of a dead letter that goes back to a queue: the message as it was published,
 * without the facts of its death. The event keeps its id, also an event of another writer. In a
 * FIFO queue the deduplication id is the broker's id of the letter, which is new for each death, so
 * that the queue drops a repeated copy and no other. Without room for the id, the copy is the
 * message as it was received.
 */
export function redrivenCopy(
  message: ReceivedMessage,
  queue: string,
  messageBytes: number,
): OutgoingMessage {
  const opened = openEnvelope(message);
  const { dead: _, ...packed } = unpack(opened.attributes) ?? packForeign(opened);
  const attributes = withPacked(opened, { ...packed, ...packedOrigin(opened.origin) });
  const placed = placeOf(message, queue);
  const copy = { body: opened.body, attributes, ...placed };
  if (refusal(copy, { queue }, { messageBytes, delayMs: 0 }) === undefined) return copy;
  return { body: message.body, attributes: message.attributes, ...placed };
}

function withPacked({ attributes }: ReceivedMessage, packed: Packed): Attributes {
  return { ...attributes, [PACKED]: JSON.stringify(packed) };
}

/** The fields of a copy beside body and attributes: group, deduplication id and trace. */
function placeOf({ id, group, origin }: ReceivedMessage, queue: string) {
  const traceHeader = origin?.traceHeader ?? "";
  return {
    ...defined({ traceHeader: TRACE.test(traceHeader) ? traceHeader : undefined, group }),
    // A FIFO queue takes nothing without a group, and some brokers do not say it. And not the event's
    // id: a message that is redriven and fails again within five minutes would be taken for a
    // repetition and dropped. The broker gives a redriven message a new id.
    ...(isFifo(queue) ? { group: group ?? id, deduplicationId: id } : {}),
  };
}

/**
 * Form of a trace header. Any other text of a broker is left out, so that the copy can be stored.
 */
const TRACE = /^[A-Za-z]+=[!-~]{1,500}$/;

/**
 * Packs a message of another writer. The look of the message tells its format, and our attribute
 * keeps the format from then on.
 */
function packForeign(message: ReceivedMessage): Packed {
  const format = isCloudEvent(message, lazyJson(message.body)) ? "cloudevents" : "melange";
  const { facts, source } = read(message);
  return { ...pack(facts, format), ...defined({ source }) };
}

/**
 * Returns the facts of a message's last death, which say why the message is in a dead-letter queue.
 * Returns `undefined` if the broker moved the message, because the broker knows no reason, and if
 * the copy had no room for the facts. The facts of an earlier death do not count once the message
 * was sent back.
 *
 * @example
 * ```ts
 * import { deadLetterFactsOf } from "@melange/melange";
 *
 * const message = { id: "m-1", body: "{}", attributes: {}, sentAt: new Date(), attempt: 1 };
 * console.log(deadLetterFactsOf(message)?.reason); // prints: undefined
 * ```
 *
 * @category Handling
 */
export function deadLetterFactsOf(message: ReceivedMessage): DeadLetterFacts | undefined {
  if (message.origin?.deadLetterSource !== undefined) return undefined;
  return unpack(message.attributes)?.dead;
}
