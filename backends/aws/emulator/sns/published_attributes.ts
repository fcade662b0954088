/**
 * The attributes of published messages: the rules of SNS, and the size.
 * https://docs.aws.amazon.com/sns/latest/api/API_MessageAttributeValue.html
 */
import { byteLength } from "../../../../src/wire/message.ts";
import { fromBase64 } from "../bytes.ts";
import { snsError } from "../errors.ts";
import { recordMap } from "../input.ts";
import type { Input } from "../operation.ts";
import type { AttributeInput, Notification } from "../world.ts";

const TYPE = /^(String|Number|Binary|String\.Array)(\..{1,249})?$/u;

/** The attributes of a message to publish; bytes stay base64. */
export function readPublishedAttributes(
  input: Input,
  path = "",
): Record<string, AttributeInput> {
  const given = Object.entries(recordMap(input, "MessageAttributes"));
  for (const [name, { DataType: type }] of given) {
    if (type !== undefined && type !== "") continue;
    throw snsError(
      "ValidationError",
      `1 validation error detected: Value null at '${path}messageAttributes.${name}.member.dataType' failed to satisfy constraint: Member must not be null`,
    );
  }
  return Object.fromEntries(given.map(([name, value]) => [name, readOne(name, value)]));
}

function checkName(name: string): void {
  if (byteLength(name) > 256) {
    throw wrong("Length of message attribute name must be less than 256 bytes.");
  }
  const [other] = /[^\w.-]/u.exec(name) ?? [];
  if (other !== undefined) {
    const code = other.codePointAt(0)!.toString(16).toUpperCase();
    throw wrong(
      `Invalid non-alphanumeric character '#x${code}' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.`,
    );
  }
  if (name.startsWith(".")) {
    throw wrong("Invalid message attribute name starting with character '.' was found.");
  }
  if (name.endsWith(".")) {
    throw wrong("Invalid message attribute name ending with character '.' was found.");
  }
  if (name.includes("..")) {
    throw wrong("Message attribute name can not have successive '.' character.");
  }
  if (name === "" || /^(aws|amazon)\./i.test(name)) {
    throw wrong(`The message attribute name '${name}' is invalid.`);
  }
}

function readOne(name: string, value: Input): AttributeInput {
  const { DataType, StringValue: string, BinaryValue: binary } = value;
  const type = String(DataType);
  checkName(name);
  if (!TYPE.test(type)) {
    throw wrong(
      `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  const isBinary = type.startsWith("Binary");
  const [content, other] = isBinary ? [binary, string] : [string, binary];
  if (content === undefined && other !== undefined) {
    const field = isBinary ? "Binary" : "String";
    throw wrong(`The message attribute '${name}' with type '${type}' must use field '${field}'.`);
  }
  if (typeof content !== "string" || content === "") {
    throw wrong(
      `The message attribute '${name}' must contain non-empty message attribute value for message attribute type '${type}'.`,
    );
  }
  if (isBinary && fromBase64(content) === undefined) throw wrong(`'${name}' is no base64.`);
  if (type.startsWith("Number") && !Number.isFinite(Number(content))) {
    throw wrong(`Could not cast message attribute '${name}' value to number.`);
  }
  if (type === "String.Array") checkArray(name, content);
  return isBinary
    ? { DataType: type, BinaryValue: content }
    : { DataType: type, StringValue: content };
}

function checkArray(name: string, content: string): void {
  try {
    if (Array.isArray(JSON.parse(content))) return;
  } catch {
    // What is no JSON is no array either.
  }
  throw wrong(`Message attribute '${name}' was set to an invalid String.Array value.`);
}

function wrong(message: string) {
  return snsError("ParameterValueInvalid", message);
}

/** The bytes that count against the limit of a topic. */
export function sizeOfPublished(
  { messages, attributes }: Pick<Notification, "messages" | "attributes">,
): number {
  let size = 0;
  for (const message of Object.values(messages)) size += byteLength(message);
  for (const [name, { DataType, StringValue, BinaryValue = "" }] of Object.entries(attributes)) {
    const value = StringValue ?? fromBase64(BinaryValue) ?? "";
    size += byteLength(name) + byteLength(DataType) + byteLength(value);
  }
  return size;
}
