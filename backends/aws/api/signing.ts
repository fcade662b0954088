import type { Credentials } from "../credentials/credentials.ts";
import {
  authorized,
  canonicalTemplate,
  scopeOf,
  stampOf,
  textToSign,
  type Unsigned,
} from "./canonical.ts";

export type { Unsigned } from "./canonical.ts";

/** Returns the headers of a signed POST: those given, and those of Signature Version 4. */
export type Sign = (
  unsigned: Unsigned,
  credentials: Credentials,
) => Record<string, string> | Promise<Headers>;

/** One for each day, region and service. */
const MAX_KEYS = 20;

/**
 * Creates a signer with Web Crypto, which all runtimes have. Derived keys are remembered, those of
 * the last credentials only, as they tell the secret; and not too many.
 */
export function createSigner(): (
  unsigned: Unsigned,
  credentials: Credentials,
) => Promise<Headers> {
  let keys = new Map<string, Promise<CryptoKey>>();
  let last: Credentials;
  return async (unsigned, credentials) => {
    // Not cleared: a signature that is under way would add the old key to it.
    if (credentials !== last || keys.size > MAX_KEYS) keys = new Map();
    last = credentials;
    const template = canonicalTemplate(unsigned, credentials);
    const stamp = stampOf(unsigned.now);
    const scope = scopeOf(stamp, template);
    const key = keys.get(scope) ?? keyFor(scope, credentials);
    keys.set(scope, key);
    const [head, tail] = template.canonical;
    const bodyHash = template.bodyHash || await sha256(unsigned.body);
    const request = await sha256(head + stamp + tail + bodyHash);
    const signature = hex(await hmac(await key, textToSign(stamp, scope, request)));
    const id = credentials.accessKeyId;
    return new Headers(authorized(template, { stamp, scope, signature, id }));
  };
}

async function keyFor(scope: string, { secretAccessKey }: Credentials): Promise<CryptoKey> {
  let key = await imported(utf8(`AWS4${secretAccessKey}`));
  for (const part of scope.split("/")) key = await imported(await hmac(key, part));
  return key;
}

function imported(key: BufferSource): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

function hmac(key: CryptoKey, text: string): Promise<ArrayBuffer> {
  return crypto.subtle.sign("HMAC", key, utf8(text));
}

async function sha256(text: string): Promise<string> {
  return hex(await crypto.subtle.digest("SHA-256", utf8(text)));
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
