/** The attributes with the facts of an event beside its data. */
import { defined } from "../support/defined.ts";
import type { CloudEventAttributes, Event } from "../event/event.ts";
import { isRecord, ownText, tryParse } from "./json.ts";
import { type Attributes, type OutgoingMessage, typedAttribute } from "./message.ts";

/**
 * The format of an event on the wire. All formats carry the same three attributes (`manifest`,
 * `serializer_id`, `melange`), and one reader understands all formats.
 *
 * - `plain`: the body is the serialized data: smallest, readable by anyone.
 * - `melange`: the format of Python's Melange 7: in a queue wrapped as `{"Message": …}`, in a topic
 *   the serialized data, for a subscription without raw delivery.
 * - `cloudevents`: a structured CloudEvents 1.0 JSON body, with one more attribute, `content-type`.
 *
 * @category Publishing
 */
export type Format = "plain" | "melange" | "cloudevents";

/**
 * A format that changes what another format wrote, for the option `format` of a publisher. A format
 * of this library is `binaryCloudEvents()` of `@melange/melange/cloudevents`.
 *
 * @category Publishing
 */
export interface MessageFormat {
  /** The format that writes first. */
  readonly base: Format;
  /**
   * Returns the message in place of the one that `base` wrote. Keep the attribute `manifest`:
   * subscriptions are filtered by it, and readers find the type of the event there.
   */
  write(message: OutgoingMessage, event: Event): OutgoingMessage;
}

const FORMATS: readonly unknown[] = ["plain", "melange", "cloudevents"] satisfies Format[];

/** Tells whether a value names a format, or is one. */
export function isFormat(value: unknown): value is Format | MessageFormat {
  return FORMATS.includes((value as MessageFormat)?.base ?? value);
}

/** The name of the event type. */
export const MANIFEST = "manifest";
/** The id of the serializer. */
export const SERIALIZER_ID = "serializer_id";
/** Everything else, as JSON. */
export const PACKED = "melange";
/** The name of the attribute for the content type, present only where the body is a CloudEvent. */
export const CONTENT_TYPE = "content-type";
/** The content type of a CloudEvent. */
export const CLOUDEVENTS_JSON = "application/cloudevents+json";
/** The names that users cannot take. */
export const OURS: readonly string[] = [MANIFEST, SERIALIZER_ID, PACKED, CONTENT_TYPE];

/** Content of the one packed attribute. The names are short, because every message carries them. */
export interface Packed {
  id: string;
  on: string;
  topic?: string;
  v?: number;
  correlationId?: string;
  causationId?: string;
  /** The W3C trace context of the publish, where tracing is on. */
  traceparent?: string;
  /** The additions of vendors to the trace context. */
  tracestate?: string;
  format?: Format;
  /** The attributes of CloudEvents, where the body has no place for them. */
  ce?: CloudEventAttributes;
  /** The source of a foreign CloudEvent, whose id is unique only together with the source. */
  source?: string;
  /** Facts of a body that is not in the message as published; only stores of payloads read them. */
  payload?: Record<string, unknown>;
  /** Facts of the envelope, only on a copy in a dead-letter queue. */
  origin?: PackedOrigin;
  dead?: DeadLetterFacts;
}

/** Facts of an envelope in a dead-letter copy. */
export interface PackedOrigin {
  topic?: string | undefined;
  subject?: string | undefined;
  /** The time of publishing. */
  at?: string | undefined;
}

/**
 * Why a message was dead-lettered by hand; stored on the copy.
 *
 * @category Handling
 */
export interface DeadLetterFacts {
  /**
   * A short code: the code of the `DeadLetter`, or `UNDECODABLE`, `UNKNOWN_TYPE`, `MAX_ATTEMPTS`.
   */
  readonly reason: string;
  /** The queue it came from. */
  readonly queue: string;
  /** The name of the subscriber that gave up, if any. */
  readonly subscriber?: string;
  /** The number of attempts. */
  readonly attempts: number;
}

/** Packs the facts of an event, as they travel. */
export function pack(event: Omit<Event, "type" | "data">, format: Format): Packed {
  const { id, occurredOn, topic, version, correlationId, causationId, cloudEvent } = event;
  return {
    id,
    on: occurredOn.toISOString(),
    ...defined({
      topic,
      v: version,
      correlationId,
      causationId,
      format: format === "plain" ? undefined : format,
      ce: format === "cloudevents" ? undefined : cloudEvent,
    }),
  };
}

/** Reads the packed facts of a message; `undefined` if the message is not one of ours. */
export function unpack(attributes: Attributes): Packed | undefined {
  const text = textOf(attributes, PACKED);
  const value = text === undefined ? undefined : tryParse(text)?.value;
  if (!isRecord(value)) return undefined;
  const id = ownText(value, "id") ?? (isRecord(value.payload) ? "" : undefined);
  if (id === undefined) return undefined;
  const packed: Packed = { id, on: ownText(value, "on") ?? "" };
  for (
    const key of [
      "topic",
      "correlationId",
      "causationId",
      "source",
      "traceparent",
      "tracestate",
    ] as const
  ) {
    const item = ownText(value, key);
    if (item !== undefined) packed[key] = item;
  }
  if (typeof value.v === "number") packed.v = value.v;
  if (value.format === "melange" || value.format === "cloudevents") packed.format = value.format;
  if (isRecord(value.ce)) packed.ce = extensionsIn(value.ce);
  if (isRecord(value.payload)) packed.payload = value.payload;
  const origin = readOrigin(value.origin);
  if (origin) packed.origin = origin;
  const dead = readDeadLetterFacts(value.dead);
  if (dead) packed.dead = dead;
  return packed;
}

/** The attributes of a CloudEvent, without values that no attribute has. `null` stands for none. */
export function extensionsIn(fields: Record<string, unknown>): CloudEventAttributes {
  const entries = Object.entries(fields).filter(([, value]) => isExtension(value));
  return Object.fromEntries(entries) as CloudEventAttributes;
}

/** Tells whether an attribute of CloudEvents has such a value. */
export function isExtension(value: unknown): boolean {
  return /^(str|boo)/.test(typeof value) || Number.isInteger(value);
}

function readOrigin(value: unknown): PackedOrigin | undefined {
  if (!isRecord(value)) return undefined;
  const origin: PackedOrigin = {};
  for (const key of ["topic", "subject", "at"] as const) {
    const item = ownText(value, key);
    if (item !== undefined) origin[key] = item;
  }
  return origin;
}

function readDeadLetterFacts(value: unknown): DeadLetterFacts | undefined {
  if (!isRecord(value)) return undefined;
  const reason = ownText(value, "reason");
  const queue = ownText(value, "queue");
  const subscriber = ownText(value, "subscriber");
  if (reason === undefined || queue === undefined || typeof value.attempts !== "number") {
    return undefined;
  }
  return { reason, queue, attempts: value.attempts, ...defined({ subscriber }) };
}

/** Returns the text of an attribute, if the attribute is a text. */
export function textOf(attributes: Attributes, name: string): string | undefined {
  if (!Object.hasOwn(attributes, name)) return undefined;
  const value = typedAttribute(attributes[name] ?? "").value;
  return typeof value === "string" ? value : undefined;
}
