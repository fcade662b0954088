import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../backends/memory/testing.ts";
import { createWorld, Job } from "../fakes/world.ts";
import { steppingClock } from "./clock_steps.ts";

const OFFSETS = [0, -3_600_000, 60_000];

describe("steppingClock()", () => {
  it("is set at the same moments for all, and measures what has passed", async () => {
    const inner = new VirtualClock({ now: 10_000 });
    const steps = { origin: 10_000, everyMs: 1_000, offsetsMs: OFFSETS };
    const clocks = [1, 2].map(() => steppingClock(steps, inner));
    const offsets: number[] = [];
    for (let period = 0; period < 4; period++) {
      const [one, other] = clocks.map((clock) => clock.now() - inner.now());
      assertEquals(one, other);
      offsets.push(one ?? NaN);
      await inner.advance(1_000);
    }
    assertEquals(offsets, [...OFFSETS, 0]);
    assertEquals(clocks.map((clock) => clock.monotonic?.()), [14_000, 14_000]);
  });
});

describe("workers on a machine whose clock is set every two seconds", () => {
  it("handle each event once, and lose none", async () => {
    const world = await createWorld();
    const steps = { origin: world.clock.now(), everyMs: 2_000, offsetsMs: OFFSETS };
    const clock = steppingClock(steps, world.clock);
    const handled = new Map<number, number>();
    world.dispatcher.subscribe(Job, async ({ data: { n } }) => {
      await new Promise<void>((resolve) => world.clock.after(100 + (n % 7) * 1_000, resolve));
      handled.set(n, (handled.get(n) ?? 0) + 1);
    });
    await world.send(Array.from({ length: 100 }, (_, n) => n));
    const consumers = [1, 2].map(() => world.consumer({ clock, visibilityTimeoutMs: 2_000 }));
    for (const consumer of consumers) consumer.start();
    await world.clock.advance(60_000);
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    assertEquals([handled.size, [...handled.values()].every((times) => times === 1)], [100, true]);
    assertEquals(await world.count(), 0);
  });
});
