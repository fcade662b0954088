import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import * as std from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as portable from "./portable/assert.ts";
import { AssertionError } from "./portable/assert.ts";
import { collect, type Report, runAll, type Suite, type Test } from "./portable/harness.ts";
import { assertSpyCalls, restore, spy, stub } from "./portable/mock.ts";
import { show } from "./portable/show.ts";
import { FakeTime } from "./portable/time.ts";

/** Not an assertion of either library: it must not take their word that they can fail. */
function failureOf(fn: () => unknown): Error | undefined {
  try {
    fn();
  } catch (error) {
    if (error instanceof Error && error.name === "AssertionError") return error;
    throw error;
  }
  return undefined;
}

async function rejectionOf(promise: Promise<unknown>): Promise<Error | undefined> {
  const outcome: unknown = await promise.then(() => undefined, (reason) => reason);
  return outcome instanceof Error && outcome.name === "AssertionError" ? outcome : undefined;
}

function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

class Point {
  #x: number;
  constructor(x: number) {
    this.#x = x;
  }
  get x(): number {
    return this.#x;
  }
}
class Place extends Point {}

const cyclic = (tail: unknown) => {
  const value: { self?: unknown; tail: unknown } = { tail };
  value.self = value;
  return value;
};
const proto = (value: unknown) => JSON.parse(`{ "__proto__": ${JSON.stringify(value)} }`);
const key = Symbol("key");

const EQUAL: [name: string, a: unknown, b: unknown][] = [
  ["numbers", 1, 1],
  ["NaN", NaN, NaN],
  ["zeros of either sign", 0, -0],
  ["nested data", { a: [1, { b: "c" }] }, { a: [1, { b: "c" }] }],
  ["keys in another order", { a: 1, b: 2 }, { b: 2, a: 1 }],
  ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ["dates", new Date(5), new Date(5)],
  ["invalid dates", new Date(NaN), new Date(NaN)],
  ["patterns", /a/g, /a/g],
  ["URLs", new URL("http://a/b"), new URL("http://a/b")],
  ["bytes", new Uint8Array([1, 2]), new Uint8Array([0, 1, 2]).subarray(1)],
  ["buffers", new Uint8Array([1]).buffer, new Uint8Array([1]).buffer],
  ["sets in another order", new Set([1, { a: 1 }]), new Set([{ a: 1 }, 1])],
  ["maps in another order", new Map([["a", 1], ["b", 2]]), new Map([["b", 2], ["a", 1]])],
  ["instances with equal getters", new Point(1), new Point(1)],
  ["symbol keys", { [key]: 1 }, { [key]: 1 }],
  ["cycles", cyclic(1), cyclic(1)],
  ["own keys named __proto__", proto({ a: 1 }), proto({ a: 1 })],
];

const DIFFERENT: [name: string, a: unknown, b: unknown][] = [
  ["numbers", 1, 2],
  ["a number and its text", 1, "1"],
  ["null and undefined", null, undefined],
  ["null and an object", null, {}],
  ["nested data", { a: [1, { b: "c" }] }, { a: [1, { b: "d" }] }],
  ["a key that is missing", { a: 1 }, { a: 1, b: 2 }],
  ["a key that is undefined", { a: undefined }, {}],
  ["keys that are undefined", { a: undefined }, { b: undefined }],
  ["arrays of another length", [1], [1, 2]],
  ["an array and an object", [], {}],
  ["dates", new Date(5), new Date(6)],
  ["patterns with other flags", /a/g, /a/i],
  ["URLs", new URL("http://a/b"), new URL("http://a/c")],
  ["bytes", new Uint8Array([1, 2]), new Uint8Array([1, 3])],
  ["bytes and numbers", new Uint8Array([1]), [1]],
  ["sets", new Set([1, 2]), new Set([1, 3])],
  ["maps with other values", new Map([["a", 1]]), new Map([["a", 2]])],
  ["maps with other keys", new Map([[{ a: 1 }, 1]]), new Map([[{ a: 2 }, 1]])],
  ["instances with other getters", new Point(1), new Point(2)],
  ["instances of other classes", new Point(1), new Place(1)],
  ["symbol keys", { [key]: 1 }, { [key]: 2 }],
  ["cycles", cyclic(1), cyclic(2)],
  ["own keys named __proto__", proto({ a: 1 }), proto({ a: 2 })],
  ["functions", () => 1, () => 1],
  ["errors with equal messages", new Error("a"), new Error("a")],
];

