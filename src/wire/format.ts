import { defined } from "../support/defined.ts";
import { MelangeError } from "../support/errors.ts";
import { type Event, invalidEvent } from "../event/event.ts";
import { isRecord, lazyJson, ownText, type Parsed } from "./json.ts";
import type { Attributes, OutgoingMessage, ReceivedMessage } from "./message.ts";
import {
  CLOUDEVENTS_JSON,
  CONTENT_TYPE,
  type Format,
  MANIFEST,
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
  format: Format;
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
  const empty = names.find((name) => attributes[name] === undefined || attributes[name] === null);
  if (empty !== undefined) {
    throw new MelangeError(
      "INVALID_MESSAGE",
      `Cannot publish "${event.type}" as the attribute "${
        empty.slice(0, 64)
      }" has no value: leave it out instead`,
    );
  }
  const ours = names.find((name) => OURS.includes(name));
  if (ours === undefined && names.length <= MAX_USER_ATTRIBUTES) return;
  const rule = ours === undefined
    ? `an event takes at most ${MAX_USER_ATTRIBUTES} attributes beside the library's own: current value is ${names.length}`
    : `the attribute name "${ours}" is taken by the library: choose another`;
  throw new MelangeError("INVALID_MESSAGE", `Cannot publish "${event.type}" as ${rule}`);
}

function serialize(event: Event, serializer: Writer): string {
  try {
    const text: unknown = serializer.serialize(event.data, event.type);
    if (typeof text === "string") return text;
  } catch {
    // Its error may quote the data.
  }
  throw invalidEvent(event, `data cannot be serialized (serializer ${serializer.id})`);
}

function bodyOf(
  event: Event,
  { text, serializer, written }: { text: string; serializer: Writer; written: Format },
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

/** An event as read from a message. The data is read later, or never. */
export interface LazyEvent {
  /** The event, but for its data; `type` is `undefined` where the message names none. */
  readonly facts: Omit<Event, "data" | "type"> & { readonly type: string | undefined };
  /** The source of a foreign CloudEvent, where only source and id together are unique. */
  readonly source?: string | undefined;
  /**
   * Reads the data of an event of this type; gives a promise only if the serializer does.
   * @throws {MelangeError} `UNDECODABLE`, without a cause, because a parser's error quotes the text;
   * the promise rejects with the same
   */
  data(serializers: Readers, type: string): unknown;
}

/**
 * Reads a message of any writer: any of our formats, Python's Melange, the first version of
 * Python's Melange, CloudEvents, or a body without metadata. Never throws; unreadable data throws
 * when the data is asked for.
 */
export function read(message: ReceivedMessage): LazyEvent {
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
    data: deserializer(payload, serializerId(attributes)),
  };
}

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

function undecodable(reason: string): MelangeError {
  return new MelangeError("UNDECODABLE", `Cannot read a message as ${reason}`);
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

/** Tells whether a message is a CloudEvent, by its attributes or by its look. */
export function isCloudEvent(message: ReceivedMessage, json: () => Parsed): boolean {
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
): LazyEvent {
  const parsed = json()?.value;
  const body = isRecord(parsed) ? parsed : {};
  const facts = factsOf(message, packed);
  const own = given(packed?.id);
  const id = own ?? given(ownText(body, "id"));
  const foreign = own === undefined ? ownText(body, "source") ?? "" : packed?.source;
  return {
    // The broker's id, which stands in for one that is missing, needs no source.
    source: id === undefined ? undefined : foreign,
    facts: {
      ...facts,
      type: manifest ?? ownText(body, "type"),
      id: id ?? facts.id,
      occurredOn: dateOf(packed?.on) ?? dateOf(body.time) ?? facts.occurredOn,
    },
    data: (...args) => cloudEventData(body, message.attributes)(...args),
  };
}

function cloudEventData(
  body: Record<string, unknown>,
  attributes: Attributes,
): LazyEvent["data"] {
  const id = serializerId(attributes) ?? 1;
  if (id === 1 && Object.hasOwn(body, "data")) return () => body.data;
  const text = ownText(body, "data");
  if (text === undefined) throw undecodable("its CloudEvents body has no readable data");
  return deserializer({ text, json: lazyJson(text) }, id);
}
