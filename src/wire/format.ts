import { defined } from "../support/defined.ts";
import { type Event, refusedEvent } from "../event/event.ts";
import {
  cloudEventData,
  extensionFacts,
  fieldsOf,
  isCloudEvent,
  otherAttributes,
  undecodable,
} from "./cloud_event.ts";
import { isRecord, lazyJson, ownText, type Parsed } from "./json.ts";
import type { Attributes, OutgoingMessage, ReceivedMessage } from "./message.ts";
import {
  CLOUDEVENTS_JSON,
  CONTENT_TYPE,
  type Format,
  isExtension,
  MANIFEST,
  type MessageFormat,
  OURS,
  pack,
  PACKED,
  type Packed,
  SERIALIZER_ID,
  textOf,
  unpack,
} from "./packed.ts";
import type { Readers, Serializer, Writer, Writers } from "./serializer.ts";

/** The user's share of the ten attributes: three are ours, a format or feature may take one more. */
export const MAX_USER_ATTRIBUTES = 6;

/** Options of {@linkcode encode}. */
export interface EncodeOptions {
  /** Format of the message. */
  format: Format | MessageFormat;
  /** Serializers by the type of an event. */
  serializers: Writers;
  /** Tells that the message goes to a queue, not to a topic. */
  toQueue: boolean;
  /** The user's attributes, six at the most. */
  attributes?: Attributes | undefined;
}

/**
 * Writes an event as body and attributes.
 * @throws {MelangeError} `INVALID_EVENT` if the data cannot be serialized, `INVALID_MESSAGE` if
 * there are too many attributes or an attribute has a name of ours
 */
export function encode(event: Event, options: EncodeOptions): OutgoingMessage {
  const { format, serializers, toQueue, attributes = {} } = options;
  checkUserAttributes(event, attributes);
  const serializer = serializers.forType(event.type);
  const text = serialize(event, serializer);
  checkCloudEvent(event);
  const { base = format, write } = format as Partial<MessageFormat>;
  const written = base === "melange" && !toQueue ? "plain" : base as Format;
  const message = {
    body: bodyOf(event, { text, serializer, written }),
    attributes: {
      ...attributes,
      [MANIFEST]: event.type,
      [SERIALIZER_ID]: serializer.id,
      [PACKED]: JSON.stringify(pack(event, written)),
      ...(base === "cloudevents" ? { [CONTENT_TYPE]: CLOUDEVENTS_JSON } : {}),
    },
  };
  return write ? write(message, event) : message;
}

function checkUserAttributes(event: Event, attributes: Attributes): void {
  const names = Object.keys(attributes);
  const ours = names.find((name) => OURS.includes(name));
  if (ours === undefined && names.length <= MAX_USER_ATTRIBUTES) return;
  const rule = ours === undefined
    ? `an event takes at most ${MAX_USER_ATTRIBUTES} attributes beside the library's own: current value is ${names.length}`
    : `the attribute name "${ours}" is taken by the library: choose another`;
  throw refusedEvent(event, rule, "INVALID_MESSAGE");
}

function checkCloudEvent(event: Event): void {
  const odd = Object.entries(event.cloudEvent ?? {}).find(([name, value]) =>
    !/^[a-z\d]+$/.test(name) || !(value === undefined || isExtension(value))
  );
  if (odd) throw refusedEvent(event, `its cloudEvent has no valid "${odd[0].slice(0, 64)}"`);
}

function serialize(event: Event, serializer: Writer): string {
  try {
    const text: unknown = serializer.serialize(event.data, event.type);
    if (typeof text === "string") return text;
  } catch {
    // Its error may quote the data.
  }
  throw refusedEvent(event, `its data cannot be serialized (serializer ${serializer.id})`);
}

