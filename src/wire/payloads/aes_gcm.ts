import { probe } from "../../support/errors.ts";
import { bytesOf } from "./bytes.ts";
import type { PayloadCodec } from "./options.ts";
import { unreadable } from "./pointer.ts";

/**
 * A `CryptoKey`, by a name that programs without the types of the DOM have as well.
 *
 * @category Payloads
 */
export type AesKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/**
 * Options of {@linkcode aesGcm}.
 *
 * @category Payloads
 */
export interface AesGcmOptions {
  /**
   * The keys by id: 16 or 32 bytes, or a `CryptoKey` for AES-GCM. An id is 1 to 64 letters, digits
   * and `._-`, and travels with each body.
   */
  keys: Readonly<Record<string, AesKey | Uint8Array>>;
  /** The id of the key that encrypts. All keys decrypt. */
  current: string;
}

/**
 * A codec that encrypts with AES-GCM, by WebCrypto. To rotate, give the new key to all readers,
 * then make it `current` at the publishers, and remove the old key once no message with it is left,
 * dead-letter queues included. A body whose key is not there is undecodable, so it waits in the
 * dead-letter queue.
 *
 * Encoded: a byte 1, a byte with the length of the key's id, the id, 12 random bytes, and the
 * ciphertext with its tag. All before the random bytes is authenticated. NIST allows 2^32 bodies
 * for each key. Encryption hides bodies, and proves no sender: a body that is not encrypted is read
 * as well.
 *
 * @throws {TypeError} if an id or a key is none, or there is no key with the id `current`
 *
 * @example
 * ```ts
 * import { aesGcm } from "@melange/melange/payloads";
 *
 * const keys = { "2026-11": crypto.getRandomValues(new Uint8Array(32)) };
 * console.log(aesGcm({ keys, current: "2026-11" }).name); // prints: aes-gcm
 * ```
 *
 * @category Payloads
 */
export function aesGcm({ keys, current }: AesGcmOptions): PayloadCodec {
  const ring = new Map(Object.entries(keys ?? {}).map(([id, key]) => [id, keyOf(id, key)]));
  const chosen = ring.get(current);
  if (!chosen) throw refused("current must be the id of one of the keys");
  return {
    name: "aes-gcm",
    async encode(bytes) {
      const head = headOf(current);
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const algorithm = { name: "AES-GCM", iv, additionalData: head };
      const secret = await crypto.subtle.encrypt(algorithm, await chosen(), bytes);
      return joined(head, iv, new Uint8Array(secret));
    },
    async decode(bytes) {
      const { head, id, iv, secret } = partsOf(bytes);
      const key = ring.get(id);
      if (!key) throw unreadable(`the key "${id}" is not among the keys of payloads.codecs`);
      const algorithm = { name: "AES-GCM", iv, additionalData: head };
      return new Uint8Array(await crypto.subtle.decrypt(algorithm, await key(), secret));
    },
  };
}

type Bytes = Uint8Array<ArrayBuffer>;

const VERSION = 1;
/** NIST SP 800-38D, 8.2.2: random initialization vectors have 96 bits. */
const IV_BYTES = 12;
const ID = /^[\w.-]{1,64}$/;

/** Imports a key at its first use, and once. */
function keyOf(id: string, key: AesKey | Uint8Array): () => Promise<AesKey> {
  if (!ID.test(id)) throw refused("the id of a key must be 1 to 64 letters, digits and ._-");
  if (!(key instanceof Uint8Array)) {
    if (probe(() => key.algorithm.name) !== "AES-GCM") throw refused(`the key "${id}" is none`);
    return () => Promise.resolve(key);
  }
  if (key.length !== 16 && key.length !== 32) {
    throw refused(`the key "${id}" must have 16 or 32 bytes: current value is ${key.length}`);
  }
  const raw = new Uint8Array(key);
  let imported: Promise<AesKey> | undefined;
  return () =>
    imported ??= crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
}

function headOf(id: string): Bytes {
  return joined(new Uint8Array([VERSION, id.length]), bytesOf(id));
}

function partsOf(bytes: Bytes): { head: Bytes; id: string; iv: Bytes; secret: Bytes } {
  const idEnd = 2 + (bytes[1] ?? 0);
  const ivEnd = idEnd + IV_BYTES;
  const id = new TextDecoder().decode(bytes.subarray(2, idEnd));
  if (bytes[0] !== VERSION || bytes.length <= ivEnd || !ID.test(id)) {
    throw unreadable("its encrypted body makes no sense");
  }
  return {
    head: bytes.slice(0, idEnd),
    id,
    iv: bytes.slice(idEnd, ivEnd),
    secret: bytes.slice(ivEnd),
  };
}

function joined(...parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function refused(rule: string): TypeError {
  return new TypeError(`Cannot create a codec as ${rule}`);
}
