/**
 * The rules of this repository that `deno lint` does not know, as its plugin (`lint.plugins` in
 * deno.json): each reports file and line, and says what to do instead. Where a rule must not hold,
 * the line above says why: `// deno-lint-ignore melange/bounded-waits -- it serves until it is ended`.
 *
 * A rule sees one file at a time.
 */

type Context = Deno.lint.RuleContext;
type Visitor = Deno.lint.LintVisitor;

const ROOT = new URL("../../", import.meta.url).pathname;
/** The one file that may start programs. */
const PROGRAMS = "tasks/process.ts";
/** Where nothing may wait without end; the library's own loops end by what it is told. */
const BOUNDED = /^(tests|tasks|examples|bench)\//;

const plugin: Deno.lint.Plugin = {
  name: "melange",
  rules: {
    "inherited-environment": { create: inheritedEnvironment },
    "one-way-to-start-programs": { create: oneWayToStartPrograms },
    "bounded-waits": { create: boundedWaits },
    "doc-openings": { create: docOpenings },
  },
};
export default plugin;

/** The path in this repository. */
function pathOf({ filename }: Context): string {
  return filename.startsWith(ROOT) ? filename.slice(ROOT.length) : filename;
}

/** A program without the environment does not find its modules where mirrors and caches are set. */
function inheritedEnvironment(context: Context): Visitor {
  if (pathOf(context) === PROGRAMS) return {};
  const report = (node: Deno.lint.Node) =>
    context.report({
      node,
      message: "A program inherits the environment, which may say where its modules come from",
      hint:
        `Start it with \`start\` or \`run\` of ${PROGRAMS}: \`env: { NAME: undefined }\` removes`,
    });
  return {
    'Property[key.name="clearEnv"]': report,
    'Property[key.value="clearEnv"]': report,
  };
}

/** Elsewhere a program that ends early, or never, would hang those who wait for it. */
function oneWayToStartPrograms(context: Context): Visitor {
  if (pathOf(context) === PROGRAMS) return {};
  const report = (node: Deno.lint.Node) =>
    context.report({
      node,
      message: `Programs are started by ${PROGRAMS} only`,
      hint: "`run` runs one to its end, `start` one that lives on: their waits are bounded",
    });
  const modules = "/^(node:)?child_process$/";
  return {
    'MemberExpression[object.name="Deno"][property.name="Command"]': report,
    'VariableDeclarator[init.name="Deno"] Property[key.name="Command"]': report,
    'MemberExpression[object.name="Bun"][property.name=/^spawn/]': report,
    [`ImportDeclaration[source.value=${modules}]`]: report,
    [`ImportExpression[source.value=${modules}]`]: report,
    [`CallExpression[callee.name="require"] > Literal[value=${modules}]`]: report,
  };
}

/** The code whose doc comments users read. */
const DOCUMENTED = /^(src|backends|cli)\/|^mod\.ts$/;
const OPENING = /^\*\s*(?:\*\s*)?(What|Whether|Who|Whose|Its|Where|How)\b/;

/** A doc comment that opens with a noun or a verb says in its first word what it is about. */
function docOpenings(context: Context): Visitor {
  if (!DOCUMENTED.test(pathOf(context))) return {};
  return {
    Program() {
      for (const comment of context.sourceCode.getAllComments()) {
        const opening = OPENING.exec(comment.value)?.[1];
        if (comment.type !== "Block" || opening === undefined) continue;
        context.report({
          range: comment.range,
          message: `A doc comment does not open with "${opening}"`,
          hint: "Open with a noun for a type or a value, with a verb for a function",
        });
      }
    },
  };
}

/** What was found in a loop, functions inside it left out. */
interface Loop {
  readonly node: Deno.lint.Node;
  /** The text of its own condition, and of those of each `if` in it. */
  readonly conditions: string[];
  /** What it counts: `n` where there is `n++` or `n -= 2`. */
  readonly counted: Set<string>;
  awaits: boolean;
  /** Whether it throws when a signal says so. */
  obeys: boolean;
}

