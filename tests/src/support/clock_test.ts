import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { stub } from "@std/testing/mock";
import { FakeTime } from "@std/testing/time";
import { abortable, type Clock, sleep, systemClock } from "../../../src/support/clock.ts";

/** Counts the listeners that a signal has. */
function watchedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners.add(args[1]);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners.delete(args[1]);
    removeEventListener.apply(signal, args);
  };
  return { controller, signal, listeners };
}

/** A clock that holds what it was asked for, to be fired by hand. */
function heldClock() {
  const held = new Set<() => void>();
  const clock: Clock = {
    now: () => 0,
    after(_ms, callback) {
      held.add(callback);
      return () => held.delete(callback);
    },
  };
  const fire = () => held.forEach((callback) => held.delete(callback) && callback());
  return { clock, held, fire };
}

describe("systemClock", () => {
  let time: FakeTime;
  beforeEach(() => {
    time = new FakeTime(1_000);
  });
  afterEach(() => time.restore());

  it("now() is the time of the machine", () => {
    assertEquals(systemClock.now(), 1_000);
    time.tick(5);
    assertEquals(systemClock.now(), 1_005);
  });

  it("after() calls once, when it is time and not before", () => {
    let calls = 0;
    systemClock.after(100, () => calls++);
    time.tick(99);
    assertEquals(calls, 0);
    time.tick(1);
    assertEquals(calls, 1);
    time.tick(1_000);
    assertEquals(calls, 1);
  });

  it("after() returns a function that cancels, as often as it is called", () => {
    let calls = 0;
    const cancel = systemClock.after(100, () => calls++);
    cancel();
    cancel();
    time.tick(1_000);
    assertEquals(calls, 0);
  });

  it("after() takes a negative time for none", () => {
    let calls = 0;
    systemClock.after(-5, () => calls++);
    time.tick(0);
    assertEquals(calls, 1);
  });

  it("after() asks for no longer time than a timer can be, as that would fire at once", () => {
    const timers = stub(globalThis, "setTimeout");
    try {
      for (const ms of [2 ** 31 - 1, 2 ** 31, Infinity]) systemClock.after(ms, () => {});
    } finally {
      timers.restore();
    }
    assertEquals(timers.calls.map(({ args }) => args[1]), Array(3).fill(2 ** 31 - 1));
  });
});

describe("sleep()", () => {
  it("resolves when the clock says so, and leaves no listener", async () => {
    const { clock, held, fire } = heldClock();
    const { signal, listeners } = watchedSignal();
    const slept = sleep(clock, 100, signal);
    assertEquals([held.size, listeners.size], [1, 1]);
    fire();
    assertStrictEquals(await slept, undefined);
    assertEquals([held.size, listeners.size], [0, 0]);
  });

  it("rejects with the reason when the signal aborts, and leaves no timer", async () => {
    const { clock, held } = heldClock();
    const { controller, signal } = watchedSignal();
    const slept = sleep(clock, 100, signal);
    const reason = new Error("stopped");
    controller.abort(reason);
    assertEquals(held.size, 0);
    assertStrictEquals(await assertRejects(() => slept), reason);
  });

  it("rejects at once where the signal is aborted already, and sets no timer", async () => {
    const { clock, held } = heldClock();
    const slept = sleep(clock, 100, AbortSignal.abort("gone"));
    assertEquals(held.size, 0);
    assertStrictEquals(await assertRejects(() => slept), "gone");
  });

  it("needs no signal", async () => {
    const { clock, fire } = heldClock();
    const slept = sleep(clock, 100);
    fire();
    await slept;
  });

  it("takes a clock that calls back at once", async () => {
    const clock: Clock = { now: () => 0, after: (_ms, callback) => (callback(), () => {}) };
    const { signal, listeners } = watchedSignal();
    await sleep(clock, 0, signal);
    assertEquals(listeners.size <= 1, true);
  });

  it("ignores an abort after its end", async () => {
    const { clock, fire } = heldClock();
    const { controller, signal } = watchedSignal();
    const slept = sleep(clock, 100, signal);
    fire();
    controller.abort();
    await slept;
  });
});

describe("abortable()", () => {
  it("is the promise itself where there is no signal", () => {
    const promise = Promise.resolve(1);
    assertStrictEquals(abortable(promise), promise);
  });

  it("settles as the promise does, and leaves no listener", async () => {
    const { signal, listeners } = watchedSignal();
    assertEquals(await abortable(Promise.resolve(1), signal), 1);
    const error = new Error("no");
    assertStrictEquals(await assertRejects(() => abortable(Promise.reject(error), signal)), error);
    await Promise.resolve();
    assertEquals(listeners.size, 0);
  });

  it("rejects with the reason as soon as the signal aborts", async () => {
    const { controller, signal } = watchedSignal();
    const waiting = abortable(new Promise(() => {}), signal);
    const reason = new Error("stopped");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => waiting), reason);
  });

  it("rejects where the signal is aborted already", async () => {
    const waiting = abortable(new Promise(() => {}), AbortSignal.abort("gone"));
    assertStrictEquals(await assertRejects(() => waiting), "gone");
  });

  it("swallows a rejection that comes after the abort", async () => {
    let refuse = (_: Error) => {};
    const late = new Promise<never>((_, reject) => refuse = reject);
    await assertRejects(() => abortable(late, AbortSignal.abort("gone")));
    refuse(new Error("nobody handles this: the run would fail"));
    await Promise.resolve();
  });
});
