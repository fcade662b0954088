/**
 * MD5, with which SQS answers for the stored text. The digest is not for security, and Web Crypto
 * lacks MD5. https://www.rfc-editor.org/rfc/rfc1321
 */
import { type Attributes, typedAttribute } from "../../../src/wire/message.ts";

const encoder = /* @__PURE__ */ new TextEncoder();

/** Memory that one digest leaves to the next, in bytes; a longer text gets its own memory. */
const KEPT_BYTES = 65_536;
let kept: Uint8Array<ArrayBuffer> | undefined;

/** Returns the MD5 of text in UTF-8, or of bytes, in hexadecimal. */
export function md5(input: string | Uint8Array): string {
  const buffer = room(inputLimit(input));
  return digest(buffer, write(buffer, 0, input));
}

/**
 * Returns the MD5 of message attributes. For each attribute, in the order of names, the input holds
 * the name, the type, a byte that tells text from bytes, and the value, all with their lengths.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
 */
export function md5OfAttributes(attributes: Attributes): string {
  const names = Object.keys(attributes).sort();
  const parts = names.map((name) => ({ name, ...typedAttribute(attributes[name]!) }));
  let limit = 0;
  for (const { name, type, value } of parts) {
    limit += 13 + inputLimit(name) + inputLimit(type) + inputLimit(value);
  }
  const buffer = room(limit);
  let at = 0;
  for (const { name, type, value } of parts) {
    at = writeMeasured(buffer, at, name);
    at = writeMeasured(buffer, at, type);
    buffer[at++] = typeof value === "string" ? 1 : 2;
    at = writeMeasured(buffer, at, value);
  }
  return digest(buffer, at);
}

/** The most bytes that an input takes: a UTF-16 unit is three of UTF-8 at the most. */
function inputLimit(input: string | Uint8Array): number {
  return typeof input === "string" ? input.length * 3 : input.length;
}

/** Returns a buffer for so many bytes and their padding. */
function room(bytes: number): Uint8Array<ArrayBuffer> {
  const size = (bytes + 72) & ~63;
  if (size > KEPT_BYTES) return new Uint8Array(size);
  return kept ??= new Uint8Array(KEPT_BYTES);
}

/** Writes an input at a place of the buffer, and returns the place behind it. */
function write(buffer: Uint8Array, at: number, input: string | Uint8Array): number {
  if (typeof input === "string") return at + encoder.encodeInto(input, buffer.subarray(at)).written;
  buffer.set(input, at);
  return at + input.length;
}

/** Writes the length of an input in four bytes, and the input. */
function writeMeasured(buffer: Uint8Array, at: number, input: string | Uint8Array): number {
  const end = write(buffer, at + 4, input);
  const length = end - at - 4;
  for (let byte = 0; byte < 4; byte++) buffer[at + byte] = length >>> (24 - 8 * byte);
  return end;
}

/** Digests the first bytes of a buffer with room for their padding. */
function digest(buffer: Uint8Array<ArrayBuffer>, length: number): string {
  const words = padded(buffer, length);
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let at = 0; at < words.length; at += 16) addBlock(state, words, at);
  let text = "";
  for (let word = 0; word < 4; word++) text += hexadecimal(state[word]!);
  return text;
}

/** RFC 1321, 3.1 and 3.2: a one, zeros, and the length in bits, as little-endian words. */
function padded(buffer: Uint8Array<ArrayBuffer>, length: number): Int32Array {
  const size = (length + 72) & ~63;
  buffer.fill(0, length, size);
  buffer[length] = 0x80;
  const words = IS_LITTLE_ENDIAN
    ? new Int32Array(buffer.buffer, 0, size / 4)
    : swapped(buffer, size);
  words[size / 4 - 2] = length << 3;
  words[size / 4 - 1] = length >>> 29;
  return words;
}

const IS_LITTLE_ENDIAN = /* @__PURE__ */ isLittleEndian();

function isLittleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
}

function swapped(buffer: Uint8Array<ArrayBuffer>, size: number): Int32Array {
  const view = new DataView(buffer.buffer);
  return Int32Array.from({ length: size / 4 }, (_, at) => view.getInt32(at * 4, true));
}

/** RFC 1321, 3.4: the integer part of 2^32 times the sine of 1 to 64. */
const SINES = /* @__PURE__ */ Int32Array.from(
  { length: 64 },
  (_, i) => Math.abs(Math.sin(i + 1)) * 2 ** 32,
);

/** RFC 1321, 3.4: the four rounds with the functions F, G, H and I; four steps of each in a turn. */
function addBlock(state: Int32Array, words: Int32Array, at: number): void {
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!;
  for (let step = 0; step < 16; step += 4) {
    a = b + rotated(a + (b & c | ~b & d) + SINES[step]! + words[at + step]!, 7) | 0;
    d = a + rotated(d + (a & b | ~a & c) + SINES[step + 1]! + words[at + step + 1]!, 12) | 0;
    c = d + rotated(c + (d & a | ~d & b) + SINES[step + 2]! + words[at + step + 2]!, 17) | 0;
    b = c + rotated(b + (c & d | ~c & a) + SINES[step + 3]! + words[at + step + 3]!, 22) | 0;
  }
  for (let step = 16, word = 1; step < 32; step += 4, word += 20) {
    a = b + rotated(a + (b & d | c & ~d) + SINES[step]! + words[at + (word & 15)]!, 5) | 0;
    d = a + rotated(d + (a & c | b & ~c) + SINES[step + 1]! + words[at + (word + 5 & 15)]!, 9) | 0;
    c = d + rotated(c + (d & b | a & ~b) + SINES[step + 2]! + words[at + (word + 10 & 15)]!, 14) |
      0;
    b = c + rotated(b + (c & a | d & ~a) + SINES[step + 3]! + words[at + (word + 15 & 15)]!, 20) |
      0;
  }
  for (let step = 32, word = 5; step < 48; step += 4, word += 12) {
    a = b + rotated(a + (b ^ c ^ d) + SINES[step]! + words[at + (word & 15)]!, 4) | 0;
    d = a + rotated(d + (a ^ b ^ c) + SINES[step + 1]! + words[at + (word + 3 & 15)]!, 11) | 0;
    c = d + rotated(c + (d ^ a ^ b) + SINES[step + 2]! + words[at + (word + 6 & 15)]!, 16) | 0;
    b = c + rotated(b + (c ^ d ^ a) + SINES[step + 3]! + words[at + (word + 9 & 15)]!, 23) | 0;
  }
  for (let step = 48, word = 0; step < 64; step += 4, word += 28) {
    a = b + rotated(a + (c ^ (b | ~d)) + SINES[step]! + words[at + (word & 15)]!, 6) | 0;
    d = a + rotated(d + (b ^ (a | ~c)) + SINES[step + 1]! + words[at + (word + 7 & 15)]!, 10) | 0;
    c = d + rotated(c + (a ^ (d | ~b)) + SINES[step + 2]! + words[at + (word + 14 & 15)]!, 15) | 0;
    b = c + rotated(b + (d ^ (c | ~a)) + SINES[step + 3]! + words[at + (word + 21 & 15)]!, 21) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
}

function rotated(sum: number, by: number): number {
  return sum << by | sum >>> (32 - by);
}

function hexadecimal(word: number): string {
  let text = "";
  for (let byte = 0; byte < 4; byte++) {
    const value = word >>> (byte * 8) & 0xff;
    text += DIGITS[value >> 4]! + DIGITS[value & 15]!;
  }
  return text;
}

const DIGITS = "0123456789abcdef";
