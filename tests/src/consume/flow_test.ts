/** Control over the flow: pauses, the kill switch, limiters, shares of groups, batches. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { seededRandom } from "../../../backends/memory/testing.ts";
import { MemoryDeduplicationStore } from "../../../src/handle/deduplication/store.ts";
import { killSwitch } from "../../../src/handle/middleware/kill_switch.ts";
import { DeadLetter } from "../../../src/support/errors.ts";
import { sleep } from "../../../src/support/clock.ts";
import { createWorld, Job, watch, type World } from "../../fakes/world.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Handles each job in so many milliseconds. */
function handleIn(world: World, ms: number) {
  const seen: number[] = [];
  world.dispatcher.subscribe(Job, async (event, { signal }) => {
    seen.push(event.data.n);
    await sleep(world.clock, ms, signal);
  });
  return seen;
}

/** Sends jobs with a group to a standard queue. */
async function sendTo(world: World, group: string, jobs: readonly number[]) {
  for (const n of jobs) {
    const attributes = { manifest: "Job" };
    await world.backend.send({ queue: world.queue }, [{ body: `{"n":${n}}`, attributes, group }]);
  }
}

describe("pause()", () => {
  it("receives nothing more, settles what is held, and resume() goes on", async () => {
    const world = await createWorld();
    const seen = handleIn(world, 10);
    const consumer = world.consumer({ concurrency: 2, waitMs: 0 });
    await world.send(numbers(6));
    consumer.start();
    await world.clock.advance(1);
    consumer.pause();
    assertEquals(consumer.status().paused, true);
    await world.clock.advance(60_000);
    assertEquals([seen.length, await world.count()], [2, 4]);
    assertEquals(consumer.health(), "running");
    await world.clock.advance(120_000);
    assertEquals(consumer.health(), "running", "a pause is no stall");
    consumer.resume();
    await world.clock.advance(1_000);
    assertEquals([seen.length, await world.count()], [6, 0]);
    assertEquals("paused" in consumer.status(), false);
    const stopped = watch(consumer.stop());
    await world.clock.advance(10_000);
    assertEquals(stopped.state, "done");
  });

  it("keeps the locks of what is held", async () => {
    const world = await createWorld();
    const seen = handleIn(world, 100_000);
    const consumer = world.consumer({ visibilityTimeoutMs: 30_000 });
    await world.send([1]);
    consumer.start();
    await world.clock.advance(1);
    consumer.pause();
    await world.clock.advance(110_000);
    assertEquals([seen, consumer.status().acknowledged, consumer.status().lost], [[1], 1, 0]);
    const stopped = watch(consumer.stop({ drainMs: 0 }));
    await world.clock.advance(1_000);
    assertEquals(stopped.state, "done");
  });

  it("holds before the start, and a stop during a pause ends", async () => {
    const world = await createWorld();
    const seen = handleIn(world, 0);
    const consumer = world.consumer();
    await world.send([1]);
    consumer.pause();
    consumer.start();
    await world.clock.advance(30_000);
    assertEquals(seen, []);
    const stopped = watch(consumer.stop());
    await world.clock.advance(10_000);
    assertEquals([stopped.state, await world.count()], ["done", 1]);
  });
});

