import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import { sleep } from "../../../src/support/clock.ts";
import { dispatch } from "../../../src/handle/dispatch.ts";
import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";
import {
  frozen,
  recordHandler,
  seededRandom,
  testBus,
  VirtualClock,
} from "../../../backends/memory/testing.ts";

const Ping = defineEvent("Ping", { topic: "pings", schema: typed<{ at: number }>() });

describe("VirtualClock", () => {
  it("stands still until it is advanced", async () => {
    const clock = new VirtualClock({ now: 5 });
    assertEquals(clock.now(), 5);
    await clock.advance(3_600_000);
    assertEquals(clock.now(), 3_600_005);
  });

  it("advance() fires timers in the order of their times, equal ones as they were set", async () => {
    const clock = new VirtualClock({ now: 0 });
    const fired: string[] = [];
    clock.after(20, () => fired.push(`c${clock.now()}`));
    clock.after(10, () => fired.push(`a${clock.now()}`));
    clock.after(10, () => fired.push(`b${clock.now()}`));
    clock.after(21, () => fired.push("too late"));
    await clock.advance(20);
    assertEquals(fired, ["a10", "b10", "c20"]);
    assertEquals(clock.pending, 1);
  });

  it("advance() fires what is set on the way and lets promises settle before the next", async () => {
    const clock = new VirtualClock({ now: 0 });
    const seen: number[] = [];
    const work = (async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(clock, 10);
        await crypto.subtle.digest("SHA-256", new Uint8Array(1));
        seen.push(clock.now());
      }
    })();
    await clock.advance(30);
    assertEquals(seen, [10, 20, 30]);
    await work;
  });

  it("begins with 2026, and fires at once what is to fire in the past", async () => {
    const clock = new VirtualClock();
    assertEquals(new Date(clock.now()).toISOString(), "2026-01-01T00:00:00.000Z");
    const fired: number[] = [];
    clock.after(-5, () => fired.push(clock.now()));
    clock.after(0, () => fired.push(clock.now()));
    await clock.advance(0);
    assertEquals(fired, [clock.now(), clock.now()]);
    assertEquals(clock.pending, 0);
  });

  it("a timer that has fired is pending no more, and cancelling it changes nothing", async () => {
    const clock = new VirtualClock();
    const cancel = clock.after(1, () => {});
    clock.after(2, () => {});
    await clock.advance(1);
    assertEquals(clock.pending, 1);
    cancel();
    assertEquals(clock.pending, 1);
  });

  it("advance() refuses what is no number, and takes 0", async () => {
    const clock = new VirtualClock({ now: 7 });
    await assertRejects(() => clock.advance(NaN), RangeError, "current value is NaN");
    await clock.advance(0);
    assertEquals(clock.now(), 7);
  });

  it("a cancelled timer does not fire and is not pending", async () => {
    const clock = new VirtualClock();
    const cancel = clock.after(10, () => {
      throw new Error("fired");
    });
    assertEquals(clock.pending, 1);
    cancel();
    cancel();
    assertEquals(clock.pending, 0);
    await clock.advance(10);
  });

  it("advance() refuses to go back", async () => {
    await assertRejects(() => new VirtualClock().advance(-1), RangeError, "current value is -1");
  });

  it("advance() works while a test fakes the timers", async () => {
    const time = new FakeTime();
    try {
      const clock = new VirtualClock();
      let fired = false;
      clock.after(10, () => fired = true);
      await clock.advance(10);
      assertEquals(fired, true);
    } finally {
      time.restore();
    }
  });
});

describe("seededRandom()", () => {
  it("repeats itself for a seed, differs between seeds, and spreads over [0, 1)", () => {
    const [a, b, c] = [seededRandom(1), seededRandom(1), seededRandom(2)];
    const values = Array.from({ length: 10_000 }, a);
    assertEquals(values.slice(0, 100), Array.from({ length: 100 }, b));
    assertEquals(values[0] === c(), false);
    assertEquals(values.every((value) => value >= 0 && value < 1), true);
    const perTenth = Array.from(
      { length: 10 },
      (_, tenth) => values.filter((value) => Math.floor(value * 10) === tenth).length,
    );
    assertEquals(perTenth.every((count) => count > 850 && count < 1_150), true, `${perTenth}`);
  });
});

