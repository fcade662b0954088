import { MelangeError } from "../support/errors.ts";

/**
 * The value of a message attribute. A string travels as `String`, a number as `Number`, bytes as
 * `Binary`. Values that plain JavaScript cannot hold without loss (custom labels such as
 * `Number.float`, `String.Array`, numbers of many digits) travel and arrive as a
 * {@linkcode TypedAttribute}.
 *
 * @category Messages
 */
export type AttributeValue = string | number | Uint8Array | TypedAttribute;

/**
 * An attribute with its data type spelled out.
 *
 * @category Messages
 */
export interface TypedAttribute {
  /** `String`, `Number` or `Binary`, with an optional custom label after a dot. */
  readonly type: string;
  /** Bytes for `Binary`, else text, kept exactly as sent. */
  readonly value: string | Uint8Array;
}

/**
 * The attributes of a message by name.
 *
 * @category Messages
 */
export type Attributes = Readonly<Record<string, AttributeValue>>;

/**
 * Limits of one message.
 *
 * @category Backends
 */
export interface MessageLimits {
  /** Bytes of one message, attributes included. */
  readonly messageBytes: number;
  /** The longest delay of one message, in milliseconds. */
  readonly delayMs: number;
}

/**
 * A message for a backend to carry.
 *
 * @category Messages
 */
export interface OutgoingMessage {
  /** The text, already serialized. */
  readonly body: string;
  /** Ours and the user's, ten at the most. */
  readonly attributes: Attributes;
  /** The message group; required by FIFO destinations. */
  readonly group?: string;
  /** FIFO destinations drop a second message with this id for five minutes. */
  readonly deduplicationId?: string;
  /**
   * Time that the queue hides the message first, in milliseconds. Queues only. Default: the queue's
   * own delay.
   */
  readonly delayMs?: number;
  /**
   * The X-Ray trace of the message. SQS carries the trace beside the attributes; topics and other
   * backends drop it.
   */
  readonly traceHeader?: string;
}

/**
 * Facts about a message from the services, beside the published message. A field is missing where
 * the services do not tell the fact. No field repeats the claim of a publisher, but a dead-letter
 * copy keeps the facts of its original.
 *
 * @category Messages
 */
export interface MessageOrigin {
  /** The topic of the publish: an ARN on AWS. Missing after raw delivery to a queue. */
  readonly topic?: string;
  /** The subject of the publish. Missing after raw delivery. */
  readonly subject?: string;
  /** When the topic took it. `sentAt` is when the queue did. */
  readonly publishedAt?: Date;
  /** The trace of X-Ray that it belongs to. */
  readonly traceHeader?: string;
  /** The queue that the broker moved it from, into this dead-letter queue: an ARN on AWS. */
  readonly deadLetterSource?: string;
  /** The sender into the queue: a user id, a role and its session, or an id of SNS. */
  readonly senderId?: string;
}

/**
 * A message from a backend.
 *
 * @category Messages
 */
export interface ReceivedMessage {
  /** The broker's id: another one for each publish, also for a repeated one. */
  readonly id: string;
  /** The text as it arrived. */
  readonly body: string;
  /** All attributes, ours and the user's. */
  readonly attributes: Attributes;
  /**
   * The message group, if the message has a group. A group does not prove that the queue is FIFO.
   */
  readonly group?: string;
  /** The id that a FIFO queue de-duplicated it by. */
  readonly deduplicationId?: string;
  /** The place in a FIFO queue: a decimal of up to 128 bits, so compare the places as `BigInt`. */
  readonly sequenceNumber?: string;
  /** The time at which the broker took the message. */
  readonly sentAt: Date;
  /**
   * The number of receives, this receive included: 1 at first, or always where the broker does not
   * count.
   */
  readonly attempt: number;
  /** The end of the lock unless the lock is extended. */
  readonly lockedUntil?: Date;
  /** Facts from the services about the message. Missing where the services tell nothing. */
  readonly origin?: MessageOrigin;
}

/**
 * The destination of a message: a topic that fans out, or one queue. Names, ARNs and URLs are
 * accepted.
 *
 * @category Messages
 */
export type Destination = { readonly topic: string } | { readonly queue: string };

