/**
 * The calls of S3 that a store of payloads takes, one function each. The client of all services
 * posts, and S3 does not, so method and address are made here.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
 */
import { readBytes } from "../../../src/support/read_bytes.ts";
import {
  type AwsClient,
  type AwsClientOptions,
  type AwsClientParts,
  type CallSettings,
  createClient,
} from "./client.ts";
import type { Located, Place } from "./endpoints.ts";
import type { ErrorClass } from "./errors.ts";
import { createSigner, type Sign, type Unsigned } from "./signing.ts";

/** The SHA-256 of nothing. */
const NO_BODY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const OBJECT_ERRORS: readonly ErrorClass[] = [
  [/^NoSuchBucket$/, "CONFIGURATION", "create the bucket"],
  [/^NoSuchKey$/, "NOT_FOUND", "the object is gone"],
  [/^InvalidRange$/, "UNDECODABLE", "the object is empty"],
];

/** The object that a call is about. */
export interface S3Object {
  readonly Bucket: string;
  readonly Key: string;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
export function putObject(
  client: AwsClient,
  input: S3Object & { Body: string; sha256: string },
  options?: CallSettings,
): Promise<void> {
  return client.call({
    ...options,
    service: "s3",
    action: "PutObject",
    method: "PUT",
    address: addressOf(input),
    headers: { "x-amz-content-sha256": input.sha256, "content-type": "text/plain;charset=UTF-8" },
    body: input.Body,
    errors: OBJECT_ERRORS,
    read() {},
  });
}

/**
 * Reads the first bytes of an object, as text.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export function getObject(
  client: AwsClient,
  input: S3Object & { bytes: number },
  options?: CallSettings,
): Promise<string> {
  return client.call({
    ...options,
    service: "s3",
    action: "GetObject",
    method: "GET",
    address: addressOf(input),
    headers: { "x-amz-content-sha256": NO_BODY, range: `bytes=0-${input.bytes - 1}` },
    body: "",
    errors: OBJECT_ERRORS,
    read: (text) => text,
  });
}

/** A name of a bucket holds no slash. */
function addressOf({ Bucket, Key }: S3Object): string {
  return `${Bucket}/${Key}`;
}

/** Options of {@linkcode createS3Client}. */
export interface S3ClientOptions extends AwsClientOptions {
  /** Finds the endpoint of S3. */
  locate: (request: Located) => Place | Promise<Place>;
  /** Tells whether the bucket is in the path of URLs, and not in the host. Default: see `objectUrl`. */
  pathStyle?: boolean | undefined;
  /** The longest answer, in bytes. */
  maxBytes: number;
}

/** Creates a client for calls of S3 only. */
export function createS3Client(options: S3ClientOptions): AwsClient {
  const { locate, pathStyle, maxBytes, fetch = globalThis.fetch } = options;
  const { sign, methodOf } = createS3Signer();
  const parts: AwsClientParts = {
    async locate({ service, address = "", region }) {
      const found = await locate({ service, region });
      return { ...found, url: objectUrl(found.url, address, pathStyle) };
    },
    sign,
    async read({ body }) {
      const { signal } = new AbortController();
      const bytes = await readBytes(body, { maxBytes, signal });
      if (!bytes) throw new RangeError("too large");
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    },
  };
  return createClient({
    ...options,
    ...parts,
    fetch: (url, { body = null, ...init } = {}) => {
      const method = methodOf(init.headers);
      return fetch(url, { ...init, method, body: method === "GET" ? null : body });
    },
  });
}

/**
 * Signs with aws4fetch, which knows the rules of S3. Keeps the method of each signed request, for
 * `fetch`, by the object that holds the headers.
 */
function createS3Signer(): { sign: Sign; methodOf(headers: unknown): string } {
  const sign = createSigner();
  const methods = new WeakMap<object, string>();
  return {
    async sign(unsigned: Unsigned, credentials) {
      const headers = await sign(unsigned, credentials);
      methods.set(headers, unsigned.method ?? "POST");
      return headers;
    },
    methodOf: (headers) => methods.get(headers as object) ?? "POST",
  };
}

/** The hosts of AWS for S3, where a bucket has a host of its own. */
const AWS_HOST = /^s3(-fips)?(\.dualstack)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|amazonaws\.eu)$/;
/** A name that can be a part of a host, and that the certificate of AWS covers. */
const HOST_NAME = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;

/**
 * Returns the URL of an object. The bucket is in the host where AWS answers and the name allows it,
 * and in the path for all other endpoints.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
 */
export function objectUrl(endpoint: string, address: string, pathStyle?: boolean): string {
  const [bucket = "", ...rest] = address.split("/");
  const url = new URL(dualStackOfS3(endpoint));
  const isPath = pathStyle ?? !(AWS_HOST.test(url.host) && HOST_NAME.test(bucket));
  const host = isPath ? url.host : `${bucket}.${url.host}`;
  const path = [...(isPath ? [bucket] : []), ...rest].map(encoded).join("/");
  return `${url.protocol}//${host}${url.pathname.replace(/\/$/, "")}/${path}`;
}

/** S3 alone has its endpoints with IPv6 in the old domain. */
function dualStackOfS3(endpoint: string): string {
  return endpoint.replace(
    /^(https:\/\/s3(?:-fips)?)\.([a-z0-9-]+)\.api\.(?:aws|amazonwebservices\.com(\.cn))$/,
    (_, name, region, china = "") => `${name}.dualstack.${region}.amazonaws.com${china}`,
  );
}

/** Percent-encoding as RFC 3986 has it. */
function encoded(text: string): string {
  const hexadecimal = (mark: string) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, hexadecimal);
}
