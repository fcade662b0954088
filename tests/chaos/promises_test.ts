/** Promises of the whole that no part of it can keep alone, on virtual time. */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBackend } from "../../backends/memory/mod.ts";
import { VirtualClock } from "../../backends/memory/testing.ts";
import { defineEvent, EventBus, MelangeError, typed } from "../../mod.ts";

const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A bus on a queue in memory, on virtual time. */
async function createBus(
  options: { concurrency?: number; change?: (backend: MemoryBackend) => void } = {},
) {
  const { concurrency = 4, change } = options;
  const clock = new VirtualClock();
  const backend = new MemoryBackend({ clock });
  await backend.declareQueue("pings");
  change?.(backend);
  const bus = new EventBus({
    backend,
    queue: "pings",
    clock,
    concurrency,
    logger: quiet,
    redelivery: { baseMs: 1_000, maxMs: 1_000 },
  });
  const stop = async () => {
    const stopped = bus.stop();
    await clock.advance(30_000);
    await stopped;
  };
  return { clock, backend, bus, stop };
}

describe("a retry", () => {
  it("is the same message, received again: nothing is published for it", async () => {
    const { clock, bus, stop } = await createBus();
    const seen: { id: string; attempt: number }[] = [];
    bus.subscribe(Ping, (_, { message: { id }, attempt }) => {
      seen.push({ id, attempt });
      if (seen.length < 3) throw new Error("not yet");
    });
    const { messageId: id } = await bus.publish(Ping({ at: 1 }), { queue: "pings" });
    bus.start();
    await clock.advance(10_000);
    assertEquals(seen, [1, 2, 3].map((attempt) => ({ id, attempt })));
    await stop();
  });
});

describe("a full consumer", () => {
  it("leaves to others what it has no free slots for", async () => {
    const { clock, backend, bus, stop } = await createBus({ concurrency: 4 });
    bus.subscribe(Ping, (_, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      }));
    const events = Array.from({ length: 30 }, (_, at) => Ping({ at }));
    await bus.publishAll(events, { queue: "pings" });
    bus.start();
    await clock.advance(2_000);
    const { available, inFlight } = await backend.describeQueue("pings");
    assertEquals([available, inFlight], [26, 4]);
    await stop();
  });
});

describe("an outage", () => {
  it("is met with few receives, and over within a second", async () => {
    let receives = 0;
    let down = true;
    const { clock, bus, stop } = await createBus({
      change(backend) {
        const receive = backend.receive.bind(backend);
        backend.receive = (queue, options) => {
          receives += 1;
          if (!down) return receive(queue, options);
          const message = "Cannot tell the outcome of anything as nothing answers";
          return Promise.reject(new MelangeError("OUTCOME_UNKNOWN", message, { retryable: true }));
        };
      },
    });
    const seen: number[] = [];
    bus.subscribe(Ping, ({ data: { at } }) => void seen.push(at));
    bus.start();
    await clock.advance(3_000);
    assert(receives <= 30, `${receives} receives`);
    down = false;
    await bus.publish(Ping({ at: 1 }), { queue: "pings" });
    await clock.advance(1_000);
    assertEquals(seen, [1]);
    await stop();
  });
});