function bodyOf(
  event: Event,
  { text, serializer, written }: { text: string; serializer: Writer; written: Format },
): string {
  if (written === "plain") return text;
  if (written === "melange") return JSON.stringify({ Message: text });
  const { cloudEvent } = event;
  const head = {
    ...cloudEvent,
    specversion: "1.0",
    id: event.id,
    source: cloudEvent?.source || sourceOf(event.topic),
    type: event.type,
    time: event.occurredOn.toISOString(),
    datacontenttype: serializer.id === 1 ? "application/json" : "text/plain",
    correlationid: event.correlationId,
    causationid: event.causationId,
    version: event.version,
    data: undefined,
  };
  const data = serializer.id === 1 ? text : JSON.stringify(text);
  return `${JSON.stringify(head).slice(0, -1)},"data":${data}}`;
}

/** The source of a CloudEvent whose event names none. */
export function sourceOf(topic = "melange"): string {
  return `/${encodeURIComponent(topic)}`;
}

/** An event as read from a message. The data is read later, or never. */
export interface LazyEvent {
  /** The event, but for its data; `type` is `undefined` where the message names none. */
  readonly facts: Omit<Event, "data" | "type"> & { readonly type: string | undefined };
  /** The source of a foreign CloudEvent, where only source and id together are unique. */
  readonly source?: string | undefined;
  /** Tells that the body is in a store, or encoded, so that the data cannot be read yet. */
  readonly isAway?: true;
  /** Tells that the message named no type, and the options of the dispatcher did. */
  readonly isForeign?: boolean;
  /**
   * Reads the data of an event of this type; gives a promise only if the serializer does.
   * @throws {MelangeError} `UNDECODABLE`, without a cause, because a parser's error quotes the text;
   * the promise rejects with the same
   */
  data(serializers: Readers, type: string): unknown;
}

/**
 * Reads a message of any writer: any of our formats, Python's Melange of versions 6 and 7, its first
 * version, CloudEvents, or a body without metadata. Never throws; unreadable data throws when the
 * data is asked for.
 */
export function read(message: ReceivedMessage): LazyEvent {
  const { attributes } = message;
  const packed = unpack(attributes);
  const named = textOf(attributes, MANIFEST);
  const manifest = named ?? textOf(attributes, EVENT_TYPE);
  if (packed?.payload || POINTER.test(message.body)) {
    return readPointer({ type: manifest, ...factsOf(message, packed) });
  }
  const json = lazyJson(message.body);
  if (packed?.format === "cloudevents" || (packed === undefined && isCloudEvent(message, json))) {
    return readCloudEvent(message, { manifest: named, packed, json });
  }
  if (manifest === undefined) return readWithoutManifest(message, json);
  const isPython = packed === undefined || packed.format === "melange";
  const hasMarks = named === undefined || Object.hasOwn(attributes, SERIALIZER_ID);
  const payload = (isPython && hasMarks && pythonBody(json())) || { text: message.body, json };
  return {
    facts: {
      type: isPython && manifest === NO_MANIFEST ? undefined : manifest,
      ...factsOf(message, packed),
    },
    data: deserializer(payload, serializerId(attributes)),
  };
}

