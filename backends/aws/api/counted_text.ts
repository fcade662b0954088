/** More than ten messages of 1 MiB have, in which an escape makes six of one. */
const MAX_CHARACTERS = 70_000_000;

/**
 * Reads an answer to the end. Rejects an answer that is longer than any of AWS. The function is
 * smaller than `boundedText`, for the edge.
 */
export async function countedText({ body }: Response): Promise<string> {
  let text = "";
  for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    if ((text += piece).length > MAX_CHARACTERS) throw text.length;
  }
  return text;
}
