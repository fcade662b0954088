/** The types of stores of objects, which hold bodies outside of messages. */
import type { RetryPolicy } from "../../support/retry.ts";
import type { Semaphore } from "../../support/semaphore.ts";
import type { PayloadPlace } from "./pointer.ts";

/**
 * The two calls of a store of objects. Both may reject with any value; a `MelangeError` keeps its
 * code, and its `retryable` decides about another attempt.
 *
 * @category Payloads
 */
export interface PayloadObjects {
  /** Stores a body. Resolves once the body can be read by others. */
  put(place: PayloadPlace, body: string, options: PayloadCall): Promise<void>;
  /**
   * Reads a body; `undefined` if there is no such object. Need not read more than `maxBytes` and
   * one byte more, because a longer body is refused.
   */
  get(
    place: PayloadPlace,
    options: PayloadCall & { maxBytes: number },
  ): Promise<string | undefined>;
}

/**
 * Options of a call of {@linkcode PayloadObjects}.
 *
 * @category Payloads
 */
export interface PayloadCall {
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal;
  /** The SHA-256 of a body to be stored, in hexadecimal. Reads have none. */
  readonly sha256?: string;
}

/**
 * Settings of every store of payloads.
 *
 * @category Payloads
 */
export interface PayloadStoreSettings {
  /** The bucket that bodies are stored in. */
  bucket: string;
  /**
   * Further buckets whose objects are read. A pointer to any other bucket is undecodable, because
   * whoever may send would otherwise choose what is read. Default: none.
   */
  readBuckets?: readonly string[];
  /** The beginning of the keys, of letters, digits and `._-/`. Default: none. */
  prefix?: string;
  /**
   * The largest body, before codecs and after them, in bytes. A larger body is not published, and a
   * message with a larger body is undecodable. Default: 33 554 432.
   */
  maxBytes?: number;
  /** The longest time of one read, one write and one run of a codec, in milliseconds. Default: 30 000. */
  timeoutMs?: number;
  /** The most bodies that are written at once; further ones wait. Default: 16. */
  maxInFlight?: number;
  /** Attempts to store a body. A read is tried once, because the message comes again. Default: 4. */
  retry?: RetryPolicy;
}

/** The settings with defaults filled in. */
export type CompleteSettings = Required<PayloadStoreSettings>;

/** The parts of a store that its functions work with. */
export interface StoreWork {
  /** The calls. */
  readonly objects: PayloadObjects;
  readonly settings: CompleteSettings;
  /** The places of writes under way. */
  readonly places: Semaphore;
}
