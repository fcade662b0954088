/**
 * Writes a self-signed certificate for `sns.amazonaws.com`.
 * https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */

/** The key that a certificate is signed with, and the time. */
export interface CertificateOptions {
  /** The private key. */
  readonly key: CryptoKey;
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
}

const NAME = "sns.amazonaws.com";
const DAY_MS = 86_400_000;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const NULL = 0x05;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
/** 1.2.840.113549.1.1.11: RSA with SHA-256. */
const RSA_SHA256 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
/** 2.5.4.3. */
const COMMON_NAME = [0x55, 0x04, 0x03];

/** The certificate of a public key, in DER. It is valid from a day before until ten years after. */
export async function certificateOf(
  spki: Uint8Array,
  { key, now }: CertificateOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = der(
    SEQUENCE,
    der(OBJECT_IDENTIFIER, Uint8Array.from(RSA_SHA256)),
    der(NULL),
  );
  const commonName = der(
    SEQUENCE,
    der(OBJECT_IDENTIFIER, Uint8Array.from(COMMON_NAME)),
    der(UTF8_STRING, new TextEncoder().encode(NAME)),
  );
  const name = der(SEQUENCE, der(SET, commonName));
  const validity = der(SEQUENCE, time(now - DAY_MS), time(now + 3_652 * DAY_MS));
  const serial = der(INTEGER, Uint8Array.of(1));
  const facts = der(SEQUENCE, serial, algorithm, name, validity, name, spki);
  const signature = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", key, facts);
  const bits = der(BIT_STRING, Uint8Array.of(0), new Uint8Array(signature));
  return der(SEQUENCE, facts, algorithm, bits);
}

function time(ms: number): Uint8Array<ArrayBuffer> {
  const text = new Date(ms).toISOString().replace(/\.\d+/, "").replace(/[-:T]/g, "");
  return der(GENERALIZED_TIME, new TextEncoder().encode(text));
}

/** Writes an element: the tag, the length of the parts, and the parts. */
function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  const header = length < 0x80 ? [tag, length] : [tag, 0x80 + digits.length, ...digits];
  const bytes = new Uint8Array(header.length + length);
  bytes.set(header);
  let at = header.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
