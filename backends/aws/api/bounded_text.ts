import { readBytes } from "./read_bytes.ts";

/** 64 MiB: ten messages of 1 MiB, in which an escape makes six bytes of one. */
const MAX_ANSWER_BYTES = 67_108_864;

/**
 * Reads an answer to its end; rejects where it is longer than any that AWS gives. One that says how
 * long it is is not read piece by piece: HTTP ends it there. A length of what is compressed says
 * nothing about what it holds.
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
