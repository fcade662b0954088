/** The part of `node:crypto` that signing takes. */
export interface Hashes {
  /** Starts a hash. */
  createHash(algorithm: "sha256"): Hash;
  /** Starts a hash with a key. */
  createHmac(algorithm: "sha256", key: string | Uint8Array | SecretKey): Hash;
  /** Makes a key that is not prepared anew for each hash. */
  createSecretKey(key: Uint8Array): SecretKey;
}

/** A hash that is under way. */
export interface Hash {
  /** Adds text in UTF-8. */
  update(text: string): Hash;
  /** Returns the hash as bytes. */
  digest(): Uint8Array;
  /** Returns the hash in hexadecimal. */
  digest(encoding: "hex"): string;
}

declare const secretKey: unique symbol;
/** A key of the runtime. */
export type SecretKey = { readonly [secretKey]: never };
