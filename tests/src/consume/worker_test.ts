/** Groups and their turns. `settlement_test.ts` tells what becomes of messages, `receives_test.ts` when some are asked for. */
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Delivery } from "../../../src/backend.ts";
import type { Outcome } from "../../../src/handle/dispatch.ts";
import { deliveryOf, failure, hang, refuseAll } from "../../fakes/receiver.ts";
import { createWorker } from "../../fakes/worker.ts";
import { listenersOf, watch } from "../../fakes/world.ts";

const DONE: Outcome = { outcome: "acknowledge" };

/** Returns the outcome of a delivery that runs again after a pause. */
function again(delayMs: number): Outcome {
  return { outcome: "retry", error: undefined, delayMs };
}

/** A started worker on a FIFO queue that brings all there is, more than was asked for as well. */
function createGroups(slots: number) {
  const feed: Delivery[] = [];
  let arrived = () => {};
  const { worker, works, clock, receiver, counts } = createWorker({
    slots,
    fifo: true,
    receive: () => async ({ signal }) => {
      const more = new Promise<void>((resolve) => arrived = resolve);
      if (feed.length === 0) await Promise.race([more, hang<void>(signal)]);
      return feed.splice(0);
    },
  });
  const ended = watch(worker.run());
  const started: string[] = [];
  const { push } = works;
  works.push = (work) => {
    started.push(work.lease.delivery.receipt);
    return push.call(works, work);
  };
  return {
    clock,
    worker,
    receiver,
    counts,
    ended,
    started,
    /** Receipts of what was given back, in order. */
    released: () =>
      receiver.of("release").flatMap(({ items }) => items.map(({ receipt }) => receipt)),
    leaseOf: (name: string) => works.find(({ lease }) => lease.delivery.receipt === name)?.lease,
    /** Puts deliveries into the queue, each as `group` and number. */
    async add(...names: string[]) {
      feed.push(...names.map((name) => deliveryOf(name, { group: name.slice(0, 1) })));
      arrived();
      await clock.advance(0);
    },
    async finish(name: string, outcome: Outcome = DONE) {
      const index = works.findIndex(({ lease }) => lease.delivery.receipt === name);
      works.splice(index, 1)[0]?.end(outcome);
      await clock.advance(0);
    },
  };
}