describe("killSwitch()", () => {
  const redelivery = { baseMs: 1, maxMs: 1 };

  it("stops receiving while the latest messages fail, and goes on after the pause", async () => {
    const world = await createWorld();
    let isDown = true;
    let calls = 0;
    world.dispatcher.subscribe(Job, () => {
      calls += 1;
      if (isDown) throw new Error("down");
    });
    await world.send(numbers(40));
    const consumer = world.consumer({
      concurrency: 1,
      waitMs: 0,
      redelivery,
      killSwitch: killSwitch({ failures: 0.5, of: 4, pauseMs: 60_000 }),
    });
    consumer.start();
    await world.clock.advance(30_000);
    // The message that was asked for before the switch tripped is handled still.
    assert(calls >= 4 && calls <= 5, `${calls} calls`);
    const asked = world.receiver.of("receive").length;
    await world.clock.advance(29_000);
    assertEquals(world.receiver.of("receive").length, asked);
    assertEquals(world.log.at("warn").some(({ fields }) => fields.pauseMs === 60_000), true);
    isDown = false;
    await world.clock.advance(40_000);
    assertEquals([await world.count(), consumer.status().acknowledged], [0, 40]);
    const stopped = watch(consumer.stop());
    await world.clock.advance(10_000);
    assertEquals(stopped.state, "done");
  });

  it("counts shares of the latest outcomes; dead letters and uncounted tries are no failures", () => {
    const { handled } = killSwitch({ failures: 0.5, of: 4, pauseMs: 7 });
    const ok = { outcome: "acknowledge" } as const;
    const bad = { outcome: "retry", error: undefined } as const;
    const dead = { outcome: "deadLetter", facts: { reason: "", queue: "", attempts: 1 } } as const;
    const pauses = [bad, ok, ok, ok, bad, { ...bad, uncounted: true }, dead, bad, ok, bad, bad]
      .map((outcome) => handled(outcome));
    assertEquals(pauses.map((it) => it ?? 0), [0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0]);
  });

  it("refuses what makes no sense", async () => {
    for (const failures of [0, -1, 1.1, NaN]) {
      assertThrows(() => killSwitch({ failures }), RangeError, "failures");
    }
    assertThrows(() => killSwitch({ of: 0 }), RangeError, "of");
    assertThrows(() => killSwitch({ pauseMs: -1 }), RangeError, "pauseMs");
    const world = await createWorld();
    assertThrows(() => world.consumer({ killSwitch: {} as never }), TypeError, "killSwitch");
    assertThrows(() => world.consumer({ limiter: {} as never }), TypeError, "limiter");
    const concurrencyPerGroup = 0;
    assertThrows(() => world.consumer({ concurrencyPerGroup }), RangeError, "concurrencyPerGroup");
  });
});

describe("the option limiter", () => {
  it("is shared by workers, each message of which waits under its lock", async () => {
    const world = await createWorld();
    const times: number[] = [];
    world.dispatcher.subscribe(Job, () => void times.push(world.clock.now()));
    // One message each 10 s, for both workers together.
    let next = 0;
    const limiter = {
      async take(count: number, signal: AbortSignal) {
        const waitMs = Math.max(0, next - world.clock.now());
        next = Math.max(next, world.clock.now()) + 10_000 * count;
        await sleep(world.clock, waitMs, signal);
      },
    };
    await world.send(numbers(12));
    const consumers = [1, 2].map(() => world.consumer({ limiter, concurrency: 6 }));
    for (const consumer of consumers) consumer.start();
    await world.clock.advance(125_000);
    assertEquals(times.length, 12);
    const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0));
    assertEquals(Math.min(...gaps), 10_000);
    assertEquals(consumers.map((it) => it.status().lost + it.status().retried), [0, 0]);
    const stopped = watch(Promise.all(consumers.map((it) => it.stop())));
    await world.clock.advance(21_000);
    assertEquals(stopped.state, "done");
  });

  it("that never grants ends with a stop, and its messages are given back", async () => {
    const world = await createWorld();
    const seen = handleIn(world, 0);
    await world.send(numbers(3));
    const consumer = world.consumer({ limiter: { take: () => new Promise(() => {}) } });
    consumer.start();
    await world.clock.advance(1_000);
    const stopped = watch(consumer.stop());
    await world.clock.advance(10_000);
    assertEquals([stopped.state, seen, (await world.peek()).length], ["done", [], 3]);
  });

  it("that throws is logged and asked again", async () => {
    const world = await createWorld();
    const seen = handleIn(world, 0);
    let calls = 0;
    const limiter = {
      take() {
        if (++calls < 3) throw new Error("down");
      },
    };
    await world.send([1]);
    const consumer = world.consumer({ limiter });
    consumer.start();
    await world.clock.advance(2_500);
    assertEquals([seen, world.log.at("warn").length], [[1], 2]);
    const stopped = watch(consumer.stop());
    await world.clock.advance(21_000);
    assertEquals(stopped.state, "done");
  });
});

