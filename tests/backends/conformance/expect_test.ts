import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  expect,
  expectAllOk,
  expectCount,
  expectError,
  expectFailed,
  expectReason,
  expectSame,
  expectThrown,
} from "../../../backends/conformance/expect.ts";
import { MelangeError } from "../../../src/support/errors.ts";

const error = new MelangeError("LOCK_LOST", "over");
const messageOf = (call: () => void) => assertThrows(call, Error).message;

describe("expectSame()", () => {
  const same: [unknown, unknown][] = [
    [{ a: 1, b: [2, "x"] }, { b: [2, "x"], a: 1 }],
    [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
    [new Date(5), new Date(5)],
    [undefined, undefined],
    [null, null],
  ];
  const others: [unknown, unknown, string][] = [
    [1, "1", 'expected "1", got 1'],
    [{ a: 1 }, { a: 2 }, "expected {a: 2}, got {a: 1}"],
    [{ a: 1 }, { a: 1, b: undefined }, "expected {a: 1, b: undefined}, got {a: 1}"],
    [[1, 2], [2, 1], "expected [2, 1], got [1, 2]"],
    [new Uint8Array([1, 2]), new Uint8Array([1]), "expected bytes(1), got bytes(1 2)"],
    [new Date(5), new Date(6), "expected date(6), got date(5)"],
    [error, new Error("over"), 'expected Error "over", got MelangeError LOCK_LOST "over"'],
    ["x".repeat(298), "", 'expected "", got "' + "x".repeat(298) + '"'],
    ["x".repeat(299), "", 'expected "", got "' + "x".repeat(299) + "… (301 characters)"],
  ];
  it("takes equal parts in any order, bytes and dates by value", () => {
    for (const [actual, expected] of same) expectSame(actual, expected, "rule");
  });
  for (const [actual, expected, shown] of others) {
    it(`says ${shown.slice(0, 60)}`, () => {
      assertEquals(messageOf(() => expectSame(actual, expected, "rule")), `rule: ${shown}`);
    });
  }
});

describe("expect…()", () => {
  it("throws its rule, and nothing where it holds", () => {
    expect(1, "rule");
    assertEquals(messageOf(() => expect(0, "rule")), "rule");
  });

  it("counts results, and wants all of them ok", () => {
    expectCount([1, 2], 2, "send()");
    assertThrows(() => expectCount([1], 2, "send()"), Error, "one result for each item");
    assertThrows(() => expectCount({ length: 2 } as never, 2, "send()"), Error, "to an array");
    const results = [{ ok: true, messageId: "m" }] as const;
    assertEquals(expectAllOk(results, 1, "send()"), [...results]);
    assertThrows(() => expectAllOk(results, 2, "send()"), Error, "one result for each item");
    const failed = [{ ok: true }, { ok: false, error }];
    assertThrows(() => expectAllOk(failed, 2, "send()"), Error, "send() must succeed for item 1");
  });

  it("wants a failure, with the right code if one is given", () => {
    const failed = { ok: false, error } as const;
    expectFailed(failed, "rule");
    expectFailed(failed, "rule", "LOCK_LOST");
    assertThrows(() => expectFailed(failed, "rule", "NOT_FOUND"), Error, "with the right code");
    assertThrows(() => expectFailed(undefined, "rule"), Error, "rule: it succeeded");
    assertThrows(() => expectFailed({ ok: true }, "rule"), Error, "rule: it succeeded");
    assertThrows(() => expectError(new Error("x"), "rule"), Error, "with a MelangeError");
  });

  it("wants a call to reject, with the right code or the very reason", async () => {
    await expectThrown(Promise.reject(error), "rule");
    await expectThrown(Promise.reject(error), "rule", "LOCK_LOST");
    const wrong = expectThrown(Promise.reject(error), "rule", "NOT_FOUND");
    await assertRejects(() => wrong, Error, "with the right code");
    await assertRejects(() => expectThrown(Promise.resolve(1), "rule"), Error, "it succeeded");
    const reason = { why: "stop" };
    await expectReason(Promise.reject(reason), reason, "rule");
    const another = expectReason(Promise.reject({ why: "stop" }), reason, "rule");
    await assertRejects(() => another, Error, "with the reason of the signal");
    assertStrictEquals(reason.why, "stop");
  });
});