describe("stand-in for @std/assert", () => {
  for (const [name, a, b] of EQUAL) {
    it(`assertEquals() takes ${name}, as the real one does`, () => {
      for (const { assertEquals } of [portable, std]) {
        must(failureOf(() => assertEquals(a, b)) === undefined, "they are equal");
        must(failureOf(() => assertEquals(b, a)) === undefined, "they are equal");
      }
      must(failureOf(() => portable.assertNotEquals(a, b)) !== undefined, "they are equal");
    });
  }

  for (const [name, a, b] of DIFFERENT) {
    it(`assertEquals() refuses different ${name}, as the real one does`, () => {
      for (const { assertEquals } of [portable, std]) {
        must(failureOf(() => assertEquals(a, b)) !== undefined, "they differ");
        must(failureOf(() => assertEquals(b, a)) !== undefined, "they differ");
      }
      must(failureOf(() => portable.assertNotEquals(a, b)) === undefined, "they differ");
    });
  }

  it("assertEquals() refuses two errors of one line, where the real one compares stacks", () => {
    const [error, other] = [1, 2].map(() => new Error("a"));
    must(failureOf(() => portable.assertEquals(error, other)) !== undefined, "they differ");
    must(failureOf(() => portable.assertEquals(error, error)) === undefined, "it is the same");
  });

  it("assertEquals() marks the lines that differ", () => {
    const actual = { list: [1, 2, 3], text: "x".repeat(80) };
    const message = failureOf(() => portable.assertEquals(actual, { ...actual, list: [1] }))
      ?.message ?? "";
    assertMatch(message, /^ {2}- {3}"list": \[ 1 \],$/m);
    assertMatch(message, /^ {2}\+ {3}"list": \[ 1, 2, 3 \],$/m);
    assertMatch(message, /^ {6}"text": "x+",$/m);
  });

  const FAILING: [name: string, (assertions: Common) => unknown][] = [
    ["assert()", ({ assert }) => assert(0)],
    ["fail()", ({ fail }) => fail("on purpose")],
    [
      "assertStrictEquals() of equal objects",
      ({ assertStrictEquals }) => assertStrictEquals({}, {}),
    ],
    ["assertStrictEquals() of zeros", ({ assertStrictEquals }) => assertStrictEquals(0, -0)],
    ["assertExists() of null", ({ assertExists }) => assertExists(null)],
    ["assertExists() of undefined", ({ assertExists }) => assertExists(undefined)],
    ["assertInstanceOf()", ({ assertInstanceOf }) => assertInstanceOf({}, Point)],
    ["assertMatch()", ({ assertMatch }) => assertMatch("abc", /^b/)],
    ["assertStringIncludes()", ({ assertStringIncludes }) => assertStringIncludes("abc", "ac")],
    ["assertAlmostEquals()", ({ assertAlmostEquals }) => assertAlmostEquals(1, 1.001)],
    [
      "assertAlmostEquals() beyond its tolerance",
      ({ assertAlmostEquals }) => assertAlmostEquals(1, 1.2, 0.1),
    ],
    ["assertAlmostEquals() of NaN", ({ assertAlmostEquals }) => assertAlmostEquals(NaN, 1)],
    ["assertThrows() of what returns", ({ assertThrows }) => assertThrows(() => 1)],
    [
      "assertThrows() of another class",
      ({ assertThrows }) => assertThrows(() => raise(new RangeError("a")), TypeError),
    ],
    [
      "assertThrows() of another message",
      ({ assertThrows }) => assertThrows(() => raise(new RangeError("a")), RangeError, "b"),
    ],
    ["assertThrows() of no error", ({ assertThrows }) => assertThrows(() => raise("a"), Error)],
  ];
  for (const [name, check] of FAILING) {
    it(`${name} fails, as the real one does`, () => {
      for (const assertions of [portable, std]) {
        must(failureOf(() => check(assertions)) !== undefined, "it did not fail");
      }
    });
  }

  const PASSING: [name: string, (assertions: Common) => unknown][] = [
    ["assert()", ({ assert }) => assert("a")],
    ["assertStrictEquals() of NaN", ({ assertStrictEquals }) => assertStrictEquals(NaN, NaN)],
    ["assertExists() of zero", ({ assertExists }) => assertExists(0)],
    ["assertInstanceOf()", ({ assertInstanceOf }) => assertInstanceOf(new Place(1), Point)],
    ["assertMatch()", ({ assertMatch }) => assertMatch("abc", /b/)],
    ["assertStringIncludes()", ({ assertStringIncludes }) => assertStringIncludes("abc", "bc")],
    ["assertAlmostEquals()", ({ assertAlmostEquals }) => assertAlmostEquals(0.1 + 0.2, 0.3)],
    [
      "assertThrows() of a subclass",
      ({ assertThrows }) => assertThrows(() => raise(new RangeError("abc")), Error, "bc"),
    ],
    ["assertThrows() of anything", ({ assertThrows }) => assertThrows(() => raise("a"))],
  ];
  for (const [name, check] of PASSING) {
    it(`${name} passes, as the real one does`, () => {
      for (const assertions of [portable, std]) check(assertions);
    });
  }

  it("assertThrows() returns what was thrown", () => {
    const error = new RangeError("a");
    assertStrictEquals(portable.assertThrows(() => raise(error), RangeError), error);
  });

  it("assertRejects() fails unless the promise rejects as expected", async () => {
    const failing = [
      (assertions: Common) => assertions.assertRejects(() => Promise.resolve()),
      (assertions: Common) =>
        assertions.assertRejects(() => Promise.reject(new Error("a")), TypeError),
      (assertions: Common) =>
        assertions.assertRejects(() => Promise.reject(new Error("a")), Error, "b"),
      (assertions: Common) => assertions.assertRejects(() => Promise.reject("a"), Error),
      (assertions: Common) => assertions.assertRejects(() => raise(new Error("a")), Error),
      (assertions: Common) => assertions.assertRejects((() => 1) as never),
    ];
    for (const check of failing) {
      for (const assertions of [portable, std]) {
        must(await rejectionOf(check(assertions)) !== undefined, `it did not fail: ${check}`);
      }
    }
  });

  it("assertRejects() resolves to the reason", async () => {
    const error = new RangeError("abc");
    const reject = () => Promise.reject(error);
    assertStrictEquals(await portable.assertRejects(reject), error);
    assertStrictEquals(await portable.assertRejects(reject, RangeError, "bc"), error);
  });
});

