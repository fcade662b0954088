import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fromData, type Outcome, toData } from "../../../backends/broadcast_channel/outcome.ts";
import { MelangeError } from "../../../src/support/errors.ts";

const CODES = ["NOT_FOUND", "LOCK_LOST", "INVALID_MESSAGE", "THROTTLED", "A_CODE_OF_ITS_OWN"];

/** What another context makes of an outcome. */
function travelled(outcome: Outcome): Outcome {
  return fromData(structuredClone(toData(outcome)));
}

function errorIn(holder: unknown): MelangeError {
  assert(typeof holder === "object" && holder !== null && "error" in holder);
  assertInstanceOf(holder.error, MelangeError);
  return holder.error;
}

describe("toData() and fromData()", () => {
  it("keep the code, the message and whether it can be tried again of an error", () => {
    for (const code of CODES) {
      for (const retryable of [true, false]) {
        const error = new MelangeError(code, `Cannot send: ${code}`, { retryable });
        const again = errorIn(travelled({ error }));
        assertEquals(again.name, "MelangeError");
        assertEquals(again.code, code);
        assertEquals(again.message, `Cannot send: ${code}`);
        assertEquals(again.retryable, retryable);
      }
    }
  });

  it("keep errors inside lists in their places, and what stands beside them", () => {
    const error = new MelangeError("LOCK_LOST", "Cannot acknowledge");
    const value = [{ ok: true, messageId: "m-1" }, { ok: false, error }, { ok: true }];
    const { value: items } = travelled({ value }) as { value: Record<string, unknown>[] };
    assertEquals(items.map(({ ok }) => ok), [true, false, true]);
    assertEquals(items[0], { ok: true, messageId: "m-1" });
    assertEquals(Object.keys(items[1] ?? {}).sort(), ["error", "ok"]);
    assertEquals(errorIn(items[1]).code, "LOCK_LOST");
  });

  it("keep what holds no error as it is", () => {
    const sentAt = new Date(0);
    const message = { body: "b", attributes: { bytes: new Uint8Array([1, 2]) }, sentAt };
    const values = [
      undefined,
      [],
      { name: "billing", available: 2 },
      [{ receipt: "r-1", message }],
      { melangeError: true },
    ];
    for (const value of values) assertEquals(travelled({ value }), { value });
  });

  it("keep an error of another kind, as far as a structured clone does", () => {
    const { error } = travelled({ error: new RangeError("too far") }) as { error: unknown };
    assertInstanceOf(error, RangeError);
    assertEquals(error.message, "too far");
    assertEquals(travelled({ error: "text" }), { error: "text" });
    assertEquals(travelled({ error: null }), { error: null });
  });

  it("change neither what they are given nor what is in it", () => {
    const error = new MelangeError("NOT_FOUND", "Cannot find it");
    const item = { ok: false, error };
    const outcome = { value: [item] };
    const data = toData(outcome);
    assertEquals(outcome.value, [item]);
    assert(item.error === error);
    const before = structuredClone(data);
    fromData(data);
    assertEquals(data, before);
  });
});

describe("toData()", () => {
  it("makes plain data that JSON could carry, without stack or cause", () => {
    const error = new MelangeError("NOT_FOUND", "Cannot find it", { cause: new Error("secret") });
    const data = { melangeError: true, code: "NOT_FOUND", message: "Cannot find it" };
    assertEquals(JSON.parse(JSON.stringify(toData({ error }))), {
      error: { ...data, retryable: false },
    });
  });
});
