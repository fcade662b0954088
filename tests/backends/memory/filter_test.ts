import { assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { FilterPolicy } from "../../../src/backend.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import type { Attributes, AttributeValue } from "../../../src/wire/message.ts";
import { checkPolicy, matches } from "../../../backends/memory/filter.ts";

const list = (...values: unknown[]): AttributeValue => ({
  type: "String.Array",
  value: JSON.stringify(values),
});

/** One list of conditions for the key `k`, with values that it lets through and that it does not. */
const conditions: {
  name: string;
  of: unknown[];
  through: (AttributeValue | undefined)[];
  stopped: (AttributeValue | undefined)[];
}[] = [
  {
    name: "a string",
    of: ["rugby", "tennis"],
    through: ["rugby", "tennis", list("golf", "tennis"), { type: "String.sport", value: "rugby" }],
    stopped: ["Rugby", "golf", undefined, list("golf"), list(), new Uint8Array([1])],
  },
  {
    name: "a number",
    of: [100],
    through: [100, { type: "Number.float", value: "100.0" }, list(100)],
    stopped: [101, "100", list("100")],
  },
  {
    name: "true and null",
    of: [true, null],
    through: [list(true), list("x", null)],
    stopped: ["true", "null", list(false), list("true")],
  },
  {
    name: "prefix",
    of: [{ prefix: "bas" }],
    through: ["baseball", "bas", list("golf", "basketball")],
    stopped: ["ball", "Baseball", 1, undefined],
  },
  {
    name: "suffix",
    of: [{ suffix: "ball" }],
    through: ["baseball", "ball"],
    stopped: ["balls", "", undefined],
  },
  {
    name: "equals-ignore-case",
    of: [{ "equals-ignore-case": "Tennis" }],
    through: ["TENNIS", "tennis"],
    stopped: ["tenniss", undefined],
  },
  {
    name: "wildcard",
    of: [{ wildcard: "a*b*c" }],
    through: ["abc", "a-b-c", "abbc", "axbxbxc", "a🙂bc"],
    stopped: ["ac", "abcd", "xabc", "acb", undefined],
  },
  {
    name: "a wildcard with two equal inner pieces",
    of: [{ wildcard: "*aba*aba*" }],
    through: ["abaaba", "aba-aba", "xabaxabax"],
    stopped: ["aba", "ababa", "abab", "ab-aba", undefined],
  },
  {
    name: "a wildcard whose inner pieces come in an order",
    of: [{ wildcard: "<*one*two*>" }],
    through: ["<onetwo>", "<-one-two->", "<twoonetwo>"],
    stopped: ["<twoone>", "<onetw>", "<onetwo", "onetwo>", "<one>two>two"],
  },
  {
    name: "a wildcard whose ends overlap in the text",
    of: [{ wildcard: "ab*ba" }],
    through: ["abba", "ab-ba"],
    stopped: ["aba", "ab"],
  },
  {
    name: "an escaped wildcard",
    of: [{ wildcard: "a\\*b\\\\*" }],
    through: ["a*b\\", "a*b\\tail"],
    stopped: ["axb\\", "a*b"],
  },
  {
    name: "cidr",
    of: [{ cidr: "10.0.0.0/24" }],
    through: ["10.0.0.0", "10.0.0.255"],
    stopped: ["10.1.1.0", "text", 10],
  },
  {
    name: "numeric equality",
    of: [{ numeric: ["=", 301.5] }],
    through: [301.5, { type: "Number", value: "3.015e2" }, list("x", 301.5)],
    stopped: [301, "301.5", undefined],
  },
  {
    name: "a numeric range",
    of: [{ numeric: [">", 0, "<=", 150] }],
    through: [0.1, 150],
    stopped: [0, 150.1, -1],
  },
  {
    name: "each sign of numeric",
    of: [{ numeric: [">=", 5, "<", 7] }, { numeric: [">", 10] }, { numeric: [">=", 20] }],
    through: [5, 6.9, 10.1, 20],
    stopped: [4.9, 7, 10],
  },
  {
    name: "at most of numeric",
    of: [{ numeric: ["<=", 5] }],
    through: [5, -1],
    stopped: [5.1],
  },
  {
    name: "one end of a numeric range",
    of: [{ numeric: ["<", 5] }],
    through: [4, -100],
    stopped: [5],
  },
  {
    name: "anything-but values",
    of: [{ "anything-but": ["rugby", 7] }],
    through: ["golf", 8, list("rugby", "golf")],
    stopped: ["rugby", 7, list("rugby"), undefined],
  },
  {
    name: "anything-but one value",
    of: [{ "anything-but": "rugby" }],
    through: ["golf"],
    stopped: ["rugby", undefined],
  },
  {
    name: "anything-but a prefix",
    of: [{ "anything-but": { prefix: "order-" } }],
    through: ["order_1", "data"],
    stopped: ["order-1", undefined],
  },
  {
    name: "anything-but several suffixes",
    of: [{ "anything-but": { suffix: [".png", ".jpg"] } }],
    through: ["a.txt"],
    stopped: ["a.png", "a.jpg"],
  },
  {
    name: "anything-but a wildcard",
    of: [{ "anything-but": { wildcard: "*ball" } }],
    through: ["golf", list("baseball", "golf")],
    stopped: ["baseball"],
  },
  {
    name: "exists",
    of: [{ exists: true }],
    through: ["", 0, "x", list()],
    stopped: [undefined, new Uint8Array([1])],
  },
  {
    name: "exists not",
    of: [{ exists: false }],
    through: [undefined, new Uint8Array([1])],
    stopped: ["x"],
  },
  {
    name: "one of several operators",
    of: [{ prefix: "a" }, { exists: false }],
    through: ["abc", undefined],
    stopped: ["b"],
  },
  {
    name: "a list that is no JSON",
    of: ["x", { "anything-but": "y" }],
    through: [],
    stopped: [{ type: "String.Array", value: "[x" }, { type: "String.Array", value: '"x"' }],
  },
];

describe("matches()", () => {
  for (const { name, of, through, stopped } of conditions) {
    it(`applies ${name}`, () => {
      checkPolicy({ k: of });
      const apply = (value: AttributeValue | undefined) =>
        matches({ k: of }, value === undefined ? {} : { k: value });
      for (const value of through) assertEquals(apply(value), true, `lets ${show(value)} through`);
      for (const value of stopped) assertEquals(apply(value), false, `stops ${show(value)}`);
    });
  }

  it("lets everything through without keys", () => {
    assertEquals(matches({}, {}), true);
  });

  it("needs every key and ignores attributes that are not named", () => {
    const policy = { sport: ["rugby"], price: [{ numeric: [">", 100] }] };
    assertEquals(matches(policy, { sport: "rugby", price: 101, other: "x" }), true);
    assertEquals(matches(policy, { sport: "rugby", price: 100 }), false);
    assertEquals(matches(policy, { price: 101 }), false);
  });

  it("takes any alternative of $or, together with the other keys", () => {
    const policy = {
      source: ["s"],
      $or: [{ metric: ["cpu"], unit: ["%"] }, { $or: [{ space: ["ec2"] }, { space: ["s3"] }] }],
    };
    checkPolicy(policy);
    const expected: [Attributes, boolean][] = [
      [{ source: "s", metric: "cpu", unit: "%" }, true],
      [{ source: "s", metric: "cpu" }, false],
      [{ source: "s", space: "s3" }, true],
      [{ space: "s3" }, false],
      [{ source: "s" }, false],
    ];
    for (const [attributes, through] of expected) {
      assertEquals(matches(policy, attributes), through);
    }
  });

  it("takes $or for an attribute name when an alternative looks like an operator", () => {
    const policy = { $or: [{ prefix: "a" }, { suffix: "z" }] };
    assertEquals(matches(policy, { $or: "abc" }), true);
    assertEquals(matches(policy, { other: "abc" }), false);
  });

  it("sees own attributes only", () => {
    assertEquals(matches({ toString: [{ exists: true }] }, {}), false);
    assertEquals(matches({ constructor: [{ exists: false }] }, {}), true);
  });
});

/** Policies that SNS refuses, and a part of the reason. */
const refused: [policy: unknown, reason: string][] = [
  [[], "it must be an object"],
  [null, "it must be an object"],
  [{ k: "x" }, 'the key "k" must hold a list'],
  [{ k: { nested: ["x"] } }, 'the key "k" must hold a list'],
  [{ k: [] }, "must not be empty"],
  [{ k: [["x"]] }, "one known operator"],
  [{ k: [undefined] }, "one known operator"],
  [{ k: [{}] }, "one known operator"],
  [{ k: [{ prefix: "a", suffix: "b" }] }, "one known operator"],
  [{ k: [{ regex: "a" }] }, "current value is regex"],
  [{ k: [{ toString: "a" }] }, "current value is toString"],
  [{ k: [{ prefix: 1 }] }, "takes a string"],
  [{ k: [{ exists: "true" }] }, "takes true or false"],
  [{ k: [{ cidr: "10.0.0.0" }] }, "leading bits"],
  [{ k: [{ wildcard: "a*b*c*d*e" }] }, "at most 3 wildcards"],
  [{ k: [{ wildcard: "a**b" }] }, "in a row"],
  [{ k: [{ numeric: [] }] }, "a sign and a number"],
  [{ k: [{ numeric: ["=", "1"] }] }, "a sign and a number"],
  [{ k: [{ numeric: ["!", 1] }] }, "a sign and a number"],
  [{ k: [{ numeric: ["<", 5, ">", 1] }] }, "a sign and a number"],
  [{ k: [{ numeric: [">", 5, "<", 5] }] }, "a sign and a number"],
  [{ k: [{ numeric: [">", 5, "<"] }] }, "a sign and a number"],
  [{ k: [{ numeric: ["=", 1e10] }] }, "a sign and a number"],
  [{ k: [1e10] }, "±10^9"],
  [{ k: [{ "anything-but": [] }] }, "no empty list"],
  [{ k: [{ "anything-but": [true] }] }, "strings, numbers or one operator"],
  [{ k: [{ "anything-but": { cidr: "10.0.0.0/8" } }] }, 'cannot turn round "cidr"'],
  [{ k: [{ "anything-but": { prefix: 1 } }] }, "takes a string"],
  [{ a: [1], b: [1], c: [1], d: [1], e: [1], f: [1] }, "at most 5 keys: current value is 6"],
  [{ $or: [{ a: [1], b: [1], c: [1] }, { d: [1], e: [1], f: [1] }] }, "at most 5 keys"],
  [{ $or: [{ a: [1] }] }, "one known operator"],
  [{ a: numbers(151) }, "combinations of values: current value is 151"],
  [{ a: numbers(10), b: numbers(4), c: numbers(4) }, "current value is 160"],
  [{ a: numbers(10), $or: [{ b: numbers(10) }, { c: numbers(6) }] }, "current value is 160"],
  [{ a: Array.from({ length: 12 }, (_, i) => ({ wildcard: `*${i}*x*` })) }, "100 points"],
  [{ a: ["x".repeat(256 * 1024)] }, "262144 bytes"],
];

describe("checkPolicy()", () => {
  for (const [policy, reason] of refused) {
    it(`refuses ${show(policy).slice(0, 80)}`, () => {
      const error = assertThrows(() => checkPolicy(policy as FilterPolicy));
      assertInstanceOf(error, MelangeError);
      assertEquals(error.code, "CONFIGURATION");
      assertStringIncludes(error.message, reason);
    });
  }

  it("accepts numbers of ±10^9, and none past them", () => {
    for (const number of [1e9, -1e9]) {
      checkPolicy({ k: [number, { numeric: ["=", number] }, { "anything-but": [number] }] });
      const past = number + Math.sign(number);
      const conditions = [past, { numeric: ["=", past] }, { "anything-but": [past] }];
      for (const condition of conditions) assertThrows(() => checkPolicy({ k: [condition] }));
    }
    checkPolicy({ k: [{ numeric: [">=", -1e9, "<", 1e9] }] });
    assertThrows(() => checkPolicy({ k: [{ numeric: [">=", -1e9 - 1, "<", 1e9] }] }));
    assertThrows(() => checkPolicy({ k: [{ numeric: [">=", -1e9, "<", 1e9 + 1] }] }));
  });

  it("accepts wildcards of 100 points: one is one, each of several three", () => {
    const three = Array.from({ length: 11 }, (_, i) => ({ wildcard: `*${i}*x*` }));
    checkPolicy({ a: [...three, { wildcard: "*" }] });
    assertThrows(() => checkPolicy({ a: [...three, { wildcard: "*" }, { wildcard: "y*" }] }));
    const two = Array.from({ length: 16 }, (_, i) => ({ wildcard: `*${i}*` }));
    const four = Array.from({ length: 4 }, (_, i) => ({ wildcard: `${i}*` }));
    checkPolicy({ a: two, b: four });
    checkPolicy({ $or: [{ a: two }, { b: four }] });
    assertThrows(() => checkPolicy({ a: two, b: [...four, { wildcard: "y*" }] }));
    assertThrows(() => checkPolicy({ $or: [{ a: two }, { b: [...four, { wildcard: "y*" }] }] }));
    checkPolicy({ a: [{ wildcard: "none" }, ...three, { wildcard: "*" }] });
  });

  it("accepts 262,144 bytes in UTF-8, and not one more", () => {
    const rest = JSON.stringify({ k: [""] }).length;
    checkPolicy({ k: ["x".repeat(262_144 - rest)] });
    assertThrows(() => checkPolicy({ k: ["x".repeat(262_145 - rest)] }));
    assertThrows(() => checkPolicy({ k: ["é".repeat(131_072)] }));
  });

  it("accepts five keys and 150 combinations", () => {
    checkPolicy({ a: numbers(5), b: numbers(5), c: numbers(6), d: [1], e: [1] });
    checkPolicy({ a: numbers(10), $or: [{ b: numbers(10) }, { c: numbers(5) }] });
    checkPolicy({});
  });
});

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "nothing";
}
