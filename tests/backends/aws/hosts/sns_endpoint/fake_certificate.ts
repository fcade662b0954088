/** Writes certificates as SNS has them, for tests: DER by hand, keys and signatures by WebCrypto. */

type Bytes = Uint8Array<ArrayBuffer>;

/** What goes into a certificate; by default it is one of SNS that is valid in 2026. */
export interface CertificateOptions {
  /** The public key, as `SubjectPublicKeyInfo`. */
  spki: Bytes;
  /** Signs it; without it the signature is made of zeros. */
  privateKey?: CryptoKey;
  commonName?: string;
  /** Default: none, as in older certificates. */
  dnsNames?: string[];
  notBefore?: string;
  notAfter?: string;
}

/** An element of DER. */
export function der(tag: number, ...parts: Bytes[]): Bytes {
  const content = concat(...parts);
  const { length } = content;
  const digits = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return concat(Uint8Array.of(tag, ...digits), content);
}

export function concat(...parts: Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

export function ascii(text: string): Bytes {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const SHA256_WITH_RSA = der(
  0x30,
  der(0x06, Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b)),
  der(0x05),
);

/** A certificate as DER. */
export async function writeCertificate(options: CertificateOptions): Promise<Bytes> {
  const { spki, privateKey, commonName = "sns.amazonaws.com", dnsNames = [] } = options;
  const { notBefore = "260101000000Z", notAfter = "261231235959Z" } = options;
  const name = (text: string) =>
    der(0x30, der(0x31, der(0x30, der(0x06, Uint8Array.of(85, 4, 3)), der(0x0c, ascii(text)))));
  const time = (text: string) => der(text.length === 13 ? 0x17 : 0x18, ascii(text));
  const tbs = der(
    0x30,
    der(0xa0, der(0x02, Uint8Array.of(2))),
    der(0x02, Uint8Array.of(1, 2, 3)),
    SHA256_WITH_RSA,
    name("Melange Test CA"),
    der(0x30, time(notBefore), time(notAfter)),
    name(commonName),
    spki,
    ...(dnsNames.length > 0 ? [der(0xa3, der(0x30, alternativeNames(dnsNames)))] : []),
  );
  const signature = privateKey
    ? new Uint8Array(await crypto.subtle.sign("RSASSA-PKCS1-v1_5", privateKey, tbs))
    : new Uint8Array(256);
  return der(0x30, tbs, SHA256_WITH_RSA, der(0x03, concat(Uint8Array.of(0), signature)));
}

function alternativeNames(dnsNames: string[]): Bytes {
  const names = der(0x30, ...dnsNames.map((name) => der(0x82, ascii(name))));
  const critical = der(0x01, Uint8Array.of(0xff));
  return der(0x30, der(0x06, Uint8Array.of(85, 29, 17)), critical, der(0x04, names));
}

/** A certificate as a PEM file. */
export function toPem(certificate: Bytes): string {
  const base64 = btoa(String.fromCharCode(...certificate));
  const lines = base64.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

/** A key pair with what certificates and signatures of both versions need of it. */
export interface SigningKeys {
  readonly spki: Bytes;
  /** Signs with SHA-1 ("1") or SHA-256 ("2"). */
  readonly privateKeys: Readonly<Record<"1" | "2", CryptoKey>>;
}

/** Generates an RSA key pair of 2048 bits: a few hundred milliseconds, so once in a file. */
export async function generateKeys(): Promise<SigningKeys> {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const pair = await crypto.subtle.generateKey(
    { ...algorithm, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) },
    true,
    ["sign", "verify"],
  );
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", pair.privateKey);
  const sha1 = { ...algorithm, hash: "SHA-1" };
  return {
    spki: new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey)),
    privateKeys: {
      1: await crypto.subtle.importKey("pkcs8", pkcs8, sha1, false, ["sign"]),
      2: pair.privateKey,
    },
  };
}
