import { MelangeError } from "./errors.ts";
import type { MessageLimits } from "./backend.ts";

/**
 * The value of a message attribute. A string travels as `String`, a number as `Number`, bytes as
 * `Binary`; whatever plain JavaScript cannot hold without loss (custom labels such as
 * `Number.float`, `String.Array`, numbers of many digits) is a {@linkcode TypedAttribute}, both
 * when it is sent and when it is received.
 */
export type AttributeValue = string | number | Uint8Array | TypedAttribute;

/** An attribute with its data type spelled out. */
export interface TypedAttribute {
  /** `String`, `Number` or `Binary`, with an optional custom label after a dot. */
  readonly type: string;
  /** Bytes for `Binary`, else text, kept exactly as it was sent. */
  readonly value: string | Uint8Array;
}

/** The attributes of a message by name. */
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** What a backend is asked to carry. */
export interface OutgoingMessage {
  /** The text, already serialized. */
  readonly body: string;
  /** Ours and the user's, ten at the most. */
  readonly attributes: Attributes;
  /** The message group; required by FIFO destinations. */
  readonly group?: string;
  /** FIFO destinations drop a second message with this id for five minutes. */
  readonly deduplicationId?: string;
  /** How long the queue hides it first, in milliseconds. Queues only. Default: the queue's own delay. */
  readonly delayMs?: number;
}

/** What a backend hands out. */
export interface ReceivedMessage {
  /** The broker's id: another one for each publish, also for a repeated one. */
  readonly id: string;
  /** The text as it arrived. */
  readonly body: string;
  /** All attributes, ours and the user's. */
  readonly attributes: Attributes;
  /** The message group, if it has one. That alone does not make its queue FIFO. */
  readonly group?: string;
  /** The id that a FIFO queue de-duplicated it by. */
  readonly deduplicationId?: string;
  /** Its place in a FIFO queue: a decimal of up to 128 bits, so compare it as `BigInt`. */
  readonly sequenceNumber?: string;
  /** When the broker took it. */
  readonly sentAt: Date;
  /** How often it has been received, this time included; 1 at first, or always where not counted. */
  readonly attempt: number;
  /** When its lock ends unless it is extended. */
  readonly lockedUntil?: Date;
}

/** Where a message is sent: a topic that fans out, or one queue. Names, ARNs and URLs are taken. */
export type Destination = { readonly topic: string } | { readonly queue: string };

/** Tells whether a queue or topic is FIFO: its name, ARN or URL ends in `.fifo`. */
export function isFifo(name: string): boolean {
  return name.endsWith(".fifo");
}

/** The name of a destination as it was given. */
export function nameOf(destination: Destination): string {
  return "topic" in destination ? destination.topic : destination.queue;
}

/** The data type and the value of an attribute, as they travel. */
export function typedAttribute(value: AttributeValue): TypedAttribute {
  if (typeof value === "string") return { type: "String", value };
  if (typeof value === "number") return { type: "Number", value: String(value) };
  if (value instanceof Uint8Array) return { type: "Binary", value };
  return value;
}

/** The simplest value that holds an attribute without loss: the inverse of {@linkcode typedAttribute}. */
export function attributeValue(attribute: TypedAttribute): AttributeValue {
  const { type, value } = attribute;
  if (type === "String" || type === "Binary") return value;
  if (type === "Number" && typeof value === "string" && String(Number(value)) === value) {
    return Number(value);
  }
  return attribute;
}

const encoder = new TextEncoder();
// deno-lint-ignore no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

/** The bytes that text takes in UTF-8. */
export function byteLength(text: string): number {
  // Most text is ASCII, and to encode it takes ten times as long.
  return ASCII.test(text) ? text.length : encoder.encode(text).length;
}

/**
 * The bytes that count against a size limit: the body, and of each attribute the name, the type
 * and the value.
 */
export function messageSize(message: OutgoingMessage): number {
  let size = byteLength(message.body);
  for (const [name, value] of Object.entries(message.attributes)) {
    const attribute = typedAttribute(value);
    size += byteLength(name) + byteLength(attribute.type) + valueLength(attribute.value);
  }
  return size;
}

function valueLength(value: string | Uint8Array): number {
  return typeof value === "string" ? byteLength(value) : value.length;
}

/** The most attributes that SNS and SQS carry. */
export const MAX_ATTRIBUTES = 10;
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html */
const ATTRIBUTE_NAME = /^(?!\.)(?!.*\.\.)(?!(?:aws|amazon)\.)[A-Za-z0-9_.-]{1,256}(?<!\.)$/i;
const ATTRIBUTE_TYPE =
  /^(?=.{1,256}$)(?:String|Number|Binary)(?:\.[^\p{Cc}\p{Cs}\uFFFE\uFFFF]+)?$/u;
