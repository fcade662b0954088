import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBackend } from "../../backends/memory/mod.ts";
import { seededRandom, VirtualClock } from "../../backends/memory/testing.ts";
import { MemoryDeduplicationStore } from "../../src/handle/deduplication/store.ts";
import { DeadLetter, MelangeError } from "../../src/support/errors.ts";
import { defineEvent, typed } from "../../src/event/event.ts";
import { EventBus, type EventBusOptions } from "../../src/event_bus.ts";
import { correlation } from "../../src/handle/middleware/correlation.ts";
import { recordingLogger, watch } from "../fakes/world.ts";

const Placed = defineEvent("Placed", { topic: "orders", schema: typed<{ order: string }>() });
const Paid = defineEvent("Paid", { topic: "orders", schema: typed<{ order: string }>() });
const Shipped = defineEvent("Shipped", { topic: "shipping", schema: typed<{ order: string }>() });

function setUp(options: Partial<EventBusOptions> = {}) {
  const clock = new VirtualClock();
  const backend = new MemoryBackend({ clock, random: seededRandom(1) });
  const log = recordingLogger();
  const createBus = (own: Partial<EventBusOptions> = {}) =>
    new EventBus({
      backend,
      queue: "billing",
      clock,
      logger: log,
      random: () => 0.5,
      ...options,
      ...own,
    });
  return { clock, backend, log, createBus };
}

function code(error: unknown): unknown {
  return error instanceof MelangeError ? error.code : error;
}

async function bodies(backend: MemoryBackend, queue: string): Promise<string[]> {
  const deliveries = await backend.receive(queue, { max: 10, waitMs: 0, visibilityMs: 1 });
  return deliveries.map(({ message }) => message.body);
}

