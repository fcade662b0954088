import ts from "npm:typescript@^5.9";
import { asMutant, type Edit, type Mutant } from "./mutant.ts";
import { OPERATORS } from "./operators.ts";
import type { FileMutants } from "./select.ts";

/**
 * Finds all faults that the operators make of a file. Types, imports and comments stay as they are,
 * and so do the texts of errors and what is written to a log.
 */
export function findMutants(file: string, source: string): FileMutants {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const edits = new Map<string, Mutant>();
  const lines = new Set<number>();
  visit(tree);
  return { codeLines: lines.size, mutants: [...edits.values()] };

  function visit(node: ts.Node): void {
    lines.add(tree.getLineAndCharacterOfPosition(node.getStart()).line);
    if (isLeftAlone(node)) return;
    for (const { name, edits } of OPERATORS) edits(node).forEach((edit) => add(name, edit));
    ts.forEachChild(node, visit);
  }

  function add(operator: string, edit: Edit): void {
    const mutant = asMutant(edit, { file, source, operator });
    const key = `${edit.start} ${edit.end} ${edit.text}`;
    if (!edits.has(key)) edits.set(key, mutant);
  }
}

function isLeftAlone(node: ts.Node): boolean {
  return ts.isTypeNode(node) || ts.isImportDeclaration(node) || isErrorText(node) ||
    isLogArgument(node);
}

/** A text, or a sum of texts, that is handed to the constructor of an error. */
function isErrorText(node: ts.Node): boolean {
  if (!ts.isNewExpression(node.parent ?? node) || !isArgumentOf(node, node.parent)) return false;
  const { expression } = node.parent as ts.NewExpression;
  return /Error$/.test(expression.getText()) && /["'`]/.test(node.getText()[0] ?? "");
}

function isLogArgument(node: ts.Node): boolean {
  if (!node.parent || !ts.isCallExpression(node.parent)) return false;
  const called = node.parent.expression;
  return isArgumentOf(node, node.parent) && ts.isPropertyAccessExpression(called) &&
    /(logger|log|console)$/i.test(called.expression.getText());
}

function isArgumentOf(node: ts.Node, call: ts.Node): boolean {
  const { arguments: args } = call as ts.CallExpression | ts.NewExpression;
  return args?.some((argument) => argument === node) ?? false;
}
