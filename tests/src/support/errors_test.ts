import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  DeadLetter,
  describeError,
  isDeadLetter,
  MelangeError,
} from "../../../src/support/errors.ts";

describe("MelangeError", () => {
  it("has a code, a message, and no second chance by default", () => {
    const error = new MelangeError("NOT_FOUND", "There is no queue");
    assertInstanceOf(error, Error);
    assertEquals(
      [error.name, error.code, error.message, error.retryable, error.retryAfterMs],
      ["MelangeError", "NOT_FOUND", "There is no queue", false, undefined],
    );
    assertEquals("cause" in error, false);
  });

  it("keeps its cause and its facts", () => {
    const cause = new TypeError("no network");
    const error = new MelangeError("THROTTLED", "Slow down", {
      cause,
      retryable: true,
      retryAfterMs: 50,
    });
    assertStrictEquals(error.cause, cause);
    assertEquals([error.retryable, error.retryAfterMs], [true, 50]);
  });

  it("keeps a cause that is undefined, as Error does", () => {
    assert("cause" in new MelangeError("REFUSED", "No", { cause: undefined }));
  });

  it("takes codes of other backends", () => {
    assertEquals(new MelangeError("MY_BACKEND_IS_FULL", "Full").code, "MY_BACKEND_IS_FULL");
  });
});

describe("DeadLetter", () => {
  it("refuses a reason that is no text", () => {
    for (const reason of [undefined, null, 5, {}]) {
      assertThrows(() => new DeadLetter(reason as never), TypeError, "must be text");
    }
  });

  it("carries its reason", () => {
    const cause = new Error("expired");
    const error = new DeadLetter("card-expired", { cause });
    assertInstanceOf(error, Error);
    assertEquals([error.name, error.reason, error.message], [
      "DeadLetter",
      "card-expired",
      "card-expired",
    ]);
    assertStrictEquals(error.cause, cause);
  });

  it("is recognised by isDeadLetter(), also from another copy of the module", () => {
    const brand = Symbol.for("@melange/melange/DeadLetter");
    const foreign = Object.assign(new Error("x"), { reason: "x", [brand]: true });
    assertEquals([new DeadLetter("x"), foreign].map(isDeadLetter), [true, true]);
  });

  it("is not what only looks like one", () => {
    const others = [new Error("x"), { name: "DeadLetter", reason: "x" }, "DeadLetter", null];
    assertEquals([...others, undefined, 1, () => {}].some(isDeadLetter), false);
  });

  it("shows no brand where it is printed or copied", () => {
    assertEquals(Object.getOwnPropertySymbols({ ...new DeadLetter("x") }), []);
  });
});

describe("describeError()", () => {
  const SECRET = "card 4242";

  it("tells class, code and place, never the message of others", () => {
    class Own extends MelangeError {}
    const facts = describeError(new Own("REFUSED", SECRET));
    assertEquals([facts.name, facts.code], ["MelangeError", "REFUSED"]);
    assert((facts.at ?? []).length >= 1 && (facts.at ?? []).length <= 3);
    assert(facts.at?.every((frame) => frame.startsWith("at ")));
    assertEquals(JSON.stringify(facts).includes(SECRET), false);
  });

  it("does not take lines of the message for stack frames", () => {
    const forged = [
      `no\n    at ${SECRET}`,
      `\n    at handle (file:///${SECRET}:1:1)`,
      `    at ${SECRET} (a.ts:1:1)\n    at ${SECRET} (b.ts:1:1)\n`,
    ];
    for (const message of forged) {
      for (const error of [new Error(message), new TypeError(message)]) {
        assertEquals(JSON.stringify(describeError(error)).includes(SECRET), false);
      }
    }
  });

  it("tells no frames where it cannot tell them from the message", () => {
    const error = new Error(`no\n    at ${SECRET}`);
    error.message = "another";
    assertEquals(JSON.stringify(describeError(error)).includes(SECRET), false);
  });

  it("tells the text of an error of ours, and the reason of a DeadLetter", () => {
    const text = 'Cannot find the queue "q": declare it first';
    const error = new MelangeError("NOT_FOUND", text, { cause: new Error(SECRET) });
    assertEquals(describeError(error).message, text);
    assertEquals(JSON.stringify(describeError(error)).includes(SECRET), false);
    assertEquals(describeError(new MelangeError("X", "x".repeat(5_000))).message?.length, 1_000);
    const { reason, message } = describeError(new DeadLetter("card-expired"));
    assertEquals([reason, message], ["card-expired", undefined]);
  });

  it("tells any text where it may, and leaves out the frames of this library", () => {
    const error = new Error("out of cards");
    const own = new Error().stack!.split("\n").find((line) => line.includes("errors_test"))!;
    const folder = /(\S*\/)tests\/src\/support/.exec(own)?.[1]?.replace(/^\(/, "") ?? "/";
    const frames = [
      `    at run (${folder}src/handle/x.ts:1:1)`,
      "    at charge (/app/cards.ts:7:3)",
    ];
    error.stack = `Error: out of cards\n${frames.join("\n")}`;
    const { message, at } = describeError(error, { exposed: true });
    assertEquals(message, "out of cards");
    // In a bundle of all files, the frames of the library have no folder of their own.
    assertEquals(at?.at(-1), "at charge (/app/cards.ts:7:3)");
    assertEquals(describeError(error).at?.length, 2);
  });

  it("never tells what the cause says", () => {
    const error = new Error("outer", { cause: new Error(SECRET) });
    assertEquals(JSON.stringify(describeError(error)).includes(SECRET), false);
  });

  it("survives an error without a stack, and codes that are no text", () => {
    const error = Object.assign(new Error("x"), { code: 5, stack: undefined });
    assertEquals(describeError(error), { name: "Error" });
    assertEquals(describeError(new DOMException("x", "AbortError")).name, "AbortError");
  });

  it("tells only the type of what is not an error", () => {
    const thrown = [SECRET, { secret: SECRET }, null, undefined, 5];
    assertEquals(thrown.map((value) => describeError(value)), [
      { name: "string" },
      { name: "object" },
      { name: "object" },
      { name: "undefined" },
      { name: "number" },
    ]);
  });

  it("tells the first three frames, trimmed, and one where there is one", () => {
    const error = new Error("x");
    const frames = ["a", "b", "c", "d"].map((name) => `    at ${name} (file:///m.ts:1:1)`);
    error.stack = `Error: x\n${frames.join("\n")}\n  not a frame`;
    assertEquals(describeError(error).at, frames.slice(0, 3).map((frame) => frame.trim()));
    error.stack = `Error: x\n${frames[0]}`;
    assertEquals(describeError(error).at, [frames[0]!.trim()]);
    error.stack = "Error: x";
    assertEquals(describeError(error), { name: "Error" });
    error.stack = `Error: y\n${frames[0]}`;
    assertEquals(describeError(error), { name: "Error" });
  });

  it("tells frames that are not of the message, however long it is", () => {
    const forged = Array.from({ length: 20 }, () => "\n    at forged (file:///m.ts:1:1)").join("");
    const error = new Error(`x${forged}`);
    error.stack = `Error: ${error.message}\n    at real (file:///m.ts:1:1)`;
    assertEquals(describeError(error).at, ["at real (file:///m.ts:1:1)"]);
  });
});
