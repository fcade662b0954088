/** Of all characters: ten messages of 1 MiB, in which an escape makes six of one. */
const MAX_CHARACTERS = 67_108_864;

/** Reads an answer to its end; rejects where it is longer than any that AWS gives. */
export async function boundedText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of body ?? []) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > MAX_CHARACTERS) throw text.length;
  }
  return text;
}
