/**
 * Returns the SHA-256 digest of text in UTF-8, as hexadecimal. Web Crypto digests only
 * asynchronously, and a message must take its place in the queue at the call.
 * https://csrc.nist.gov/pubs/fips/180-4/upd1/final
 */
export function sha256(text: string): string {
  const state = fractions(8, 2);
  const bytes = padded(new TextEncoder().encode(text));
  const view = new DataView(bytes.buffer);
  for (let offset = 0; offset < bytes.length; offset += 64) compress(state, view, offset);
  return [...state].map((word) => word.toString(16).padStart(8, "0")).join("");
}

/** §5.1.1: a one bit, zeros, and the length in bits fill up the last block of 64 bytes. */
function padded(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64);
  bytes.set(message);
  bytes[message.length] = 0x80;
  new DataView(bytes.buffer).setBigUint64(bytes.length - 8, BigInt(message.length) * 8n);
  return bytes;
}

/** §4.2.2, §5.3.3: the first 32 bits of the fractional parts of the roots of the first primes. */
function fractions(count: number, root: 2 | 3): Uint32Array {
  const words = new Uint32Array(count);
  for (let candidate = 2, found = 0; found < count; candidate++) {
    if (!isPrime(candidate)) continue;
    const value = root === 2 ? Math.sqrt(candidate) : Math.cbrt(candidate);
    words[found++] = Math.floor((value % 1) * 2 ** 32);
  }
  return words;
}

function isPrime(candidate: number): boolean {
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) {
    if (candidate % divisor === 0) return false;
  }
  return true;
}

const K = fractions(64, 3);

/** §6.2.2, with the names of the standard. */
function compress(state: Uint32Array, view: DataView, offset: number): void {
  const w = schedule(view, offset);
  let [a, b, c, d, e, f, g, h] = state as unknown as number[] as Eight;
  for (let t = 0; t < 64; t++) {
    const ch = (e & f) ^ (~e & g);
    const maj = (a & b) ^ (a & c) ^ (b & c);
    const t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ch + word(K, t) + word(w, t);
    const t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + maj;
    [a, b, c, d, e, f, g, h] = [(t1 + t2) | 0, a, b, c, (d + t1) | 0, e, f, g];
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => state[i] = word(state, i) + value);
}

type Eight = [number, number, number, number, number, number, number, number];

function schedule(view: DataView, offset: number): Uint32Array {
  const w = new Uint32Array(64);
  for (let t = 0; t < 16; t++) w[t] = view.getUint32(offset + 4 * t);
  for (let t = 16; t < 64; t++) {
    const x = word(w, t - 15);
    const y = word(w, t - 2);
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
    w[t] = word(w, t - 16) + s0 + word(w, t - 7) + s1;
  }
  return w;
}

function rotate(value: number, bits: number): number {
  return (value >>> bits) | (value << (32 - bits));
}

function word(words: Uint32Array, index: number): number {
  return words[index] as number;
}
