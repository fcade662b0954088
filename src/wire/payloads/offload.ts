import { MelangeError } from "../../support/errors.ts";
import { retry } from "../../support/retry.ts";
import { isRecord, tryParse } from "../json.ts";
import {
  type Attributes,
  byteLength,
  MAX_ATTRIBUTES,
  messageSize,
  type OutgoingMessage,
  refusal,
} from "../message.ts";
import { CLOUDEVENTS_JSON, CONTENT_TYPE, PACKED, textOf } from "../packed.ts";
import { bytesOf, sha256 } from "./bytes.ts";
import { encodeBody } from "./coded.ts";
import type { StoreWork } from "./objects.ts";
import type { OffloadOptions } from "./options.ts";
import { LEGACY_POINTER_SIZE, POINTER_SIZE, writePointer } from "./pointer.ts";
import { inTime, ownError } from "./times.ts";

/** Options of {@linkcode offload}. */
export type Offloading = OffloadOptions & StoreWork;

/**
 * Encodes the body of a message by the codecs, and stores the body if the message is too large. The
 * body is stored before the message is returned, so that no pointer is ever sent without an object.
 */
export async function offload(
  message: OutgoingMessage,
  options: Offloading,
): Promise<OutgoingMessage> {
  const { limits, overBytes = Infinity, codecs = [], settings, clock, signal } = options;
  const { maxBytes, timeoutMs } = settings;
  checkNames(message.attributes);
  check(message, { ...options, limits: { ...limits, messageBytes: Infinity } });
  checkSize(byteLength(message.body), maxBytes);
  const coded = await encodeBody(message.body, codecs, { clock, timeoutMs, signal });
  const facts = coded.codecs.length > 0 ? { codecs: coded.codecs } : undefined;
  const encoded = facts
    ? { ...message, body: coded.body, attributes: withFacts(message.attributes, facts) }
    : message;
  const isSmall = messageSize(encoded) <= Math.min(overBytes, limits.messageBytes);
  const travelling = isSmall ? encoded : await pointer(encoded, { ...options, facts });
  check(travelling, options);
  return travelling;
}

/** Refuses a message that its destination would refuse. */
function check(
  message: OutgoingMessage,
  { destination, limits }: Pick<OffloadOptions, "destination" | "limits">,
): void {
  const error = refusal(message, destination, limits);
  if (error) throw error;
}

/** Stores the body of a message; resolves to the message with a pointer in place of the body. */
async function pointer(
  message: OutgoingMessage,
  options: Offloading & { facts: { codecs: readonly string[] } | undefined },
): Promise<OutgoingMessage> {
  const { settings, facts } = options;
  const { bucket, prefix, maxBytes } = settings;
  const bytes = bytesOf(message.body);
  checkSize(bytes.length, storedBytes(maxBytes));
  const hash = await sha256(bytes);
  // Not a name made of the content: the Java client deletes what it has read, which another message
  // with the same body would miss.
  const place = { bucket, key: prefix + crypto.randomUUID() };
  await put(place, message.body, { ...options, hash });
  const attributes = withFacts(message.attributes, { ...facts, sha256: hash });
  return {
    ...message,
    body: writePointer(place),
    attributes: withSize(attributes, bytes.length),
  };
}

async function put(
  place: { bucket: string; key: string },
  body: string,
  options: Offloading & { hash: string },
): Promise<void> {
  const { objects, settings, places, clock, random, signal, hash } = options;
  const step = (ending: AbortSignal) => objects.put(place, body, { signal: ending, sha256: hash });
  const times = { clock, timeoutMs: settings.timeoutMs, signal };
  const attempt = () =>
    inTime("store a body", step, times).catch((error) => {
      signal?.throwIfAborted();
      throw notPublished(error);
    });
  await places.acquire(signal);
  try {
    await retry(attempt, { ...settings.retry, clock, random, signal });
  } finally {
    places.release();
  }
}

/** The largest body in a store: base64 takes a third more, and codecs may add a little. */
export function storedBytes(maxBytes: number): number {
  return Math.ceil(maxBytes * 1.4) + 1_024;
}

function checkNames(attributes: Attributes): void {
  const taken = [POINTER_SIZE, LEGACY_POINTER_SIZE].find((name) => Object.hasOwn(attributes, name));
  if (taken === undefined) return;
  const rule = `the attribute name "${taken}" is taken by pointers: choose another`;
  throw new MelangeError("INVALID_MESSAGE", `Cannot publish as ${rule}`);
}

function checkSize(bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return;
  const rule = `the store takes bodies of at most ${maxBytes} bytes: current value is ${bytes}`;
  throw new MelangeError("INVALID_MESSAGE", `Cannot publish as ${rule}`);
}

/** Adds facts to the packed attribute, which other clients pass on and do not read. */
function withFacts(attributes: Attributes, facts: Record<string, unknown>): Attributes {
  const packed = tryParse(textOf(attributes, PACKED) ?? "")?.value;
  const others = isRecord(packed) ? packed : {};
  return { ...attributes, [PACKED]: JSON.stringify({ ...others, payload: facts }) };
}

/**
 * Adds the attribute by which the Extended Clients know a pointer. The content type of a CloudEvent
 * gives way where there is no room: it is about the body, and our reader knows the format without
 * it.
 */
function withSize(attributes: Attributes, bytes: number): Attributes {
  const { [CONTENT_TYPE]: type, ...others } = attributes;
  const isFull = Object.keys(attributes).length >= MAX_ATTRIBUTES;
  const kept = isFull && type === CLOUDEVENTS_JSON ? others : attributes;
  return { ...kept, [POINTER_SIZE]: bytes };
}

/**
 * Turns any error of a store into the error of a publish. An object that may have been stored is no
 * event that may have been sent. Foreign errors are dropped, because they may quote a body.
 */
function notPublished(error: unknown): MelangeError {
  const own = ownError(error);
  if (!own) {
    const message = "Cannot publish as the store of payloads failed";
    return new MelangeError("REFUSED", message, { retryable: true });
  }
  const { code, message, retryable, retryAfterMs } = own;
  return new MelangeError(
    code === "OUTCOME_UNKNOWN" ? "REFUSED" : code,
    `${message} (not published: the body could not be stored)`,
    { retryable, retryAfterMs },
  );
}
