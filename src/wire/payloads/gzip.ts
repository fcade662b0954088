import { probe } from "../../support/errors.ts";
import { checkRange } from "../../support/range.ts";
import { readBytes } from "../../support/read_bytes.ts";
import type { PayloadCodec } from "./options.ts";
import { unreadable } from "./pointer.ts";

/**
 * Options of {@linkcode gzip}.
 *
 * @category Payloads
 */
export interface GzipOptions {
  /** The bytes of a body up to which it stays as it is. Default: 1 024. */
  overBytes?: number;
}

/**
 * A codec that compresses, by the `CompressionStream` of the runtime. A body stays as it is if it
 * is small, or if base64 of the compressed body is no shorter. Before `aesGcm` in the list, because
 * encrypted bytes do not compress. A body that inflates to more than the store's `maxBytes` is
 * given up at that size.
 *
 * @throws {TypeError} on runtimes without `CompressionStream`
 * @throws {RangeError} if `overBytes` is no number of bytes
 *
 * @example
 * ```ts
 * import { gzip } from "@melange/melange/payloads";
 *
 * console.log(gzip().name); // prints: gzip
 * ```
 *
 * @category Payloads
 */
export function gzip({ overBytes = 1_024 }: GzipOptions = {}): PayloadCodec {
  checkRange(overBytes, { cannot: "create a codec", name: "overBytes", min: 0 });
  if (!probe(() => [CompressionStream, DecompressionStream])) {
    throw new TypeError("Cannot create a codec as this runtime has no CompressionStream");
  }
  return {
    name: "gzip",
    async encode(bytes) {
      if (bytes.length <= overBytes) return undefined;
      const { signal } = new AbortController();
      const maxBytes = Math.floor(bytes.length * 3 / 4);
      return await readBytes(through(bytes, new CompressionStream("gzip")), { maxBytes, signal });
    },
    async decode(bytes, options) {
      const inflated = await readBytes(through(bytes, new DecompressionStream("gzip")), options);
      if (inflated) return inflated;
      throw unreadable(`its body inflates to more than ${options.maxBytes} bytes`);
    },
  };
}

type Bytes = Uint8Array<ArrayBuffer>;

/** In pieces, so that a stream which is given up has not done all of its work by then. */
const PIECE = 65_536;

function through(bytes: Bytes, transform: TransformStream<Bytes, Bytes>): ReadableStream<Bytes> {
  let at = 0;
  const source = new ReadableStream<Bytes>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at += PIECE));
    },
  });
  return source.pipeThrough(transform);
}
