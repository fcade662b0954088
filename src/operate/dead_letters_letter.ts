/** Letters: messages of a dead-letter queue as people ask for them, and what is sent back of them. */
import type { AnyEventType, Event } from "../event/event.ts";
import { validate } from "../event/schema.ts";
import { defined } from "../support/defined.ts";
import { MelangeError, probe } from "../support/errors.ts";
import { deadLetterFactsOf, redrivenCopy } from "../wire/dead_letter.ts";
import { type ForeignOptions, readAny } from "../handle/foreign.ts";
import { encode, type LazyEvent } from "../wire/format.ts";
import { isRecord, tryParse } from "../wire/json.ts";
import type { Attributes, OutgoingMessage, ReceivedMessage } from "../wire/message.ts";
import { type DeadLetterFacts, type Format, OURS, PACKED, unpack } from "../wire/packed.ts";
import type { SerializerRegistry } from "../wire/serializer_registry.ts";
import { openEnvelope } from "../wire/sns_envelope.ts";

/**
 * A message of a dead-letter queue.
 *
 * @category Dead letters
 */
export interface Letter {
  /** The broker's id of the message in the dead-letter queue. */
  readonly id: string;
  /** The name of the event type, also where the data cannot be read. */
  readonly type: string | undefined;
  /**
   * The event as published; its data is read, and not validated. `undefined` for a message without
   * a type, and for data that cannot be read.
   */
  readonly event: Event | undefined;
  /** Why it is here. `undefined` if the broker moved the message after too many receives. */
  readonly facts: DeadLetterFacts | undefined;
  /** The queue that it came from: a name, or an ARN. `undefined` where nobody said it. */
  readonly source: string | undefined;
  /** The message group, if there is one. */
  readonly group: string | undefined;
  /** The time at which the broker took the message. After a move by SQS, the time of the first queue. */
  readonly sentAt: Date;
  /** The time since `sentAt`, in milliseconds. */
  readonly ageMs: number;
  /** The receives of the message; this look is one of them. */
  readonly attempt: number;
  /** The message as it was received. */
  readonly message: ReceivedMessage;
}

/** Options of {@linkcode letterOf}. */
export interface LetterOptions {
  readonly serializers: SerializerRegistry;
  /** The options about messages of others. */
  readonly foreign: ForeignOptions;
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
}

/** Reads a message as a letter. Never throws. */
export async function letterOf(
  message: ReceivedMessage,
  { serializers, foreign, now }: LetterOptions,
): Promise<Letter> {
  const opened = openEnvelope(message);
  const named = probe(() => readAny(opened, foreign)) ?? readAny(opened, {});
  const facts = deadLetterFactsOf(message);
  return {
    id: message.id,
    type: named.facts.type,
    event: await eventOf(named, serializers),
    facts,
    source: facts?.queue ?? message.origin?.deadLetterSource,
    group: message.group,
    sentAt: message.sentAt,
    ageMs: Math.max(0, now - message.sentAt.getTime()),
    attempt: message.attempt,
    message,
  };
}

async function eventOf(
  { facts, data }: LazyEvent,
  serializers: SerializerRegistry,
): Promise<Event | undefined> {
  const { type } = facts;
  if (type === undefined) return undefined;
  try {
    return { ...facts, type, data: await data(serializers, type) };
  } catch {
    return undefined;
  }
}

/** A change of an event before it goes back. */
export type Edit = (event: Event, letter: Letter) => Event | Promise<Event>;

/** Options of {@linkcode editedCopy}. */
export interface EditOptions {
  readonly edit: Edit;
  /** The queue that the letter goes to. */
  readonly queue: string;
  readonly messageBytes: number;
  readonly serializers: SerializerRegistry;
  /** Finds the schema of a type. */
  readonly typeOf: (type: string) => AnyEventType | undefined;
}

/**
 * Makes the copy of a letter that goes back with a changed event. An event that `edit` leaves as it
 * was goes back as it was published.
 * @throws {MelangeError} `UNDECODABLE` for a letter without an event, `INVALID_EVENT` for a result
 * that is no event, or that its schema refuses
 */
export async function editedCopy(letter: Letter, options: EditOptions): Promise<OutgoingMessage> {
  const { edit, queue, messageBytes, serializers } = options;
  const copy = redrivenCopy(letter.message, queue, messageBytes);
  const { event } = letter;
  if (!event) {
    throw new MelangeError(
      "UNDECODABLE",
      "Cannot edit a letter without an event that can be read: leave it out by `where`",
    );
  }
  const format = unpack(copy.attributes)?.format ?? "plain";
  const written = (each: Event) => writtenAs(each, { format, serializers });
  // Before the call: an edit may change the event in place.
  const before = await written(event);
  const edited = await edit(event, letter);
  if (typeof edited?.type !== "string" || typeof edited.id !== "string") {
    throw invalid(event, "edit returned no event: return the event, or a changed copy of it");
  }
  await checkSchema(edited, options.typeOf(edited.type));
  const after = await written(edited);
  if (after.text === before.text) return copy;
  return merged(copy, after.message);
}

async function writtenAs(
  event: Event,
  { format, serializers }: { format: Format; serializers: SerializerRegistry },
) {
  const ready = await (serializers.written?.(event) ?? serializers);
  const message = encode(event, { format, serializers: ready, toQueue: true });
  return { message, text: JSON.stringify([message.body, message.attributes]) };
}

async function checkSchema(event: Event, type: AnyEventType | undefined): Promise<void> {
  if (!type) return;
  const validation = await validate(type.schema, event.data);
  if (!validation.ok) {
    throw invalid(event, `its edited data violates its schema at ${validation.paths}`);
  }
}

function invalid({ type }: Event, reason: string): MelangeError {
  return new MelangeError("INVALID_EVENT", `Cannot send "${type}" back as ${reason}`);
}

/** Puts a changed event into a copy, which keeps the attributes of the user and the facts of the envelope. */
function merged(copy: OutgoingMessage, written: OutgoingMessage): OutgoingMessage {
  const users = Object.entries(copy.attributes).filter(([name]) => !OURS.includes(name));
  const { source, origin } = unpack(copy.attributes) ?? {};
  const packed = unpack(written.attributes);
  const attributes: Attributes = {
    ...Object.fromEntries(users),
    ...written.attributes,
    [PACKED]: JSON.stringify({ ...packed, ...defined({ source, origin }) }),
  };
  return { ...copy, body: mergedBody(copy.body, written.body), attributes };
}

/** A CloudEvent of another writer keeps its own attributes, such as its source. */
function mergedBody(old: string, written: string): string {
  const [before, after] = [tryParse(old)?.value, tryParse(written)?.value];
  if (!isRecord(before) || !isRecord(after) || !("specversion" in before)) return written;
  if (!("specversion" in after)) return written;
  const { data_base64: _, ...kept } = before;
  return JSON.stringify({ ...kept, ...after, source: before.source ?? after.source });
}
