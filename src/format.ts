import { MelangeError } from "./errors.ts";
import type { Event } from "./event.ts";
import {
  type Attributes,
  attributeValue,
  isFifo,
  MAX_ATTRIBUTES,
  messageSize,
  type OutgoingMessage,
  type ReceivedMessage,
  typedAttribute,
} from "./message.ts";
import { parseJson, type Serializer, type SerializerRegistry } from "./serializer.ts";

/**
 * How an event is written. All of them carry the same three attributes (`manifest`,
 * `serializer_id`, `melange`), and one reader understands them all.
 *
 * - `plain`: the body is the serialized data: smallest, readable by anyone.
 * - `melange`: as Python's Melange 7 expects it: in a queue wrapped as `{"Message": …}`, in a topic
 *   the serialized data, for a subscription without raw delivery.
 * - `cloudevents`: a structured CloudEvents 1.0 JSON body, with one more attribute, `content-type`.
 */
export type Format = "plain" | "melange" | "cloudevents";

const FORMATS: readonly unknown[] = ["plain", "melange", "cloudevents"] satisfies Format[];

/** Tells whether a value names a format. */
export function isFormat(value: unknown): value is Format {
  return FORMATS.includes(value);
}

/** The user's share of the ten attributes: three are ours, a format or feature may take one more. */
export const MAX_USER_ATTRIBUTES = 6;

const MANIFEST = "manifest";
const SERIALIZER_ID = "serializer_id";
const PACKED = "melange";
const CONTENT_TYPE = "content-type";
const CLOUDEVENTS_JSON = "application/cloudevents+json";
const OURS: readonly string[] = [MANIFEST, SERIALIZER_ID, PACKED, CONTENT_TYPE];

/** What rides in the one packed attribute. Names are short: it is sent with every message. */
interface Packed {
  id: string;
  on: string;
  topic?: string;
  v?: number;
  correlationId?: string;
  causationId?: string;
  format?: Format;
  dead?: DeadLetterFacts;
}

/** Why a message was dead-lettered by hand; stored on the copy. */
export interface DeadLetterFacts {
  /** A short code: that of the `DeadLetter`, or `UNDECODABLE`, `UNKNOWN_TYPE`, `MAX_ATTEMPTS`. */
  readonly reason: string;
  /** The queue it came from. */
  readonly queue: string;
  /** The subscriber that gave up, if it has a name. */
  readonly subscriber?: string;
  /** How often it was tried. */
  readonly attempts: number;
}

/** Options of {@linkcode encode}. */
export interface EncodeOptions {
  /** How to write it. */
  format: Format;
  /** Where the serializer is found. */
  serializers: SerializerRegistry;
  /** Whether it goes to a queue, not to a topic. */
  toQueue: boolean;
  /** The user's attributes, six at the most. */
  attributes?: Attributes | undefined;
}

/**
 * Writes an event: its body and attributes.
 * @throws {MelangeError} `INVALID_EVENT` if the data cannot be serialized, `INVALID_MESSAGE` if
 * there are too many attributes or one has a name of ours
 */
export function encode(event: Event, options: EncodeOptions): OutgoingMessage {
  const { format, serializers, toQueue, attributes = {} } = options;
  checkUserAttributes(event, attributes);
  const serializer = serializers.forType(event.type);
  const text = serialize(event, serializer);
  const written = format === "melange" && !toQueue ? "plain" : format;
  return {
    body: bodyOf(event, { text, serializer, written }),
    attributes: {
      ...attributes,
      [MANIFEST]: event.type,
      [SERIALIZER_ID]: serializer.id,
      [PACKED]: JSON.stringify(pack(event, written)),
      ...(format === "cloudevents" ? { [CONTENT_TYPE]: CLOUDEVENTS_JSON } : {}),
    },
  };
}

function checkUserAttributes(event: Event, attributes: Attributes): void {
  const names = Object.keys(attributes);
  const ours = names.find((name) => OURS.includes(name));
  if (ours === undefined && names.length <= MAX_USER_ATTRIBUTES) return;
  const rule = ours === undefined
    ? `an event takes at most ${MAX_USER_ATTRIBUTES} attributes beside the library's own: current value is ${names.length}`
    : `the attribute name "${ours}" is taken by the library: choose another`;
  throw new MelangeError("INVALID_MESSAGE", `Cannot publish "${event.type}" as ${rule}`);
}

function serialize(event: Event, serializer: Serializer): string {
  try {
    return serializer.serialize(event.data);
  } catch {
    throw new MelangeError(
      "INVALID_EVENT",
      `Cannot publish "${event.type}" as its data cannot be serialized (serializer ${serializer.id})`,
    );
  }
}

