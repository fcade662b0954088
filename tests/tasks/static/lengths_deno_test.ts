import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { lengthsOf, tooLong } from "../../../tasks/static/lengths.ts";

const SOURCE = `/** A comment
 * of three lines.
 */
import { b } from "./b.ts"; // and one behind code

export function long(
  /* in between */
  first: number,
): string {

  // A line of its own.
  const inner = () => {
    return b(\`two
lines\`);
  };
  return inner();
}

class Counter {
  /** Documented. */
  constructor() {}

  get count() {
    return 1;
  }
}
`;

describe("lengthsOf()", () => {
  const { file, functions } = lengthsOf("a.ts", SOURCE);

  it("counts the lines of a file that hold code", () => {
    assertEquals(file, { name: "a.ts", codeLines: 16 });
  });

  it("names each function, and counts those inside it as part of it", () => {
    assertEquals(functions, [
      { name: "a.ts long()", codeLines: 9 },
      { name: "a.ts inner()", codeLines: 4 },
      { name: "a.ts Counter.constructor()", codeLines: 1 },
      { name: "a.ts count()", codeLines: 3 },
    ]);
  });

  it("tells a function without a name by its line", () => {
    const { functions } = lengthsOf("b.ts", "\n\n[1].map((it) => it);");
    assertEquals(functions, [{ name: "b.ts a function at line 3", codeLines: 1 }]);
  });
});

describe("tooLong()", () => {
  const all = [
    { name: "exact", codeLines: 60 },
    { name: "over", codeLines: 61 },
    { name: "old", codeLines: 90 },
    { name: "grown", codeLines: 91 },
  ];

  it("takes what is as long as the limit, or as its own exception", () => {
    const names = tooLong(all, 60, { old: 90, grown: 90 }).map(({ name }) => name);
    assertEquals(names, ["grown", "over"]);
  });
});