/** What a condition reads that looks at the time that is left, or at a signal. */
const DEADLINE = /deadline|\b(performance|Date)\.now\(|\.aborted\b/i;

/** A loop around a sleep or a poll ends by a count, a deadline or a signal. */
function boundedWaits(context: Context): Visitor {
  if (!BOUNDED.test(pathOf(context))) return {};
  const text = (node: Deno.lint.Node | null) => node ? context.sourceCode.getText(node) : "";
  /** The loops around the present place, from outside to inside, of each function around it. */
  const functions: Loop[][] = [[]];
  const loops = () => functions.at(-1) ?? [];
  const note = (what: (loop: Loop) => void) => loops().forEach(what);

  const enter = (node: Tested) => {
    const test = text(node.test);
    const counted = new Set(takesFromList(node, text) ? [test] : []);
    loops().push({ node, conditions: [test], counted, awaits: false, obeys: false });
  };
  const leave = () => {
    const loop = loops().pop();
    if (loop && loop.awaits && !isBounded(loop)) reportLoop(context, loop.node);
  };
  const count = (node: Deno.lint.Node) => note(({ counted }) => counted.add(text(node)));
  return {
    ...around("WhileStatement", enter, leave),
    ...around("DoWhileStatement", enter, leave),
    ...around("ForStatement", enter, leave),
    ...around("FunctionDeclaration", () => functions.push([]), () => functions.pop()),
    ...around("FunctionExpression", () => functions.push([]), () => functions.pop()),
    ...around("ArrowFunctionExpression", () => functions.push([]), () => functions.pop()),
    IfStatement: ({ test }) => note(({ conditions }) => conditions.push(text(test))),
    UpdateExpression: ({ argument }) => count(argument),
    AssignmentExpression: ({ left, operator }) => operator === "=" ? undefined : count(left),
    'CallExpression[callee.property.name="throwIfAborted"]': () =>
      note((loop) => loop.obeys = true),
    'AwaitExpression[argument.property.name="status"]': (node) => {
      if (pathOf(context) !== PROGRAMS) reportStatus(context, node);
    },
    AwaitExpression: () => note((loop) => loop.awaits = true),
    "ForOfStatement[await=true]": () => note((loop) => loop.awaits = true),
  };
}

type Tested = Deno.lint.WhileStatement | Deno.lint.DoWhileStatement | Deno.lint.ForStatement;

function around(
  kind: string,
  enter: (node: Tested) => void,
  leave: () => void,
): Record<string, (node: Tested) => void> {
  return { [kind]: enter, [`${kind}:exit`]: leave };
}

/** One after the other: `for (let each = next(); each; each = next())`. */
function takesFromList(node: Tested, text: (node: Deno.lint.Node | null) => string): boolean {
  if (node.type !== "ForStatement" || node.update?.type !== "AssignmentExpression") return false;
  const { left, right } = node.update;
  return text(left) === text(node.test) && !/\bawait\b/.test(text(right));
}

function isBounded({ conditions, counted, obeys }: Loop): boolean {
  const counts = (condition: string) =>
    [...counted].some((name) => condition.split(/[^\w$.#]+/).includes(name));
  return obeys || conditions.some((condition) => DEADLINE.test(condition) || counts(condition));
}

function reportLoop(context: Context, { range: [start] }: Deno.lint.Node): void {
  context.report({
    range: [start, start + "while".length],
    message: "This loop waits, and nothing says for how long",
    hint:
      "Use `until` or `untilEmpty` of tests/wait.ts, or let it end by a count, a deadline or a signal",
  });
}

function reportStatus(context: Context, node: Deno.lint.Node): void {
  context.report({
    node,
    message: "This waits for the end of a program, and nothing says for how long",
    hint: "Use its `ended({ ms })`",
  });
}
