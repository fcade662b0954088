/** The part of `node:crypto` that signing takes. */
export interface Hashes {
  /** Starts a hash. */
  createHash(algorithm: "sha256"): Hash;
  /** Starts a hash with a key. */
  createHmac(algorithm: "sha256", key: string | Uint8Array): Hash;
  /** Hashes text in UTF-8 to hexadecimal, in one call; older runtimes have none. */
  hash?(algorithm: "sha256", text: string): string;
}

/** A hash that is under way. */
export interface Hash {
  /** Adds bytes, or text in UTF-8. */
  update(data: string | Uint8Array): Hash;
  /** Returns a copy of this hash, which goes on from here. */
  copy(): Hash;
  /** Returns the hash as bytes. */
  digest(): Uint8Array;
  /** Returns the hash in hexadecimal. */
  digest(encoding: "hex"): string;
}
