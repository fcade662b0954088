import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import {
  defineEvent,
  Dispatcher,
  MessageConsumer,
  MessagePublisher,
  type Telemetry,
  typed,
} from "../../../mod.ts";
import { observed, type Watch, watched, within } from "../../../src/support/telemetry.ts";

const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });

function fault(): never {
  throw new Error("a fault of the telemetry");
}

const faultyWatch = { carry: fault, run: fault, ended: fault, failed: fault };

const FAULTY: Record<string, Telemetry> = {
  "throws in each member": {
    publish: fault,
    send: fault,
    process: fault,
    settle: fault,
    consumer: fault,
  },
  "throws in each member of a watch": {
    publish: () => faultyWatch,
    send: () => faultyWatch,
    process: () => faultyWatch,
    settle: () => faultyWatch,
  },
  "rejects": {
    publish: () => Promise.reject(new Error("late")) as never,
    send: () => Promise.reject(new Error("late")) as never,
    process: () => ({ run: () => Promise.reject(new Error("late")) as never }),
    settle: () => ({ ended: () => Promise.reject(new Error("late")) as never }),
    consumer: () => Promise.reject(new Error("late")) as never,
  },
  "never settles, and calls nothing": {
    publish: () => new Promise(() => {}) as never,
    send: () => new Promise(() => {}) as never,
    process: () => ({ run: () => new Promise(() => {}) as never }),
    settle: () => new Promise(() => {}) as never,
  },
  "calls the handlers twice": {
    process: () => ({
      run(act) {
        act();
        act();
      },
    }),
  },
  "has no member": {},
};

describe("a telemetry", () => {
  for (const [name, telemetry] of Object.entries(FAULTY)) {
    it(`that ${name} harms nothing`, async () => {
      const backend = new MemoryBackend();
      await backend.declareQueue("pings");
      const publisher = new MessagePublisher({ backend, telemetry });
      await publisher.publish(Ping({ at: 1 }), { queue: "pings" });
      const dispatcher = new Dispatcher({
        logger: { debug() {}, info() {}, warn() {}, error() {} },
      });
      const seen: number[] = [];
      dispatcher.subscribe(Ping, (event, { attempt }) => {
        seen.push(event.data.at);
        if (attempt === 1) throw new Error("again");
      });
      const redelivery = { baseMs: 0, maxMs: 0 };
      const consumer = new MessageConsumer({
        backend,
        queue: "pings",
        dispatcher,
        telemetry,
        redelivery,
      });
      for (let tries = 0; tries < 3; tries += 1) await consumer.consumeEvent({ waitMs: 0 });
      const { received, retried, acknowledged } = consumer.status();
      assertEquals({ seen, received, retried, acknowledged }, {
        seen: [1, 1],
        received: 2,
        retried: 1,
        acknowledged: 1,
      });
      await backend.close();
    });
  }

  it("is told of each publish and each request, and how they end", async () => {
    const backend = new MemoryBackend();
    await backend.declareQueue("pings");
    const told: string[] = [];
    const publisher = new MessagePublisher({
      backend,
      telemetry: {
        publish: ({ type }, { queue }) => ({
          ended: ({ ok }) => void told.push(`${type} to ${queue}: ${ok}`),
          failed: () => void told.push(`${type} to ${queue} failed`),
        }),
        send: (_, messages) => ({
          ended: ({ length }) => void told.push(`${messages.length} ${length}`),
        }),
      },
    });
    await publisher.publishAll([1, 2].map((at) => Ping({ at })), { queue: "pings" });
    await publisher.publish(Ping({ at: 3 }), { queue: "no such queue" }).catch(() => {});
    await Promise.resolve();
    assertEquals(told.toSorted(), [
      "2 2",
      "Ping to no such queue: false",
      "Ping to pings: true",
      "Ping to pings: true",
    ]);
    await backend.close();
  });
});

describe("within()", () => {
  it("calls the function once, and gives what it returned or threw", () => {
    let calls = 0;
    const act = () => (calls += 1);
    assertEquals(within({ run: (it) => void it() }, act), 1);
    assertEquals(within({ run: () => {} }, act), 2);
    assertEquals(within({ run: fault }, act), 3);
    assertEquals(within(undefined, act), 4);
    const failing = () => {
      calls += 1;
      throw new TypeError("of the function");
    };
    assertThrows(() => within({ run: (it) => void it() }, failing), TypeError, "of the function");
    assertEquals(calls, 5);
  });
});

describe("watched()", () => {
  it("tells the end or the failure of a step", async () => {
    const told: unknown[] = [];
    const watch: Watch<number> = {
      ended: (it) => void told.push(it),
      failed: (error) => void told.push(error),
    };
    watched(watch, Promise.resolve(1));
    watched(watch, Promise.reject("why")).catch(() => {});
    watched(undefined, Promise.resolve(2));
    await Promise.resolve();
    assertEquals(told, [1, "why"]);
  });
});

describe("observed()", () => {
  it("drops a fault", () => {
    assertEquals(observed(fault), undefined);
    assertEquals(observed(() => 1), 1);
  });
});