function bodyOf(
  event: Event,
  { text, serializer, written }: { text: string; serializer: Serializer; written: Format },
): string {
  if (written === "plain") return text;
  if (written === "melange") return JSON.stringify({ Message: text });
  const head = {
    specversion: "1.0",
    id: event.id,
    source: `/${encodeURIComponent(event.topic ?? "melange")}`,
    type: event.type,
    time: event.occurredOn.toISOString(),
    datacontenttype: serializer.id === 1 ? "application/json" : "text/plain",
  };
  const data = serializer.id === 1 ? text : JSON.stringify(text);
  return `${JSON.stringify(head).slice(0, -1)},"data":${data}}`;
}

function pack(event: Omit<Event, "type" | "data">, format: Format): Packed {
  const { id, occurredOn, topic, version, correlationId, causationId } = event;
  return {
    id,
    on: occurredOn.toISOString(),
    ...(topic === undefined ? {} : { topic }),
    ...(version === undefined ? {} : { v: version }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(causationId === undefined ? {} : { causationId }),
    ...(format === "plain" ? {} : { format }),
  };
}

/** What a message says of its event, read without touching the data. */
export interface Envelope {
  /** The event, but for its data; `type` is `undefined` where the message names none. */
  readonly facts: Omit<Event, "data" | "type"> & { readonly type: string | undefined };
  /**
   * Reads the data.
   * @throws {MelangeError} `UNDECODABLE`, without a cause: a parser's error quotes what it read
   */
  data(serializers: SerializerRegistry): unknown;
}

/**
 * Reads who wrote what: any of our formats, Python's Melange, its first version, CloudEvents, or a
 * body without metadata. Never throws; what cannot be read says so when the data is asked for.
 */
export function read(message: ReceivedMessage): Envelope {
  const { attributes } = message;
  const packed = unpack(attributes);
  const manifest = textOf(attributes, MANIFEST);
  const json = lazyJson(message.body);
  if (packed?.format === "cloudevents" || (packed === undefined && isCloudEvent(message, json))) {
    return readCloudEvent(message, { manifest, packed, json });
  }
  if (manifest === undefined) return readWithoutManifest(message, json);
  const payload = packed?.format === "melange" || packed === undefined
    ? pythonBody(json()) ?? { text: message.body, json }
    : { text: message.body, json };
  return {
    facts: { type: manifest, ...factsOf(message, packed) },
    data: (serializers) => deserialize(payload, serializerId(attributes), serializers),
  };
}

/** A text whose JSON has been parsed, or will be, at most once. */
interface Payload {
  text: string;
  json: () => Parsed;
}

/** What parsing gave: nothing if the text is no JSON. */
type Parsed = { value: unknown } | undefined;

function lazyJson(text: string): () => Parsed {
  let parsed: Parsed;
  let done = false;
  return () => {
    if (!done) parsed = tryParse(text);
    done = true;
    return parsed;
  };
}

function tryParse(text: string): Parsed {
  try {
    return { value: parseJson(text) };
  } catch {
    return undefined;
  }
}

function deserialize(
  payload: Payload,
  id: number | undefined,
  serializers: SerializerRegistry,
): unknown {
  const serializer = serializers.byId(id);
  try {
    if (serializer.id !== 1) return serializer.deserialize(payload.text);
  } catch {
    throw undecodable(`the serializer ${serializer.id} refused its body`);
  }
  const parsed = payload.json();
  if (parsed) return parsed.value;
  throw undecodable("its body is not JSON");
}

function undecodable(reason: string): MelangeError {
  return new MelangeError("UNDECODABLE", `Cannot read a message as ${reason}`);
}

function serializerId(attributes: Attributes): number | undefined {
  const value = attributes[SERIALIZER_ID];
  if (value === undefined) return undefined;
  const id = Number(typedAttribute(value).value);
  return Number.isFinite(id) ? id : undefined;
}

function factsOf(message: ReceivedMessage, packed: Packed | undefined) {
  return {
    id: packed?.id ?? message.id,
    occurredOn: dateOf(packed?.on) ?? message.sentAt,
    ...(packed?.topic === undefined ? {} : { topic: packed.topic }),
    ...(packed?.v === undefined ? {} : { version: packed.v }),
    ...(packed?.correlationId === undefined ? {} : { correlationId: packed.correlationId }),
    ...(packed?.causationId === undefined ? {} : { causationId: packed.causationId }),
  };
}

function dateOf(value: unknown): Date | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** Python's Melange wraps what it sends to a queue: exactly one key, and a string in it. */
function pythonBody(parsed: Parsed): Payload | undefined {
  const body = parsed?.value;
  if (!isRecord(body) || Object.keys(body).length !== 1) return undefined;
  const text = ownText(body, "Message");
  return text === undefined ? undefined : { text, json: lazyJson(text) };
}

/** The first Melange put its metadata into the body; a body without any has no type. */
function readWithoutManifest(message: ReceivedMessage, json: () => Parsed): Envelope {
  const body = json()?.value;
  const type = isRecord(body) ? ownText(body, "event_type_name") : undefined;
  const facts = factsOf(message, unpack(message.attributes));
  if (!isRecord(body) || type === undefined) {
    const payload = { text: message.body, json };
    return {
      facts: { type: undefined, ...facts },
      data: (serializers) => deserialize(payload, serializerId(message.attributes), serializers),
    };
  }
  const { event_type_name: _, topic, occurred_on, ...data } = body;
  return {
    facts: {
      ...facts,
      type,
      occurredOn: dateOf(occurred_on) ?? facts.occurredOn,
      ...(typeof topic === "string" ? { topic } : {}),
    },
    data: () => data,
  };
}

function isCloudEvent(message: ReceivedMessage, json: () => Parsed): boolean {
  const contentType = textOf(message.attributes, CONTENT_TYPE);
  if (contentType?.toLowerCase().startsWith(CLOUDEVENTS_JSON)) return true;
  if (textOf(message.attributes, MANIFEST) !== undefined) return false;
  const body = json()?.value;
  return isRecord(body) &&
    ["specversion", "id", "source", "type"].every((key) => ownText(body, key) !== undefined);
}

function readCloudEvent(
  message: ReceivedMessage,
  { manifest, packed, json }: {
    manifest: string | undefined;
    packed: Packed | undefined;
    json: () => Parsed;
  },
): Envelope {
  const parsed = json()?.value;
  const body = isRecord(parsed) ? parsed : {};
  const facts = factsOf(message, packed);
  return {
    facts: {
      ...facts,
      type: manifest ?? ownText(body, "type"),
      id: packed?.id ?? ownText(body, "id") ?? facts.id,
      occurredOn: dateOf(packed?.on ?? body.time) ?? facts.occurredOn,
    },
    data: (serializers) => cloudEventData(body, message.attributes, serializers),
  };
}

function cloudEventData(
  body: Record<string, unknown>,
  attributes: Attributes,
  serializers: SerializerRegistry,
): unknown {
  const id = serializerId(attributes) ?? 1;
  if (id === 1 && Object.hasOwn(body, "data")) return body.data;
  const text = ownText(body, "data");
  if (text === undefined) throw undecodable("its CloudEvents body has no readable data");
  return deserialize({ text, json: lazyJson(text) }, id, serializers);
}

function unpack(attributes: Attributes): Packed | undefined {
  const text = textOf(attributes, PACKED);
  const value = text === undefined ? undefined : tryParse(text)?.value;
  if (!isRecord(value)) return undefined;
  const id = ownText(value, "id");
  if (id === undefined) return undefined;
  const packed: Packed = { id, on: ownText(value, "on") ?? "" };
  for (const key of ["topic", "correlationId", "causationId"] as const) {
    const item = ownText(value, key);
    if (item !== undefined) packed[key] = item;
  }
  if (typeof value.v === "number") packed.v = value.v;
  if (value.format === "melange" || value.format === "cloudevents") packed.format = value.format;
  const dead = readDeadLetterFacts(value.dead);
  if (dead) packed.dead = dead;
  return packed;
}

function readDeadLetterFacts(value: unknown): DeadLetterFacts | undefined {
  if (!isRecord(value)) return undefined;
  const reason = ownText(value, "reason");
  const queue = ownText(value, "queue");
  const subscriber = ownText(value, "subscriber");
  if (reason === undefined || queue === undefined || typeof value.attempts !== "number") {
    return undefined;
  }
  return {
    reason,
    queue,
    attempts: value.attempts,
    ...(subscriber === undefined ? {} : { subscriber }),
  };
}

function textOf(attributes: Attributes, name: string): string | undefined {
  if (!Object.hasOwn(attributes, name)) return undefined;
  const value = typedAttribute(attributes[name] ?? "").value;
  return typeof value === "string" ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function ownText(record: Record<string, unknown>, key: string): string | undefined {
  const value = Object.hasOwn(record, key) ? record[key] : undefined;
  return typeof value === "string" ? value : undefined;
}

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

/**
 * The copy of a message that goes to a dead-letter queue: the message as it was published, with its
 * facts. Where there is no room for them (ten attributes, or the size limit), the copy goes without.
 */
export function deadLetterCopy(
  message: ReceivedMessage,
  facts: DeadLetterFacts,
  messageBytes: number,
): OutgoingMessage {
  const opened = openEnvelope(message);
  const { body, attributes, group } = opened;
  const packed = unpack(attributes) ?? packForeign(opened);
  const copy: OutgoingMessage = {
    body,
    attributes,
    ...(group === undefined ? {} : { group }),
    // Not the event's id: a message that is redriven and fails again within five minutes would be
    // taken for a repetition and dropped. The broker gives a redriven message a new id.
    ...(isFifo(facts.queue) ? { deduplicationId: message.id } : {}),
  };
  const told: OutgoingMessage = {
    ...copy,
    attributes: { ...attributes, [PACKED]: JSON.stringify({ ...packed, dead: facts }) },
  };
  const fits = Object.keys(told.attributes).length <= MAX_ATTRIBUTES &&
    messageSize(told) <= messageBytes;
  return fits ? told : copy;
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
