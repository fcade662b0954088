/**
 * The attributes of messages: the rules of SQS, the size, and the digest.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
 */
import { type Attributes, byteLength, type TypedAttribute } from "../../../../src/wire/message.ts";
import { md5OfAttributes } from "../../message/md5.ts";
import { fromBase64 } from "../bytes.ts";
import { commonError, sqsError } from "../errors.ts";
import { recordMap } from "../input.ts";
import type { Input } from "../operation.ts";
import type { AttributeInput } from "../world.ts";

const MAX_ATTRIBUTES = 10;
const NAME = /^(?!(aws|amazon)\.)(?=.{1,256}$)[\w-]+(\.[\w-]+)*$/i;
const TYPE = /^(String|Number|Binary)(\..{1,249})?$/u;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
/** Characters that no message may hold: control characters, lone surrogates, U+FFFE and U+FFFF. */
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\0-\x08\v\f\x0E-\x1F\p{Cs}\uFFFE\uFFFF]/u;

/** Refuses a text with characters that SQS does not take. */
export function checkCharacters(text: string): void {
  if (!FORBIDDEN.test(text)) return;
  throw sqsError(
    "InvalidMessageContents",
    "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
  );
}

/** The attributes of a message to send. Bytes stay base64, so that a message is plain JSON. */
export function readAttributes(input: Input): Record<string, TypedAttribute> {
  const given = Object.entries(recordMap(input, "MessageAttributes"));
  if (given.length > MAX_ATTRIBUTES) {
    throw refused(
      `Number of message attributes [${given.length}] exceeds the allowed maximum [${MAX_ATTRIBUTES}].`,
    );
  }
  return Object.fromEntries(given.map(([name, value]) => [name, readAttribute(name, value)]));
}

function readAttribute(name: string, value: Input): TypedAttribute {
  const { DataType: type, StringValue: string, BinaryValue: binary } = value;
  if (!NAME.test(name)) {
    throw refused(
      "Message attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.), has no AWS. or Amazon. in front, and is 1 to 256 in length.",
    );
  }
  if (typeof type !== "string" || type === "") {
    throw refused(
      `The message attribute '${name}' must contain a non-empty message attribute type.`,
    );
  }
  if (!TYPE.test(type)) {
    throw refused(
      `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  const content = type.startsWith("Binary") ? binary : string;
  if (typeof content !== "string" || content === "") {
    throw refused(
      `Message (user) attribute '${name}' must contain a non-empty value of type '${type}'.`,
    );
  }
  checkContent(name, type, content);
  return { type, value: content };
}

function checkContent(name: string, type: string, content: string): void {
  if (type.startsWith("Binary")) {
    if (fromBase64(content) === undefined) {
      throw commonError("MalformedInput", `The attribute '${name}' is no base64.`);
    }
    return;
  }
  checkCharacters(content);
  const number = Number(content);
  const isNumber = NUMBER.test(content) && number >= -1e128 && number <= 1e126;
  if (type.startsWith("Number") && !isNumber) {
    throw refused(
      `Can't cast the value of message (user) attribute '${name}' to a number.`,
    );
  }
}

function refused(message: string) {
  return commonError("InvalidParameterValue", message);
}

/** The bytes that attributes take: names, types and values. */
export function sizeOfAttributes(attributes: Attributes): number {
  let size = 0;
  for (const [name, attribute] of Object.entries(attributes)) {
    const { type, value } = attribute as TypedAttribute & { value: string };
    const bytes = type.startsWith("Binary") ? lengthOfBase64(value) : byteLength(value);
    size += byteLength(name) + byteLength(type) + bytes;
  }
  return size;
}

function lengthOfBase64(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return Math.floor(text.length * 3 / 4) - padding;
}

/** The digest of attributes; `undefined` if there are none. */
export function digestOf(attributes: Attributes): string | undefined {
  const entries = Object.entries(attributes) as [string, TypedAttribute & { value: string }][];
  if (entries.length === 0) return undefined;
  return md5OfAttributes(Object.fromEntries(entries.map(([name, { type, value }]) => [
    name,
    { type, value: type.startsWith("Binary") ? fromBase64(value)! : value },
  ])));
}

/** Attributes as SQS answers them. */
export function writeAttributes(attributes: Attributes): Record<string, AttributeInput> {
  const entries = Object.entries(attributes) as [string, TypedAttribute & { value: string }][];
  return Object.fromEntries(entries.map(([name, { type, value }]) => [
    name,
    type.startsWith("Binary")
      ? { BinaryValue: value, DataType: type }
      : { StringValue: value, DataType: type },
  ]));
}

/**
 * The attributes that a receive asks for: by name, by `All`, `*` or `.*`, or by a beginning as in
 * `bar.*`.
 */
export function selected(attributes: Attributes, names: readonly string[]): Attributes {
  if (names.length === 0) return {};
  if (names.some((name) => ["All", ".*", "*"].includes(name))) return attributes;
  const beginnings = names.filter((name) => name.endsWith(".*")).map((name) => name.slice(0, -2));
  return Object.fromEntries(
    Object.entries(attributes).filter(([name]) =>
      names.includes(name) || beginnings.some((beginning) => name.startsWith(beginning))
    ),
  );
}
