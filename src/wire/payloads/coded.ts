/** Bodies through codecs, there and back. */
import { MelangeError } from "../../support/errors.ts";
import { base64Of, bytesOf, bytesOfBase64, textOfBytes } from "./bytes.ts";
import type { PayloadCodec } from "./options.ts";
import { unreadable } from "./pointer.ts";
import { inTime, ownError, type Times } from "./times.ts";

/** The most codecs of one body: a message of somebody must not keep a reader busy. */
const MAX_CODECS = 8;

/** A body as it travels. */
export interface Coded {
  /** The body as published, or base64 of the encoded body. */
  readonly body: string;
  /** The names of the codecs that changed the body, first to last. */
  readonly codecs: readonly string[];
}

/**
 * Encodes a body. The result is text, because messages hold text only.
 * @throws {MelangeError} the error of a codec, or `REFUSED` for a codec that fails otherwise
 */
export async function encodeBody(
  body: string,
  codecs: readonly PayloadCodec[],
  times: Times,
): Promise<Coded> {
  const names: string[] = [];
  let bytes = bytesOf(body);
  for (const codec of codecs) {
    const encoded: unknown = await inTime("encode a body", () => codec.encode(bytes), times)
      .catch((error) => {
        times.signal?.throwIfAborted();
        throw ownError(error) ?? failed(codec);
      });
    if (encoded === undefined) continue;
    if (!isBytes(encoded)) throw failed(codec);
    bytes = encoded;
    names.push(codec.name);
  }
  return names.length === 0 ? { body, codecs: [] } : { body: base64Of(bytes), codecs: names };
}

function failed({ name }: PayloadCodec): MelangeError {
  return new MelangeError("REFUSED", `Cannot publish as the codec "${name}" failed`);
}

/**
 * Decodes a body.
 * @throws {MelangeError} `UNDECODABLE` if the body can never be decoded; the error of a codec that
 * may be able to decode it later
 */
export async function decodeBody(
  { body, codecs: names }: Coded,
  codecs: readonly PayloadCodec[],
  times: Times & { maxBytes: number },
): Promise<string> {
  if (names.length === 0) return body;
  if (names.length > MAX_CODECS) throw unreadable("it names too many codecs");
  const chosen = names.map((name) => codecs.find((codec) => codec.name === name) ?? fail(name));
  let bytes = bytesOfBase64(body);
  if (!bytes) throw unreadable("its encoded body is no base64");
  for (const codec of chosen.reverse()) bytes = await decoded(bytes, codec, times);
  const text = textOfBytes(bytes);
  if (text === undefined) throw unreadable("its decoded body is no text");
  return text;
}

function fail(name: string): never {
  const shown = /^[\w.-]{1,64}$/.test(name) ? `"${name}"` : "of its message";
  throw unreadable(`the codec ${shown} is not configured: add it to payloads.codecs`);
}

async function decoded(
  bytes: Uint8Array<ArrayBuffer>,
  codec: PayloadCodec,
  times: Times & { maxBytes: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const { maxBytes } = times;
  const refused = () => unreadable(`the codec "${codec.name}" refused its body`);
  const decoding = (signal: AbortSignal) => codec.decode(bytes, { maxBytes, signal });
  const result: unknown = await inTime("decode a body", decoding, times).catch((error) => {
    times.signal?.throwIfAborted();
    throw ownError(error) ?? refused();
  });
  if (!isBytes(result)) throw refused();
  if (result.length > maxBytes) throw unreadable(`its body exceeds ${maxBytes} bytes`);
  return result;
}

function isBytes(value: unknown): value is Uint8Array<ArrayBuffer> {
  return value instanceof Uint8Array;
}