describe("seededRandom(), from release to release", () => {
  it("gives the same numbers, so that a seed in a report is worth something", () => {
    const numbers = [1, 7, 2 ** 32 + 1].map((seed) => {
      const random = seededRandom(seed);
      return [random(), random(), random()].map((value) => Math.floor(value * 1e9));
    });
    assertEquals(numbers, [[588393772, 73188994, 590310656], [137064168, 451082261, 998101305], [
      588393772,
      73188994,
      590310656,
    ]]);
  });
});

describe("recordHandler()", () => {
  it("remembers events in order, also those of calls that it was told to fail", async () => {
    const handler = recordHandler();
    const events = [1, 2, 3].map((at) => Ping({ at }));
    const error = new Error("on purpose");
    handler.failNext(2, error);
    const outcomes = await Promise.allSettled(events.map((event) => handler(event)));
    assertEquals(outcomes.map(({ status }) => status), ["rejected", "rejected", "fulfilled"]);
    assertStrictEquals((outcomes[0] as PromiseRejectedResult).reason, error);
    assertEquals(handler.events.map(({ id }) => id), events.map(({ id }) => id));
  });

  it("waitFor() resolves at once, on the call that brings the last, or by a condition", async () => {
    const handler = recordHandler<ReturnType<typeof Ping>>();
    const two = handler.waitFor(2);
    const big = handler.waitFor((events) => events.some(({ data }) => data.at > 5));
    await handler(Ping({ at: 1 }));
    await handler(Ping({ at: 9 }));
    assertEquals((await two).length, 2);
    assertEquals((await big).length, 2);
    assertEquals((await handler.waitFor(1)).length, 2);
  });

  it("failNext() lets one call fail by default, with an error of its own", async () => {
    const handler = recordHandler();
    handler.failNext();
    const error = await assertRejects(() => handler(Ping({ at: 1 })), Error);
    assertEquals(error.message, "the handler was told to fail");
    await handler(Ping({ at: 2 }));
    handler.failNext(5);
    handler.failNext(0);
    await handler(Ping({ at: 3 }));
    assertEquals(handler.events.length, 3);
  });

  it("waitFor() waits for a second by default, and leaves no timer when it got what it wanted", async () => {
    const time = new FakeTime();
    try {
      const handler = recordHandler();
      let code: string | undefined;
      const waiting = handler.waitFor(2).catch((error) => code = error.code);
      const met = handler.waitFor(1);
      await handler(Ping({ at: 1 }));
      assertEquals((await met).length, 1);
      await time.tickAsync(999);
      assertEquals(code, undefined);
      await time.tickAsync(1);
      await waiting;
      assertEquals(code, "TIMEOUT");
      // Who has given up is not told any more.
      await handler(Ping({ at: 2 }));
      const seen = await handler.waitFor(2);
      await handler(Ping({ at: 3 }));
      assertEquals([seen.length, handler.events.length], [2, 3], "a list of its own");
    } finally {
      time.restore();
    }
  });

  it("waitFor() rejects with TIMEOUT and the count", async () => {
    const handler = recordHandler();
    const error = await assertRejects(() => handler.waitFor(1, { timeoutMs: 1 }));
    assertInstanceOf(error, MelangeError);
    assertEquals(error.code, "TIMEOUT");
    assertEquals(error.message.includes("got 0 so far"), true);
  });
});

