/** Applies unified diffs. */

/** What a patch does to one file. */
export interface FilePatch {
  /** The file, from the root of the tree. */
  readonly path: string;
  readonly hunks: readonly Hunk[];
}

/** Lines, and what takes their place. */
export interface Hunk {
  readonly before: string;
  readonly after: string;
}

/** Reads a unified diff of existing files. What stands before the first file is not looked at. */
export function parsePatch(diff: string): FilePatch[] {
  const [, ...files] = diff.split(/^--- .*\n(?=\+\+\+ )/m);
  return files.map((file) => {
    const [header = "", ...hunks] = file.split(/^@@ .*\n/m);
    const path = /^\+\+\+ (?:b\/)?(\S+)/.exec(header)?.[1];
    if (path === undefined || hunks.length === 0) {
      throw new Error(`Cannot read a patch as it changes nothing: current value is ${header}`);
    }
    return { path, hunks: hunks.map(parseHunk) };
  });
}

function parseHunk(text: string): Hunk {
  const lines = text.split("\n").filter((line) => /^[ +-]/.test(line));
  const side = (dropped: string) =>
    lines.flatMap((line) => line.startsWith(dropped) ? [] : [`${line.slice(1)}\n`]).join("");
  return { before: side("+"), after: side("-") };
}

/**
 * Replaces the lines of each hunk, wherever they stand: line numbers are not looked at.
 * @throws {Error} if the lines of a hunk are not there, or more than once
 */
export function applyHunks(text: string, hunks: readonly Hunk[]): string {
  return hunks.reduce((text, { before, after }) => {
    const parts = text.split(before);
    if (parts.length === 2) return parts.join(after);
    const count = parts.length - 1;
    throw new Error(
      `Cannot apply a patch as its lines must stand in the file once: ${count} times`,
    );
  }, text);
}
