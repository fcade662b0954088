import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  flag,
  integer,
  integerWithin,
  needed,
  parsed,
  recordMap,
  records,
  text,
  textMap,
  texts,
} from "../../../../backends/aws/emulator/input.ts";

/** What a reader makes of some values, and the values that it refuses, with the reason. */
const readers: {
  name: string;
  read: (input: Record<string, unknown>, name: string) => unknown;
  taken: [value: unknown, result: unknown][];
  refused: unknown[];
  reason: string;
}[] = [
  {
    name: "text()",
    read: text,
    taken: [["a", "a"], ["", ""], [undefined, undefined], [null, undefined]],
    refused: [1, {}, []],
    reason: "must be a string",
  },
  { name: "needed()", read: needed, taken: [["a", "a"]], refused: ["", null], reason: "N" },
  {
    name: "integer()",
    read: integer,
    taken: [["12", 12], ["-1", -1], [3, 3], ["", undefined], [null, undefined], [
      undefined,
      undefined,
    ]],
    refused: ["1.5", "x", 1.5, true, {}, "1x", "x1"],
    reason: "Must be an integer.",
  },
  {
    name: "integerWithin()",
    read: (input, name) => integerWithin(input, name, { range: [1, 10], reason: "so" }),
    taken: [["1", 1], [10, 10], [undefined, undefined]],
    refused: [0, "11"],
    reason: "so",
  },
  {
    name: "flag()",
    read: flag,
    taken: [
      [true, true],
      ["true", true],
      ["True", true],
      [false, false],
      ["false", false],
      [
        "False",
        false,
      ],
      ["", undefined],
      [null, undefined],
      [undefined, undefined],
    ],
    refused: ["yes", 1, 0, {}],
    reason: "must be a boolean",
  },
  {
    name: "texts()",
    read: texts,
    taken: [[["a", "b"], ["a", "b"]], [[], []], [undefined, []]],
    refused: ["a", ["a", 1], {}],
    reason: "a list of strings",
  },
  {
    name: "records()",
    read: records,
    taken: [[[{ a: 1 }], [{ a: 1 }]], [undefined, []]],
    refused: [[{}, "a"], [[]], [null], {}],
    reason: "a list of objects",
  },
  {
    name: "textMap()",
    read: textMap,
    taken: [[{ a: "b" }, { a: "b" }], [undefined, {}]],
    refused: [{ a: "b", c: 1 }, [], "a"],
    reason: "a map of strings",
  },
  {
    name: "recordMap()",
    read: recordMap,
    taken: [[{ a: { b: 1 } }, { a: { b: 1 } }], [undefined, {}]],
    refused: [{ a: {}, b: "c" }, [], { a: null }],
    reason: "a map of objects",
  },
];

for (const { name, read, taken, refused, reason } of readers) {
  describe(name, () => {
    it("reads what there is", () => {
      for (const [value, result] of taken) assertEquals(read({ N: value }, "N"), result);
    });

    it("refuses what is something else", () => {
      for (const value of refused) {
        const { message } = assertThrows(() => read({ N: value }, "N"), Error, undefined);
        assertStringIncludes(message, reason, JSON.stringify(value));
      }
    });
  });
}

describe("parsed()", () => {
  it("gives the object that a text holds, and nothing else", () => {
    assertEquals(parsed('{"a":1}'), { a: 1 });
    const others = [undefined, "", "{", "null", "1", "[]", '"a"'];
    assertEquals(others.map(parsed), others.map(() => undefined));
  });
});