describe("show()", () => {
  it("renders values the same everywhere", () => {
    assertEquals(show({ a: 1n, b: undefined, c: -0 }), `{ "a": 1n, "b": undefined, "c": -0 }`);
    assertEquals(
      show([new Date(0), /a/, new Error("e")]),
      "[ Date(1970-01-01T00:00:00.000Z), /a/, [Error: e] ]",
    );
    assertEquals(show(new Map([["a", new Set([1])]])), `Map { "a" => Set { 1 } }`);
    assertEquals(show(new Uint8Array([1])), "Uint8Array [ 1 ]");
    assertEquals(show(cyclic(1)), `{ "tail": 1, "self": [circular] }`);
    assertEquals(show(proto(1)), `{ "__proto__": 1 }`);
  });
});

describe("stand-in for @std/testing/bdd", () => {
  const reportOf = (describeAll: (framework: ReturnType<typeof collect>) => void) => {
    const children: (Suite | Test)[] = [];
    describeAll(collect((child) => children.push(child)));
    return runAll(children);
  };
  const outcome = ({ passed, failures }: Report) => [passed, failures.map(({ name }) => name)];

  it("counts each test that fails, and runs the others", async () => {
    const report = await reportOf(({ describe, it }) => {
      it("alone", () => {});
      describe("outer", () => {
        it("throws", () => raise(new Error("a")));
        it("rejects", () => Promise.reject(new Error("b")));
        describe("inner", () => it("passes", () => {}));
      });
    });
    assertEquals(outcome(report), [2, ["outer > throws", "outer > rejects"]]);
  });

  it("runs the hooks of outer groups around those of inner ones", async () => {
    const log: string[] = [];
    const note = (entry: string) => () => void log.push(entry);
    await reportOf((framework) => {
      const { describe, it } = framework;
      const hooks = (name: string) => {
        for (const kind of ["beforeAll", "afterAll", "beforeEach", "afterEach"] as const) {
          framework[kind](note(`${kind} ${name}`));
        }
      };
      describe("outer", () => {
        hooks("outer");
        it("first", note("first"));
        describe("inner", () => {
          hooks("inner");
          it("second", note("second"));
        });
      });
    });
    assertEquals(log, [
      "beforeAll outer",
      ...["beforeEach outer", "first", "afterEach outer"],
      "beforeAll inner",
      ...["beforeEach outer", "beforeEach inner", "second", "afterEach inner", "afterEach outer"],
      "afterAll inner",
      "afterAll outer",
    ]);
  });

  it("fails the test whose hook fails, and still cleans up", async () => {
    const log: string[] = [];
    const report = await reportOf(({ describe, it, beforeEach, afterEach, afterAll }) =>
      describe("outer", () => {
        beforeEach(() => raise(new Error("before")));
        afterEach(() => void log.push("each"));
        afterAll(() => void log.push("all"));
        it("never runs", () => void log.push("ran"));
      })
    );
    assertEquals(outcome(report), [0, ["outer > never runs"]]);
    assertEquals(log, ["each", "all"]);
  });

  it("fails the group whose hook fails", async () => {
    const before = await reportOf(({ describe, it, beforeAll }) =>
      describe("outer", () => {
        beforeAll(() => raise(new Error("before")));
        it("never runs", () => {});
      })
    );
    const after = await reportOf(({ describe, it, afterAll }) =>
      describe("outer", () => {
        afterAll(() => raise(new Error("after")));
        it("runs", () => {});
      })
    );
    assertEquals([outcome(before), outcome(after)], [[0, ["outer"]], [1, ["outer"]]]);
  });

  it("fails a test that never ends, and goes on", async () => {
    const children: (Suite | Test)[] = [];
    const { describe, it } = collect((child) => children.push(child));
    describe("outer", () => {
      it("hangs", () => new Promise(() => {}));
      it("passes", () => {});
    });
    assertEquals(outcome(await runAll(children, 1)), [1, ["outer > hangs"]]);
  });

  it("refuses what would be lost: asynchronous groups and hooks outside of groups", () => {
    const { describe, beforeEach } = collect(() => {});
    portable.assertThrows(() => describe("a", () => Promise.resolve()), Error, "asynchronously");
    portable.assertThrows(() => beforeEach(() => {}), Error, "outside of a describe");
  });
});

