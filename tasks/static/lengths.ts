/**
 * Prints the longest function and the longest file of the library, measured in lines of code: blank
 * lines and comments do not count. Fails above the limits. `--all` prints everything above them.
 */
import ts from "npm:typescript@^5.9";
import { filesIn } from "./graph.ts";

/** A function or a file, with its lines of code. A function that holds others has their lines too. */
export interface Measured {
  readonly name: string;
  readonly codeLines: number;
}

/** Lengths of a file and of the functions in it. */
export interface FileLengths {
  readonly file: Measured;
  readonly functions: readonly Measured[];
}

/** The most lines of code of a function and of a file. */
export const LIMITS = { function: 60, file: 300 };

/** Functions and files that are longer today, each with the length that it may not exceed. */
const EXCEPTIONS: Readonly<Record<string, number>> = {};

/** Measures a file and its functions; an arrow function without a block counts too. */
export function lengthsOf(file: string, source: string): FileLengths {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const functions: Measured[] = [];
  visit(tree);
  return { file: { name: file, codeLines: codeLinesOf(tree, tree) }, functions };

  function visit(node: ts.Node): void {
    if (ts.isFunctionLike(node) && "body" in node && node.body) {
      functions.push({ name: `${file} ${nameOf(node)}`, codeLines: codeLinesOf(node, tree) });
    }
    ts.forEachChild(node, visit);
  }
}

function nameOf(node: ts.Node): string {
  if (ts.isConstructorDeclaration(node)) return `${nameOf(node.parent)}.constructor()`;
  const { name } = node as { name?: ts.Node };
  if (name) return ts.isFunctionLike(node) ? `${name.getText()}()` : name.getText();
  const { parent } = node;
  const holder = ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent);
  return holder ? `${parent.name.getText()}()` : `a function at line ${lineOf(node) + 1}`;
}

function lineOf(node: ts.Node): number {
  return node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line;
}

/** Counts the lines on which a token stands: comments and blank lines have no tokens. */
function codeLinesOf(node: ts.Node, tree: ts.SourceFile): number {
  const lines = new Set<number>();
  visit(node);
  return lines.size;

  function visit(node: ts.Node): void {
    if (ts.isJSDoc(node) || node.kind === ts.SyntaxKind.EndOfFileToken) return;
    const inner = node.getChildren(tree);
    if (inner.length > 0) return inner.forEach(visit);
    if (node.getStart(tree) === node.end) return;
    const { line: first } = tree.getLineAndCharacterOfPosition(node.getStart(tree));
    const { line: last } = tree.getLineAndCharacterOfPosition(node.end);
    for (let line = first; line <= last; line++) lines.add(line);
  }
}

/** Lists what is longer than the limit, longest first; an exception has a limit of its own. */
export function tooLong(
  all: readonly Measured[],
  limit: number,
  exceptions: Readonly<Record<string, number>> = {},
): Measured[] {
  return all.filter(({ name, codeLines }) => codeLines > (exceptions[name] ?? limit))
    .toSorted((one, other) => other.codeLines - one.codeLines);
}

async function measureAll(places: readonly string[]): Promise<FileLengths[]> {
  const files = (await Promise.all(places.map(filesIn))).flat().sort();
  return await Promise.all(
    files.map(async (file) => lengthsOf(file, await Deno.readTextFile(file))),
  );
}

function print(kind: keyof typeof LIMITS, all: readonly Measured[], everything: boolean): number {
  const sorted = all.toSorted((one, other) => other.codeLines - one.codeLines);
  const [longest] = sorted;
  const median = sorted[sorted.length >> 1]?.codeLines;
  console.log(
    `longest ${kind}: ${longest?.codeLines} lines of code, ${longest?.name} (${all.length} in all, median ${median})`,
  );
  const allowed = all.filter(({ name, codeLines }) =>
    codeLines <= LIMITS[kind] && name in EXCEPTIONS
  );
  for (const { name } of allowed) console.log(`${name} is no exception any more: take it off`);
  if (everything) {
    for (const { name, codeLines } of tooLong(all, LIMITS[kind])) console.log(codeLines, name);
  }
  const faults = tooLong(all, LIMITS[kind], EXCEPTIONS);
  for (const { name, codeLines } of faults) {
    console.error(`${name} has ${codeLines} lines of code: a ${kind} has ${LIMITS[kind]} at most`);
  }
  return faults.length;
}

if (import.meta.main) {
  const lengths = await measureAll(["mod.ts", "src", "backends", "cli"]);
  const everything = Deno.args.includes("--all");
  const faults = print("function", lengths.flatMap(({ functions }) => functions), everything) +
    print("file", lengths.map(({ file }) => file), everything);
  Deno.exit(faults > 0 ? 1 : 0);
}
