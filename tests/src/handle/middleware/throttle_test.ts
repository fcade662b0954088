import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { defineEvent, typed } from "../../../../src/event/event.ts";
import { throttle } from "../../../../src/handle/middleware/throttle.ts";
import { contextOf } from "../../../fakes/context.ts";
import { countListeners } from "../../../fakes/signal.ts";

const Ping = defineEvent("Ping", { schema: typed<number>() });

function setUp(options: { limit: number; intervalMs?: number }) {
  const clock = new VirtualClock({ now: 0 });
  const middleware = throttle({ clock, ...options });
  const startedAt: number[] = [];
  const handler = () => void startedAt.push(clock.now());
  const handle = middleware(handler);
  return {
    clock,
    startedAt,
    call: async (signal = new AbortController().signal) =>
      await handle(Ping(1), contextOf({ signal })),
    /** The same for another subscriber. */
    other: () => middleware(handler)(Ping(1), contextOf()),
  };
}

describe("throttle()", () => {
  it("spreads the calls evenly over the interval", async () => {
    const { clock, startedAt, call } = setUp({ limit: 4 });
    for (let n = 0; n < 6; n++) void call();
    await clock.advance(10_000);
    assertEquals(startedAt, [0, 250, 500, 750, 1_000, 1_250]);
  });

  it("takes the interval that it is given", async () => {
    const { clock, startedAt, call } = setUp({ limit: 1, intervalMs: 60_000 });
    void call();
    void call();
    await clock.advance(59_999);
    assertEquals(startedAt, [0]);
    await clock.advance(1);
    assertEquals(startedAt, [0, 60_000]);
  });

  it("saves up nothing while there is nothing to do", async () => {
    const { clock, startedAt, call } = setUp({ limit: 1 });
    void call();
    await clock.advance(10_000);
    void call();
    void call();
    await clock.advance(10_000);
    assertEquals(startedAt, [0, 10_000, 11_000]);
  });

  it("counts each subscriber by itself", async () => {
    const { clock, startedAt, call, other } = setUp({ limit: 1 });
    void call();
    void other();
    await clock.advance(0);
    assertEquals(startedAt, [0, 0]);
  });

  it("stops waiting when the handler's signal aborts, and leaves neither timer nor listener", async () => {
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const { clock, startedAt, call } = setUp({ limit: 1 });
    await call();
    const outcome = call(controller.signal).catch((reason) => reason);
    controller.abort("drained");
    assertEquals([await outcome, clock.pending, listeners.now], ["drained", 0, 0]);
    assertEquals(startedAt, [0]);
  });

  it("refuses limits that make no sense", () => {
    for (const limit of [0, -1, NaN]) assertThrows(() => throttle({ limit }), RangeError, "limit");
    for (const intervalMs of [0, -1, NaN]) {
      assertThrows(() => throttle({ limit: 1, intervalMs }), RangeError, "intervalMs");
    }
  });
});
