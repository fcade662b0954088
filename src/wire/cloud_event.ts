/** CloudEvents of any writer, in both content modes. */
import { fromBase64 } from "../support/base64.ts";
import { defined } from "../support/defined.ts";
import { MelangeError, probe } from "../support/errors.ts";
import { isRecord, ownText, type Parsed, tryParse } from "./json.ts";
import { type ReceivedMessage, typedAttribute } from "./message.ts";
import { CLOUDEVENTS_JSON, CONTENT_TYPE, extensionsIn, MANIFEST, textOf } from "./packed.ts";

/** Name of an attribute that only CloudEvents in binary mode have; `ce-` begins all their names. */
const BINARY = "ce-specversion";

/** Tells whether a message is a CloudEvent, by its attributes or by its look. */
export function isCloudEvent({ attributes }: ReceivedMessage, json: () => Parsed): boolean {
  const contentType = textOf(attributes, CONTENT_TYPE);
  if (contentType?.toLowerCase().startsWith(CLOUDEVENTS_JSON) || textOf(attributes, BINARY)) {
    return true;
  }
  if (textOf(attributes, MANIFEST) !== undefined) return false;
  const body = json()?.value;
  return isRecord(body) &&
    ["specversion", "id", "source", "type"].every((key) => ownText(body, key) !== undefined);
}

/**
 * The attributes of a CloudEvent with its data, which is text in binary mode; `undefined` if the
 * body is no CloudEvent.
 */
export function fieldsOf(
  { attributes, body }: ReceivedMessage,
  json: () => Parsed,
): Record<string, unknown> | undefined {
  if (!textOf(attributes, BINARY)) {
    const value = json()?.value;
    return isRecord(value) ? value : undefined;
  }
  const fields: Record<string, unknown> = { datacontenttype: textOf(attributes, CONTENT_TYPE) };
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("ce-")) fields[name.slice(3)] = unescaped(typedAttribute(value).value);
  }
  return { ...fields, data: body };
}

/** The binding for HTTP escapes text; some packages do, and others do not. */
function unescaped(value: string | Uint8Array): unknown {
  return probe(() => decodeURIComponent(value as string)) ?? value;
}

/** The facts of an event in the extensions of a CloudEvent. */
export function extensionFacts(fields: Record<string, unknown>) {
  return defined({
    correlationId: ownText(fields, "correlationid"),
    causationId: ownText(fields, "causationid"),
    version: isVersion(fields.version) ? Number(fields.version) : undefined,
  });
}

function isVersion(value: unknown): boolean {
  return /^\d{1,15}$/.test(String(value));
}

/** Attributes with a place of their own in an event, and attributes that name its data. */
const PLACED = /^(specversion|id|type|time|data|data_base64|correlationid|causationid)$/;

/**
 * The attributes without a place of their own. Of an event of ours, without those that Melange
 * wrote by itself: `usual` is the source that it writes.
 */
export function otherAttributes(fields: Record<string, unknown>, usual: string | undefined) {
  const { source, datacontenttype, ...others } = extensionsIn(fields);
  const cloudEvent: Record<string, string | number | boolean | undefined> = defined({
    source: source === usual ? undefined : source,
    datacontenttype: usual === undefined ? datacontenttype : undefined,
  });
  for (const name in others) {
    const isPlaced = name === "version" ? isVersion(others[name]) : PLACED.test(name);
    if (!isPlaced) cloudEvent[name] = others[name];
  }
  return Object.keys(cloudEvent).length > 0 ? { cloudEvent } : {};
}

function isJson(contentType: string): boolean {
  return /^[^;]*[/+]json *(;|$)/i.test(contentType);
}

/**
 * The data of a CloudEvent: `undefined` where the event has none, bytes where they are no JSON.
 * @throws {MelangeError} `UNDECODABLE`
 */
export function cloudEventData(
  { attributes }: ReceivedMessage,
  json: () => Parsed,
  fields: Record<string, unknown> | undefined,
): unknown {
  if (!fields) throw undecodable("its body is no CloudEvent");
  const { data, data_base64, datacontenttype } = fields;
  const type = typeof datacontenttype === "string" ? datacontenttype : "";
  let parsed: Parsed;
  if (textOf(attributes, BINARY)) {
    parsed = !type || isJson(type) ? json() : { value: data };
    if (parsed || !type) return (parsed ?? { value: data }).value;
  } else {
    if (data_base64 === undefined || data_base64 === null) return data;
    // An event with both has no data that could be told.
    const bytes = probe(() => data ?? fromBase64(String(data_base64)));
    if (bytes instanceof Uint8Array && typeof data_base64 === "string") {
      if (!isJson(type)) return bytes;
      parsed = tryParse(probe(() => utf8.decode(bytes)) ?? "");
    }
    if (parsed) return parsed.value;
  }
  throw undecodable("the data of its CloudEvent is not what it should be");
}

const utf8 = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true });

/** The error of a message that cannot be read. The reason tells no values. */
export function undecodable(reason: string): MelangeError {
  return new MelangeError("UNDECODABLE", `Cannot read a message as ${reason}`);
}
