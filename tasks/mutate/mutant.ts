/** A part of a text, replaced. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A fault that an operator makes. */
export interface Mutant extends Edit {
  /** The path of the file, from the root of the tree. */
  readonly file: string;
  /** The line in which it begins, from 1 on. */
  readonly line: number;
  /** The name of the operator. */
  readonly operator: string;
  /** What is replaced, in one line. */
  readonly before: string;
  /** What replaces it; empty where it is dropped. */
  readonly after: string;
  /** The line as it was, trimmed. */
  readonly sourceLine: string;
  /** The line as it becomes, trimmed. */
  readonly mutatedLine: string;
}

/** Returns the text with the edit made. */
export function applyEdit(source: string, { start, end, text }: Edit): string {
  return source.slice(0, start) + text + source.slice(end);
}

/** Describes an edit of a file as the fault it is. */
export function asMutant(
  edit: Edit,
  { file, source, operator }: { file: string; source: string; operator: string },
): Mutant {
  const before = source.slice(edit.start, edit.end);
  const lineStart = source.lastIndexOf("\n", edit.start - 1) + 1;
  return {
    ...edit,
    file,
    line: source.slice(0, edit.start).split("\n").length,
    operator,
    before: inOneLine(before),
    after: inOneLine(edit.text),
    sourceLine: lineFrom(source, lineStart),
    mutatedLine: lineFrom(applyEdit(source, edit), lineStart),
  };
}

function inOneLine(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}

function lineFrom(text: string, start: number): string {
  return text.slice(start).split("\n", 1)[0]!.trim();
}
