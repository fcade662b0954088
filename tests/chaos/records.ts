/** What the processes of the laboratory write down: one JSON value a line, never taken back. */
import { appendFileSync, closeSync, existsSync, openSync, readSync } from "node:fs";

/** What a worker did. A kill leaves a start without an effect, or an effect without a mark. */
export interface Effect {
  /** The event. */
  key: string;
  /**
   * `start` before the handler works, `effect` when it has worked, `mark` when that is remembered;
   * `held` where it waits to be killed.
   */
  step: "start" | "effect" | "mark" | "held";
  /** Milliseconds since the epoch. */
  at: number;
}

/** What a publisher was told of an event. */
export interface Told {
  /** The event. */
  key: string;
  /** `stored`, or the code of the error. */
  result: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/** Writes a line before it returns: a kill right after loses nothing. */
export function record(file: string, value: object): void {
  appendFileSync(file, `${JSON.stringify(value)}\n`);
}

/** Reads all lines there are; one that is not finished is left out. */
export function readRecords<T>(file: string): T[] {
  return followRecords<T>(file)();
}

/** Returns a function that reads the lines which were written since it was called last. */
export function followRecords<T>(file: string): () => T[] {
  let position = 0;
  let rest = "";
  return () => {
    if (!existsSync(file)) return [];
    const { text, end } = readFrom(file, position);
    position = end;
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    return lines.map((line) => JSON.parse(line) as T);
  };
}

function readFrom(file: string, start: number): { text: string; end: number } {
  const handle = openSync(file, "r");
  const chunk = new Uint8Array(1 << 16);
  const decoder = new TextDecoder();
  let text = "";
  let end = start;
  try {
    for (;;) {
      const count = readSync(handle, chunk, 0, chunk.length, end);
      if (count === 0) return { text, end };
      text += decoder.decode(chunk.subarray(0, count), { stream: true });
      end += count;
    }
  } finally {
    closeSync(handle);
  }
}