describe("the option concurrencyPerGroup", () => {
  it("lets no group of a standard queue take all slots", async () => {
    const world = await createWorld();
    const running = new Map<string, number>();
    let most = 0;
    const done: string[] = [];
    world.dispatcher.subscribe(Job, async (_, { message, signal }) => {
      const group = message.group ?? "";
      running.set(group, (running.get(group) ?? 0) + 1);
      most = Math.max(most, running.get(group) ?? 0);
      await sleep(world.clock, 1_000, signal);
      running.set(group, (running.get(group) ?? 0) - 1);
      done.push(group);
    });
    await sendTo(world, "noisy", numbers(30));
    await sendTo(world, "quiet", numbers(2));
    const consumer = world.consumer({ concurrency: 8, concurrencyPerGroup: 2, waitMs: 1_000 });
    consumer.start();
    await world.clock.advance(2_100);
    assertEquals(most, 2);
    assertEquals(done.filter((group) => group === "quiet").length, 2);
    await world.clock.advance(20_000);
    assertEquals([done.length, most, await world.count()], [32, 2, 0]);
    const stopped = watch(consumer.stop());
    await world.clock.advance(10_000);
    assertEquals(stopped.state, "done");
  });

  it("gives back at a stop what waits for its group", async () => {
    const world = await createWorld();
    const seen = handleIn(world, 5_000);
    await sendTo(world, "noisy", numbers(8));
    const consumer = world.consumer({ concurrency: 4, concurrencyPerGroup: 1, waitMs: 0 });
    consumer.start();
    await world.clock.advance(100);
    const stopped = watch(consumer.stop());
    await world.clock.advance(10_000);
    assertEquals([stopped.state, seen.length, (await world.peek()).length], ["done", 1, 7]);
  });
});

describe("subscribeBatch()", () => {
  it("runs a full batch at once and in one slot, and the rest after maxWaitMs", async () => {
    const world = await createWorld();
    const batches: number[][] = [];
    const { clock } = world;
    world.dispatcher.subscribeBatch(Job, (events) => {
      batches.push(events.map(({ data }) => data.n));
    }, { maxEvents: 20, maxWaitMs: 500, clock });
    await world.send(numbers(25));
    const consumer = world.consumer({ concurrency: 3, waitMs: 0 });
    consumer.start();
    await clock.advance(400);
    assertEquals(batches.map(({ length }) => length), [20]);
    await clock.advance(600);
    assertEquals(batches.map(({ length }) => length), [20, 5]);
    assertEquals(batches.flat().toSorted((a, b) => a - b), numbers(25));
    await clock.advance(100);
    assertEquals([await world.count(), consumer.status().running], [0, 0]);
    const stopped = watch(consumer.stop());
    await clock.advance(10_000);
    assertEquals(stopped.state, "done");
  });

  it("settles each event by its own verdict", async () => {
    const world = await createWorld({ declare: { deadLetterQueue: "dead" } });
    await world.backend.declareQueue("dead");
    const { clock } = world;
    const calls: number[][] = [];
    world.dispatcher.subscribeBatch(Job, (events) => {
      calls.push(events.map(({ data }) => data.n));
      if (calls.length > 1) return;
      return [undefined, new Error("again"), new DeadLetter("gone")].slice(0, events.length);
    }, { maxEvents: 4, maxWaitMs: 100, clock });
    await world.send(numbers(4));
    const redelivery = { baseMs: 2_000, maxMs: 2_000 };
    const consumer = world.consumer({ concurrency: 4, waitMs: 0, redelivery });
    consumer.start();
    await clock.advance(150);
    const { acknowledged, retried, deadLettered } = consumer.status();
    // The last event has no verdict in the list.
    assertEquals([acknowledged, retried, deadLettered], [1, 2, 1]);
    await clock.advance(5_000);
    assertEquals(calls.slice(1).flat().toSorted(), [1, 3]);
    const stopped = watch(consumer.stop());
    await clock.advance(10_000);
    assertEquals(stopped.state, "done");
  });

  it("keeps locks while a batch runs, and drains the batch at a stop", async () => {
    const world = await createWorld();
    const { clock } = world;
    let done = 0;
    world.dispatcher.subscribeBatch(Job, async (events) => {
      await sleep(clock, 40_000);
      done += events.length;
    }, { maxEvents: 5, maxWaitMs: 1_000, clock });
    await world.send(numbers(3));
    const consumer = world.consumer({ visibilityTimeoutMs: 10_000, drainMs: 60_000 });
    consumer.start();
    await clock.advance(500);
    const stopped = watch(consumer.stop());
    await clock.advance(42_000);
    assertEquals([stopped.state, done, await world.count()], ["done", 3, 0]);
  });

  it("leaves a message out whose lock is lost while it waits", async () => {
    const world = await createWorld();
    const { clock, dispatcher } = world;
    const batches: number[] = [];
    dispatcher.subscribeBatch(Job, (events) => void batches.push(events.length), {
      maxEvents: 5,
      maxWaitMs: 30_000,
      clock,
    });
    await world.send(numbers(2));
    const consumer = world.consumer();
    consumer.start();
    await clock.advance(100);
    const stopped = watch(consumer.stop({ drainMs: 1_000 }));
    await clock.advance(2_000);
    assertEquals([stopped.state, batches, (await world.peek()).length], ["done", [], 2]);
    await clock.advance(60_000);
    assertEquals(batches, []);
  });

  it("runs no event twice that a store of claims knows", async () => {
    const world = await createWorld({
      dispatcher: (clock) => ({
        deduplication: { store: new MemoryDeduplicationStore({ clock }) },
      }),
    });
    const { clock } = world;
    const seen: number[] = [];
    world.dispatcher.subscribeBatch(Job, (events) => {
      seen.push(...events.map(({ data }) => data.n));
    }, { name: "rows", maxEvents: 2, maxWaitMs: 100, clock });
    const attributes = { melange: JSON.stringify({ id: "e-1", on: "2026-01-01T00:00:00Z" }) };
    await world.send([1, 1], { attributes });
    await world.send([2]);
    const consumer = world.consumer({ waitMs: 0, redelivery: { baseMs: 1_000, maxMs: 1_000 } });
    consumer.start();
    await clock.advance(70_000);
    assertEquals([seen.toSorted(), await world.count()], [[1, 2], 0]);
    const stopped = watch(consumer.stop());
    await clock.advance(10_000);
    assertEquals(stopped.state, "done");
  });
});