/** The beginning of a pointer of the Amazon Extended Clients, by the class of today or of before. */
const POINTER = /^\["[\w.]+S3Pointer",/;

/** Reads a message whose attributes alone tell of the event. */
function readPointer(facts: LazyEvent["facts"]): LazyEvent {
  const data = () => {
    throw undecodable("its body is in a store, or encoded: configure payloads");
  };
  return { facts, isAway: true, data };
}

/** The attribute with the type, as Python's Melange wrote it up to version 6. */
const EVENT_TYPE = "event_type";

/** The manifest that Python's serializer for JSON gives to every event: it names no type. */
export const NO_MANIFEST = "json";

/** A text whose JSON has been parsed, or will be, at most once. */
interface Payload {
  text: string;
  json: () => Parsed;
}

/** Returns the function that reads a payload with the serializer of an id. */
function deserializer(payload: Payload, id: number | undefined): LazyEvent["data"] {
  return (serializers, type) => {
    const serializer = serializers.byId(id);
    if (serializer.id !== 1) return deserialized(serializer, payload.text, type);
    const parsed = payload.json();
    if (parsed) return parsed.value;
    throw undecodable("its body is not JSON");
  };
}

function deserialized(serializer: Serializer, text: string, type: string): unknown {
  const refuse = () => {
    throw undecodable(`the serializer ${serializer.id} refused its body`);
  };
  try {
    const data = serializer.deserialize(text, type);
    const isPromise = typeof (data as { then?: unknown } | undefined | null)?.then === "function";
    return isPromise ? Promise.resolve(data).catch(refuse) : data;
  } catch {
    return refuse();
  }
}

function serializerId(attributes: Attributes): number | undefined {
  if (attributes[SERIALIZER_ID] === undefined) return undefined;
  // What is no number is NaN, which no serializer has.
  return Number(textOf(attributes, SERIALIZER_ID) ?? NaN);
}

function factsOf(message: ReceivedMessage, packed: Packed | undefined) {
  return {
    id: given(packed?.id) ?? message.id,
    occurredOn: dateOf(packed?.on) ?? message.sentAt,
    ...defined({
      topic: packed?.topic,
      version: packed?.v,
      correlationId: packed?.correlationId,
      causationId: packed?.causationId,
      cloudEvent: packed?.ce,
    }),
  };
}

/** Returns an id; `undefined` for an empty id. */
function given(id: string | undefined): string | undefined {
  return id === "" ? undefined : id;
}

function dateOf(value: unknown): Date | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/**
 * Reads a body of Python's Melange for a queue: an object with exactly one key, which holds a
 * string.
 */
function pythonBody(parsed: Parsed): Payload | undefined {
  const body = parsed?.value;
  if (!isRecord(body) || Object.keys(body).length !== 1) return undefined;
  const text = ownText(body, "Message");
  return text === undefined ? undefined : { text, json: lazyJson(text) };
}

/** The first Melange put its metadata into the body; a body without any has no type. */
function readWithoutManifest(message: ReceivedMessage, json: () => Parsed): LazyEvent {
  const body = json()?.value;
  const type = isRecord(body) ? ownText(body, "event_type_name") : undefined;
  const facts = factsOf(message, unpack(message.attributes));
  if (!isRecord(body) || type === undefined) {
    const payload = { text: message.body, json };
    return {
      facts: { type: undefined, ...facts },
      data: deserializer(payload, serializerId(message.attributes)),
    };
  }
  const { event_type_name: _, topic, occurred_on, ...data } = body;
  return {
    facts: {
      ...facts,
      type,
      occurredOn: dateOf(occurred_on) ?? facts.occurredOn,
      ...defined({ topic: typeof topic === "string" ? topic : undefined }),
    },
    data: () => data,
  };
}

function readCloudEvent(
  message: ReceivedMessage,
  { manifest, packed, json }: {
    manifest: string | undefined;
    packed: Packed | undefined;
    json: () => Parsed;
  },
): LazyEvent {
  const fields = fieldsOf(message, json);
  const attributes = fields ?? {};
  const facts = factsOf(message, packed);
  const own = given(packed?.id);
  const id = own ?? given(ownText(attributes, "id"));
  const foreign = own === undefined ? ownText(attributes, "source") ?? "" : packed?.source;
  const usual = foreign === undefined ? sourceOf(packed?.topic) : undefined;
  return {
    // The broker's id, which stands in for one that is missing, needs no source.
    source: id === undefined ? undefined : foreign,
    facts: {
      ...extensionFacts(attributes),
      ...facts,
      type: manifest ?? ownText(attributes, "type"),
      id: id ?? facts.id,
      occurredOn: dateOf(packed?.on) ?? dateOf(attributes.time) ?? facts.occurredOn,
      ...otherAttributes(attributes, usual),
    },
    data(serializers, type) {
      const serializer = serializerId(message.attributes) ?? 1;
      if (serializer === 1) return cloudEventData(message, json, fields);
      const text = ownText(attributes, "data");
      if (text === undefined) throw undecodable("its CloudEvent has no text for its serializer");
      return deserializer({ text, json: lazyJson(text) }, serializer)(serializers, type);
    },
  };
}
