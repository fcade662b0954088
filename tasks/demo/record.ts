/** The record of a worker: one line a try. */

/** One try of one event by one worker. */
export interface Try {
  readonly eventId: string;
  readonly result: "handled" | "failed" | "gaveUp";
  /** The time of its end, in milliseconds since the epoch. */
  readonly at: number;
}

/** Adds a try to a record. */
export function appendTry(path: string, item: Try): void {
  Deno.writeTextFileSync(path, `${JSON.stringify(item)}\n`, { append: true });
}

/** Reads a record; a last line that is still being written is left out. */
export async function readTries(path: string): Promise<Try[]> {
  const text = await Deno.readTextFile(path);
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}
