/** More than ten messages of 1 MiB have, in which an escape makes six of one. */
const MAX_CHARACTERS = 70_000_000;

/** Reads an answer to its end; rejects where it is longer than any that AWS gives. Smaller than `boundedText`, for the edge. */
export async function countedText({ body }: Response): Promise<string> {
  let text = "";
  for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    if ((text += piece).length > MAX_CHARACTERS) throw text.length;
  }
  return text;
}
