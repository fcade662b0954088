import { MelangeError } from "../../support/errors.ts";
import type { PayloadStoreSettings } from "./objects.ts";
import type { PayloadStore } from "./options.ts";
import type { PayloadPlace } from "./pointer.ts";
import { payloadStore } from "./store.ts";

/**
 * Options of {@linkcode memoryPayloads}.
 *
 * @category Payloads
 */
export interface MemoryPayloadsOptions extends Partial<PayloadStoreSettings> {
  /** The most bodies; a further body is refused, as by a store that is full. Default: no limit. */
  capacity?: number;
  /** The bodies by key, shared with another store. Default: a new map. */
  objects?: Map<string, string>;
}

/**
 * A store of payloads in memory.
 *
 * @category Payloads
 */
export interface MemoryPayloads extends PayloadStore {
  /** The stored bodies by key: a test may look at them, change them and delete them. */
  readonly objects: Map<string, string>;
}

/**
 * Creates a store of payloads in memory, for tests and for one process. Nothing is ever deleted.
 * The bucket is called `memory` unless the options name one.
 *
 * @example
 * ```ts
 * import { memoryPayloads } from "@melange/melange/payloads";
 *
 * console.log(memoryPayloads().objects.size); // prints: 0
 * ```
 *
 * @category Payloads
 */
export function memoryPayloads(options: MemoryPayloadsOptions = {}): MemoryPayloads {
  const { capacity = Infinity, bucket = "memory", objects = new Map(), ...settings } = options;
  const store = payloadStore({
    put(place, body) {
      if (objects.size >= capacity) return Promise.reject(full());
      objects.set(nameOf(place, bucket), body);
      return Promise.resolve();
    },
    get: (place) => Promise.resolve(objects.get(nameOf(place, bucket))),
  }, { ...settings, bucket });
  return { ...store, objects };
}

/** Bodies of other buckets are told apart, and those of its own have plain keys. */
function nameOf(place: PayloadPlace, bucket: string): string {
  return place.bucket === bucket ? place.key : `${place.bucket}/${place.key}`;
}

function full(): MelangeError {
  return new MelangeError("REFUSED", "Cannot store a body as the store of payloads is full");
}
