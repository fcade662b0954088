/**
 * Bodies that do not fit into a message, and bodies that travel compressed or encrypted: the option
 * `payloads` of publishers, dispatchers and buses. A large body is put into a store, and the message
 * carries a pointer in the format of the Amazon SQS and SNS Extended Clients.
 *
 * @example
 * ```ts
 * import { defineEvent, EventBus, typed } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 * import { gzip, memoryPayloads } from "@melange/melange/payloads";
 *
 * const Report = defineEvent("Report", { topic: "reports", schema: typed<{ text: string }>() });
 * const store = memoryPayloads();
 * const payloads = { store, overBytes: 1_000, codecs: [gzip()] };
 * const bus = new EventBus({ backend: new MemoryBackend(), queue: "mine", payloads });
 * const read = new Promise((resolve) => bus.subscribe(Report, ({ data }) => resolve(data.text.length)));
 * await bus.declare();
 * bus.start();
 * const bytes = crypto.getRandomValues(new Uint8Array(5_000));
 * await bus.publish(Report({ text: [...bytes].join() }));
 * if (await read !== [...bytes].join().length || store.objects.size !== 1) throw new Error("unexpected");
 * await bus.stop();
 * ```
 *
 * @module
 */
export { aesGcm, type AesGcmOptions, type AesKey } from "./aes_gcm.ts";
export { gzip, type GzipOptions } from "./gzip.ts";
export { inlinePayloads, type InlinePayloadsOptions } from "./inline.ts";
export { type MemoryPayloads, memoryPayloads, type MemoryPayloadsOptions } from "./memory.ts";
export type { PayloadCall, PayloadObjects, PayloadStoreSettings } from "./objects.ts";
export type {
  OffloadOptions,
  PayloadCodec,
  PayloadOptions,
  PayloadStore,
  RestoreOptions,
} from "./options.ts";
export type { PayloadPlace } from "./pointer.ts";
export { payloadStore } from "./store.ts";
