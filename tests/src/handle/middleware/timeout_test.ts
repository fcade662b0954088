import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import type { Handler, HandlerContext } from "../../../../src/handle/handler.ts";
import { defineEvent, typed } from "../../../../src/event/event.ts";
import { timeout } from "../../../../src/handle/middleware/timeout.ts";
import { contextOf } from "../../../fakes/context.ts";

const Ping = defineEvent("Ping", { schema: typed<number>() });

function setUp(handler: Handler) {
  const clock = new VirtualClock({ now: 0 });
  const handle = timeout({ ms: 1_000, clock })(handler);
  return {
    clock,
    handle: async (signal = new AbortController().signal) =>
      await handle(Ping(1), contextOf({ signal })),
  };
}

const never = () => new Promise<void>(() => {});

describe("timeout()", () => {
  it("lets a handler that is in time pass, and leaves no timer", async () => {
    const { clock, handle } = setUp(() => Promise.resolve());
    await handle();
    assertEquals(clock.pending, 0);
  });

  it("fails with TIMEOUT when the time is up, also if the handler goes on", async () => {
    const { clock, handle } = setUp(never);
    let code: string | undefined;
    void handle().catch((error) => code = error.code);
    await clock.advance(999);
    assertEquals(code, undefined);
    await clock.advance(1);
    assertEquals([code, clock.pending], ["TIMEOUT", 0]);
  });

  it("aborts the handler's signal with the same error", async () => {
    let reason: unknown;
    const { clock, handle } = setUp((_, { signal }) => {
      signal.addEventListener("abort", () => void (reason = signal.reason));
      return never();
    });
    const outcome = handle().catch((error) => error);
    await clock.advance(1_000);
    assertStrictEquals(reason, await outcome);
  });

  it("passes on what the handler throws, and leaves no timer", async () => {
    const boom = new Error("boom");
    for (
      const handler of [() => Promise.reject(boom), () => {
        throw boom;
      }]
    ) {
      const { clock, handle } = setUp(handler);
      assertStrictEquals(await assertRejects(() => handle()), boom);
      assertEquals(clock.pending, 0);
    }
  });

  it("passes on the host's signal", async () => {
    const controller = new AbortController();
    let inner: AbortSignal | undefined;
    const { clock, handle } = setUp((_, { signal }) => {
      inner = signal;
      return never();
    });
    const outcome = handle(controller.signal).catch((error) => error);
    controller.abort("drained");
    assertEquals([await outcome, inner?.reason, clock.pending], ["drained", "drained", 0]);
  });

  it("refuses a time that makes no sense", () => {
    for (const ms of [0, -1, NaN, undefined as unknown as number]) {
      assertThrows(() => timeout({ ms }), RangeError, "ms");
    }
  });

  it("hands on the whole context, but for its signal", async () => {
    let seen: HandlerContext | undefined;
    const clock = new VirtualClock({ now: 0 });
    const handle = timeout({ ms: 1_000, clock })((_event, context) => void (seen = context));
    const context = contextOf();
    await handle(Ping(1), context);
    const { signal: theirs, ...given } = context;
    const { signal, ...rest } = seen ?? context;
    assertEquals(rest, given);
    assertEquals([signal === theirs, signal.aborted], [false, false]);
  });

  it("takes a time of a millisecond, and none that is not positive", () => {
    timeout({ ms: 1 });
    for (const ms of [0, -1, NaN]) assertThrows(() => timeout({ ms }), RangeError, `${ms}`);
  });
});
