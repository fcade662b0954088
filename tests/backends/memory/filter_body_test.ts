import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { checkBodyPolicy, matchesBody } from "../../../backends/memory/filter_body.ts";
import type { FilterPolicy } from "../../../src/backend.ts";

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function policy(value: unknown): FilterPolicy {
  return value as FilterPolicy;
}

/** Branches and alternatives count like keys; a list counts as often as it is deep. */
const atTheLimit: [name: string, accepted: unknown, refused: unknown][] = [
  ["one list", { a: numbers(150) }, { a: numbers(151) }],
  ["lists of several keys", { a: numbers(15), b: numbers(10) }, { a: numbers(19), b: numbers(8) }],
  ["a list of depth two", { a: { b: numbers(75) } }, { a: { b: numbers(76) } }],
  ["a list of depth three", { a: { b: { c: numbers(50) } } }, { a: { b: { c: numbers(51) } } }],
  [
    "alternatives",
    { $or: [{ a: numbers(50) }, { b: numbers(100) }] },
    { $or: [{ a: numbers(51) }, { b: numbers(100) }] },
  ],
  [
    "alternatives beside a key",
    { a: numbers(10), $or: [{ b: numbers(10) }, { c: numbers(5) }] },
    { a: numbers(10), $or: [{ b: numbers(10) }, { c: numbers(6) }] },
  ],
  [
    "alternatives of depth two",
    { x: { $or: [{ a: numbers(30) }, { b: numbers(45) }] } },
    { x: { $or: [{ a: numbers(30) }, { b: numbers(46) }] } },
  ],
];

describe("checkBodyPolicy()", () => {
  for (const [name, accepted, refused] of atTheLimit) {
    it(`takes 150 combinations of values and no more: ${name}`, () => {
      checkBodyPolicy(policy(accepted));
      const { message } = assertThrows(() => checkBodyPolicy(policy(refused)), Error);
      assertStringIncludes(message, "at most 150 combinations");
    });
  }

  it("takes five keys and no more, wherever they stand", () => {
    checkBodyPolicy(policy({ a: { b: [1], c: [1] }, $or: [{ d: [1] }, { e: [1], f: [1] }] }));
    const six = { a: { b: [1], c: [1] }, $or: [{ d: [1], g: [1] }, { e: [1], f: [1] }] };
    const { message } = assertThrows(() => checkBodyPolicy(policy(six)), Error);
    assertStringIncludes(message, "at most 5 keys");
  });

  it("takes wildcards of 100 points and no more, wherever they stand", () => {
    const two = Array.from({ length: 16 }, (_, i) => ({ wildcard: `*${i}*` }));
    const four = Array.from({ length: 4 }, (_, i) => ({ wildcard: `${i}*` }));
    const more = [...four, { wildcard: "y*" }];
    checkBodyPolicy(policy({ $or: [{ a: two }, { b: four }] }));
    for (const refused of [{ $or: [{ a: two }, { b: more }] }, { a: two, b: more }]) {
      const { message } = assertThrows(() => checkBodyPolicy(policy(refused)), Error);
      assertStringIncludes(message, "at most 100 points");
    }
  });
});

describe("matchesBody()", () => {
  const body = JSON.stringify({ a: { b: 1, list: [[2], 3] }, rows: [{ n: 4 }, { n: 5 }], z: null });
  const cases: [unknown, boolean][] = [
    [{ a: { b: [1] } }, true],
    [{ a: { b: [2] } }, false],
    [{ a: { list: [2] } }, true],
    [{ a: { b: [1], list: [9] } }, false],
    [{ rows: { n: [5] } }, true],
    [{ rows: { n: [6] } }, false],
    [{ a: [{ exists: true }] }, false],
    [{ a: { none: [{ exists: false }] } }, true],
    [{ toString: [{ exists: false }] }, true],
    [{ z: [null] }, true],
    [{ $or: [{ a: { b: [2] } }, { rows: { n: [4] } }] }, true],
    [{ $or: [{ a: { b: [2] } }, { rows: { n: [6] } }] }, false],
  ];
  for (const [tried, expected] of cases) {
    it(`${expected ? "lets" : "does not let"} a body through ${JSON.stringify(tried)}`, () => {
      assertEquals(matchesBody(policy(tried), body), expected);
    });
  }

  it("lets through no body that is not a JSON object", () => {
    for (const text of ["{", "null", "1", '"a"']) {
      assertEquals(matchesBody(policy({ a: [{ exists: false }] }), text), false);
    }
  });
});
