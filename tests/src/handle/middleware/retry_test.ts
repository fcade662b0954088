import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { DeadLetter } from "../../../../src/support/errors.ts";
import { defineEvent, typed } from "../../../../src/event/event.ts";
import { retry, type RetryOptions } from "../../../../src/handle/middleware/retry.ts";
import { contextOf } from "../../../fakes/context.ts";
import { countListeners } from "../../../fakes/signal.ts";

const Ping = defineEvent("Ping", { schema: typed<number>() });

/** A handler that fails with these, one after the other, and then succeeds. */
function setUp(errors: unknown[], options: RetryOptions = {}) {
  const clock = new VirtualClock({ now: 0 });
  const calledAt: number[] = [];
  const handle = retry({ clock, random: () => 0.5, ...options })(() => {
    const error = errors[calledAt.length];
    calledAt.push(clock.now());
    if (error !== undefined) throw error;
  });
  return {
    clock,
    calledAt,
    handle: async (signal = new AbortController().signal) =>
      await handle(Ping(1), contextOf({ signal })),
  };
}

const boom = new Error("boom");

describe("retry()", () => {
  it("calls a failed handler again, after growing pauses", async () => {
    const { clock, calledAt, handle } = setUp([boom, boom]);
    const handled = handle();
    await clock.advance(1_000);
    await handled;
    assertEquals(calledAt, [0, 50, 150]);
  });

  it("throws the last error after three tries, or as many as it is told", async () => {
    for (const [attempts, expected] of [[undefined, 3], [1, 1], [5, 5]] as const) {
      const errors = Array.from({ length: 9 }, (_, n) => new Error(`${n}`));
      const options = attempts === undefined ? {} : { attempts };
      const { clock, calledAt, handle } = setUp(errors, options);
      const outcome = handle().catch((error) => error);
      await clock.advance(60_000);
      assertStrictEquals(await outcome, errors[expected - 1]);
      assertEquals([calledAt.length, clock.pending], [expected, 0]);
    }
  });

  it("bounds each pause", async () => {
    const { clock, calledAt, handle } = setUp([boom, boom, boom, boom], {
      attempts: 5,
      baseMs: 1_000,
      maxMs: 1_500,
    });
    const handled = handle();
    await clock.advance(60_000);
    await handled;
    assertEquals(calledAt, [0, 500, 1_250, 2_000, 2_750]);
  });

  it("does not try a dead letter again, nor what `when` refuses", async () => {
    const deadLetter = new DeadLetter("broken");
    for (const [error, options] of [[deadLetter, {}], [boom, { when: () => false }]] as const) {
      const { calledAt, handle } = setUp([error, error], options);
      assertStrictEquals(await assertRejects(() => handle()), error);
      assertEquals(calledAt.length, 1);
    }
  });

  it("stops when the handler's signal aborts, and leaves neither timer nor listener", async () => {
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const { clock, calledAt, handle } = setUp([boom, boom]);
    const outcome = handle(controller.signal).catch((error) => error);
    await clock.advance(10);
    controller.abort("drained");
    assertEquals([await outcome, calledAt.length], ["drained", 1]);
    assertEquals([clock.pending, listeners.now], [0, 0]);
    assertStrictEquals(await handle(controller.signal).catch((error) => error), boom);
    assertEquals(calledAt.length, 2);
  });

  it("refuses options that make no sense", () => {
    for (const attempts of [0, -1, NaN]) {
      assertThrows(() => retry({ attempts }), RangeError, "1 or more");
    }
    for (const key of ["baseMs", "maxMs"]) {
      assertThrows(() => retry({ [key]: -1 }), RangeError, key);
      assertThrows(() => retry({ [key]: NaN }), RangeError, key);
    }
  });
});
