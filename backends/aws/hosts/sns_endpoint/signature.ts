import { fromBase64 } from "../../../../src/support/base64.ts";
import type { Certificate } from "./certificate.ts";
import type { SnsPost } from "./post.ts";

/** https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html */
const SIGNED_NOTIFICATION = [
  "Message",
  "MessageId",
  "Subject",
  "Timestamp",
  "TopicArn",
  "Type",
] as const;
const SIGNED_CONFIRMATION = [
  "Message",
  "MessageId",
  "SubscribeURL",
  "Timestamp",
  "Token",
  "TopicArn",
  "Type",
] as const;
const HASHES = { 1: "SHA-1", 2: "SHA-256" } as const;

/** Writes the text that SNS signs: names and values, a line each, without missing fields. */
export function stringToSign(post: Omit<SnsPost, "topic">): string {
  const names = post.Type === "Notification" ? SIGNED_NOTIFICATION : SIGNED_CONFIRMATION;
  const lines = names.flatMap((name) => {
    const value = post[name];
    return value === undefined ? [] : [`${name}\n${value}\n`];
  });
  return lines.join("");
}

/** Tells whether the owner of the certificate signed the message. */
export async function isSigned(post: SnsPost, { spki }: Certificate): Promise<boolean> {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: HASHES[post.SignatureVersion] };
  try {
    const signature = fromBase64(post.Signature);
    const key = await crypto.subtle.importKey("spki", spki, algorithm, false, ["verify"]);
    const text = new TextEncoder().encode(stringToSign(post));
    return await crypto.subtle.verify(algorithm, key, signature, text);
  } catch {
    return false;
  }
}
