/** What happens when somebody sets the clock of the machine while things go on: nothing. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { stub } from "@std/testing/mock";
import { MemoryBackend } from "../../backends/memory/mod.ts";
import { VirtualClock } from "../../backends/memory/testing.ts";
import { type Clock, reading, sleep, steady, systemClock } from "../../src/support/clock.ts";
import { MemoryDeduplicationStore } from "../../src/handle/deduplication/store.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { circuitBreaker, throttle } from "../../src/handle/middleware/mod.ts";
import { createRetryBudget, retry } from "../../src/support/retry.ts";
import { contextOf } from "../fakes/context.ts";
import { failure } from "../fakes/receiver.ts";
import { createWorld, Job, watch } from "../fakes/world.ts";

const HOUR = 3_600_000;
const STEPS = [-HOUR, HOUR, -24 * HOUR, 400 * 24 * HOUR];

for (const step of STEPS) {
  describe(`when the clock is set by ${step / HOUR} hours`, () => {
    it("a handler that runs keeps its lock, and no other runs beside it", async () => {
      const world = await createWorld();
      let [running, most, handled] = [0, 0, 0];
      world.dispatcher.subscribe(Job, async (_event, { signal }) => {
        handled += 1;
        running += 1;
        most = Math.max(most, running);
        world.clock.after(3_000, () => world.clock.step(step));
        await new Promise<void>((resolve) => world.clock.after(20_000, resolve));
        running -= 1;
        signal.throwIfAborted();
      });
      await world.send([1]);
      const consumers = [1, 2].map(() => world.consumer({ visibilityTimeoutMs: 6_000 }));
      for (const consumer of consumers) consumer.start();
      await world.clock.advance(60_000);
      const lost = consumers.map((consumer) => consumer.status().lost);
      assertEquals([handled, most, lost, await world.count()], [1, 1, [0, 0], 0]);
      assertEquals(consumers.map((consumer) => consumer.health()), ["running", "running"]);
      await Promise.all(consumers.map((consumer) => consumer.stop()));
      assertEquals(world.clock.pending, 0);
    });

    it("a failed message comes again after its pause", async () => {
      const world = await createWorld();
      const at: number[] = [];
      world.dispatcher.subscribe(Job, () => {
        at.push(world.clock.monotonic());
        world.clock.step(step);
        if (at.length < 3) throw failure("X", { retryAfterMs: 5_000 });
      });
      await world.send([1]);
      const consumer = world.consumer();
      consumer.start();
      await world.clock.advance(30_000);
      assertEquals(at.length, 3);
      assert(at.every((time, index) => index === 0 || time - (at[index - 1] ?? 0) < 7_000));
      await consumer.stop();
    });

    it("a stop takes as long as it may, and no longer", async () => {
      const world = await createWorld();
      world.dispatcher.subscribe(Job, () => new Promise(() => {}));
      await world.send([1]);
      const consumer = world.consumer();
      consumer.start();
      await world.clock.advance(1_000);
      const stopped = watch(consumer.stop({ drainMs: 10_000 }));
      await world.clock.advance(5_000);
      world.clock.step(step);
      void consumer.stop({ drainMs: 10_000 });
      await world.clock.advance(3_999);
      assertEquals(stopped.state, "pending");
      await world.clock.advance(1_001);
      assertEquals(stopped.state, "done");
    });

    it("a worker is stalled after its minute, not sooner and not later", async () => {
      const world = await createWorld();
      const consumer = world.consumer({ waitMs: 1_000 });
      await world.clock.advance(1_000);
      world.receiver.faults.receive = () => new Promise(() => {});
      consumer.start();
      await world.clock.advance(30_000);
      world.clock.step(step);
      assertEquals(consumer.health(), "running");
      await world.clock.advance(40_000);
      assertEquals(consumer.health(), "stalled");
      void consumer.stop({ drainMs: 0 });
      await world.clock.advance(1_000);
    });

    it("retries end at their deadline, and their budget fills as it should", async () => {
      const clock = new VirtualClock();
      let attempts = 0;
      const operation = () => {
        if (++attempts === 3) clock.step(step);
        return Promise.reject(new MelangeError("THROTTLED", "x", { retryable: true }));
      };
      const policy = { maxAttempts: 1_000, baseMs: 100, maxMs: 100, deadlineMs: 5_000 };
      const retried = watch(retry(operation, { clock, random: () => 0.99, ...policy }));
      await clock.advance(6_000);
      assertEquals(retried.state, "failed");
      assert(attempts > 40, `${attempts} attempts`);
      const budget = createRetryBudget({ clock, capacity: 1, refillPerSecond: 1 });
      budget.reserve();
      clock.step(step);
      assertEquals(budget.reserve(), 1_000);
    });

    it("an open circuit closes, and a throttle lets in, when it is time", async () => {
      const clock = new VirtualClock();
      const event = Job({ n: 1 });
      let broken = true;
      const handle = circuitBreaker({ failures: 1, resetMs: 30_000, clock })(() => {
        if (broken) throw new Error("down");
      });
      await assertRejects(async () => await handle(event, contextOf()), Error, "down");
      broken = false;
      clock.step(step);
      await assertRejects(async () => await handle(event, contextOf()), MelangeError, "open");
      await clock.advance(30_000);
      await handle(event, contextOf());
      const at: number[] = [];
      const throttled = throttle({ limit: 1, clock })(() => void at.push(clock.monotonic()));
      await throttled(event, contextOf());
      clock.step(step);
      const second = throttled(event, contextOf());
      await clock.advance(1_000);
      await second;
      assertEquals((at[1] ?? 0) - (at[0] ?? 0), 1_000);
    });

    it("the memory backend keeps its locks, delays and waits", async () => {
      const clock = new VirtualClock();
      const backend = new MemoryBackend({ clock });
      await backend.declareQueue("q");
      const message = { body: "x", attributes: {} };
      await backend.send({ queue: "q" }, [message, { ...message, delayMs: 20_000 }]);
      const receive = (waitMs: number) =>
        backend.receive("q", { max: 10, waitMs, visibilityMs: 30_000 });
      assertEquals((await receive(0)).length, 1);
      clock.step(step);
      assertEquals((await receive(0)).length, 0);
      const polled = receive(15_000);
      await clock.advance(15_000);
      assertEquals((await polled).length, 0);
      await clock.advance(4_999);
      assertEquals((await receive(0)).length, 0);
      await clock.advance(1);
      assertEquals((await receive(0)).length, 1);
      await clock.advance(10_000);
      assertEquals((await receive(0)).length, 1);
      await backend.close();
    });

    it("a claim lasts for its lease, and what is done is remembered", async () => {
      const clock = new VirtualClock();
      const store = new MemoryDeduplicationStore({ clock });
      await store.claim("a", 60_000);
      const claim = await store.claim("b", 60_000);
      if (claim.status === "claimed") await store.complete("b", claim.token, HOUR);
      clock.step(step);
      assertEquals(await store.claim("a", 60_000), { status: "inProgress", retryAfterMs: 60_000 });
      assertEquals((await store.claim("b", 1)).status, "completed");
      await clock.advance(60_000);
      assertEquals((await store.claim("a", 60_000)).status, "claimed");
    });
  });
}

describe("clocks", () => {
  it("the clock of the machine reads what does not step", async () => {
    const before = reading(systemClock);
    oneHourLater(() => assert(Math.abs(reading(systemClock) - before) < 60_000));
    await sleep(systemClock, 20);
    assert(reading(systemClock) > before);
  });

  it("a clock of somebody's that has no such reading is asked for the time", async () => {
    const inner = new VirtualClock();
    const clock: Clock = { now: () => inner.now(), after: (ms, call) => inner.after(ms, call) };
    assertEquals(reading(clock), inner.now());
    const store = new MemoryDeduplicationStore({ clock });
    await store.claim("a", 60_000);
    inner.step(-HOUR);
    assertEquals(await store.claim("a", 60_000), { status: "inProgress", retryAfterMs: 60_000 });
    await inner.advance(60_000);
    assertEquals((await store.claim("a", 60_000)).status, "claimed");
  });

  it("steady() goes on where the time was, by what passes", async () => {
    const inner = new VirtualClock({ now: 5 * HOUR });
    const clock = steady(inner);
    inner.step(-HOUR);
    await inner.advance(10);
    assertEquals([clock.now(), inner.now()], [5 * HOUR + 10, 4 * HOUR + 10]);
  });
});

/** Lets the date of the machine be an hour later meanwhile. */
function oneHourLater(act: () => void): void {
  const later = Date.now() + HOUR;
  const stubbed = stub(Date, "now", () => later);
  try {
    act();
  } finally {
    stubbed.restore();
  }
}