/**
 * Tells whether a queue or topic is FIFO: its name, ARN or URL ends in `.fifo`.
 *
 * @example
 * ```ts
 * import { isFifo } from "@melange/melange";
 *
 * console.log(isFifo("orders.fifo"), isFifo("orders")); // prints: true false
 * ```
 *
 * @category Messages
 */
export function isFifo(name: string): boolean {
  return name.endsWith(".fifo");
}

/** Tells topics from queues. */
export function kindOf(destination: Destination): "topic" | "queue" {
  return "topic" in destination ? "topic" : "queue";
}

/** Names a destination, for errors: `topic "orders"`. */
export function shown(destination: Destination): string {
  return `${kindOf(destination)} "${printable(nameOf(destination))}"`;
}

/** The beginning of a text that nobody has checked. */
function printable(text: string): string {
  return text.replace(/[^ -~]/g, "?").slice(0, 256);
}

/**
 * Returns the name of a destination as given.
 *
 * @example
 * ```ts
 * import { nameOf } from "@melange/melange";
 *
 * console.log(nameOf({ topic: "orders" }), nameOf({ queue: "billing" })); // prints: orders billing
 * ```
 *
 * @category Messages
 */
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

/**
 * Copies a message without sharing any part that can change, so that no handler changes the message
 * of another handler.
 */
export function ownMessage(message: ReceivedMessage): ReceivedMessage {
  const attributes = Object.entries(message.attributes).map(([name, value]) =>
    [name, typeof value === "object" ? ownValue(value) : value] as const
  );
  return {
    ...message,
    attributes: Object.fromEntries(attributes),
    sentAt: new Date(message.sentAt),
    ...(message.lockedUntil instanceof Date ? { lockedUntil: new Date(message.lockedUntil) } : {}),
  };
}

function ownValue(value: TypedAttribute | Uint8Array): AttributeValue {
  if (value instanceof Uint8Array) return value.slice();
  return { type: value.type, value: ownBytes(value.value) };
}

function ownBytes(value: string | Uint8Array): string | Uint8Array {
  return typeof value === "string" ? value : value.slice();
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

const encoder = /* @__PURE__ */ new TextEncoder();
// deno-lint-ignore no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

/** Returns the bytes of a value; of a text, the bytes in UTF-8. */
export function byteLength(value: string | Uint8Array): number {
  // Most text is ASCII, and to encode it takes ten times as long.
  return (typeof value !== "string" || ASCII.test(value) ? value : encoder.encode(value)).length;
}

/**
 * The bytes that count against a size limit: the body, and of each attribute the name, the type
 * and the value.
 *
 * @example
 * ```ts
 * import { messageSize } from "@melange/melange";
 *
 * console.log(messageSize({ body: "{}", attributes: { tenant: "a" } })); // prints: 15
 * ```
 *
 * @category Backends
 */
export function messageSize(message: OutgoingMessage): number {
  let size = byteLength(message.body);
  for (const name of Object.keys(message.attributes)) {
    const attribute = typedAttribute(message.attributes[name]!);
    size += byteLength(name) + byteLength(attribute.type) + byteLength(attribute.value);
  }
  return size;
}

/** The most attributes that SNS and SQS carry. */
export const MAX_ATTRIBUTES = 10;
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html */
const ATTRIBUTE_NAME = /^(?!(aws|amazon)\.)(?=.{1,256}$)[\w-]+(\.[\w-]+)*$/i;
/** 256 characters at the most. */
const ATTRIBUTE_TYPE = /^(String|Number|Binary)(\.\P{C}{1,249})?$/u;
/** JavaScript takes more for a number than SQS, such as hexadecimal digits and spaces around. */
const NUMBER = /^[\d.e+-]+$/i;
/** Alphanumerics and punctuation: the printable ASCII characters without the space. */
const TOKEN = /^[!-~]{1,128}$/;
/**
 * Characters that SQS and SNS refuse or replace, without lone surrogates, which take a call of
 * their own because `\p{Cs}` is slow.
 */
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\0-\x08\v\f\x0E-\x1F\uFFFE\uFFFF]/;

/**
 * Messages that their maker has checked for a destination and its limits, and lets nobody change.
 * The next function need not check them again.
 */
export const checkedFor: WeakMap<
  OutgoingMessage,
  { readonly destination: Destination; readonly limits: MessageLimits }
