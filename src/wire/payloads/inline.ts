import { MelangeError } from "../../support/errors.ts";
import type { PayloadStore } from "./options.ts";
import { payloadStore } from "./store.ts";
import { unreadable } from "./pointer.ts";

/**
 * Options of {@linkcode inlinePayloads}.
 *
 * @category Payloads
 */
export interface InlinePayloadsOptions {
  /** The largest body before and after the codecs, in bytes. Default: 33 554 432. */
  maxBytes?: number;
  /** The longest time of one run of a codec, in milliseconds. Default: 30 000. */
  timeoutMs?: number;
}

/**
 * Creates a store that stores nothing, for codecs without a store: bodies stay in their messages. A
 * message that is too large even encoded is refused, and a pointer is undecodable.
 *
 * @example
 * ```ts
 * import { MessagePublisher } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 * import { gzip, inlinePayloads } from "@melange/melange/payloads";
 *
 * const payloads = { store: inlinePayloads(), codecs: [gzip()] };
 * const publisher = new MessagePublisher({ backend: new MemoryBackend(), payloads });
 * await publisher.close();
 * ```
 *
 * @category Payloads
 */
export function inlinePayloads(options: InlinePayloadsOptions = {}): PayloadStore {
  const rule = "it is too large, and there is no store of payloads";
  return payloadStore({
    put: () => Promise.reject(new MelangeError("INVALID_MESSAGE", `Cannot publish as ${rule}`)),
    get: () => Promise.reject(unreadable("its body is in a store, and none is configured")),
  }, { ...options, bucket: "none" });
}