describe("stand-in for @std/testing/mock", () => {
  it("spy() records what a function was given and did", () => {
    const half = spy((n: number) => n % 2 ? raise(new RangeError("odd")) : n / 2);
    assertEquals(half(4), 2);
    portable.assertThrows(() => half(3), RangeError);
    assertEquals(half.calls.map(({ args, returned }) => [args, returned]), [
      [[4], 2],
      [[3], undefined],
    ]);
    assert(half.calls[1]?.error instanceof RangeError);
  });

  it("spy() watches a method until it is restored", () => {
    const counter = {
      n: 1,
      add(by: number) {
        return this.n += by;
      },
    };
    const { add } = counter;
    const watched = spy(counter, "add");
    assertEquals(counter.add(2), 3);
    assertStrictEquals(watched.calls[0]?.self, counter);
    watched.restore();
    assertStrictEquals(counter.add, add);
    assert(watched.restored);
    portable.assertThrows(() => watched.restore(), Error, "already restored");
  });

  it("stub() takes the place of a method, own or inherited", () => {
    class Greeter {
      greet(name: string): string {
        return `Hello ${name}`;
      }
    }
    const greeter = new Greeter();
    const stubbed = stub(greeter, "greet", (name) => `Bye ${name}`);
    assertEquals(greeter.greet("a"), "Bye a");
    portable.assertThrows(() => stub(greeter, "greet"), Error, "already spying");
    stubbed.restore();
    assertEquals([greeter.greet("a"), Object.hasOwn(greeter, "greet")], ["Hello a", false]);
  });

  it("restore() puts back everything", () => {
    const object = { a: () => 1, b: () => 2 };
    stub(object, "a", () => 0);
    stub(object, "b", () => 0);
    restore();
    assertEquals([object.a(), object.b()], [1, 2]);
  });

  it("assertSpyCalls() fails where the number is another", () => {
    const called = spy();
    called();
    assertSpyCalls(called, 1);
    must(failureOf(() => assertSpyCalls(called, 2)) instanceof AssertionError, "not 2 calls");
  });
});

