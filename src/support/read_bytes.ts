import { abortable } from "./clock.ts";

/**
 * Reads a stream to the end. Returns `undefined`, and cancels the stream, as soon as the stream
 * exceeds `maxBytes`. Rejects as the stream does, or with the signal's reason. Takes at most twice
 * as much memory as the bytes read, even if the pieces are small.
 */
export async function readBytes(
  stream: ReadableStream<Uint8Array> | null,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const reader = stream?.getReader();
  let bytes = new Uint8Array();
  let length = 0;
  try {
    while (reader) {
      const { done, value } = await abortable(reader.read(), signal);
      if (done) return bytes.subarray(0, length);
      const end = length + value.length;
      if (end > maxBytes) break;
      if (end > bytes.length) bytes = grown(bytes, Math.max(end, 2 * bytes.length));
      bytes.set(value, length);
      length = end;
    }
  } catch (error) {
    giveUp(reader);
    throw error;
  }
  giveUp(reader);
  return reader ? undefined : bytes;
}

/** Gives a reader up without waiting: a silent peer may never take notice. */
function giveUp(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): void {
  reader?.cancel().catch(() => {});
}

function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}
