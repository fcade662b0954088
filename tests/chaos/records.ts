/** What the processes of the laboratory write down: one JSON value a line, never taken back. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

/** What a worker did. A kill leaves a start without an effect, or an effect without a mark. */
export interface Effect {
  /** The event. */
  key: string;
  /** `start` before the handler works, `effect` when it has worked. */
  step: "start" | "effect";
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
export function record(file: string, value: Effect | Told): void {
  appendFileSync(file, `${JSON.stringify(value)}\n`);
}

/** Reads all lines; one that a kill cut off is left out. */
export function readRecords<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as T];
    } catch {
      return [];
    }
  });
}
