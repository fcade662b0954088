import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  bytes,
  type Check,
  date,
  dictionary,
  either,
  exactly,
  flag,
  list,
  shape,
  text,
  tuple,
  whole,
  within,
} from "../../../backends/broadcast_channel/check.ts";

const PAIR = "\u{1f9fe}";
const LONE = "\ud83e";
/** What is none of the simple kinds. */
const NOTHING: readonly unknown[] = [undefined, null, Symbol("s"), () => {}, 1n];

function takes(check: Check, values: readonly unknown[]): void {
  for (const [place, value] of values.entries()) assertEquals(check(value), true, `at ${place}`);
}

function refuses(check: Check, values: readonly unknown[]): void {
  for (const [place, value] of values.entries()) assertEquals(check(value), false, `at ${place}`);
}

/** An object that throws wherever it is looked into. */
function trapped(target: object): unknown {
  const trap = () => {
    throw new Error("looked at");
  };
  return new Proxy(target, { get: trap, ownKeys: trap, getOwnPropertyDescriptor: trap });
}

function withGetter(name: string): object {
  return Object.defineProperty({}, name, {
    enumerable: true,
    get: () => {
      throw new Error("looked at");
    },
  });
}

describe("text()", () => {
  it("takes so many UTF-16 code units, at both edges", () => {
    takes(text(3), ["", "a", "abc"]);
    takes(text(3, 2), ["ab", "abc"]);
    refuses(text(3, 2), ["", "a", "abcd"]);
  });

  it("counts a surrogate pair as two, and takes half of one", () => {
    takes(text(2), [PAIR, LONE, LONE + LONE]);
    refuses(text(1), [PAIR]);
  });

  it("refuses what only looks like text", () => {
    const like = { length: 1, toString: () => "a" };
    refuses(text(3), [...NOTHING, 1, ["a"], new String("a"), like, trapped({})]);
  });
});

describe("whole()", () => {
  it("takes whole numbers, at both edges", () => {
    takes(whole(1, 3), [1, 2, 3]);
    refuses(whole(1, 3), [0, 4, 1.5, -1]);
    takes(whole(0), [0, -0, Number.MAX_SAFE_INTEGER]);
    refuses(whole(0), [Number.MAX_SAFE_INTEGER + 1, -Number.MIN_VALUE]);
    refuses(whole(0, 2 ** 60), [2 ** 53]);
  });

  it("refuses what is no number, or none that can be counted with", () => {
    const like = { valueOf: () => 1 };
    refuses(whole(0), [...NOTHING, NaN, Infinity, -Infinity, "1", true, new Number(1), like]);
    refuses(whole(0), [trapped({})]);
  });
});

describe("within()", () => {
  it("takes any number, at both edges", () => {
    takes(within(-1, 1.5), [-1, 0, -0, 1.5, Number.MIN_VALUE]);
    refuses(within(-1, 1.5), [-1.0001, 1.5001]);
    takes(within(-Infinity, Infinity), [Infinity, -Infinity, Number.MAX_VALUE]);
  });

  it("refuses NaN, and what only becomes a number", () => {
    const like = { valueOf: () => 1 };
    refuses(within(-Infinity, Infinity), [...NOTHING, NaN, "1", true, new Date(1), like, [1]]);
  });
});

describe("flag", () => {
  it("takes true and false, and nothing that is merely truthy or falsy", () => {
    takes(flag, [true, false]);
    refuses(flag, [...NOTHING, 0, 1, "", "true", new Boolean(true), NaN]);
  });
});

describe("date", () => {
  it("takes points in time only", () => {
    takes(date, [new Date(0), new Date(-1), new Date(8.64e15)]);
    refuses(date, [...NOTHING, new Date(NaN), new Date(8.64e15 + 1), 0, "2026-01-01"]);
    refuses(date, [{ getTime: () => 0 }]);
  });
});

describe("bytes", () => {
  it("takes a Uint8Array, and no other view, list or buffer", () => {
    takes(bytes, [new Uint8Array(), new Uint8Array([1]), structuredClone(new Uint8Array(2))]);
    refuses(bytes, [
      ...NOTHING,
      new ArrayBuffer(1),
      new Int8Array(1),
      new DataView(new ArrayBuffer(1)),
    ]);
    refuses(bytes, [[1], { length: 0 }, "bytes"]);
  });
});

describe("exactly()", () => {
  it("takes this very value", () => {
    takes(exactly(1), [1]);
    takes(exactly(undefined), [undefined]);
    takes(exactly(0), [-0]);
    refuses(exactly(1), [...NOTHING, "1", true, 1.5]);
    refuses(exactly(true), [1, "true"]);
    refuses(exactly(NaN), [NaN]);
  });
});

