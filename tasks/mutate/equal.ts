import type { Mutant } from "./mutant.ts";

/** A fault that changes nothing which anybody could observe, and why. */
export interface EqualMutant {
  readonly file: string;
  /** The line in which it begins, trimmed. */
  readonly sourceLine: string;
  /** The operator, or what the fault puts in, or the whole line that it makes. */
  readonly change: string;
  readonly reason: string;
}

/**
 * Reads a list of equal mutants: lines of the form `file | line | change | reason`. The line of code
 * may contain the separator, the other parts may not. Lines that are empty or begin with `#` say nothing.
 */
export function parseEqualMutants(text: string): EqualMutant[] {
  return text.split("\n").filter((line) => line.trim() && !line.startsWith("#")).map((line) => {
    const parts = line.split(" | ").map((part) => part.trim());
    const [file, reason, change] = [parts.shift(), parts.pop(), parts.pop()];
    if (parts.length > 0 && file && change && reason) {
      return { file, sourceLine: parts.join(" | "), change, reason };
    }
    throw new Error(
      `Cannot read an equal mutant, it must be file | line | change | reason: ${line}`,
    );
  });
}

/** Tells if the entry of the list stands for the fault. */
export function isEqual(entry: EqualMutant, mutant: Mutant): boolean {
  const changes = [mutant.operator, mutant.after || "(dropped)", mutant.mutatedLine];
  return entry.file === mutant.file && entry.sourceLine === mutant.sourceLine &&
    changes.includes(entry.change);
}
