import ts from "npm:typescript@^5.9";
import type { Edit } from "./mutant.ts";

/** A way to put faults into code. */
export interface Operator {
  /** Its name in reports and in the list of equal mutants. */
  readonly name: string;
  /** The faults it makes of a node, not of the nodes inside. */
  readonly edits: (node: ts.Node) => Edit[];
}

/** All operators. A fault of theirs may fail to compile: then it does not count. */
export const OPERATORS: readonly Operator[] = [
  swapOf("comparison", {
    "===": "!==",
    "!==": "===",
    "==": "!=",
    "!=": "==",
    "<": ">=",
    "<=": ">",
    ">": "<=",
    ">=": "<",
  }),
  swapOf("boundary", { "<": "<=", "<=": "<", ">": ">=", ">=": ">" }),
  swapOf("logic", { "&&": "||", "||": "&&" }),
  swapOf("arithmetic", {
    "+": "-",
    "-": "+",
    "*": "/",
    "/": "*",
    "+=": "-=",
    "-=": "+=",
  }),
  { name: "default", edits: dropDefault },
  { name: "condition", edits: negateCondition },
  { name: "negation", edits: dropNegation },
  { name: "boolean", edits: swapBoolean },
  { name: "number", edits: changeNumber },
  { name: "string", edits: changeComparedString },
  { name: "name", edits: swapName },
  { name: "await", edits: dropAwait },
  { name: "call", edits: dropCall },
  { name: "link", edits: dropLink },
  { name: "property", edits: dropProperty },
  { name: "throw", edits: skipThrow },
  { name: "return", edits: returnEarly },
];

function swapOf(name: string, swaps: Readonly<Record<string, string>>): Operator {
  return {
    name,
    edits: (node) => {
      if (!ts.isBinaryExpression(node)) return [];
      const swapped = swaps[node.operatorToken.getText()];
      return swapped ? [replace(node.operatorToken, swapped)] : [];
    },
  };
}

/** `a ?? b` becomes `a`, or `b`. */
function dropDefault(node: ts.Node): Edit[] {
  if (!ts.isBinaryExpression(node)) return [];
  if (node.operatorToken.kind !== ts.SyntaxKind.QuestionQuestionToken) return [];
  return [replace(node, textIn(node.left)), replace(node, textIn(node.right))];
}

/** Only where no other operator turns the condition into its opposite. */
function negateCondition(node: ts.Node): Edit[] {
  const condition = conditionOf(node);
  if (!condition || ts.isBinaryExpression(condition) || isNegation(condition)) return [];
  if (isBoolean(condition)) return [];
  return [replace(condition, `!${textIn(condition)}`)];
}

function conditionOf(node: ts.Node): ts.Expression | undefined {
  if (ts.isIfStatement(node) || ts.isWhileStatement(node)) return node.expression;
  return ts.isConditionalExpression(node) ? node.condition : undefined;
}

function dropNegation(node: ts.Node): Edit[] {
  return isNegation(node) ? [replace(node, textIn(node.operand))] : [];
}

function isNegation(node: ts.Node): node is ts.PrefixUnaryExpression {
  return ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken;
}

function swapBoolean(node: ts.Node): Edit[] {
  return isBoolean(node) ? [replace(node, node.getText() === "true" ? "false" : "true")] : [];
}

function isBoolean(node: ts.Node): boolean {
  return node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword;
}

/** One more and one less; nothing below zero. */
function changeNumber(node: ts.Node): Edit[] {
  if (!ts.isNumericLiteral(node) || isKey(node)) return [];
  const value = Number(node.text);
  const changed = value >= 1 ? [value + 1, value - 1] : [value + 1];
  return changed.map((number) => replace(node, String(number)));
}

function isKey(node: ts.Node): boolean {
  return ts.isPropertyAssignment(node.parent) && node.parent.name === node;
}

function changeComparedString(node: ts.Node): Edit[] {
  if (!ts.isStringLiteral(node) || !isCompared(node)) return [];
  return [replace(node, `(${JSON.stringify(`${node.text}!`)} as string)`)];
}