describe("Worker", () => {
  it("runs different groups at once, up to its concurrency", async () => {
    const { worker, add, started, finish } = createGroups(2);
    await add("a1", "b1", "c1");
    assertEquals(started, ["a1", "b1"]);
    assertEquals([worker.running, worker.inFlight], [2, 3]);
    await finish("b1");
    assertEquals(started, ["a1", "b1", "c1"]);
    assertEquals([worker.running, worker.inFlight], [2, 2]);
  });

  it("runs one group in order, one at a time", async () => {
    const { add, started, finish } = createGroups(5);
    await add("a1", "a2", "a3");
    assertEquals(started, ["a1"]);
    await finish("a1");
    assertEquals(started, ["a1", "a2"]);
    await add("a4");
    await finish("a2");
    await finish("a3");
    await finish("a4");
    assertEquals(started, ["a1", "a2", "a3", "a4"]);
  });

  it("lets groups take turns", async () => {
    const { add, started, finish } = createGroups(1);
    await add("a1", "a2", "b1");
    await finish("a1");
    await finish("b1");
    assertEquals(started, ["a1", "b1", "a2"]);
  });

  it("runs the same delivery again after a pause, which takes no turn", async () => {
    const { clock, worker, add, started, finish } = createGroups(1);
    await add("a1", "a2");
    await finish("a1", again(1_000));
    assertEquals([worker.running, worker.inFlight], [0, 2]);
    await add("b1");
    assertEquals(started, ["a1", "b1"]);
    await finish("b1");
    await clock.advance(999);
    assertEquals(started, ["a1", "b1"]);
    await clock.advance(1);
    assertEquals(started, ["a1", "b1", "a1"]);
    assertEquals([worker.running, worker.inFlight], [1, 2]);
    await finish("a1");
    assertEquals(started.at(-1), "a2");
  });

  it("waits for a turn when a pause is over", async () => {
    const { clock, add, started, finish } = createGroups(1);
    await add("a1");
    await finish("a1", again(10));
    await add("b1");
    await clock.advance(10);
    assertEquals(started, ["a1", "b1"]);
    await finish("b1");
    assertEquals(started, ["a1", "b1", "a1"]);
  });

  it("ends a pause as soon as the lock is lost, and listens no longer than it lasts", async () => {
    const { clock, receiver, counts, add, started, finish, leaseOf, released } = createGroups(1);
    await add("a1", "a2");
    const lease = leaseOf("a1")!;
    const listeners = listenersOf(lease.signal);
    await finish("a1", again(10));
    assertEquals(listeners.size, 1);
    await clock.advance(10);
    assertEquals([listeners.size, started], [0, ["a1", "a1"]]);
    await finish("a1", again(900_000));
    receiver.faults.extend = refuseAll(failure("LOCK_LOST"));
    await clock.advance(10_000);
    assertEquals([listeners.size, lease.lost, counts.lost > 0], [0, true, true]);
    assertEquals([started, released()], [["a1", "a1"], []]);
  });

  it("gives back, unhandled, what follows a delivery that could not be settled", async () => {
    const { worker, receiver, add, started, finish, released } = createGroups(5);
    await add("a1", "a2", "a3");
    receiver.faults.acknowledge = refuseAll(failure("ACCESS_DENIED"));
    await finish("a1");
    assertEquals([started, released()], [["a1"], ["a2", "a3"]]);
    assertEquals([worker.running, worker.inFlight], [0, 0]);
    await add("a2");
    assertEquals(started, ["a1", "a2"]);
  });

  it("ends a turn when the handler ends, not when the service has answered", async () => {
    const { clock, worker, receiver, add, started, finish } = createGroups(1);
    receiver.faults.acknowledge = async (next) => {
      await new Promise<void>((resolve) => clock.after(100, resolve));
      return await next();
    };
    await add("a1", "a2", "b1");
    await finish("a1");
    assertEquals([started, worker.inFlight], [["a1", "b1"], 3]);
    await finish("b1");
    await clock.advance(99);
    assertEquals(started, ["a1", "b1"]);
    await clock.advance(1);
    assertEquals(started, ["a1", "b1", "a2"]);
  });

  it("drain() gives back all that does not run, in the order of each group", async () => {
    const { clock, worker, ended, add, started, finish, released } = createGroups(2);
    await add("a1", "a2", "b1", "b2");
    await finish("b1", again(1_000));
    await clock.advance(100);
    await add("c1", "d1", "d2");
    worker.drain(60_000);
    await clock.advance(0);
    for (
      const [group, expected] of Object.entries({ a: ["a2"], b: ["b1", "b2"], d: ["d1", "d2"] })
    ) {
      assertEquals(released().filter((name) => name.startsWith(group)), expected);
    }
    assertEquals([worker.running, worker.inFlight], [2, 2]);
    await finish("a1");
    await finish("c1");
    assertEquals([started, ended.state], [["a1", "b1", "c1"], "done"]);
    assertEquals([worker.inFlight, clock.pending], [0, 0]);
  });

  it("gives back a delivery that fails while it drains", async () => {
    const { clock, worker, ended, add, started, finish, released } = createGroups(1);
    await add("a1");
    worker.drain(60_000);
    await finish("a1", again(10));
    assertEquals([released(), ended.state], [["a1"], "done"]);
    await clock.advance(10);
    assertEquals([started, clock.pending], [["a1"], 0]);
  });

  it("runs nothing whose turn came as it was stopped", async () => {
    const { clock, worker, add, started, finish, released } = createGroups(1);
    await add("a1", "b1", "b2");
    const finished = finish("a1");
    // The turn of a1 is over after few microtasks; the stop may come at each of them.
    for (let at = 0; at < 20 && worker.running === 1; at++) await Promise.resolve();
    worker.drain(60_000);
    await finished;
    await clock.advance(0);
    assertEquals([started, released()], [["a1"], ["b1", "b2"]]);
  });
});