/** What SQS takes for a number; JavaScript takes more (hexadecimal, spaces around it). */
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html */
const NUMBER_RANGE = { min: -1e128, max: 1e126 };
/** Alphanumerics and punctuation: the printable ASCII characters without the space. */
const TOKEN = /^[!-~]{1,128}$/;
/** What SQS and SNS refuse or replace: control characters, lone surrogates, U+FFFE and U+FFFF. */
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|\p{Surrogate}/u;

/**
 * The reason why a message cannot be sent to a destination, or `undefined`. One rule set for all
 * backends, the one of SNS and SQS: what a test sends in memory can be sent to AWS.
 */
export function refusal(
  message: OutgoingMessage,
  destination: Destination,
  limits: MessageLimits,
): MelangeError | undefined {
  const rule = brokenRule(message, destination, limits);
  if (rule === undefined) return undefined;
  const kind = "topic" in destination ? "topic" : "queue";
  return new MelangeError(
    "INVALID_MESSAGE",
    `Cannot send to the ${kind} "${nameOf(destination)}" as ${rule}`,
  );
}

function brokenRule(
  message: OutgoingMessage,
  destination: Destination,
  limits: MessageLimits,
): string | undefined {
  if (typeof message.body !== "string" || message.body === "") {
    return "a message body must be text that is not empty";
  }
  if (FORBIDDEN.test(message.body)) {
    return "its body has a character that the service refuses (a control character or half a surrogate pair): encode it, for example with base64";
  }
  return brokenAttributeRule(message.attributes) ?? brokenFifoRule(message, destination, limits) ??
    brokenSizeRule(messageSize(message), limits);
}

function brokenAttributeRule(attributes: Attributes): string | undefined {
  const entries = Object.entries(attributes);
  if (entries.length > MAX_ATTRIBUTES) {
    return `a message takes at most ${MAX_ATTRIBUTES} attributes: current value is ${entries.length}`;
  }
  for (const [name, value] of entries) {
    if (!ATTRIBUTE_NAME.test(name)) {
      return `the attribute name "${
        printable(name)
      }" is not 1 to 256 of A-Z a-z 0-9 _ - . without a dot at its ends, two dots in a row, or the prefix AWS. or Amazon.`;
    }
    const attribute = typedAttribute(value);
    if (typeof attribute?.type !== "string" || !ATTRIBUTE_TYPE.test(attribute.type)) {
      return `the attribute "${name}" must be a string, a number, bytes, or { type, value } with a type of String, Number or Binary`;
    }
    const binary = attribute.type.startsWith("Binary");
    if (binary ? !(attribute.value instanceof Uint8Array) : typeof attribute.value !== "string") {
      return `the attribute "${name}" must hold ${binary ? "bytes" : "text"}, as its type says`;
    }
    if (attribute.value.length === 0) {
      return `the attribute "${name}" is empty: leave it out instead`;
    }
    if (typeof attribute.value === "string" && FORBIDDEN.test(attribute.value)) {
      return `the attribute "${name}" has a character that the service refuses`;
    }
    if (attribute.type.startsWith("Number") && !isNumber(attribute.value)) {
      return `the attribute "${name}" is not a number, as its type says, or not from -10^128 to 10^126`;
    }
  }
  return undefined;
}

function isNumber(value: string | Uint8Array): boolean {
  if (typeof value !== "string" || !NUMBER.test(value)) return false;
  return Number(value) >= NUMBER_RANGE.min && Number(value) <= NUMBER_RANGE.max;
}

function brokenFifoRule(
  message: OutgoingMessage,
  destination: Destination,
  limits: MessageLimits,
): string | undefined {
  const fifo = isFifo(nameOf(destination));
  const { group, deduplicationId, delayMs } = message;
  if (fifo && group === undefined) {
    return "a FIFO destination needs a message group: give the event type a `group` function or the call a `group`";
  }
  if (group !== undefined && !isToken(group)) {
    return "a message group is 1 to 128 ASCII letters, digits and punctuation marks";
  }
  if (!fifo && deduplicationId !== undefined) {
    return "only FIFO destinations take a deduplication id";
  }
  if (deduplicationId !== undefined && !isToken(deduplicationId)) {
    return "a deduplication id is 1 to 128 ASCII letters, digits and punctuation marks";
  }
  if (delayMs === undefined) return undefined;
  if ("topic" in destination) return "a topic cannot delay a message: send it to a queue";
  if (fifo) return "a FIFO queue takes no delay per message: set the delay of the queue";
  if (!(delayMs >= 0 && delayMs <= limits.delayMs)) {
    return `a delay is 0 to ${limits.delayMs} ms: current value is ${delayMs}`;
  }
  return undefined;
}

function isToken(value: unknown): boolean {
  return typeof value === "string" && TOKEN.test(value);
}

function brokenSizeRule(size: number, limits: MessageLimits): string | undefined {
  if (size <= limits.messageBytes) return undefined;
  return `a message takes at most ${limits.messageBytes} bytes, attributes included: current value is ${size}`;
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 64);
}