function isCompared({ parent }: ts.Node): boolean {
  if (ts.isCaseClause(parent)) return true;
  return ts.isBinaryExpression(parent) && /^[!=]==?$/.test(parent.operatorToken.getText());
}

const NAMES: Readonly<Record<string, string>> = {
  min: "max",
  max: "min",
  some: "every",
  every: "some",
  ceil: "floor",
  floor: "ceil",
  startsWith: "endsWith",
  endsWith: "startsWith",
};

function swapName(node: ts.Node): Edit[] {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return [];
  const { name } = node.expression;
  const swapped = Object.hasOwn(NAMES, name.text) ? NAMES[name.text] : undefined;
  return swapped ? [replace(name, swapped)] : [];
}

function dropAwait(node: ts.Node): Edit[] {
  return ts.isAwaitExpression(node) ? [replace(node, textIn(node.expression))] : [];
}

/** A statement that is nothing but a call: a log, a `clear()`, an `abort()`. */
function dropCall(node: ts.Node): Edit[] {
  if (!ts.isExpressionStatement(node)) return [];
  let expression = node.expression;
  while (ts.isAwaitExpression(expression) || ts.isVoidExpression(expression)) {
    expression = expression.expression;
  }
  const isSuper = ts.isCallExpression(expression) &&
    expression.expression.kind === ts.SyntaxKind.SuperKeyword;
  return ts.isCallExpression(expression) && !isSuper ? [replace(node, ";")] : [];
}

const LINKS = /^(slice|filter|concat|sort|reverse|trim|toLowerCase|toUpperCase)$/;

/** `list.slice(1)` becomes `list`. */
function dropLink(node: ts.Node): Edit[] {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return [];
  const { name, expression } = node.expression;
  return LINKS.test(name.text) ? [replace(node, expression.getText())] : [];
}

/** A property, a `signal` for instance, of an object that is the argument of a call. */
function dropProperty(node: ts.Node): Edit[] {
  if (!ts.isObjectLiteralExpression(node) || !isArgument(node)) return [];
  return node.properties.map((property) => {
    const end = property.getEnd();
    const comma = /^\s*,/.exec(property.getSourceFile().text.slice(end));
    return { start: property.getStart(), end: end + (comma?.[0].length ?? 0), text: "" };
  });
}

function isArgument(node: ts.Expression): boolean {
  const { parent } = node;
  return (ts.isCallExpression(parent) || ts.isNewExpression(parent)) &&
    parent.arguments?.includes(node) === true;
}

/** `if (condition) throw error` throws no more. */
function skipThrow(node: ts.Node): Edit[] {
  if (!ts.isIfStatement(node)) return [];
  const { thenStatement, expression } = node;
  const first = ts.isBlock(thenStatement) ? thenStatement.statements[0] : thenStatement;
  return first && ts.isThrowStatement(first) ? [replace(expression, "false")] : [];
}

/** A function that returns nothing does nothing. */
function returnEarly(node: ts.Node): Edit[] {
  if (!ts.isFunctionLike(node) || !node.type || !("body" in node)) return [];
  const body = node.body as ts.Node | undefined;
  if (!body || !ts.isBlock(body) || !/^(void|Promise<void>)$/.test(node.type.getText())) return [];
  const [first] = body.statements;
  if (!first || (ts.isReturnStatement(first) && !first.expression)) return [];
  return [{ start: first.getStart(), end: first.getStart(), text: "return; " }];
}

function replace(node: ts.Node, text: string): Edit {
  return { start: node.getStart(), end: node.getEnd(), text };
}

/** The text of an expression, in brackets where it has several parts. */
function textIn(node: ts.Expression): string {
  const text = node.getText();
  const whole = ts.isIdentifier(node) || ts.isParenthesizedExpression(node) ||
    ts.isCallExpression(node) || ts.isPropertyAccessExpression(node) ||
    ts.isLiteralExpression(node);
  return whole ? text : `(${text})`;
}
