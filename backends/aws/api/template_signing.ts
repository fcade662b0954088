import type { Credentials } from "../credentials/credentials.ts";
import { BoundedMap } from "./bounded_map.ts";
import {
  authorized,
  canonicalTemplate,
  scopeOf,
  stampOf,
  type Template,
  textToSign,
} from "./canonical.ts";
import { processHashes } from "./environment.ts";
import type { Hashes } from "./hashes.ts";
import { createSigner, type Sign, type Unsigned } from "./signing.ts";

/** One for each kind of request, address and region. */
const MAX_TEMPLATES = 200;
/** One for each day, region and service. */
const MAX_SCOPES = 20;

/**
 * Creates a signer with the synchronous hashes of the runtime, where it has them, else
 * that of Web Crypto. The runtime is looked at when the first request is signed.
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
 * Creates a signer that gives the same headers as `createSigner`, for services without rules of their
 * own (S3 has some). A request costs three hashes: URL and headers are read once for all requests
 * that have them in common. Templates and keys are those of the last credentials only.
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
    const template = found(
      templates,
      keyOf(unsigned),
      () => canonicalTemplate(unsigned, credentials),
    );
    const stamp = stampOf(unsigned.now);
    const scope = scopeOf(stamp, template);
    const hmac = found(scopes, scope, () => keyedHash(hashes, keyFor(hashes, scope, credentials)));
    const [head, tail] = template.canonical;
    const request = sha256(head + stamp + tail + (template.bodyHash || sha256(unsigned.body)));
    const signature = hmac(textToSign(stamp, scope, request));
    return authorized(template, { stamp, scope, signature, id: credentials.accessKeyId });
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

/** Hashes text to hexadecimal, in one call where the runtime has such a one. */
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
