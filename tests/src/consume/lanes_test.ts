import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { Lanes, type Step } from "../../../src/consume/lanes.ts";
import { type Lease, Leases } from "../../../src/consume/leases.ts";
import { deliveryOf, scriptedReceiver } from "../../fakes/receiver.ts";
import { deferred, listenersOf } from "../../fakes/world.ts";

/** Lanes whose deliveries are worked on by hand: `steps[name]` ends the work on it. */
function createLanes(concurrency: number) {
  const clock = new VirtualClock();
  const receiver = scriptedReceiver({ clock, receive: () => Promise.resolve([]) });
  const leases = new Leases({
    receiver,
    queue: "q",
    visibilityMs: 43_200_000,
    clock,
    signal: new AbortController().signal,
  });
  const started: string[] = [];
  const dropped: string[] = [];
  const steps: Record<string, (step: Step) => void> = {};
  let changes = 0;
  const lanes = new Lanes({
    concurrency,
    clock,
    run(lease) {
      const { promise, resolve } = deferred<Step>();
      started.push(nameOf(lease));
      steps[nameOf(lease)] = resolve;
      return promise;
    },
    drop: (leases) => dropped.push(...leases.map(nameOf)),
    changed: () => changes++,
  });
  return {
    clock,
    lanes,
    started,
    dropped,
    changes: () => changes,
    add(lane: string, name: string) {
      const lease = leases.hold(deliveryOf(name));
      lanes.add(lane, lease);
      return lease;
    },
    leases,
    async finish(name: string, step: Step) {
      steps[name]?.(step);
      await clock.advance(0);
    },
  };
}

function nameOf(lease: Lease): string {
  return lease.delivery.receipt;
}

describe("Lanes", () => {
  it("runs different lanes at once, up to its concurrency", async () => {
    const { lanes, add, started, finish } = createLanes(2);
    for (const name of ["a", "b", "c"]) add(name, name);
    assertEquals(started, ["a", "b"]);
    assertEquals([lanes.running, lanes.occupied], [2, 3]);
    await finish("b", "next");
    assertEquals(started, ["a", "b", "c"]);
    assertEquals([lanes.running, lanes.occupied], [2, 2]);
  });

  it("runs one lane in order, one at a time", async () => {
    const { add, started, finish } = createLanes(5);
    for (const name of ["a1", "a2", "a3"]) add("a", name);
    assertEquals(started, ["a1"]);
    await finish("a1", "next");
    assertEquals(started, ["a1", "a2"]);
    add("a", "a4");
    await finish("a2", "next");
    await finish("a3", "next");
    await finish("a4", "next");
    assertEquals(started, ["a1", "a2", "a3", "a4"]);
  });

  it("lets lanes take turns", async () => {
    const { add, started, finish } = createLanes(1);
    for (const name of ["a1", "a2"]) add("a", name);
    add("b", "b1");
    await finish("a1", "next");
    await finish("b1", "next");
    assertEquals(started, ["a1", "b1", "a2"]);
  });

  it("runs the same delivery again after a pause, which takes no room", async () => {
    const { clock, lanes, add, started, finish } = createLanes(1);
    for (const name of ["a1", "a2"]) add("a", name);
    await finish("a1", { parkMs: 1_000 });
    assertEquals([lanes.running, lanes.occupied, lanes.waiting], [0, 0, 2]);
    add("b", "b1");
    assertEquals(started, ["a1", "b1"]);
    await finish("b1", "next");
    await clock.advance(999);
    assertEquals(started, ["a1", "b1"]);
    await clock.advance(1);
    assertEquals(started, ["a1", "b1", "a1"]);
    assertEquals([lanes.running, lanes.occupied, lanes.waiting], [1, 1, 1]);
    await finish("a1", "next");
    assertEquals(started.at(-1), "a2");
  });

  it("waits for room when a pause is over", async () => {
    const { clock, add, started, finish } = createLanes(1);
    add("a", "a1");
    await finish("a1", { parkMs: 10 });
    add("b", "b1");
    await clock.advance(10);
    assertEquals(started, ["a1", "b1"]);
    await finish("b1", "next");
    assertEquals(started, ["a1", "b1", "a1"]);
  });

  it("ends a pause as soon as the lock is lost, and listens no longer than it lasts", async () => {
    const { clock, leases, add, started, finish } = createLanes(1);
    const lease = add("a", "a1");
    const listeners = listenersOf(lease.signal);
    await finish("a1", { parkMs: 10 });
    assertEquals(listeners.size, 1);
    await clock.advance(10);
    assertEquals([listeners.size, started], [0, ["a1", "a1"]]);
    await finish("a1", { parkMs: 900_000 });
    leases.hold(deliveryOf("again", { id: "m-a1" }));
    assertEquals([listeners.size, started], [0, ["a1", "a1", "a1"]]);
    await clock.advance(900_000);
    assertEquals(started.length, 3);
  });

  it("drops what follows a delivery that ends its lane", async () => {
    const { lanes, add, started, dropped, finish } = createLanes(5);
    for (const name of ["a1", "a2", "a3"]) add("a", name);
    await finish("a1", "end");
    assertEquals(dropped, ["a2", "a3"]);
    assertEquals([lanes.running, lanes.occupied], [0, 0]);
    add("a", "a2");
    assertEquals(started, ["a1", "a2"]);
  });

  it("clear() takes out all that does not run, pauses included", async () => {
    const { clock, lanes, add, started, finish } = createLanes(2);
    for (const name of ["a1", "a2"]) add("a", name);
    add("b", "b1");
    await finish("b1", { parkMs: 1_000 });
    add("c", "c1");
    add("d", "d1");
    assertEquals(lanes.clear().map(nameOf).toSorted(), ["a2", "b1", "d1"]);
    assertEquals([lanes.running, lanes.occupied, lanes.waiting], [2, 2, 0]);
    await finish("a1", "next");
    await finish("c1", "next");
    await clock.advance(5_000);
    assertEquals(started, ["a1", "b1", "c1"]);
    assertEquals([lanes.running, lanes.occupied, clock.pending - 1], [0, 0, 0]);
  });

  it("drops a delivery that wants a pause after clear()", async () => {
    const { clock, lanes, add, started, dropped, finish } = createLanes(1);
    add("a", "a1");
    lanes.clear();
    await finish("a1", { parkMs: 10 });
    assertEquals(dropped, ["a1"]);
    await clock.advance(10);
    assertEquals(started, ["a1"]);
  });

  it("tells of each change, after it has counted it", async () => {
    const { add, changes, finish } = createLanes(1);
    add("a", "a1");
    assertEquals(changes(), 0);
    await finish("a1", "next");
    assertEquals(changes(), 1);
  });
});
