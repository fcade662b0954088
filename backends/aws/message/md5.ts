/**
 * MD5, with which SQS answers what it has stored. Not for security; Web Crypto has none.
 *
 * https://www.rfc-editor.org/rfc/rfc1321
 */
import { type Attributes, typedAttribute } from "../../../src/wire/message.ts";

const encoder = /* @__PURE__ */ new TextEncoder();

/** The MD5 of text in UTF-8, or of bytes, in hexadecimal. */
export function md5(input: string | Uint8Array): string {
  const words = padded(typeof input === "string" ? encoder.encode(input) : input);
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let at = 0; at < words.length; at += 16) addBlock(state, words.subarray(at, at + 16));
  return [...state].map(hexadecimal).join("");
}

/**
 * The MD5 of message attributes: of each, in the order of their names, the name, the type, a byte
 * that tells text from bytes, and the value, all with their lengths.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
 */
export function md5OfAttributes(attributes: Attributes): string {
  const parts: Uint8Array[] = [];
  const add = (value: string | Uint8Array) => {
    const bytes = typeof value === "string" ? encoder.encode(value) : value;
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length);
    parts.push(length, bytes);
  };
  for (const name of Object.keys(attributes).sort()) {
    const { type, value } = typedAttribute(attributes[name]!);
    add(name);
    add(type);
    parts.push(Uint8Array.of(typeof value === "string" ? 1 : 2));
    add(value);
  }
  return md5(concatenated(parts));
}

/** RFC 1321, 3.1 and 3.2: a one, zeros, and the length in bits, as little-endian words. */
function padded(bytes: Uint8Array): Int32Array {
  const blocks = Math.ceil((bytes.length + 9) / 64);
  const buffer = new Uint8Array(blocks * 64);
  buffer.set(bytes);
  buffer[bytes.length] = 0x80;
  const view = new DataView(buffer.buffer);
  view.setBigUint64(buffer.length - 8, BigInt(bytes.length) * 8n, true);
  const words = new Int32Array(blocks * 16);
  for (let at = 0; at < words.length; at++) words[at] = view.getInt32(at * 4, true);
  return words;
}

/** RFC 1321, 3.4: the integer part of 2^32 times the sine of 1 to 64. */
const SINES = /* @__PURE__ */ Int32Array.from(
  { length: 64 },
  (_, i) => Math.abs(Math.sin(i + 1)) * 2 ** 32,
);
/** How far each of the four rounds rotates, in turn. */
const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];

/** RFC 1321, 3.4: the functions F, G, H and I, each with the word that its step takes. */
function addBlock(state: Int32Array, words: Int32Array): void {
  let [a = 0, b = 0, c = 0, d = 0] = state;
  for (let step = 0; step < 64; step++) {
    const round = step >> 4;
    let mixed = c ^ (b | ~d);
    let word = 7 * step;
    if (round === 0) (mixed = b & c | ~b & d), (word = step);
    else if (round === 1) (mixed = b & d | c & ~d), (word = 5 * step + 1);
    else if (round === 2) (mixed = b ^ c ^ d), (word = 3 * step + 5);
    const sum = (a + mixed + SINES[step]! + words[word & 15]!) | 0;
    const shift = SHIFTS[round * 4 + (step & 3)]!;
    a = d;
    d = c;
    c = b;
    b = (b + (sum << shift | sum >>> (32 - shift))) | 0;
  }
  [a, b, c, d].forEach((word, at) => state[at]! += word);
}

function hexadecimal(word: number): string {
  let text = "";
  for (let byte = 0; byte < 4; byte++) {
    text += (word >>> (byte * 8) & 0xff).toString(16).padStart(2, "0");
  }
  return text;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
