import { readBytes } from "../../../src/support/read_bytes.ts";

/** 64 MiB: ten messages of 1 MiB, in which an escape makes six bytes of one. */
const MAX_ANSWER_BYTES = 67_108_864;

/**
 * Reads an answer to the end. Rejects an answer that is longer than any of AWS. An uncompressed
 * answer with a stated length is read in one piece, because HTTP ends the answer there. The stated
 * length of a compressed answer says nothing about the length of the text.
 */
export async function boundedText(answer: Response): Promise<string> {
  const { body, headers } = answer;
  const length = headers.get("content-length") ?? "";
  const isKnown = /^\d{1,8}$/.test(length) && !headers.has("content-encoding");
  if (isKnown && Number(length) <= MAX_ANSWER_BYTES) return await answer.text();
  // Whoever fetched ends the stream when the time is up.
  const { signal } = new AbortController();
  const bytes = await readBytes(body, { maxBytes: MAX_ANSWER_BYTES, signal });
  if (!bytes) throw new RangeError("too large");
  return new TextDecoder().decode(bytes);
}
