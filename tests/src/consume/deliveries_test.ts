import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ConsumedDelivery } from "../../../src/consume/deliveries.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { deadLetterFactsOf } from "../../../src/wire/dead_letter.ts";
import { failure, refuseAll } from "../../fakes/receiver.ts";
import { createWorld, watch, watchedSignal, type World } from "../../fakes/world.ts";

type WorldOptions = Pick<NonNullable<Parameters<typeof createWorld>[0]>, "queue" | "declare">;
type Options = NonNullable<Parameters<World["consumer"]>[0]>;

/** Reads deliveries one by one; `next()` lets time pass until there is one. */
function reading(
  world: World,
  { signal, drainMs, ...options }: Options & { signal?: AbortSignal } = {},
) {
  const consumer = world.consumer(options);
  const iterator = consumer.deliveries({
    ...(signal ? { signal } : {}),
    ...(drainMs === undefined ? {} : { drainMs }),
  });
  async function step<T>(promise: Promise<T>, ms = 0): Promise<T> {
    promise.catch(() => {});
    await world.clock.advance(ms);
    return await promise;
  }
  return {
    consumer,
    iterator,
    step,
    async next(ms = 0): Promise<ConsumedDelivery> {
      const { value } = await step(iterator.next(), ms);
      assert(value, "there is no delivery");
      return value;
    },
    end: (ms = 30_000) => step(iterator.return(), ms),
  };
}

/** A world with these messages in its queue, whose deliveries are read one by one. */
async function opened(
  numbers: number[],
  { queue = "jobs", declare = {}, ...options }: Parameters<typeof reading>[1] & WorldOptions = {},
) {
  const world = await createWorld({ queue, declare });
  await world.send(numbers);
  return { world, ...reading(world, options) };
}

function code(code: string) {
  return (error: unknown) => {
    assert(error instanceof MelangeError, `${error}`);
    assertEquals(error.code, code);
  };
}

async function rejectsWith(expected: string, run: () => Promise<unknown>): Promise<void> {
  code(expected)(await assertRejects(run));
}