describe("testBus()", () => {
  it("delivers through topic and queue, and retries in virtual time", async () => {
    const silent = { debug() {}, info() {}, warn() {}, error() {} };
    const test = await testBus({ logger: silent });
    const handler = recordHandler();
    test.bus.subscribe(Ping, handler);
    handler.failNext();
    await test.start();
    await test.deliver(Ping({ at: 1 }));
    assertEquals(handler.events.length, 1);
    await test.clock.advance(3_600_000);
    assertEquals(handler.events.length, 2);
    await test.close();
    assertEquals(test.clock.pending, 0);
  });

  it("deliver() waits for the publish, and rejects if that fails", async () => {
    const test = await testBus();
    const error = await assertRejects(
      () => test.deliver({ ...Ping({ at: 1 }), topic: "no such name" }),
      MelangeError,
    );
    assertEquals(error.code, "INVALID_MESSAGE");
    await test.close();
  });

  it("decides ids and jitter by its seed, 1 by default, and begins with a queue named test", async () => {
    const ids: string[] = [];
    for (const options of [{}, { seed: 1 }, { seed: 2 }]) {
      const test = await testBus(options);
      const outgoing = [{ body: "b", attributes: {} }];
      const [sent] = await test.backend.send({ queue: "test" }, outgoing);
      ids.push(sent?.ok ? sent.messageId : "");
      await test[Symbol.asyncDispose]();
      await assertRejects(() => test.backend.describeQueue("test"), MelangeError);
    }
    assertEquals(ids[0], ids[1]);
    assertEquals(ids[0] === ids[2], false);
  });

  it("deliver() lets the time pass that it is told, and acknowledges without any", async () => {
    const test = await testBus();
    const handler = recordHandler();
    test.bus.subscribe(Ping, handler);
    await test.start();
    const before = test.clock.now();
    await test.deliver(Ping({ at: 1 }));
    assertEquals(test.clock.now(), before);
    const { available, inFlight } = await test.backend.describeQueue("test");
    assertEquals([handler.events.length, available, inFlight], [1, 0, 0]);
    await test.deliver(Ping({ at: 2 }), 1_234);
    assertEquals(test.clock.now(), before + 1_234);
    await test.close();
  });

  it("hands out what cannot be changed, so that a handler that shares by mistake fails", async () => {
    const Placed = defineEvent("Placed", {
      topic: "orders",
      schema: typed<{ items: { name: string }[]; note?: string }>(),
    });
    const changes: ((event: ReturnType<typeof Placed>) => void)[] = [
      (event) => void (event.data.items[0]!.name = "changed"),
      (event) => void event.data.items.push({ name: "more" }),
      (event) => void delete event.data.note,
      (event) => void Object.assign(event, { type: "Other" }),
    ];
    for (const change of changes) {
      for (const frozen of [true, false]) {
        const silent = { debug() {}, info() {}, warn() {}, error() {} };
        const test = await testBus({ logger: silent, frozen });
        let [changed, seen] = [0, 0];
        test.bus.subscribe(Placed, (event) => {
          change(event);
          changed += 1;
        });
        test.bus.subscribe(Placed, () => void seen++);
        await test.start();
        await test.deliver(Placed({ items: [{ name: "tea" }], note: "x" }));
        assertEquals([changed, seen], [frozen ? 0 : 1, 1]);
        await test.close();
      }
    }
  });

  it("takes another queue and options of the bus", async () => {
    const test = await testBus({ queue: "mine", concurrency: 1 });
    assertEquals((await test.backend.describeQueue("mine")).available, 0);
    await test.close();
  });
});

describe("frozen()", () => {
  it("freezes plain objects and arrays however deep, circles too, and leaves the rest alone", () => {
    const circle: { itself?: unknown; when: Date; bytes: Uint8Array; list: unknown[] } = {
      when: new Date(0),
      bytes: new Uint8Array(2),
      list: [{ deep: [{}] }],
    };
    circle.itself = circle;
    const shallow = Object.freeze({ inner: { n: 1 } });
    for (const data of [circle, shallow]) {
      let handled: unknown;
      frozen()((event) => void (handled = event.data))(
        defineEvent("E", { schema: typed<unknown>() })(data),
        undefined as never,
      );
      assertStrictEquals(handled, data);
    }
    const isFrozen = [circle, circle.list, circle.list[0], shallow.inner].map(Object.isFrozen);
    assertEquals(isFrozen, [true, true, true, true]);
    circle.bytes[0] = 1;
    circle.when.setTime(5);
  });

  it("freezes the message and the context of each subscriber as well", async () => {
    const dispatcher = new Dispatcher({ middleware: [frozen()] });
    const tries: boolean[] = [];
    const attempt = (change: () => unknown) => {
      try {
        change();
        tries.push(true);
      } catch {
        tries.push(false);
      }
    };
    dispatcher.subscribeAll((_event, context) => {
      attempt(() => Object.assign(context, { attempt: 9 }));
      attempt(() => Object.assign(context.message, { body: "" }));
      attempt(() => Object.assign(context.message.attributes, { manifest: "" }));
    });
    const attributes = { manifest: "E" };
    const message = { id: "m", body: "{}", attributes, sentAt: new Date(0), attempt: 1 };
    await dispatch(dispatcher, message, { queue: "q" });
    assertEquals(tries, [false, false, false]);
    attributes.manifest = "the caller's own";
  });
});

describe("VirtualClock.step()", () => {
  it("sets the date alone: no time passes and no timer fires", async () => {
    const clock = new VirtualClock({ now: 1_000 });
    let fired = 0;
    clock.after(10, () => fired++);
    clock.step(3_600_000);
    assertEquals([clock.now(), clock.monotonic(), fired], [3_601_000, 1_000, 0]);
    clock.step(-7_200_000);
    await clock.advance(10);
    assertEquals([clock.now(), clock.monotonic(), fired], [-3_598_990, 1_010, 1]);
  });
});