describe("either()", () => {
  it("takes what one of its shapes takes", () => {
    takes(either(text(1), flag), ["a", true]);
    refuses(either(text(1), flag), [...NOTHING, "ab", 1]);
    refuses(either(), [undefined, true]);
  });
});

describe("list()", () => {
  it("takes lists of such items, at most so many", () => {
    takes(list(flag, 2), [[], [true], [true, false]]);
    refuses(list(flag, 2), [[true, true, true], [true, 1], [undefined], [[true]], new Array(1)]);
  });

  it("refuses a list that is longer before it looks at its items", () => {
    const check: Check = () => {
      throw new Error("looked at");
    };
    refuses(list(check, 2), [[1, 2, 3], new Array(1_000_000)]);
  });

  it("refuses what only looks like a list", () => {
    refuses(list(flag, 2), [...NOTHING, { length: 0 }, "", new Uint8Array(), new Set([true])]);
    refuses(list(flag, 2), [trapped({})]);
  });
});

describe("tuple()", () => {
  const check = tuple(flag, whole(0));

  it("takes these items in this order, and neither more nor fewer", () => {
    takes(check, [[true, 1]]);
    refuses(check, [[], [true], [true, 1, 1], [1, true], [true, undefined]]);
    takes(tuple(), [[]]);
    refuses(tuple(), [[undefined], {}]);
  });

  it("refuses holes, and what only looks like a list", () => {
    // deno-lint-ignore no-sparse-arrays -- a structured clone keeps the holes
    refuses(check, [[, 1], structuredClone([true, ,]), new Array(2)]);
    refuses(check, [...NOTHING, { 0: true, 1: 1, length: 2 }, trapped({})]);
  });
});

describe("dictionary()", () => {
  const check = dictionary(flag, 2);

  it("takes such entries of any names, at most so many", () => {
    takes(check, [{}, { a: true }, { "": true, [LONE]: false }]);
    takes(check, [JSON.parse('{"__proto__": true, "constructor": false}')]);
    refuses(check, [{ a: true, b: true, c: true }, { a: 1 }, { a: undefined }]);
    refuses(check, [JSON.parse('{"__proto__": 1}')]);
  });

  it("takes an object without a prototype", () => {
    takes(check, [Object.assign(Object.create(null), { a: true })]);
  });

  it("refuses what is no plain object", () => {
    refuses(check, [...NOTHING, [], [true], "", 0, true]);
    refuses(check, [new Map(), new Set(), new Date(), new Error("a"), new Uint8Array()]);
    refuses(check, [Object.create({ a: true })]);
  });

  it("lets through what a getter throws, for readFrame() to drop", () => {
    for (const value of [withGetter("a"), trapped({})]) {
      assertThrows(() => check(value), Error, "looked at");
    }
  });
});

describe("shape()", () => {
  const check = shape({ id: text(3), count: whole(0) }, { isLast: flag });

  it("takes the required fields, and perhaps the optional ones", () => {
    takes(check, [
      { id: "a", count: 0 },
      { count: -0, id: "a", isLast: true },
      { id: "a", count: 1, isLast: undefined },
    ]);
    refuses(check, [{ id: "a", count: 0, isLast: null }, { id: "a", count: 0, isLast: 1 }]);
  });

  it("refuses what lacks a required field, or had it only by inheritance", () => {
    refuses(check, [{}, { id: "a" }, { id: "a", count: undefined }]);
    // A structured clone, as all that arrives is, has no prototype of its own.
    refuses(check, [structuredClone(Object.assign(Object.create({ id: "a" }), { count: 0 }))]);
    takes(shape({ a: exactly(undefined) }), [{ a: undefined }]);
    refuses(shape({ a: exactly(undefined) }), [{}]);
  });

  it("refuses every other field, however it is called", () => {
    const known = '"id": "a", "count": 0';
    for (const name of ["more", "__proto__", "constructor", "toString", ""]) {
      refuses(check, [JSON.parse(`{${known}, "${name}": {}}`)]);
      refuses(check, [JSON.parse(`{"id": "a", "${name}": {}}`)]);
    }
    refuses(check, [{ id: "a", count: 0, more: undefined }]);
  });

  it("takes an object without a prototype", () => {
    takes(check, [Object.assign(Object.create(null), { id: "a", count: 0 })]);
  });

  it("refuses what is no object, or is a list", () => {
    refuses(check, [...NOTHING, "a", 0, true, [], ["a", 0]]);
    refuses(check, [Object.assign([], { id: "a", count: 0 })]);
  });

  it("lets through what a getter throws, for readFrame() to drop", () => {
    for (const value of [withGetter("id"), trapped({})]) {
      assertThrows(() => check(value), Error, "looked at");
    }
  });
});
