import { abortable } from "../../src/clock.ts";

/**
 * Reads a stream to its end; `undefined`, with the stream cancelled, as soon as there are more than
 * `maxBytes`. Rejects as the stream does, or with the signal's reason.
 */
export async function readBytes(
  stream: ReadableStream<Uint8Array> | null,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const reader = stream?.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    while (reader) {
      const { done, value } = await abortable(reader.read(), signal);
      if (done) return joined(chunks, length);
      chunks.push(value);
      length += value.length;
      if (length > maxBytes) break;
    }
  } catch (error) {
    giveUp(reader);
    throw error;
  }
  giveUp(reader);
  return reader ? undefined : new Uint8Array();
}

/** Nobody waits for it: a peer that sends nothing may also never take notice. */
function giveUp(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): void {
  reader?.cancel().catch(() => {});
}

function joined(chunks: Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