describe("stand-in for @std/testing/time", () => {
  const faking = (test: (time: FakeTime) => void | Promise<void>) => async () => {
    const time = new FakeTime(1_000);
    try {
      await test(time);
    } finally {
      time.restore();
    }
  };

  it(
    "stands still until told to move",
    faking((time) => {
      assertEquals([Date.now(), new Date().getTime(), time.start], [1_000, 1_000, 1_000]);
      time.tick(500);
      assertEquals([Date.now(), new Date().getTime(), time.now], [1_500, 1_500, 1_500]);
      assertEquals(new Date(7).getTime(), 7);
      assert(new Date() instanceof Date);
      portable.assertThrows(() => time.now = 0, RangeError);
    }),
  );

  it(
    "fires timers in the order in which they are due, each at its time",
    faking((time) => {
      const log: unknown[] = [];
      const note = (name: string) => log.push([name, Date.now()]);
      setTimeout(note, 20, "b");
      setTimeout(note, 10, "a");
      setTimeout(note, 20, "c");
      const interval = setInterval(note, 15, "i");
      clearTimeout(setTimeout(note, 5, "never"));
      time.tick(30);
      clearInterval(interval);
      time.tick(100);
      assertEquals(log, [["a", 1_010], ["i", 1_015], ["b", 1_020], ["c", 1_020], ["i", 1_030]]);
    }),
  );

  it(
    "fires what timers set in turn, if it is due as well",
    faking((time) => {
      const log: number[] = [];
      setTimeout(() => setTimeout(() => log.push(Date.now()), 10), 10);
      time.tick(20);
      assertEquals(log, [1_020]);
    }),
  );

  it(
    "next() goes to the next timer",
    faking((time) => {
      setTimeout(() => {}, 70);
      assertEquals([time.next(), time.now, time.next(), time.now], [true, 1_070, false, 1_070]);
    }),
  );

  it(
    "tickAsync() lets what is pending happen before it moves, not after",
    faking(async (time) => {
      const log: string[] = [];
      const late = Promise.resolve().then(() => setTimeout(() => log.push("fired"), 10));
      await time.tickAsync(10);
      assertEquals(log, ["fired"]);
      await late;
    }),
  );

  it(
    "runAllAsync() fires until nothing is left",
    faking(async (time) => {
      let rounds = 0;
      const again = async () => {
        await Promise.resolve();
        if (++rounds < 3) setTimeout(again, 10);
      };
      setTimeout(again, 10);
      await time.runAllAsync();
      await time.runMicrotasks();
      assertEquals([rounds >= 2, time.now >= 1_020], [true, true]);
    }),
  );

  it(
    "AbortSignal.timeout() follows the clock",
    faking((time) => {
      const signal = AbortSignal.timeout(10);
      time.tick(9);
      assertEquals(signal.aborted, false);
      time.tick(1);
      assertEquals([signal.aborted, signal.reason.name], [true, "TimeoutError"]);
    }),
  );

  it("restore() brings back the real time, once", () => {
    const { Date, setTimeout } = globalThis;
    const time = new FakeTime(0);
    portable.assertThrows(() => new FakeTime(), Error, "already faked");
    time.restore();
    assertStrictEquals(globalThis.Date, Date);
    assertStrictEquals(globalThis.setTimeout, setTimeout);
    portable.assertThrows(() => time.restore(), Error, "already restored");
    portable.assertThrows(() => FakeTime.restore(), Error, "already restored");
  });
});

type Common = Pick<
  typeof portable,
  | "assert"
  | "assertAlmostEquals"
  | "assertExists"
  | "assertInstanceOf"
  | "assertMatch"
  | "assertRejects"
  | "assertStrictEquals"
  | "assertStringIncludes"
  | "assertThrows"
  | "fail"
>;

function raise(error: unknown): never {
  throw error;
}
