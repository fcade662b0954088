import { MelangeError } from "../../support/errors.ts";
import { isCloudEvent } from "../cloud_event.ts";
import { isRecord, lazyJson, ownText, tryParse } from "../json.ts";
import { type Attributes, type ReceivedMessage, typedAttribute } from "../message.ts";
import { PACKED, textOf } from "../packed.ts";
import { bytesOf, sha256 } from "./bytes.ts";
import { decodeBody } from "./coded.ts";
import type { StoreWork } from "./objects.ts";
import { storedBytes } from "./offload.ts";
import type { RestoreOptions } from "./options.ts";
import {
  LEGACY_POINTER_SIZE,
  type PayloadPlace,
  POINTER_SIZE,
  readPointer,
  unreadable,
} from "./pointer.ts";
import { inTime, ownError } from "./times.ts";

/** Options of {@linkcode restore}. */
export type Restoring = RestoreOptions & StoreWork;

/**
 * Returns a message with its body as published: read from the store if the message is a pointer,
 * and decoded by the codecs that the message names.
 */
export async function restore(
  message: ReceivedMessage,
  options: Restoring,
): Promise<ReceivedMessage> {
  const { codecs = [], settings, clock, signal } = options;
  const { maxBytes, timeoutMs } = settings;
  const { payload, ...packed } = packedOf(message.attributes);
  const facts = isRecord(payload) ? payload : {};
  const size = message.attributes[POINTER_SIZE] ?? message.attributes[LEGACY_POINTER_SIZE];
  const place = readPointer(message.body);
  const isInline = facts.codecs !== undefined && facts.sha256 === undefined && size === undefined;
  if (!place && !isInline) throw unreadable("its pointer into a store makes no sense");
  const stored = place ? await fetched(place, { ...options, facts, size }) : message.body;
  const coded = { body: stored, codecs: namesOf(facts.codecs) };
  const body = await decodeBody(coded, codecs, { clock, timeoutMs, signal, maxBytes });
  return withBody(message, body, packed);
}

/** Reads the packed attribute as it is: the sender may have put anything there. */
function packedOf(attributes: Attributes): Record<string, unknown> {
  const packed = tryParse(textOf(attributes, PACKED) ?? "")?.value;
  return isRecord(packed) ? packed : {};
}

function namesOf(codecs: unknown): string[] {
  if (codecs === undefined) return [];
  if (Array.isArray(codecs) && codecs.every((name) => typeof name === "string")) return codecs;
  throw unreadable("its list of codecs makes no sense");
}

/** Reads a body, and compares it with everything that the message says of it. */
async function fetched(
  place: PayloadPlace,
  options: Restoring & { facts: Record<string, unknown>; size: Attributes[string] | undefined },
): Promise<string> {
  const { settings, facts } = options;
  const { bucket, readBuckets } = settings;
  if (place.bucket !== bucket && !readBuckets.includes(place.bucket)) {
    throw unreadable("its pointer is to a bucket that is not allowed: see readBuckets");
  }
  const most = storedBytes(settings.maxBytes);
  const said = saidBytes(options.size);
  if (said > most && said !== Infinity) throw unreadable(`its body exceeds ${most} bytes`);
  const maxBytes = Math.min(most, said);
  const body = await got(place, maxBytes, options);
  const bytes = bytesOf(body);
  if (bytes.length > maxBytes) {
    const rule = said <= most ? "its message says" : `${most} bytes`;
    throw unreadable(`its stored body is larger than ${rule}`);
  }
  if (facts.sha256 !== undefined && facts.sha256 !== await sha256(bytes)) {
    throw unreadable("its stored body has another checksum: it was changed or damaged");
  }
  return body;
}

/** Reads the size in a pointer's attribute; `Infinity` if there is none. */
function saidBytes(value: Attributes[string] | undefined): number {
  if (value === undefined) return Infinity;
  const said = Number(typedAttribute(value).value);
  if (Number.isSafeInteger(said) && said >= 0) return said;
  throw unreadable("the size in its pointer makes no sense");
}

async function got(place: PayloadPlace, maxBytes: number, options: Restoring): Promise<string> {
  const { objects, settings, clock, signal } = options;
  const step = (ending: AbortSignal) => objects.get(place, { signal: ending, maxBytes });
  const times = { clock, timeoutMs: settings.timeoutMs, signal };
  const body: unknown = await inTime("read a stored body", step, times).catch((error) => {
    signal?.throwIfAborted();
    throw ownError(error) ?? storeFailed();
  });
  if (body === undefined) throw unreadable("its stored body is gone");
  if (typeof body === "string") return body;
  throw storeFailed();
}

/** The error of a store that failed in its own way: the foreign error may quote a body. */
function storeFailed(): MelangeError {
  const message = "Cannot read a stored body as the store of payloads failed";
  return new MelangeError("REFUSED", message, { retryable: true });
}

/** Returns the message as it would be without a store, for readers and handlers. */
function withBody(
  message: ReceivedMessage,
  body: string,
  packed: Record<string, unknown>,
): ReceivedMessage {
  const { [POINTER_SIZE]: _, [LEGACY_POINTER_SIZE]: _legacy, ...attributes } = message.attributes;
  const { [PACKED]: own, ...others } = attributes;
  if (own === undefined) return { ...message, body, attributes };
  // A copy of a foreign message in a dead-letter queue was packed before its body could be seen.
  const foreign = { ...message, body, attributes: others };
  const isEvent = packed.format === "melange" && isCloudEvent(foreign, lazyJson(body));
  const facts = isEvent ? { ...packed, format: "cloudevents" } : packed;
  // A format without our attribute has got one for the facts of the store alone.
  if (!ownText(facts, "id")) return foreign;
  return { ...foreign, attributes: { ...others, [PACKED]: JSON.stringify(facts) } };
}