> = /* @__PURE__ */ new WeakMap();

/**
 * Returns the reason why a message cannot be sent to a destination, or `undefined`. All backends
 * use the rules of SNS and SQS, so a message that a test sends in memory can be sent to AWS.
 *
 * @example
 * ```ts
 * import { refusal } from "@melange/melange";
 *
 * const limits = { messageBytes: 262_144, delayMs: 0 };
 * const error = refusal({ body: "", attributes: {} }, { topic: "orders" }, limits);
 * console.log(error?.code); // prints: INVALID_MESSAGE
 * ```
 *
 * @category Backends
 */
export function refusal(
  message: OutgoingMessage,
  destination: Destination,
  limits: MessageLimits,
): MelangeError | undefined {
  const rule = brokenValueRule("body", message.body) ?? brokenAttributeRule(message.attributes) ??
    brokenFifoRule(message, destination, limits) ?? brokenSizeRule(messageSize(message), limits);
  return rule === undefined
    ? undefined
    : new MelangeError("INVALID_MESSAGE", `Cannot send to ${shown(destination)} as ${rule}`);
}

function brokenValueRule(what: string, value: unknown, isBinary = false): string | undefined {
  const isText = typeof value === "string";
  if (!value || (isBinary ? !(value instanceof Uint8Array && value.length) : !isText)) {
    return `its ${what} must be ${isBinary ? "bytes" : "text"} and not empty`;
  }
  if (isText && (FORBIDDEN.test(value) || !value.isWellFormed())) {
    return `its ${what} has a control character or lone surrogate: encode it, as with base64`;
  }
  return undefined;
}

function brokenAttributeRule(attributes: Attributes): string | undefined {
  const names = Object.keys(attributes);
  if (names.length > MAX_ATTRIBUTES) {
    return `a message takes at most ${MAX_ATTRIBUTES} attributes: current value is ${names.length}`;
  }
  for (const name of names) {
    const { type, value } = typedAttribute(attributes[name]!) ?? {};
    const rule = brokenPatternRule("name", name, ATTRIBUTE_NAME) ??
      brokenValueRule("value", value, `${type}`.startsWith("B")) ??
      brokenPatternRule("type", type, ATTRIBUTE_TYPE) ??
      (type!.startsWith("N") ? brokenNumberRule(value as string) : undefined);
    if (rule) return `the attribute "${printable(name)}" is not valid: ${rule}`;
  }
  return undefined;
}

function brokenPatternRule(what: string, value: unknown, pattern: RegExp): string | undefined {
  return typeof value === "string" && pattern.test(value)
    ? undefined
    : `its ${what} must match ${pattern}`;
}

function brokenNumberRule(value: string): string | undefined {
  return NUMBER.test(value) && Number(value) >= -1e128 && Number(value) <= 1e126
    ? undefined
    : "its value must be a number from -10^128 to 10^126";
}

function brokenFifoRule(
  message: OutgoingMessage,
  destination: Destination,
  limits: MessageLimits,
): string | undefined {
  const isStandard = !isFifo(nameOf(destination));
  const { group, deduplicationId, delayMs } = message;
  if (!isStandard && group === undefined) {
    return "a FIFO destination needs a message group: give it a `group`";
  }
  if (isStandard && deduplicationId !== undefined) {
    return "only FIFO destinations take a deduplication id";
  }
  const rule = brokenTokenRule("message group", group) ??
    brokenTokenRule("deduplication id", deduplicationId);
  if (rule || delayMs === undefined) return rule;
  if (!isStandard || kindOf(destination) === "topic") {
    return "only standard queues delay a message: set the delay of the queue";
  }
  if (typeof delayMs !== "number" || !(delayMs >= 0 && delayMs <= limits.delayMs)) {
    return `a delay is 0 to ${limits.delayMs} ms: current value is ${delayMs}`;
  }
  return undefined;
}

function brokenTokenRule(what: string, value: string | undefined): string | undefined {
  return value === undefined ? value : brokenPatternRule(what, value, TOKEN);
}

function brokenSizeRule(size: number, limits: MessageLimits): string | undefined {
  if (size <= limits.messageBytes) return undefined;
  return `a message takes at most ${limits.messageBytes} bytes, attributes included: current value is ${size}`;
}
