import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { findMutants } from "../../../tasks/mutate/find.ts";

/** What becomes of the line by the faults that one operator makes, or all of them. */
function faults(source: string, operator?: string): string[] {
  const { mutants } = findMutants("some.ts", source);
  return mutants.filter((it) => !operator || it.operator === operator).map((it) => it.mutatedLine);
}

/** An operator, a line, and the faults it makes of it. */
const CASES: [operator: string, source: string, ...faults: string[]][] = [
  ["comparison", "a === b", "a !== b"],
  ["comparison", "a != b", "a == b"],
  ["comparison", "a < b", "a >= b"],
  ["comparison", "a >= b", "a < b"],
  ["boundary", "a < b", "a <= b"],
  ["boundary", "a >= b", "a > b"],
  ["boundary", "a === b"],
  ["logic", "a && b", "a || b"],
  ["logic", "a || b", "a && b"],
  ["arithmetic", "a + b", "a - b"],
  ["arithmetic", "a -= b", "a += b"],
  ["arithmetic", "a * b", "a / b"],
  ["default", "f(a ?? b + c)", "f(a)", "f((b + c))"],
  ["condition", "if (a) b;", "if (!a) b;"],
  ["condition", "while (a.b()) c;", "while (!a.b()) c;"],
  ["condition", "x = a ? b : c", "x = !a ? b : c"],
  ["condition", "if (await a) b;", "if (!(await a)) b;"],
  // Other operators turn these into their opposites.
  ["condition", "if (a === b) c;"],
  ["condition", "if (!a) b;"],
  ["condition", "while (true) a;"],
  ["negation", "x = !a.b", "x = a.b"],
  ["negation", "x = !(a && b)", "x = (a && b)"],
  ["boolean", "x = true", "x = false"],
  ["boolean", "x = { a: false }", "x = { a: true }"],
  ["number", "x = 10_000", "x = 10001", "x = 9999"],
  ["number", "x = 0", "x = 1"],
  ["number", "x = 1", "x = 2", "x = 0"],
  ["number", "x = 0.5", "x = 1.5"],
  ["number", "x = { 1: a }"],
  ["string", `a === "b"`, `a === ("b!" as string)`],
  ["string", `switch (a) { case "b": c; }`, `switch (a) { case ("b!" as string): c; }`],
  ["string", `x = "b"`],
  ["name", "Math.min(a, b)", "Math.max(a, b)"],
  ["name", "a.every(b)", "a.some(b)"],
  ["name", "a.b(c)"],
  ["name", "a.toString()"],
  ["await", "x = await a.b()", "x = a.b()"],
  ["call", "a.clear();", ";"],
  ["call", "await a.b();", ";"],
  ["call", "void a();", ";"],
  ["call", "a?.b();", ";"],
  ["call", "a = b();"],
  ["call", "class A extends B { constructor() { super(); } }"],
  ["link", "x = a.slice(1)", "x = a"],
  ["link", "x = a.b().filter(c).map(d)", "x = a.b().map(d)"],
  ["property", "f(a, { b, signal })", "f(a, {  signal })", "f(a, { b,  })"],
  ["property", "new A({ b: c, ...d })", "new A({  ...d })", "new A({ b: c,  })"],
  ["property", "x = { signal }"],
  ["throw", "if (a) throw b;", "if (false) throw b;"],
  ["throw", "if (a === b) { throw c; }", "if (false) { throw c; }"],
  ["throw", "if (a) b;"],
  ["return", "function a(): void { b(); }", "function a(): void { return; b(); }"],
  [
    "return",
    "class A { b(): Promise<void> { c(); } }",
    "class A { b(): Promise<void> { return; c(); } }",
  ],
  ["return", "x = (): void => { a(); }", "x = (): void => { return; a(); }"],
  ["return", "function a(): number { return 1; }"],
  ["return", "function a(): void { return; }"],
];

describe("findMutants()", () => {
  for (const [operator, source, ...expected] of CASES) {
    it(`${operator}: ${source}`, () => assertEquals(faults(source, operator), expected));
  }

  it("says where a fault is, and what it changes", () => {
    const { mutants } = findMutants("a/b.ts", "// a\n\n  if (\n    a && b) c;\n");
    assertEquals(mutants.map(({ start: _, end: __, ...rest }) => rest), [{
      file: "a/b.ts",
      line: 4,
      operator: "logic",
      before: "&&",
      after: "||",
      text: "||",
      sourceLine: "a && b) c;",
      mutatedLine: "a || b) c;",
    }]);
  });

  it("drops a call of several lines as a whole", () => {
    const { mutants } = findMutants("a.ts", "a(\n  b,\n);\nc");
    const [call] = mutants;
    assertEquals([call?.before, call?.mutatedLine], ["a( b, );", ";"]);
  });

  it("leaves types, imports, comments and declarations alone", () => {
    for (
      const source of [
        `import { a } from "b";`,
        `export { a } from "b";`,
        `type A = "b" | 1 | true;`,
        `interface A { b: 1; c(): void }`,
        `let a: { b: 1 } | false;`,
        `x = a as 1;`,
        `x = f<true, 2>(a)`,
        `// a < b`,
        `/** a && 1 */`,
      ]
    ) assertEquals(faults(source), [], source);
  });

  it("leaves the texts of errors alone, and what is written to a log", () => {
    assertEquals(faults(`throw new TypeError("a" + "b")`), []);
    assertEquals(faults("throw new AError(`${a + 1}`)"), []);
    assertEquals(faults("x = this.#options.logger.warn(`${a + 1}`, { b: 1 })"), []);
    assertEquals(faults("throw new AError(a, { retryable: true })", "boolean"), [
      "throw new AError(a, { retryable: false })",
    ]);
  });

  it("gives no fault twice", () => {
    // `min` and the call around it are both calls, and the brackets are none of their own.
    const { mutants } = findMutants("a.ts", "f(Math.min(a, !b)); if (!c && d < 1) throw e;");
    const keys = mutants.map(({ start, end, text }) => `${start} ${end} ${text}`);
    assertEquals(new Set(keys).size, keys.length);
  });

  it("counts the lines that hold code", () => {
    const source = "// a\n\nimport { b } from 'c';\n/**\n * d\n */\nconst e =\n  f;";
    assertEquals(findMutants("a.ts", source).codeLines, 3);
  });
});
