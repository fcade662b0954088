/** The pointer of the Amazon Extended Clients: where the body of a message is. */
import { MelangeError } from "../../support/errors.ts";
import { isRecord, ownText, tryParse } from "../json.ts";

/** The place of a stored body. */
export interface PayloadPlace {
  /** The bucket. */
  readonly bucket: string;
  /** The key in the bucket. */
  readonly key: string;
}

/** The attribute beside a pointer, with the bytes of the body. */
export const POINTER_SIZE = "ExtendedPayloadSize";
/** The older name of that attribute, by which the Java client still writes unless told otherwise. */
export const LEGACY_POINTER_SIZE = "SQSLargePayloadSize";

/** https://github.com/awslabs/payload-offloading-java-common-lib-for-aws */
const CLASS = "software.amazon.payloadoffloading.PayloadS3Pointer";
/** The class of version 1, which the clients of today read as well. */
const LEGACY_CLASS = "com.amazon.sqs.javamessaging.MessageS3Pointer";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html */
const KEY_BYTES = 1_024;

/** Writes a pointer. The Java client refuses one with other fields or another order of the list. */
export function writePointer({ bucket, key }: PayloadPlace): string {
  return JSON.stringify([CLASS, { s3BucketName: bucket, s3Key: key }]);
}

/**
 * Reads a pointer; `undefined` if the text is none, or if its key is none.
 */
export function readPointer(text: string): PayloadPlace | undefined {
  const pointer = tryParse(text)?.value;
  if (!Array.isArray(pointer) || pointer.length !== 2 || !isRecord(pointer[1])) return undefined;
  if (pointer[0] !== CLASS && pointer[0] !== LEGACY_CLASS) return undefined;
  const bucket = ownText(pointer[1], "s3BucketName");
  const key = ownText(pointer[1], "s3Key");
  return bucket !== undefined && key !== undefined && isKey(key) ? { bucket, key } : undefined;
}

/**
 * Tells whether a text may be a key. A part `.` or `..` would lead a URL out of the bucket, so such
 * a key is none here, although S3 takes it.
 */
function isKey(key: string): boolean {
  const bytes = new TextEncoder().encode(key).length;
  // deno-lint-ignore no-control-regex
  const isSafe = key.isWellFormed() && !/[\0-\x1f\x7f]/.test(key);
  return isSafe && bytes >= 1 && bytes <= KEY_BYTES && !/(^|\/)\.\.?(\/|$)/.test(key);
}

/** Creates the error of a body that can never be read. */
export function unreadable(rule: string): MelangeError {
  return new MelangeError("UNDECODABLE", `Cannot read a message as ${rule}`);
}
