/** What is left after a stop. The sanitizers of `deno test` look for timers and resources as well. */
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { MemoryBackend } from "../../backends/memory/mod.ts";
import { VirtualClock } from "../../backends/memory/testing.ts";
import { EventBus, MemoryDeduplicationStore } from "../../mod.ts";
import type { Backend } from "../../src/backend.ts";
import type { Clock } from "../../src/support/clock.ts";
import { systemClock } from "../../src/support/clock.ts";
import { watchedSignal } from "../fakes/world.ts";
import { until } from "../wait.ts";
import { workOf, WorkOrdered } from "./event.ts";
import { openLaboratory } from "./laboratory.ts";
import { OURS } from "./programs.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A clock that counts the timers which wait. */
function countingClock(): Clock & { pending: number } {
  const clock = {
    pending: 0,
    now: () => systemClock.now(),
    after(ms: number, callback: () => void) {
      clock.pending += 1;
      let waits = true;
      const gone = () => {
        if (waits) clock.pending -= 1;
        waits = false;
      };
      const cancel = systemClock.after(ms, () => {
        gone();
        callback();
      });
      return () => {
        gone();
        cancel();
      };
    },
  };
  return clock;
}

/** A bus in the middle of its work: of three events one is handled, one fails, and one hangs. */
function startBusyBus(backend: Backend, clock: Clock) {
  const bus = new EventBus({
    backend,
    queue: "work",
    clock,
    drainMs: 500,
    waitMs: 1_000,
    maxAttempts: 4,
    handlerTimeoutMs: 60_000,
    deduplication: { store: new MemoryDeduplicationStore({ clock }) },
    logger: quiet,
  });
  const begun = new Set<string>();
  bus.subscribe(WorkOrdered, async ({ data }, { signal }) => {
    begun.add(data.key);
    if (data.key === "event-1") throw new Error("it fails");
    if (data.key !== "event-2") return;
    await new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }, { name: "work" });
  bus.start();
  const published = Promise.all(
    [0, 1, 2].map((n) => bus.publish(WorkOrdered(workOf(n)), { queue: "work" })),
  );
  return { bus, begun, published };
}

describe("after a stop", () => {
  it("no timer is left on a real broker, and no listener on a caller's signal", async () => {
    await using lab = await openLaboratory();
    const clock = countingClock();
    const { controller, signal, listeners } = watchedSignal();
    const backend = new AwsBackend({
      endpoint: await lab.proxy.open("client"),
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      clock,
    });
    const { bus, begun, published } = startBusyBus(backend, clock);
    const late = bus.publish(WorkOrdered(workOf(3)), { queue: "work", signal });
    await Promise.all([published, late]);
    await until(() => begun.size >= 3, { what: "three events", ms: 30_000, saw: () => begun });
    await bus.stop();
    await backend.close();
    controller.abort();
    assertEquals([clock.pending, listeners.size], [0, 0]);
  });

  it("no timer is left in memory", async () => {
    const clock = new VirtualClock();
    const backend = new MemoryBackend({ clock });
    await backend.declareQueue("work");
    const { bus, begun, published } = startBusyBus(backend, clock);
    await clock.advance(1_000);
    await published;
    assertEquals(begun.size, 3);
    const stopped = bus.stop();
    await clock.advance(10_000);
    await stopped;
    await backend.close();
    assertEquals(clock.pending, 0);
  });

  it("a process ends by itself, its connections closed", async () => {
    await using lab = await openLaboratory({ settings: { count: 20 } });
    const worker = await lab.start("worker", OURS.worker);
    const publisher = await lab.start("publisher", OURS.publisher);
    assertEquals((await publisher.process.ended()).code, 0);
    const isEmpty = async () => (await lab.count()).available === 0;
    await worker.process.until(isEmpty, { what: "an empty queue", ms: 30_000 });
    worker.process.kill("SIGTERM");
    assertEquals((await worker.process.ended()).code, 0);
  });
});
