import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { testBackend, type TestBackendOptions } from "../../../backends/conformance/mod.ts";
import { checks } from "../../../backends/conformance/suite.ts";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { runSuite } from "./run_suite.ts";
import { createVirtualClock } from "./virtual_clock.ts";

const { guarantees } = new MemoryBackend();

function createMemory() {
  const clock = createVirtualClock();
  const backend = new MemoryBackend({ clock });
  return { backend, pass: clock.pass, close: () => backend.close() };
}

/** Registers the suite and keeps the tests by the names of their checks. */
function registered(options: Partial<TestBackendOptions> = {}) {
  const tests = new Map<string, () => Promise<void>>();
  const report = testBackend({
    name: "Memory",
    guarantees,
    test: (name, fn) => void tests.set(name, fn),
    create: createMemory,
    ...options,
  });
  return { tests, report };
}

describe("testBackend()", () => {
  for (const route of ["queue", "topic"] as const) {
    for (const rawDelivery of route === "topic" ? [true, false] : [true]) {
      it(`passes a good backend by ${route}, rawDelivery ${rawDelivery}`, async () => {
        const options = { guarantees, route, rawDelivery, patienceMs: Infinity };
        const failures = await runSuite({ ...options, create: createMemory });
        assertEquals([...failures], []);
      });
    }
  }

  it("passes a backend that promises nothing and has no deadLetter()", async () => {
    const nothing = Object.fromEntries(
      Object.keys(guarantees).map((name) => [name, name === "redelivers"]),
    ) as unknown as typeof guarantees;
    const check = "deadLetter() is UNSUPPORTED where there are no dead-letter queues";
    const create = () => {
      const made = createMemory();
      const backend = new Proxy(made.backend, {
        get(target, key) {
          if (key === "deadLetter") return undefined;
          const member: unknown = Reflect.get(target, key, target);
          return typeof member === "function" ? member.bind(target) : member;
        },
      });
      return { ...made, backend };
    };
    const ran: string[] = [];
    const failures = await runSuite(
      { guarantees: nothing, create },
      (name) => name === check && ran.push(name) > 0,
    );
    assertEquals([ran, [...failures]], [[check], []]);
  });

  it("waits for a broker that moves to the dead-letter queue at a later receive", async () => {
    const create = () => {
      const { backend, pass, close } = createMemory();
      let receives = 0;
      const { receive } = backend;
      backend.receive = async (queue, options) => {
        const isDead = queue.includes("-dead");
        if (!isDead) receives += 1;
        return isDead && receives < 8 ? [] : await receive.call(backend, queue, options);
      };
      return { backend, pass, close };
    };
    const failures = await runSuite({ guarantees, create }, (name) => name.includes("maxReceives"));
    assertEquals([...failures], []);
  });

  it("demands of filters only what AWS documents: no bare numbers", async () => {
    const create = () => {
      const { backend, pass, close } = createMemory();
      const { declareQueue } = backend;
      backend.declareQueue = (name, options = {}) => {
        const filters = JSON.stringify(options.subscribeTo ?? []);
        const isBare = /[[,]\d+[\],]/.test(filters.replace(/"numeric":\[[^\]]*\]/g, ""));
        if (isBare) throw new Error(`a bare number in ${filters}`);
        return declareQueue.call(backend, name, options);
      };
      return { backend, pass, close };
    };
    const failures = await runSuite({ guarantees, create }, (name) => name.includes("filter"));
    assertEquals([...failures], []);
  });

  it("registers each check once, under the name of the backend", () => {
    const { tests, report } = registered({ patienceMs: Infinity });
    assertEquals([...tests.keys()], report.run.map((name) => `Memory: ${name}`));
    assertEquals(new Set(report.run).size, report.run.length);
    assertEquals(report.run.length + Object.keys(report.skipped).length, checks.length);
  });

  it("makes a new backend for each check and closes it, also if the check fails", async () => {
    let [created, closed] = [0, 0];
    const { tests } = registered({
      create: () => {
        created++;
        const { backend, pass } = createMemory();
        backend.describeQueue = () => Promise.reject(new Error("broken"));
        const close = () => Promise.resolve(void closed++);
        return { backend, pass, close };
      },
    });
    const test = tests.get("Memory: declareQueue() describes the queue");
    await assertRejects(test!, Error, "broken");
    assertEquals([created, closed], [1, 1]);
    await tests.get("Memory: send() carries text attributes")!();
    assertEquals([created, closed], [2, 2]);
  });

  it("deletes the queues and topics that a check made", async () => {
    const backends: MemoryBackend[] = [];
    const { tests } = registered({
      route: "topic",
      create: () => {
        const { backend, pass } = createMemory();
        backends.push(backend);
        return { backend, pass, close: () => Promise.resolve() };
      },
    });
    const declared: string[] = [];
    const { declareQueue } = MemoryBackend.prototype;
    MemoryBackend.prototype.declareQueue = function (name, options) {
      declared.push(name);
      return declareQueue.call(this, name, options);
    };
    try {
      await tests.get("Memory: send() carries text attributes")!();
    } finally {
      MemoryBackend.prototype.declareQueue = declareQueue;
    }
    assertEquals(declared.length, 1);
    await assertRejects(() => backends[0]!.describeQueue(declared[0]!), MelangeError);
  });

  it("leaves out and reports what is excepted", () => {
    const listed: string[][] = [];
    const name = "receive() without a wait looks once";
    const { tests, report } = registered({
      except: { [name]: "the emulator waits" },
      skip: (...args) => void listed.push(args),
      patienceMs: Infinity,
    });
    assert(!tests.has(`Memory: ${name}`));
    assertEquals(report.skipped[name], "the emulator waits");
    const reason = listed.find(([skipped]) => skipped === `Memory: ${name}`);
    assertEquals(reason, [`Memory: ${name}`, "the emulator waits"]);
  });

  it("refuses to except a check that does not exist", () => {
    assertThrows(
      () => registered({ except: { "receive() flies": "no wings" } }),
      TypeError,
      'Cannot except a check as none has this name: current value is "receive() flies"',
    );
  });

  it("runs what a guarantee switches on and what it switches off", () => {
    const delayed = "send() hides a message for its delay";
    const refused = "send() refuses a delay where there are none";
    const { report: on } = registered();
    assert(on.run.includes(delayed));
    assertEquals(on.skipped[refused], "guaranteed: delays");
    const { report: off } = registered({ guarantees: { ...guarantees, delays: false } });
    assert(off.run.includes(refused));
    assertEquals(off.skipped[delayed], "not guaranteed: delays");
  });

  it("leaves out what takes longer than patienceMs", () => {
    const name = "send() takes a deduplication id again after five minutes";
    const { report } = registered();
    assertEquals(report.skipped[name], "takes 301000 ms, which is above patienceMs");
    assert(registered({ patienceMs: 301_000 }).report.run.includes(name));
  });

  it("names the code of a call that must not fail", async () => {
    const { tests } = registered({
      create: () => {
        const made = createMemory();
        made.backend.send = () => Promise.reject(new MelangeError("REFUSED", "no"));
        return made;
      },
    });
    const test = tests.get("Memory: send() carries text attributes");
    const error = await assertRejects(test!, Error, "No call must fail in this check: got REFUSED");
    assert((error as Error).cause instanceof MelangeError);
  });
});
