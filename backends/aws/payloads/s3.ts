/**
 * Payloads in S3, and in stores that speak S3, over signed HTTP and without the AWS SDK.
 *
 * @example
 * ```ts
 * import { Dispatcher, MessagePublisher } from "@melange/melange";
 * import { AwsBackend } from "@melange/melange/aws";
 * import { s3Payloads } from "@melange/melange/payloads/s3";
 *
 * // Nothing is sent before the first body. Credentials come from where the SDKs of AWS find them.
 * const store = s3Payloads({ bucket: "my-payloads", region: "eu-west-1" });
 * const backend = new AwsBackend({ region: "eu-west-1" });
 * const publisher = new MessagePublisher({ backend, payloads: { store, overBytes: 262_144 } });
 * const dispatcher = new Dispatcher({ payloads: { store } });
 * console.log(dispatcher.options.payloads?.store === store); // prints: true
 * await publisher.close();
 * await backend.close();
 * ```
 *
 * @module
 */
import { type Clock, systemClock } from "../../../src/support/clock.ts";
import type { PayloadStoreSettings } from "../../../src/wire/payloads/objects.ts";
import { storedBytes } from "../../../src/wire/payloads/offload.ts";
import type { PayloadStore } from "../../../src/wire/payloads/options.ts";
import { payloadStore } from "../../../src/wire/payloads/store.ts";
import { configuredEndpoints, type EndpointKindOptions } from "../api/configured_endpoints.ts";
import {
  type Environment,
  processEnvironment,
  quietEnvironment,
  quietFiles,
} from "../api/environment.ts";
import { isNotFound } from "../api/errors.ts";
import { createS3Client, getObject, putObject } from "../api/s3.ts";
import type { Credentials, CredentialsProvider } from "../credentials/credentials.ts";
import { type CredentialsAccess, defaultCredentials } from "../credentials/default_chain.ts";

/** Options of {@linkcode s3Payloads}. */
export interface S3PayloadsOptions
  extends PayloadStoreSettings, EndpointKindOptions, CredentialsAccess {
  /** The region of the bucket; `auto` for R2. Default: as for `AwsBackend`. */
  region?: string;
  /**
   * The address of another store that speaks S3: R2, MinIO, moto. Default: `AWS_ENDPOINT_URL_S3`,
   * else `AWS_ENDPOINT_URL`, else the profile's, else AWS itself.
   */
  endpoint?: string;
  /**
   * Puts the bucket into the path of URLs, and not into the host. Default: `false` for buckets at
   * AWS whose name can be part of a host, else `true`.
   */
  pathStyle?: boolean;
  /** The keys for signing, or their provider. Default: `defaultCredentials` of `./aws`. */
  credentials?: Credentials | CredentialsProvider;
  /** Sends requests. Default: `globalThis.fetch`. */
  fetch?: typeof fetch;
  /** The clock of requests. Default: the machine's clock. */
  clock?: Clock;
  /**
   * Source of defaults; on an edge worker `(name) => env[name]`. Default: the environment variables
   * of the process.
   */
  environment?: Environment;
}

/** More than the error of a service has. */
const ERROR_BYTES = 65_536;

/**
 * Creates a store of payloads in a bucket of S3. Takes `s3:PutObject` to publish and `s3:GetObject`
 * to read; with `s3:ListBucket` as well, a missing object is told from a denied one. Objects are
 * never deleted, because a topic may have many readers: give the bucket a lifecycle rule, with more
 * days than messages are kept, dead-letter queues included.
 *
 * @throws {TypeError} if the bucket, the prefix or a flag is none
 * @throws {RangeError} if a number makes no sense
 *
 * @example MinIO, R2 and others
 * ```ts
 * import { s3Payloads } from "@melange/melange/payloads/s3";
 *
 * const credentials = { accessKeyId: "minio", secretAccessKey: "secret" };
 * const endpoint = "http://127.0.0.1:9000";
 * const store = s3Payloads({ bucket: "payloads", endpoint, region: "us-east-1", credentials });
 * console.log(typeof store.offload); // prints: function
 * ```
 */
export function s3Payloads(options: S3PayloadsOptions): PayloadStore {
  const { clock = systemClock, maxBytes = 33_554_432, timeoutMs = 30_000 } = options;
  const { readTextFile = quietFiles(), environment = quietEnvironment } = options;
  const { credentials = defaultCredentials(options), pathStyle } = options;
  const client = createS3Client({
    ...(options.fetch ? { fetch: options.fetch } : {}),
    environment: options.environment ?? processEnvironment,
    clock,
    credentials,
    pathStyle,
    locate: configuredEndpoints(options, { environment, readTextFile, clock }),
    requestTimeoutMs: timeoutMs,
    maxBytes: storedBytes(maxBytes) + ERROR_BYTES,
  });
  return payloadStore({
    async put({ bucket: Bucket, key: Key }, Body, { signal, sha256 = "" }) {
      await putObject(client, { Bucket, Key, Body, sha256 }, { signal });
    },
    async get({ bucket: Bucket, key: Key }, { signal, maxBytes }) {
      try {
        // One byte more tells a body of this size from a longer one.
        return await getObject(client, { Bucket, Key, bytes: maxBytes + 1 }, { signal });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
  }, options);
}
