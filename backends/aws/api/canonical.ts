import type { Credentials } from "../credentials/credentials.ts";

/** A request that is to be signed. */
export interface Unsigned {
  readonly url: string;
  readonly service: string;
  readonly region: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** The time of the service, in milliseconds since the epoch. */
  readonly now: number;
}

/** Everything of a signature that is equal for requests of one kind to one address. */
export interface Template {
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

/** A signature, and what it says of itself. */
interface Signature {
  readonly stamp: string;
  readonly scope: string;
  readonly signature: string;
  /** The id of the access key. */
  readonly id: string;
}

/**
 * Reads what requests of one kind have in common, for services without rules of their own (S3 has
 * some).
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function canonicalTemplate(unsigned: Unsigned, { sessionToken }: Credentials): Template {
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

/** The time of a request, as signatures have it. */
export function stampOf(now: number): string {
  return new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, "");
}

/** The day, the region and the service that a key is for. */
export function scopeOf(stamp: string, { region, service }: Template): string {
  return `${stamp.slice(0, 8)}/${region}/${service}/aws4_request`;
}

/** The text whose hash with the key of its scope is the signature. */
export function textToSign(stamp: string, scope: string, requestHash: string): string {
  return `AWS4-HMAC-SHA256\n${stamp}\n${scope}\n${requestHash}`;
}

/** The headers of a signed request. */
export function authorized(
  { headers, signedHeaders }: Template,
  { stamp, scope, signature, id }: Signature,
): Record<string, string> {
  return {
    ...headers,
    "x-amz-date": stamp,
    authorization:
      `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
  };
}

/** Headers that are not signed, as proxies change some of them. */
const UNSIGNED: readonly string[] = [
  ...["authorization", "connection", "content-length", "content-type", "expect"],
  ...["presigned-expires", "range", "user-agent", "x-amzn-trace-id"],
];

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
