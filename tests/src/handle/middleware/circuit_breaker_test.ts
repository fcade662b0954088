import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { dispatch } from "../../../../src/handle/dispatch.ts";
import { Dispatcher } from "../../../../src/handle/dispatcher.ts";
import { DeadLetter, MelangeError } from "../../../../src/support/errors.ts";
import { defineEvent, typed } from "../../../../src/event/event.ts";
import {
  circuitBreaker,
  type CircuitBreakerOptions,
} from "../../../../src/handle/middleware/circuit_breaker.ts";
import { contextOf } from "../../../fakes/context.ts";

const Ping = defineEvent("Ping", { schema: typed<number>() });
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Opens after two failures, for a second. The handler does what `act` says. */
function setUp(options: CircuitBreakerOptions = {}) {
  const clock = new VirtualClock({ now: 0 });
  const middleware = circuitBreaker({ failures: 2, resetMs: 1_000, clock, ...options });
  const state = { act: (): void | Promise<void> => {}, calls: 0 };
  const handle = middleware(() => {
    state.calls += 1;
    return state.act();
  });
  const call = async (): Promise<string> => {
    try {
      await handle(Ping(1), contextOf());
      return "ok";
    } catch (error) {
      return error instanceof MelangeError ? error.code : (error as Error).message;
    }
  };
  return { clock, state, call, middleware };
}

const boom = () => {
  throw new Error("boom");
};

describe("circuitBreaker()", () => {
  it("opens after so many failures in a row, and spares the handler then", async () => {
    const { state, call } = setUp();
    state.act = boom;
    assertEquals([await call(), await call(), await call()], ["boom", "boom", "CIRCUIT_OPEN"]);
    assertEquals(state.calls, 2);
  });

  it("counts failures in a row only", async () => {
    const { state, call } = setUp();
    for (let n = 0; n < 5; n++) {
      state.act = boom;
      assertEquals(await call(), "boom");
      state.act = () => {};
      assertEquals(await call(), "ok");
    }
  });

  it("takes a dead letter for no failure", async () => {
    const { state, call } = setUp();
    state.act = () => {
      throw new DeadLetter("broken");
    };
    for (let n = 0; n < 5; n++) assertEquals(await call(), "broken");
  });

  it("lets a single one try after the time, and closes when that succeeds", async () => {
    const { clock, state, call } = setUp();
    state.act = boom;
    await call();
    await call();
    await clock.advance(999);
    assertEquals(await call(), "CIRCUIT_OPEN");
    await clock.advance(1);
    let succeed = () => {};
    state.act = () => new Promise((resolve) => succeed = resolve);
    const trial = call();
    assertEquals([await call(), await call(), state.calls], ["CIRCUIT_OPEN", "CIRCUIT_OPEN", 3]);
    succeed();
    assertEquals(await trial, "ok");
    state.act = () => {};
    assertEquals([await call(), await call()], ["ok", "ok"]);
  });

  it("stays open for another while when that fails", async () => {
    const { clock, state, call } = setUp();
    state.act = boom;
    await call();
    await call();
    await clock.advance(1_000);
    assertEquals([await call(), await call()], ["boom", "CIRCUIT_OPEN"]);
    await clock.advance(999);
    assertEquals(await call(), "CIRCUIT_OPEN");
    await clock.advance(1);
    assertEquals(await call(), "boom");
  });

  it("closes when the trial gives a message up: what the handler depends on answers again", async () => {
    const { clock, state, call } = setUp();
    state.act = boom;
    await call();
    await call();
    await clock.advance(1_000);
    state.act = () => {
      throw new DeadLetter("broken");
    };
    assertEquals([await call(), await call()], ["broken", "broken"]);
  });

  it("sends a message back until the circuit may close, and counts no try", async () => {
    const { state, call, middleware, clock } = setUp();
    const dispatcher = new Dispatcher({ middleware: [middleware], maxAttempts: 1, logger: silent });
    let calls = 0;
    dispatcher.subscribe(Ping, () => {
      calls += 1;
      throw new Error("boom");
    });
    const message = {
      id: "m-1",
      body: "1",
      attributes: { manifest: "Ping" },
      sentAt: new Date(0),
      attempt: 1,
    };
    const run = () => dispatch(dispatcher, message, { queue: "q" });
    await run();
    await run();
    await clock.advance(400);
    const outcome = await run();
    assertEquals([outcome.outcome, calls], ["retry", 2]);
    assertEquals(outcome.outcome === "retry" && outcome.delayMs, 600);
    assertEquals([await call(), state.calls], ["ok", 1]);
  });

  it("keeps a circuit for each subscriber", async () => {
    const { state, call, middleware } = setUp();
    state.act = boom;
    await call();
    await call();
    let ran = false;
    await middleware(() => void (ran = true))(Ping(1), contextOf());
    assertEquals(ran, true);
  });

  it("refuses options that make no sense", () => {
    for (const failures of [0, -1, 1.5, NaN]) {
      assertThrows(() => circuitBreaker({ failures }), RangeError, "failures");
    }
    for (const resetMs of [-1, NaN]) {
      assertThrows(() => circuitBreaker({ resetMs }), RangeError, "resetMs");
    }
  });

  it("with a resetMs of 0 lets the next call try", async () => {
    const { state, call } = setUp({ resetMs: 0 });
    state.act = boom;
    assertEquals([await call(), await call(), await call()], ["boom", "boom", "boom"]);
    assertEquals(state.calls, 3);
  });

  it("opens after five failures for 30 s unless it is told otherwise", async () => {
    const clock = new VirtualClock({ now: 0 });
    let calls = 0;
    const handle = circuitBreaker({ clock })(() => {
      calls += 1;
      throw new Error("boom");
    });
    const attempt = async () => {
      await assertRejects(async () => await handle(Ping(1), contextOf()), Error);
    };
    for (let n = 0; n < 7; n++) await attempt();
    assertEquals(calls, 5);
    await clock.advance(29_999);
    await attempt();
    assertEquals(calls, 5);
    await clock.advance(1);
    await attempt();
    assertEquals(calls, 6);
  });
});
