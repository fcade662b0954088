/**
 * Verifies signatures of version 4.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { commonError } from "../errors.ts";
import type { Authorization } from "./authorization.ts";
import { addressOf, type Incoming } from "./incoming.ts";

/**
 * Greatest distance between the time of a signature and the time of the service, in milliseconds.
 */
const MAX_SKEW_MS = 15 * 60_000;
const encoder = new TextEncoder();

/** Input of the verification of a signature. */
export interface VerifyOptions {
  /** The secret of its key. */
  readonly secretAccessKey: string;
  /** The body that came. */
  readonly body: string;
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Refuses a request with a wrong or old signature.
 * @throws {RequestError} `SignatureDoesNotMatch`
 */
export async function verify(
  request: Incoming,
  authorization: Authorization,
  { secretAccessKey, body, now }: VerifyOptions,
): Promise<void> {
  checkTime(authorization, request, now);
  const { day, region, service, date, signature } = authorization;
  const scope = `${day}/${region}/${service}/aws4_request`;
  const canonical = await canonicalRequest(request, authorization, body);
  const toSign = ["AWS4-HMAC-SHA256", date, scope, await sha256(canonical)].join("\n");
  let key: Uint8Array<ArrayBuffer> = encoder.encode(`AWS4${secretAccessKey}`);
  for (const part of [day, region, service, "aws4_request"]) key = await hmac(key, part);
  if (hex(await hmac(key, toSign)) !== signature) {
    throw commonError(
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    );
  }
}

function checkTime({ date, presigned }: Authorization, request: Incoming, now: number): void {
  const at = Date.parse(
    date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"),
  );
  const given = Number(addressOf(request.url).searchParams.get("X-Amz-Expires") ?? 0) * 1_000;
  const laterMs = presigned ? given : MAX_SKEW_MS;
  if (at - MAX_SKEW_MS <= now && now <= at + laterMs) return;
  throw commonError(
    "SignatureDoesNotMatch",
    `Signature expired: ${date} is not within 15 minutes of the time of the service.`,
  );
}

async function canonicalRequest(
  request: Incoming,
  { signedHeaders, presigned }: Authorization,
  body: string,
): Promise<string> {
  const url = addressOf(request.url);
  const headers = signedHeaders.map((name) => {
    const value = request.headers.get(name) ?? (name === "host" ? url.host : "");
    return `${name}:${value.trim().replace(/ +/g, " ")}\n`;
  });
  const query = [...url.searchParams]
    .filter(([name]) => !(presigned && name === "X-Amz-Signature"))
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort();
  return [
    request.method,
    url.pathname.split("/").map((part) => encoded(decodeURIComponent(part))).join("/"),
    query.join("&"),
    headers.join(""),
    signedHeaders.join(";"),
    request.headers.get("x-amz-content-sha256") ?? await sha256(body),
  ].join("\n");
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

async function sha256(text: string): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))));
}

async function hmac(key: Uint8Array<ArrayBuffer>, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, encoder.encode(text)));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