describe("all of it together", () => {
  for (const seed of numbers(6)) {
    it(`loses nothing and asks for no more than there are slots (seed ${seed})`, async () => {
      const random = seededRandom(seed);
      const world = await createWorld();
      const { clock, dispatcher, receiver } = world;
      const concurrency = 1 + Math.floor(random() * 12);
      const done = new Set<number>();
      const finish = async (ns: readonly number[]) => {
        await sleep(clock, Math.floor(random() * 3_000));
        if (random() < 0.3) throw new Error("again");
        for (const n of ns) done.add(n);
      };
      if (random() < 0.5) {
        dispatcher.subscribeBatch(Job, (events) => finish(events.map(({ data }) => data.n)), {
          maxEvents: 1 + Math.floor(random() * 15),
          maxWaitMs: random() * 500,
          clock,
        });
      } else dispatcher.subscribe(Job, ({ data }) => finish([data.n]));
      for (const group of ["a", "b"]) {
        await sendTo(world, group, numbers(30).map((n) => n + (group === "a" ? 0 : 30)));
      }
      const consumer = world.consumer({
        concurrency,
        waitMs: Math.floor(random() * 2_000),
        concurrencyPerGroup: 1 + Math.floor(random() * 4),
        redelivery: { baseMs: 10, maxMs: 1_000 },
        killSwitch: killSwitch({ failures: 0.5, of: 5, pauseMs: 500 }),
        limiter: { take: (_, signal) => sleep(clock, Math.floor(random() * 50), signal) },
      });
      for (let step = 0; step < 40; step += 1) {
        const dice = random();
        if (dice < 0.2) consumer.pause();
        else if (dice < 0.5) consumer.resume();
        else if (dice < 0.6) {
          const stopped = watch(consumer.stop({ drainMs: Math.floor(random() * 4_000) }));
          await clock.advance(4_500);
          assertEquals(stopped.state, "done");
        } else consumer.start();
        await clock.advance(Math.floor(random() * 3_000));
        assert(consumer.status().running <= concurrency);
      }
      consumer.start();
      consumer.resume();
      await clock.advance(100_000);
      assertEquals([done.size, await world.count(), consumer.status().lost], [60, 0, 0]);
      assert(
        receiver.of("receive").every(({ options: { max = 0 } }) =>
          max <= Math.min(10, concurrency)
        ),
      );
      const stopped = watch(consumer.stop());
      await clock.advance(10_000);
      assertEquals(stopped.state, "done");
    });
  }
});