describe("EventBus", () => {
  it("carries events from publish to the handlers, and stops clean", async () => {
    const { clock, createBus } = setUp();
    const bus = createBus();
    const seen: string[] = [];
    bus.subscribe(Placed, (event) => void seen.push(`placed ${event.data.order}`), {
      name: "bill",
    });
    bus.subscribe({
      name: "audit",
      listensTo: [Placed, Shipped],
      process: (event) => void seen.push(`audit ${event.type}`),
    });
    await bus.declare();
    bus.start();
    assert(bus.running);
    const { messageId } = await bus.publish(Placed({ order: "o-1" }));
    assert(messageId);
    const results = await bus.publishAll([Shipped({ order: "o-1" }), Placed({ order: "o-2" })]);
    assert(results.every(({ ok }) => ok));
    await clock.advance(500);
    assertEquals(seen.toSorted(), [
      "audit Placed",
      "audit Placed",
      "audit Shipped",
      "placed o-1",
      "placed o-2",
    ]);
    await bus.stop();
    assert(!bus.running);
    const [status] = bus.status();
    assertEquals([status?.queue, status?.acknowledged, status?.health], ["billing", 3, "stopped"]);
    assertEquals(clock.pending, 0);
  });

  it("subscribe() and subscribeAll() return what unsubscribes", async () => {
    const { clock, createBus } = setUp();
    const bus = createBus();
    const seen: string[] = [];
    const off = bus.subscribe(Placed, () => void seen.push("one"));
    const offAll = bus.subscribeAll((event) => void seen.push(event.type));
    await bus.declare();
    bus.start();
    await bus.publish(Placed({ order: "1" }));
    await clock.advance(500);
    off();
    await bus.publish(Placed({ order: "2" }));
    await clock.advance(500);
    offAll();
    assertEquals(seen, ["one", "Placed", "Placed"]);
    await bus.stop();
  });

  it("lets handlers publish through the context, correlated", async () => {
    const { clock, createBus } = setUp({ middleware: [correlation()] });
    const bus = createBus();
    const seen: unknown[] = [];
    bus.subscribe(Placed, async (event, { publisher }) => {
      await publisher?.publish(Paid({ order: event.data.order }));
    });
    bus.subscribe(Paid, (event) => void seen.push(event.correlationId, event.causationId));
    await bus.declare();
    bus.start();
    await bus.publish(Placed({ order: "o-1" }, { id: "e-1" }));
    await clock.advance(500);
    assertEquals(seen, ["e-1", "e-1"]);
    await bus.stop();
  });

  it("passes its options on: de-duplication, attempts, concurrency, lock and redelivery", async () => {
    const { clock, createBus } = setUp();
    const store = new MemoryDeduplicationStore({ clock });
    const bus = createBus({
      deduplication: { store },
      maxAttempts: 2,
      concurrency: 1,
      redelivery: { baseMs: 100 },
      visibilityTimeoutMs: 60_000,
    });
    let handled = 0;
    bus.subscribe(Placed, () => void handled++, { name: "bill" });
    let failures = 0;
    bus.subscribe(Paid, () => {
      failures += 1;
      throw new Error("boom");
    }, { name: "fail" });
    const [description] = await bus.declare({ deadLetterQueue: "dead" });
    assertEquals(description?.visibilityTimeoutMs, 60_000);
    bus.start();
    const event = Placed({ order: "o-1" });
    await bus.publish(event);
    await bus.publish(event);
    await bus.publish(Paid({ order: "o-1" }));
    await clock.advance(5_000);
    const [status] = bus.status();
    assertEquals([handled, failures], [1, 2]);
    assertEquals([status?.acknowledged, status?.deadLettered, status?.retried], [2, 1, 1]);
    await bus.stop();
  });

  it("refuses a queue beside several, and to consume without one", async () => {
    const { createBus, backend } = setUp();
    assertThrows(() => createBus({ queues: ["a"] }), TypeError, "queues");
    const bus = new EventBus({ backend });
    assertEquals(code(assertThrows(() => bus.start())), "CONFIGURATION");
    assertEquals(code(await assertRejects(() => bus.declare())), "CONFIGURATION");
    await bus.publish(Placed({ order: "1" }));
    await bus.stop();
    assertEquals([bus.running, bus.status()], [false, []]);
  });

  it("consumes several queues with the same handlers", async () => {
    const { clock, backend } = setUp();
    const bus = new EventBus({ backend, queues: ["fast", "slow"], clock });
    const seen: string[] = [];
    bus.subscribe(Placed, (event, { queue }) => void seen.push(`${queue} ${event.data.order}`));
    await bus.declare();
    bus.start();
    await bus.publish(Placed({ order: "1" }), { queue: "slow" });
    await bus.publish(Placed({ order: "2" }));
    await clock.advance(500);
    assertEquals(seen.toSorted(), ["fast 2", "slow 1"]);
    assertEquals(bus.status().map(({ queue }) => queue), ["fast", "slow"]);
    await bus.stop();
    assertEquals(clock.pending, 0);
  });

  it("stops all its consumers within the time given, and delivers what was published", async () => {
    const { clock, backend, log: logger } = setUp();
    const bus = new EventBus({ backend, queues: ["a", "b"], clock, logger, lingerMs: 10_000 });
    bus.subscribe(Placed, () => new Promise<void>(() => {}));
    await bus.declare();
    bus.start();
    await backend.send({ queue: "b" }, [
      { body: '{"order":"1"}', attributes: { manifest: "Placed" } },
    ]);
    await clock.advance(100);
    const published = watch(bus.publish(Placed({ order: "2" }), { queue: "a" }));
    const stopped = watch(bus.stop({ drainMs: 1_000 }));
    await clock.advance(799);
    assertEquals(stopped.state, "pending");
    await clock.advance(201);
    assertEquals([stopped.state, published.state], ["done", "done"]);
    assertEquals([await bodies(backend, "a"), await bodies(backend, "b")], [
      ['{"order":"2"}'],
      ['{"order":"1"}'],
    ]);
    assertEquals(clock.pending, 0);
  });

  it("stop() waits no longer than drainMs for what is on its way", async () => {
    const { clock, backend, createBus } = setUp();
    let release = () => {};
    const bus = createBus();
    await bus.declare();
    const send = backend.send.bind(backend);
    backend.send = (...args) =>
      new Promise<void>((resolve) => release = resolve).then(() => send(...args));
    const published = watch(bus.publish(Placed({ order: "1" })));
    const stopped = watch(bus.stop({ drainMs: 1_000 }));
    await clock.advance(999);
    assertEquals(stopped.state, "pending");
    await clock.advance(1);
    assertEquals([stopped.state, published.state, clock.pending], ["done", "pending", 0]);
    release();
    await clock.advance(0);
    assertEquals(published.state, "done");
  });

  it("refuses queues that are no list", () => {
    const { createBus } = setUp();
    assertThrows(() => createBus({ queue: undefined, queues: "ab" } as never), TypeError, "array");
  });

  it("may be started again after a stop", async () => {
    const { clock, createBus } = setUp();
    const bus = createBus();
    let handled = 0;
    bus.subscribe(Placed, () => void handled++);
    await bus.declare();
    for (let round = 1; round <= 2; round++) {
      bus.start();
      bus.start();
      await bus.publish(Placed({ order: "1" }));
      await clock.advance(500);
      await bus.stop();
      assertEquals([handled, clock.pending], [round, 0]);
    }
  });

  it("stops and takes no more events when it is disposed of; the backend stays open", async () => {
    const { clock, backend, createBus } = setUp();
    const bus = createBus();
    bus.subscribe(Placed, () => {});
    await bus.declare();
    bus.start();
    await clock.advance(100);
    await bus[Symbol.asyncDispose]();
    assert(!bus.running);
    const error = await assertRejects(() => bus.publish(Placed({ order: "1" })));
    assertEquals(code(error), "CLOSED");
    assertEquals((await backend.describeQueue("billing")).available, 0);
    assertEquals(clock.pending, 0);
  });

  it("resolves its disposal only when what was published is on its way", async () => {
    const { clock, backend } = setUp();
    await backend.declareQueue("billing");
    let answer = () => {};
    const answered = new Promise<void>((resolve) => answer = resolve);
    const send = backend.send.bind(backend);
    backend.send = async (...args) => {
      await answered;
      return await send(...args);
    };
    const bus = new EventBus({ backend, clock, drainMs: 0 });
    const published = bus.publish(Placed({ order: "1" }), { queue: "billing" });
    let disposed = false;
    const disposing = bus[Symbol.asyncDispose]().then(() => disposed = true);
    await clock.advance(1_000);
    assertEquals(disposed, false);
    answer();
    await disposing;
    await published;
    assertEquals((await backend.describeQueue("billing")).available, 1);
  });
});