describe("deliveries()", () => {
  it("hands out each message with its event, attempt and signal", async () => {
    const { world, next, end, step } = await opened([1]);
    const delivery = await next();
    assertEquals(delivery.message.body, '{"n":1}');
    assertEquals([delivery.attempt, delivery.signal.aborted], [1, false]);
    const { type, data, id } = delivery.event();
    assertEquals([type, data, id], ["Job", { n: 1 }, delivery.message.id]);
    await step(delivery.ack());
    await end();
    assertEquals([await world.count(), world.clock.pending], [0, 0]);
  });

  it("event() tells of data that cannot be read, and of a missing type", async () => {
    const world = await createWorld();
    await world.send([1], { body: "{canary" });
    await world.backend.send({ queue: "jobs" }, [{ body: "{}", attributes: {} }]);
    const { next, end } = reading(world);
    for (let i = 0; i < 2; i++) {
      const delivery = await next();
      const error = assertThrows(() => delivery.event()) as MelangeError;
      assertEquals(error.code, "UNDECODABLE");
      assert(!error.message.includes("canary"));
    }
    await end();
  });

  it("ack() removes the message, and resolves when the service has said so", async () => {
    const { world, consumer, next, step, end } = await opened([1]);
    const delivery = await next();
    let answered = false;
    world.receiver.faults.acknowledge = async (proceed) => {
      await new Promise<void>((resolve) => world.clock.after(500, resolve));
      answered = true;
      return await proceed();
    };
    const acked = delivery.ack();
    const watched = watch(acked);
    await world.clock.advance(499);
    assertEquals([watched.state, answered], ["pending", false]);
    await step(acked, 1);
    assertEquals([consumer.status().acknowledged, await world.count()], [1, 0]);
    await end();
  });

  it("ack() rejects with what the service said", async () => {
    const { world, next, step, end } = await opened([1]);
    const delivery = await next();
    world.receiver.faults.acknowledge = refuseAll(failure("ACCESS_DENIED"));
    await rejectsWith("ACCESS_DENIED", () => step(delivery.ack()));
    await end();
  });

  it("retry() gives back after the backoff, or after the delay given", async () => {
    const { world, consumer, next, step, end } = await opened([1]);
    await step((await next()).retry());
    await step((await next(500)).retry(7_000));
    await step((await next(7_000)).retry(0));
    const last = await next(100);
    assertEquals(last.attempt, 4);
    assertEquals(world.receiver.of("release").map(({ items }) => items[0]?.ms), [500, 7_000, 0]);
    assertEquals(consumer.status().retried, 3);
    await step(last.ack());
    await end();
  });

  it("retry() on a FIFO queue resolves, keeps the place, and hands out again", async () => {
    const { world, next, end, iterator } = await opened([1, 2], { queue: "jobs.fifo" });
    const first = await next();
    const retried = watch(first.retry(5_000));
    await world.clock.advance(0);
    assertEquals(retried.state, "done");
    const waiting = watch(iterator.next());
    await world.clock.advance(4_999);
    assertEquals(waiting.state, "pending");
    await world.clock.advance(1);
    assertEquals(waiting.state, "done");
    assertEquals(world.receiver.of("release"), []);
    await end(60_000);
    assertEquals((await world.peek()).map(({ message }) => message.body), ['{"n":1}', '{"n":2}']);
  });

  it("deadLetter() moves the message with its facts", async () => {
    const { world, consumer, next, step, end } = await opened([1], {
      declare: { deadLetterQueue: "dead" },
    });
    await step((await next()).deadLetter("expired"));
    const [copy] = await world.peek("dead");
    assertEquals(copy && deadLetterFactsOf(copy.message), {
      reason: "expired",
      queue: "jobs",
      attempts: 1,
    });
    assertEquals([consumer.status().deadLettered, await world.count()], [1, 0]);
    await end();
  });

  it("deadLetter() rejects with UNSUPPORTED where there is no such queue; the message is retried", async () => {
    const { next, step, end } = await opened([1]);
    const delivery = await next();
    await rejectsWith("UNSUPPORTED", () => step(delivery.deadLetter("expired"), 100));
    assertEquals((await next(500)).attempt, 2);
    await end();
  });

  it("extend() keeps the lock longer", async () => {
    const { world, next, step, end } = await opened([1]);
    const delivery = await next();
    await step(delivery.extend(600_000));
    assertEquals(world.receiver.of("extend").map(({ items }) => items[0]?.ms), [600_000]);
    await step(delivery.ack());
    await end();
  });

  it("keeps the locks of what was handed out and of what waits in line", async () => {
    const { world, next, step, end } = await opened([1, 2], { visibilityTimeoutMs: 2_000 });
    const first = await next();
    await world.clock.advance(20_000);
    assertEquals(first.signal.aborted, false);
    await step(first.ack());
    const second = await next();
    assertEquals(second.attempt, 1);
    await step(second.ack());
    await end();
    assertEquals(await world.count(), 0);
  });

  it("every verb rejects with LOCK_LOST when somebody else may have the message", async () => {
    const { world, next, end } = await opened([1, 2, 3, 4], { visibilityTimeoutMs: 2_000 });
    const [a, b, c, d] = [await next(), await next(), await next(), await next()];
    world.receiver.faults.extend = refuseAll(failure("LOCK_LOST"));
    await world.clock.advance(700);
    assert(a.signal.aborted);
    await rejectsWith("LOCK_LOST", () => a.ack());
    await rejectsWith("LOCK_LOST", () => b.retry());
    await rejectsWith("LOCK_LOST", () => c.deadLetter("x"));
    await rejectsWith("LOCK_LOST", () => d.extend(1_000));
    assertEquals(
      world.receiver.calls.filter(({ verb }) => verb !== "receive" && verb !== "extend"),
      [],
    );
    await end();
  });

  it("does not hand out what was lost while it waited in line", async () => {
    const { world, next, end, step } = await opened([1, 2], { visibilityTimeoutMs: 2_000 });
    const first = await next();
    world.receiver.faults.extend = async (proceed, _queue, items) => {
      const results = await proceed();
      return items.map(({ receipt }, index) =>
        receipt.includes(":2:1")
          ? { ok: false, error: failure("LOCK_LOST") }
          : results[index] ?? { ok: false, error: failure("LOCK_LOST") }
      );
    };
    await world.clock.advance(5_000);
    await step(first.ack());
    const second = await next(2_000);
    assertEquals([second.message.body, second.attempt], ['{"n":2}', 2]);
    await end();
  });

  it("a second verdict rejects with CONFLICT and changes nothing", async () => {
    const { world, next, step, end } = await opened([1, 2]);
    const first = await next();
    await step(first.ack());
    await rejectsWith("CONFLICT", () => step(first.retry()));
    await rejectsWith("CONFLICT", () => step(first.ack()));
    const second = await next();
    const both = Promise.allSettled([second.ack(), second.deadLetter("x")]);
    await world.clock.advance(0);
    assertEquals((await both).map(({ status }) => status), [
      "fulfilled",
      "rejected",
    ]);
    assertEquals([world.receiver.of("release").length, await world.count()], [0, 0]);
    await end();
  });

  it("a second verdict after a failed one rejects too", async () => {
    const { world, next, step, end } = await opened([1]);
    const delivery = await next();
    world.receiver.faults.acknowledge = refuseAll(failure("ACCESS_DENIED"));
    await rejectsWith("ACCESS_DENIED", () => step(delivery.ack()));
    await rejectsWith("CONFLICT", () => step(delivery.retry()));
    await end();
  });

  it("leaving the loop stops, and gives back at once what was not handed out", async () => {
    const world = await createWorld();
    await world.send([1, 2, 3]);
    const consumer = world.consumer();
    const left = (async () => {
      for await (const delivery of consumer.deliveries()) {
        await delivery.ack();
        break;
      }
    })();
    await world.clock.advance(0);
    await left;
    assertEquals([consumer.health(), world.clock.pending], ["stopped", 0]);
    const rest = await world.peek();
    assertEquals(rest.map(({ message }) => message.body).toSorted(), ['{"n":2}', '{"n":3}']);
  });

  it("leaving the loop by an error does the same, and keeps the error", async () => {
    const world = await createWorld();
    await world.send([1, 2]);
    const consumer = world.consumer();
    const failed = (async () => {
      for await (const delivery of consumer.deliveries({ drainMs: 1_000 })) {
        throw new Error(`failed at ${delivery.attempt}`);
      }
    })();
    const watched = watch(failed);
    await world.clock.advance(1_000);
    assertEquals([watched.state, String(watched.error)], ["failed", "Error: failed at 1"]);
    assertEquals((await world.peek()).length, 2);
    assertEquals(world.clock.pending, 0);
  });

  it("an abort ends the loop; what is in the reader's hands can still be settled", async () => {
    const world = await createWorld();
    await world.send([1, 2]);
    const { controller, signal, listeners } = watchedSignal();
    const { next, step, iterator, consumer } = reading(world, { signal });
    const delivery = await next();
    controller.abort();
    await world.clock.advance(1_000);
    assertEquals(consumer.health(), "draining");
    assertEquals((await world.peek()).map(({ message }) => message.body), ['{"n":2}']);
    await step(delivery.ack());
    assertEquals((await step(iterator.next(), 100)).done, true);
    assertEquals([consumer.health(), listeners.size, world.clock.pending], ["stopped", 0, 0]);
    assertEquals(await world.count(), 1);
  });

  it("an abort while it waits for a message ends the loop", async () => {
    const world = await createWorld();
    const { controller, signal, listeners } = watchedSignal();
    const { iterator } = reading(world, { signal });
    const waiting = iterator.next();
    await world.clock.advance(5_000);
    controller.abort();
    await world.clock.advance(0);
    assertEquals((await waiting).done, true);
    assertEquals([listeners.size, world.clock.pending], [0, 0]);
  });

  it("a signal that has aborted before hands out nothing and receives nothing", async () => {
    const { world, iterator, step } = await opened([1], { signal: AbortSignal.abort() });
    assertEquals((await step(iterator.next())).done, true);
    assertEquals([world.receiver.calls.length, world.clock.pending], [0, 0]);
  });

  it("what its reader never settles is given back at the end of the drain", async () => {
    const { world, next, consumer } = await opened([1]);
    const delivery = await next();
    const stopped = watch(consumer.stop({ drainMs: 5_000 }));
    await world.clock.advance(3_000);
    assertEquals(delivery.signal.aborted, false);
    await world.clock.advance(2_000);
    assertEquals(stopped.state, "done");
    await rejectsWith("STOPPED", () => delivery.ack());
    assertEquals((await world.peek()).length, 1);
    assertEquals(world.clock.pending, 0);
  });

  it("rejects with CONFLICT while the consumer runs, and starts again after its end", async () => {
    const world = await createWorld();
    const consumer = world.consumer();
    consumer.start();
    await rejectsWith("CONFLICT", () => consumer.deliveries().next());
    await consumer.stop();
    await world.send([1]);
    const iterator = consumer.deliveries();
    const next = iterator.next();
    await world.clock.advance(0);
    const { value } = await next;
    const acked = value?.ack();
    await world.clock.advance(0);
    await acked;
    await iterator.return();
    assertEquals(await world.count(), 0);
  });

  it("leaves no listener on the lock of a settled delivery", async () => {
    const { next, step, end } = await opened([1]);
    const delivery = await next();
    const removed: string[] = [];
    const { removeEventListener } = delivery.signal;
    delivery.signal.removeEventListener = (
      ...args: Parameters<typeof removeEventListener>
    ) => {
      removed.push(args[0]);
      removeEventListener.apply(delivery.signal, args);
    };
    await step(delivery.ack());
    assertEquals(removed, ["abort"]);
    await end();
  });

  it("gives back without a delay what its reader did not settle in time", async () => {
    const { world, next, step, consumer } = await opened([1]);
    await next();
    await step(consumer.stop({ drainMs: 2_000 }), 2_000);
    assertEquals(world.receiver.of("release").map(({ items }) => items[0]?.ms), [0]);
  });
});
