/** Digests as SQS computes them, so that clients that compare digests do the work of comparing. */
import { createHash } from "node:crypto";

/** A message attribute on the wire. */
export interface Attribute {
  DataType: string;
  StringValue?: string;
  BinaryValue?: string;
}

/** Returns the MD5 of a body, in hexadecimal digits. */
export function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

/**
 * Returns the MD5 of message attributes.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
 */
export function attributesMd5(attributes: Readonly<Record<string, Attribute>>): string {
  const hash = createHash("md5");
  for (const name of Object.keys(attributes).sort()) {
    const { DataType, StringValue, BinaryValue } = attributes[name] as Attribute;
    hash.update(sized(bytesOf(name))).update(sized(bytesOf(DataType)));
    const isBinary = DataType.startsWith("Binary");
    hash.update(new Uint8Array([isBinary ? 2 : 1]));
    hash.update(sized(isBinary ? decoded(BinaryValue ?? "") : bytesOf(StringValue ?? "")));
  }
  return hash.digest("hex");
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function decoded(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** Bytes behind their length in four bytes. */
function sized(bytes: Uint8Array): Uint8Array {
  const all = new Uint8Array(4 + bytes.length);
  new DataView(all.buffer).setUint32(0, bytes.length);
  all.set(bytes, 4);
  return all;
}
