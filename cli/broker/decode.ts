/** Messages as the page shows them: with their events, and the reasons of dead letters. */
import type { MessageState, StoredMessage } from "../../backends/aws/emulator/mod.ts";
import { deadLetterFactsOf } from "../../src/wire/dead_letter.ts";
import { read } from "../../src/wire/format.ts";
import type { AttributeValue, ReceivedMessage, TypedAttribute } from "../../src/wire/message.ts";
import type { DeadLetterFacts } from "../../src/wire/packed.ts";
import { jsonReaders } from "../../src/wire/serializer.ts";
import { openEnvelope } from "../../src/wire/sns_envelope.ts";

/** A message that somebody looks at. */
export interface SeenMessage {
  readonly id: string;
  /** The time at which the broker took the message, in milliseconds since the epoch. */
  readonly sentAt: number;
  readonly state: StoredMessage["state"];
  /** The number of receives, over all queues. */
  readonly attempts: number;
  readonly group?: string | undefined;
  /** The event in the message, if the message names one. */
  readonly event?: { readonly type: string; readonly id: string; readonly occurredOn: string };
  /** The data of the event, else the body: JSON, or text. */
  readonly data: unknown;
  /** The reason of the handler that gave the message up. */
  readonly dead?: DeadLetterFacts | undefined;
  /** The queue that gave the message up after too many receives. */
  readonly movedFrom?: string | undefined;
}

/** Reads a message of a queue without taking it. */
export function seen(
  message: StoredMessage,
  { queue, now }: { queue: string; now: number },
): SeenMessage {
  const { id, sentAt, attempt: attempts, group, movedFrom } = message;
  const received = receivedOf(message);
  const opened = openEnvelope(received);
  const event = read(opened);
  const dead = deadLetterFactsOf(received);
  const { type, id: eventId, occurredOn } = event.facts;
  return {
    id,
    sentAt,
    state: stateOf(message, now),
    attempts,
    group,
    ...(type === undefined
      ? {}
      : { event: { type, id: eventId, occurredOn: occurredOn.toISOString() } }),
    data: dataOf(() => event.data(jsonReaders, type ?? ""), opened.body),
    // A message that was sent back still carries it.
    dead: dead?.queue === queue ? undefined : dead,
    movedFrom: movedFrom?.split(":").at(-1),
  };
}

/** Tells where a message is now: locks and delays end without anybody doing anything. */
function stateOf({ state, dueAt }: StoredMessage, now: number): MessageState {
  return dueAt <= now ? "available" : state;
}

function dataOf(data: () => unknown, body: string): unknown {
  try {
    const found = data();
    return found === undefined || found instanceof Uint8Array ? body : found;
  } catch {
    return body;
  }
}

function receivedOf(message: StoredMessage): ReceivedMessage {
  const { id, body, group, attempt, sentAt, movedFrom } = message;
  const attributes = Object.entries(message.attributes).map((
    entry,
  ) => [entry[0], valueOf(entry[1])]);
  return {
    id,
    body,
    attributes: Object.fromEntries(attributes),
    attempt,
    sentAt: new Date(sentAt),
    ...(group === undefined ? {} : { group }),
    ...(movedFrom === undefined ? {} : { origin: { deadLetterSource: movedFrom } }),
  };
}

/** Returns the value as readers of events expect it: the emulator keeps types with all, and bytes in base64. */
function valueOf(value: AttributeValue): AttributeValue {
  const { type, value: content } = value as TypedAttribute;
  if (type === "String" && typeof content === "string") return content;
  if (!type.startsWith("Binary")) return value;
  return { type, value: Uint8Array.from(atob(String(content)), (it) => it.charCodeAt(0)) };
}
