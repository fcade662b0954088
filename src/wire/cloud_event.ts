/** CloudEvents of any writer, in both content modes. */
import { fromBase64 } from "../support/base64.ts";
import { defined } from "../support/defined.ts";
import { MelangeError, probe } from "../support/errors.ts";
import { isRecord, ownText, type Parsed, tryParse } from "./json.ts";
import { type Attributes, type ReceivedMessage, typedAttribute } from "./message.ts";
import { CLOUDEVENTS_JSON, CONTENT_TYPE, extensionsIn, MANIFEST, textOf } from "./packed.ts";

/** A CloudEvent, taken apart. */
export interface CloudEvent {
  /** The attributes and, in structured mode, the data; `undefined` if the body is none. */
  readonly fields: Record<string, unknown> | undefined;
  /** Tells that the attributes are attributes of the message, and its body is the data. */
  readonly isBinary: boolean;
}

/** The beginning of the names of attributes in binary mode, as in the binding for HTTP. */
const PREFIX = /^ce[-_]/;

/** Tells whether a message is a CloudEvent, by its attributes or by its look. */
export function isCloudEvent({ attributes }: ReceivedMessage, json: () => Parsed): boolean {
  const contentType = textOf(attributes, CONTENT_TYPE);
  if (contentType?.toLowerCase().startsWith(CLOUDEVENTS_JSON) || isBinary(attributes)) return true;
  if (textOf(attributes, MANIFEST) !== undefined) return false;
  const body = json()?.value;
  return isRecord(body) &&
    ["specversion", "id", "source", "type"].every((key) => ownText(body, key) !== undefined);
}

function isBinary(attributes: Attributes): boolean {
  return ["ce-specversion", "ce_specversion"].some((name) => textOf(attributes, name));
}

/** Takes a CloudEvent apart. */
export function cloudEventIn({ attributes }: ReceivedMessage, json: () => Parsed): CloudEvent {
  if (!isBinary(attributes)) {
    const body = json()?.value;
    return { isBinary: false, fields: isRecord(body) ? body : undefined };
  }
  const entries = Object.entries(attributes).filter(([name]) => PREFIX.test(name)).map((entry) => {
    return [entry[0].replace(PREFIX, ""), typedAttribute(entry[1]).value] as const;
  });
  const datacontenttype = textOf(attributes, CONTENT_TYPE);
  return { isBinary: true, fields: { ...Object.fromEntries(entries), datacontenttype } };
}

/** The facts of an event in the extensions of a CloudEvent. */
export function extensionFacts(fields: Record<string, unknown>) {
  const version = Number(fields.version ?? NaN);
  return defined({
    correlationId: ownText(fields, "correlationid"),
    causationId: ownText(fields, "causationid"),
    version: Number.isInteger(version) ? version : undefined,
  });
}

/** Names with a place of their own in an event. */
const PLACED: readonly string[] = [
  ...["specversion", "id", "type", "time", "data", "data_base64"],
  ...["correlationid", "causationid", "version"],
];

/**
 * The attributes without a place of their own. Of an event of ours, without those that Melange
 * wrote by itself: `source` is the source that it writes by default.
 */
export function otherAttributes(
  fields: Record<string, unknown>,
  { source }: { source: string | undefined },
) {
  const others = Object.entries(extensionsIn(fields)).filter(([name, value]) => {
    if (source === undefined) return !PLACED.includes(name);
    return ![...PLACED, "datacontenttype", value === source && "source"].includes(name);
  });
  return others.length > 0 ? { cloudEvent: Object.fromEntries(others) } : {};
}

const JSON_TYPE = /^[^;]*[/+]json *(;|$)/i;

/**
 * The data of a CloudEvent whose data is JSON or as its content type says: `undefined` where the
 * event has none, bytes where they are no JSON.
 * @throws {MelangeError} `UNDECODABLE`
 */
export function cloudEventData(
  { fields, isBinary }: CloudEvent,
  body: { text: string; json: () => Parsed },
): unknown {
  if (!fields) throw undecodable("its body is no CloudEvent");
  const type = ownText(fields, "datacontenttype");
  const isJson = JSON_TYPE.test(type ?? "");
  if (isBinary) {
    const parsed = isJson || type === undefined ? body.json() : { value: body.text };
    return parsed || type === undefined ? (parsed ?? { value: body.text }).value : notJson();
  }
  const base64 = Object.hasOwn(fields, "data_base64") ? fields.data_base64 ?? undefined : undefined;
  if (base64 === undefined) return Object.hasOwn(fields, "data") ? fields.data : undefined;
  if ((fields.data ?? undefined) !== undefined) throw undecodable("its CloudEvent has data twice");
  const bytes = typeof base64 === "string" ? probe(() => fromBase64(base64)) : undefined;
  if (!bytes) throw undecodable("its data_base64 is not base64");
  if (!isJson) return bytes;
  const text = probe(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  return (tryParse(text ?? "") ?? notJson()).value;
}

function notJson(): never {
  throw undecodable("its data is not JSON");
}

/** The error of a message that cannot be read. The reason tells no values. */
export function undecodable(reason: string): MelangeError {
  return new MelangeError("UNDECODABLE", `Cannot read a message as ${reason}`);
}
