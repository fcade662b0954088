import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { stub } from "@std/testing/mock";
import { FakeTime } from "@std/testing/time";
import { MemoryBackend } from "../../backends/memory/mod.ts";
import { Drain } from "../../cli/drain.ts";
import { createLogger } from "../../cli/log.ts";
import { MessageConsumer } from "../../src/consume/consumer.ts";
import { MessagePublisher } from "../../src/publish/publisher.ts";
import { fakeIo } from "./fake_io.ts";

/** The end of a worker whose publisher needs so long, in milliseconds, to store what it was given. */
function drainOf({ closingMs }: { closingMs: number }) {
  const time = new FakeTime();
  const origin = performance.now() - Date.now();
  const now = stub(performance, "now", () => origin + Date.now());
  const io = fakeIo();
  const backend = new MemoryBackend();
  const publisher = new MessagePublisher({ backend });
  publisher.close = () => new Promise((resolve) => setTimeout(resolve, closingMs));
  const drain = new Drain({
    consumer: new MessageConsumer({ backend, queue: "q" }),
    publisher,
    logger: createLogger(io, { json: false }),
    drainMs: 60_000,
  });
  const restore = () => {
    drain.end();
    now.restore();
    time.restore();
  };
  return { drain, io, time, [Symbol.dispose]: restore };
}

/** Lets time pass, and those who waited for it go on. */
async function pass(time: FakeTime, ms: number): Promise<void> {
  await time.tickAsync(ms);
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** Notes whether a promise has been resolved. */
function watched(promise: Promise<void>): { done: boolean } {
  const watch = { done: false };
  promise.then(() => watch.done = true);
  return watch;
}

describe("the end of a worker", () => {
  it("waits for what handlers have published, and says so", async () => {
    using test = drainOf({ closingMs: 5_000 });
    const { drain, io, time } = test;
    drain.signal("SIGTERM");
    const finished = watched(drain.finish());
    await pass(time, 4_999);
    assertEquals([finished.done, io.errLines.slice(1)], [false, [
      "Waiting for what handlers have published to be stored, at most 58 s more",
      "Waiting for what handlers have published to be stored, at most 56 s more",
    ]]);
    await pass(time, 1);
    assertEquals(finished.done, true);
  });

  for (const order of ["before", "after"] as const) {
    it(`waits a second at most for that if it was hurried ${order} that began`, async () => {
      using test = drainOf({ closingMs: 600_000 });
      const { drain, io, time } = test;
      drain.signal("SIGTERM");
      if (order === "before") drain.signal("SIGINT");
      const finished = watched(drain.finish());
      if (order === "after") drain.signal("SIGINT");
      await pass(time, 999);
      assertEquals(finished.done, false);
      await pass(time, 1);
      assertEquals(finished.done, true);
      assertEquals(
        io.errLines.at(-1)?.slice(25),
        "warn  Not all that handlers have published is known to be stored",
      );
    });
  }

  it("says nothing after its end", async () => {
    using test = drainOf({ closingMs: 0 });
    const { drain, io, time } = test;
    drain.signal("SIGTERM");
    drain.end();
    await pass(time, 60_000);
    assertEquals(io.errLines.length, 1);
  });
});