describe("EventBus.declare()", () => {
  it("creates queue, dead-letter queue and filtered subscriptions, again and again", async () => {
    const { backend, createBus } = setUp();
    const bus = createBus();
    bus.subscribe(Placed, () => {});
    const options = { deadLetterQueue: "billing-dlq", maxReceives: 3 };
    for (let round = 0; round < 2; round++) {
      const [description] = await bus.declare(options);
      assertEquals(
        [description?.name, description?.deadLetterQueue, description?.maxReceives],
        ["billing", "billing-dlq", 3],
      );
    }
    await bus.publish(Placed({ order: "wanted" }));
    await bus.publish(Paid({ order: "not wanted" }));
    await bus.publish(Shipped({ order: "not wanted" }));
    assertEquals(await bodies(backend, "billing"), ['{"order":"wanted"}']);
  });

  it("filters nothing where somebody takes everything", async () => {
    const { backend, createBus } = setUp();
    const bus = createBus();
    bus.subscribe(Placed, () => {});
    bus.subscribeAll(() => {});
    await bus.declare();
    await bus.publish(Paid({ order: "1" }));
    assertEquals(await bodies(backend, "billing"), ['{"order":"1"}']);
  });

  it("subscribes the first of several queues only, so that no event is handled twice", async () => {
    const { backend } = setUp();
    const bus = new EventBus({ backend, queues: ["a", "b"] });
    bus.subscribe(Placed, () => {});
    const descriptions = await bus.declare({ deadLetterQueue: "dead" });
    assertEquals(descriptions.map(({ name, deadLetterQueue }) => [name, deadLetterQueue]), [
      ["a", "dead"],
      ["b", "dead"],
    ]);
    await bus.publish(Placed({ order: "1" }));
    assertEquals([(await bodies(backend, "a")).length, (await bodies(backend, "b")).length], [
      1,
      0,
    ]);
  });

  it("asks for envelopes where the format is Python's, and reads them", async () => {
    const { clock, createBus } = setUp({ format: "melange" });
    const bus = createBus();
    const seen: string[] = [];
    bus.subscribe(Placed, (event) => void seen.push(event.data.order));
    await bus.declare();
    bus.start();
    await bus.publish(Placed({ order: "by topic" }));
    await bus.publish(Placed({ order: "by queue" }), { queue: "billing" });
    await clock.advance(500);
    assertEquals(seen.toSorted(), ["by queue", "by topic"]);
    await bus.stop();
  });

  it("gives what fails a place to go", async () => {
    const { clock, backend, createBus } = setUp();
    const bus = createBus();
    bus.subscribe(Placed, () => Promise.reject(new DeadLetter("expired")));
    await bus.declare({ deadLetterQueue: "dead" });
    bus.start();
    await bus.publish(Placed({ order: "1" }));
    await clock.advance(500);
    assertEquals(await bodies(backend, "dead"), ['{"order":"1"}']);
    await bus.stop();
  });
});

describe("EventBus.getInstance()", () => {
  it("is the bus that init() made, which cannot be replaced while it runs", async () => {
    assertEquals(code(assertThrows(() => EventBus.getInstance())), "CONFIGURATION");
    const { clock, backend } = setUp();
    await backend.declareQueue("billing");
    const bus = EventBus.init({ backend, queue: "billing", clock });
    assert(EventBus.getInstance() === bus);
    bus.start();
    assertEquals(code(assertThrows(() => EventBus.init({ backend }))), "CONFLICT");
    assert(EventBus.getInstance() === bus);
    await bus.stop();
    const next = EventBus.init({ backend });
    assert(EventBus.getInstance() === next && next !== bus);
  });
});
