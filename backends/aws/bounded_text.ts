/** 64 MiB: ten messages of 1 MiB, in which an escape makes six bytes of one. */
const MAX_ANSWER_BYTES = 67_108_864;

/** Reads an answer to its end; rejects where it is longer than any that AWS gives. */
export async function boundedText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const piece of body ?? []) {
    size += piece.length;
    if (size > MAX_ANSWER_BYTES) throw new RangeError("too large");
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}
