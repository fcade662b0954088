import type { Credentials } from "../credentials/credentials.ts";
import { BoundedMap } from "./bounded_map.ts";
import { processHashes } from "./environment.ts";
import type { Hashes } from "./hashes.ts";
import { createSigner, type Sign, type Unsigned } from "./signing.ts";

/** The part of a signature that is equal for requests of one kind to one address. */
interface Template {
  /** The canonical request up to the value of its date, and from there to the hash of its body. */
  readonly canonical: readonly [head: string, tail: string];
  readonly signedHeaders: string;
  /** The hash of the body, where a header tells it. */
  readonly bodyHash: string | undefined;
  readonly region: string;
  readonly service: string;
  /** All headers but the date and the signature. */
  readonly headers: Readonly<Record<string, string>>;
}

/** One for each kind of request, address and region. */
const MAX_TEMPLATES = 200;
/** One for each day, region and service. */
const MAX_SCOPES = 20;

/**
 * Creates a signer with the synchronous hashes of the runtime, where it has them, else the signer of
 * aws4fetch. The runtime is looked at when the first request is signed.
 */
export function quickestSigner(findHashes: () => Hashes | undefined = processHashes): Sign {
  let sign: Sign | undefined;
  const choose = () => {
    const hashes = findHashes();
    return hashes ? createTemplateSigner(hashes) : createSigner();
  };
  return (unsigned, credentials) => (sign ??= choose())(unsigned, credentials);
}

/**
 * Creates a signer with the same headers as `createSigner`, for services without special rules (S3
 * has some). A request costs three hashes, because URL and headers are read once for all requests
 * that share them. Templates and keys belong to the last credentials only.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function createTemplateSigner(hashes: Hashes): Sign {
  let templates = new BoundedMap<string, Template>(MAX_TEMPLATES);
  let scopes = new BoundedMap<string, KeyedHash>(MAX_SCOPES);
  const sha256 = textHash(hashes);
  let last: Credentials | undefined;
  return (unsigned, credentials) => {
    if (credentials !== last) {
      templates = new BoundedMap(MAX_TEMPLATES);
      scopes = new BoundedMap(MAX_SCOPES);
      last = credentials;
    }
    const template = found(templates, keyOf(unsigned), () => templateOf(unsigned, credentials));
    const date = new Date(unsigned.now).toISOString().replace(/[:-]|\.\d{3}/g, "");
    const { region, service, signedHeaders } = template;
    const name = `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
    const hmac = found(scopes, name, () => keyedHash(hashes, keyFor(hashes, name, credentials)));
    const [head, tail] = template.canonical;
    const request = sha256(head + date + tail + (template.bodyHash || sha256(unsigned.body)));
    const text = `AWS4-HMAC-SHA256\n${date}\n${name}\n${request}`;
    const signature = hmac(text);
    const credential = `${credentials.accessKeyId}/${name}`;
    return {
      ...template.headers,
      "x-amz-date": date,
      authorization:
        `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
    };
  };
}

function found<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key);
  if (known) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** Header values hold no line feed, so no two kinds of requests have one key. */
function keyOf({ url, region, service, headers }: Unsigned): string {
  let key = `${url}\n${region}\n${service}`;
  for (const name in headers) key += `\n${name}\n${headers[name]}`;
  return key;
}

/** Headers that are not signed, the same as in aws4fetch: proxies change some of them. */
const UNSIGNED: readonly string[] = [
  ...["authorization", "connection", "content-length", "content-type", "expect"],
  ...["presigned-expires", "range", "user-agent", "x-amzn-trace-id"],
];

function templateOf(unsigned: Unsigned, { sessionToken }: Credentials): Template {
  const url = new URL(unsigned.url);
  const headers = new Headers(unsigned.headers);
  for (const name of ["host", "x-amz-date", "authorization"]) headers.delete(name);
  if (sessionToken) headers.set("x-amz-security-token", sessionToken);
  const names = ["host", "x-amz-date", ...headers.keys()]
    .filter((name) => !UNSIGNED.includes(name)).sort();
  const at = names.indexOf("x-amz-date");
  const line = (name: string) =>
    `${name}:${name === "host" ? url.host : headers.get(name)!.replace(/\s+/g, " ")}\n`;
  const signedHeaders = names.join(";");
  const before = names.slice(0, at).map(line).join("");
  const after = names.slice(at + 1).map(line).join("");
  return {
    canonical: [
      `POST\n${pathOf(url)}\n${queryOf(url)}\n${before}x-amz-date:`,
      `\n${after}\n${signedHeaders}\n`,
    ],
    signedHeaders,
    bodyHash: headers.get("x-amz-content-sha256") ?? undefined,
    region: unsigned.region,
    service: unsigned.service,
    headers: Object.fromEntries(headers),
  };
}

/** The path, encoded once more: all services but S3 want that. */
function pathOf({ pathname }: URL): string {
  return encoded(pathname.replace(/\/+/g, "/")).replaceAll("%2F", "/");
}

function queryOf({ searchParams }: URL): string {
  return [...searchParams].filter(([name]) => name)
    .map(([name, value]) => [encoded(name), encoded(value)] as const)
    .sort(([a, x], [b, y]) => order(a, b) || order(x, y))
    .map((pair) => pair.join("="))
    .join("&");
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Percent-encoding as RFC 3986 has it. */
function encoded(text: string): string {
  const hexadecimal = (mark: string) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, hexadecimal);
}

/** Hashes text to hexadecimal, in one call where the runtime has a call for both steps. */
function textHash(hashes: Hashes): (text: string) => string {
  const { createHash, hash } = hashes;
  if (hash) return (text) => hash("sha256", text);
  return (text) => createHash("sha256").update(text).digest("hex");
}

/** Hashes text with a key, to hexadecimal. */
type KeyedHash = (text: string) => string;

/** RFC 2104, prepared: the key is hashed once, and no runtime is slow at it, as Deno is at `createHmac`. */
function keyedHash({ createHash }: Hashes, key: Uint8Array): KeyedHash {
  const padded = (pad: number) => Uint8Array.from({ length: 64 }, (_, at) => (key[at] ?? 0) ^ pad);
  const inner = createHash("sha256").update(padded(0x36));
  const outer = createHash("sha256").update(padded(0x5c));
  return (text) => outer.copy().update(inner.copy().update(text).digest()).digest("hex");
}

/** The key of a day, a region and a service. */
function keyFor(hashes: Hashes, scope: string, { secretAccessKey }: Credentials): Uint8Array {
  let key: string | Uint8Array = `AWS4${secretAccessKey}`;
  for (const part of scope.split("/")) key = hashes.createHmac("sha256", key).update(part).digest();
  return key as Uint8Array;
}
