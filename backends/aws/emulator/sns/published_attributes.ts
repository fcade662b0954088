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

const NAME = /^(?!(aws|amazon)\.)(?=.{1,256}$)[\w-]+(\.[\w-]+)*$/i;
const TYPE = /^(String|Number|Binary|String\.Array)(\..{1,249})?$/u;

/** The attributes of a message to publish; bytes stay base64. */
export function readPublishedAttributes(input: Input): Record<string, AttributeInput> {
  const given = Object.entries(recordMap(input, "MessageAttributes"));
  return Object.fromEntries(given.map(([name, value]) => [name, readOne(name, value)]));
}

function readOne(name: string, value: Input): AttributeInput {
  const { DataType: type, StringValue: string, BinaryValue: binary } = value;
  if (!NAME.test(name)) throw wrong(`The message attribute name '${name}' is invalid.`);
  if (typeof type !== "string" || type === "") {
    throw snsError(
      "ValidationError",
      `1 validation error detected: Value null at 'messageAttributes.${name}.member.dataType' failed to satisfy constraint: Member must not be null`,
    );
  }
  if (!TYPE.test(type)) {
    throw wrong(
      `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  const isBinary = type.startsWith("Binary");
  const content = isBinary ? binary : string;
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
