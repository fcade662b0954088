/**
 * Signs posts as SNS does, with a new key and certificate.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
 */
import type { Clock } from "../../../src/support/clock.ts";
import { stringToSign } from "../hosts/sns_endpoint/signature.ts";
import { toBase64 } from "./bytes.ts";
import { certificateOf } from "./certificate.ts";

/** Has the key. Nothing is made before somebody needs it. */
export interface Signer {
  /** The signature over the fields of a post: version 1 with SHA-1, version 2 with SHA-256. */
  sign(fields: Readonly<Record<string, unknown>>, version: string): Promise<string>;
  /** The certificate as PEM. */
  certificate(): Promise<string>;
  /** Returns the name of this certificate, in hexadecimal. */
  name(): Promise<string>;
}

const HASHES: Readonly<Record<string, string>> = { 1: "SHA-1", 2: "SHA-256" };

interface Made {
  readonly pkcs8: ArrayBuffer;
  readonly pem: string;
  readonly name: string;
}

/** Creates a signer. Its certificate is valid for ten years from the first use. */
export function createSigner(clock: Clock): Signer {
  let made: Promise<Made> | undefined;
  const make = () => made ??= makeKey(clock);
  return {
    async sign(fields, version) {
      const { pkcs8 } = await make();
      const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: HASHES[version] ?? "SHA-1" };
      const key = await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
      const text = stringToSign(fields as Parameters<typeof stringToSign>[0]);
      const bytes = new TextEncoder().encode(text);
      return toBase64(new Uint8Array(await crypto.subtle.sign(algorithm, key, bytes)));
    },
    certificate: async () => (await make()).pem,
    name: async () => (await make()).name,
  };
}

async function makeKey(clock: Clock): Promise<Made> {
  const pair = await crypto.subtle.generateKey(
    {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 2_048,
      publicExponent: Uint8Array.of(1, 0, 1),
      hash: "SHA-256",
    },
    true,
    ["sign", "verify"],
  );
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  const der = await certificateOf(spki, { key: pair.privateKey, now: clock.now() });
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", der));
  const lines = toBase64(der).match(/.{1,64}/g) ?? [];
  return {
    pkcs8: await crypto.subtle.exportKey("pkcs8", pair.privateKey),
    pem: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    name: Array.from(digest.slice(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join(""),
  };
}
