import { readBytes } from "./read_bytes.ts";

/** 64 MiB: ten messages of 1 MiB, in which an escape makes six bytes of one. */
const MAX_ANSWER_BYTES = 67_108_864;

/** Reads an answer to its end; rejects where it is longer than any that AWS gives. */
export async function boundedText({ body }: Response): Promise<string> {
  // Whoever fetched ends the stream when the time is up.
  const { signal } = new AbortController();
  const bytes = await readBytes(body, { maxBytes: MAX_ANSWER_BYTES, signal });
  if (!bytes) throw new RangeError("too large");
  return new TextDecoder().decode(bytes);
}
