import { checkMs } from "../../support/duration.ts";
import { checkRange } from "../../support/range.ts";
import { checkRetryPolicy } from "../../support/retry.ts";
import { Semaphore } from "../../support/semaphore.ts";
import type { CompleteSettings, PayloadObjects, PayloadStoreSettings } from "./objects.ts";
import { offload } from "./offload.ts";
import type { PayloadStore } from "./options.ts";
import { restore } from "./restore.ts";

/**
 * Makes a store of payloads of any store of objects. A body is stored in UTF-8, or in base64 if a
 * codec changed it; the message then has the pointer of the Amazon Extended Clients.
 *
 * @throws {TypeError} if a call is missing or a name is none
 * @throws {RangeError} if a number makes no sense
 *
 * @example A bucket of Cloudflare R2 that is bound to a Worker
 * ```ts
 * import { MessagePublisher } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 * import { payloadStore } from "@melange/melange/payloads";
 *
 * interface Bucket {
 *   put(key: string, value: string): Promise<unknown>;
 *   get(key: string): Promise<{ size: number; text(): Promise<string> } | null>;
 * }
 * function r2(bucket: Bucket) {
 *   return payloadStore({
 *     put: async ({ key }, body) => void await bucket.put(key, body),
 *     get: async ({ key }) => await (await bucket.get(key))?.text(),
 *   }, { bucket: "payloads" });
 * }
 *
 * const kept = new Map<string, string>();
 * const store = r2({
 *   put: (key, value) => Promise.resolve(kept.set(key, value)),
 *   get: (key) => Promise.resolve({ size: 0, text: () => Promise.resolve(kept.get(key) ?? "") }),
 * });
 * const publisher = new MessagePublisher({ backend: new MemoryBackend(), payloads: { store } });
 * await publisher.close();
 * ```
 *
 * @category Payloads
 */
export function payloadStore(
  objects: PayloadObjects,
  settings: PayloadStoreSettings,
): PayloadStore {
  const complete = checked(objects, settings);
  const work = { objects, settings: complete, places: new Semaphore(complete.maxInFlight) };
  return {
    offload: (message, options) => offload(message, { ...options, ...work }),
    restore: (message, options) => restore(message, { ...options, ...work }),
  };
}

/** The names of buckets, those of old ones and of other services too. */
const BUCKET = /^[A-Za-z0-9](?!.*\.\.)[\w.-]{1,253}[A-Za-z0-9]$/;
/** The rule of the Java client: such a prefix leads out of no bucket. */
const PREFIX = /^(?![./])(?!.*\.\.)[\w./-]{0,900}$/;

function checked(objects: PayloadObjects, settings: PayloadStoreSettings): CompleteSettings {
  const cannot = "create a store of payloads";
  const { bucket, readBuckets = [], prefix = "", retry = {} } = settings;
  const { maxBytes = 33_554_432, timeoutMs = 30_000, maxInFlight = 16 } = settings;
  if (typeof objects?.put !== "function" || typeof objects.get !== "function") {
    throw new TypeError(`Cannot ${cannot} as it needs the functions put and get`);
  }
  if (!Array.isArray(readBuckets) || ![bucket, ...readBuckets].every(isBucket)) {
    throw new TypeError(`Cannot ${cannot} as a bucket must have a name of letters, digits and .-_`);
  }
  if (typeof prefix !== "string" || !PREFIX.test(prefix) || /(^|\/)\.(\/|$)/.test(prefix)) {
    throw new TypeError(`Cannot ${cannot} as the prefix must be of letters, digits and ._-/`);
  }
  checkRange(maxBytes, { cannot, name: "maxBytes", min: 1, integer: true });
  checkRange(maxInFlight, { cannot, name: "maxInFlight", min: 1, integer: true });
  checkMs(timeoutMs, { cannot, name: "timeoutMs", positive: true });
  checkRetryPolicy(retry);
  return {
    bucket,
    readBuckets: [...readBuckets],
    prefix,
    maxBytes,
    timeoutMs,
    maxInFlight,
    retry: { maxAttempts: 4, ...retry },
  };
}

function isBucket(name: unknown): boolean {
  return typeof name === "string" && BUCKET.test(name);
}
