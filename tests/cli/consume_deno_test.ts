import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { stub } from "@std/testing/mock";
import { FakeTime } from "@std/testing/time";
import { MemoryBackend } from "../../backends/memory/mod.ts";
import { main } from "../../cli/main.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { until } from "../wait.ts";
import { type FakeIo, fakeIo, moduleAt } from "./fake_io.ts";

async function setUp(...orderIds: string[]): Promise<FakeIo> {
  const io = fakeIo();
  await io.backend.declareQueue("q", { deadLetterQueue: "dead" });
  for (const orderId of orderIds) {
    await main(["publish", "OrderPlaced", JSON.stringify({ orderId }), "--queue", "q"], io);
  }
  return io;
}

const CONSUME = ["consume", "--queue", "q", "--handlers", moduleAt("dispatcher.ts")];

function emptied(io: FakeIo): Promise<unknown> {
  const isEmpty = async () => {
    const { available, inFlight } = await io.backend.describeQueue("q");
    return available + inFlight === 0;
  };
  return until(isEmpty, { what: "an empty queue", saw: () => io.errLines });
}

describe("consume", () => {
  for (const signal of ["SIGTERM", "SIGINT"]) {
    it(`handles what comes until ${signal}, drains, and ends with 0`, async () => {
      const io = await setUp("o-1", "o-2", "o-3");
      const ended = main(CONSUME, io);
      await emptied(io);
      io.signal(signal);
      assertEquals(await ended, 0);
      assertEquals(io.errLines[0], "Consuming q  listensTo=OrderPlaced");
      assertEquals(
        io.errLines.at(-1),
        "Stopped: q: 3 handled, 0 retried, 0 dead-lettered, 0 in flight",
      );
    });
  }

  it("waits at its start for a service that is down, and ends if it never can start", async () => {
    const down = new MelangeError("OUTCOME_UNKNOWN", "Cannot tell the outcome", {
      retryable: true,
    });
    const never = new MelangeError("NOT_FOUND", "Cannot find it");
    for (const [errors, code] of [[[down, down], 0], [[down, never], 1]] as const) {
      const memory = new MemoryBackend();
      await memory.declareQueue("q");
      const left: MelangeError[] = [...errors];
      const describeQueue: typeof memory.describeQueue = async (...given) => {
        const error = left.shift();
        if (error) throw error;
        return await memory.describeQueue(...given);
      };
      const backend = new Proxy(memory, {
        get(target, key) {
          if (key === "describeQueue") return describeQueue;
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      const io = fakeIo({ backend });
      const ended = main(CONSUME, io);
      if (code === 0) {
        await io.seen("Consuming");
        io.signal("SIGTERM");
      }
      assertEquals([await ended, left.length], [code, 0]);
    }
  });

  it("takes a signal that is repeated at once for an echo", async () => {
    const io = await setUp();
    const ended = main(CONSUME, io);
    await io.seen("Consuming");
    io.signal("SIGINT");
    io.signal("SIGINT");
    assertEquals(await ended, 0);
    assertEquals(io.errLines.filter((line) => line.includes("SIGINT")), [
      "SIGINT: draining for at most 10000 ms  running=0",
    ]);
  });

  it("tells programs how it is by fields, from its begin to its end", async () => {
    const io = await setUp("o-1", "bad");
    const ended = main([...CONSUME, "--json", "--drain-ms", "5000"], io);
    await emptied(io);
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
    const lines = io.errLines.map((line) => JSON.parse(line));
    const named = (name: string) => lines.find(({ message }) => message === name) ?? {};
    const { queue, listensTo, takesEverything } = named("Consuming");
    assertEquals([queue, listensTo, takesEverything], ["q", ["OrderPlaced"], false]);
    const { signal, running, drainMs } = named("Draining");
    assertEquals([signal, running, drainMs], ["SIGTERM", 0, 5_000]);
    const { acknowledged, deadLettered, retried, lost, inFlight, level } = named("Stopped");
    assertEquals([acknowledged, deadLettered, retried, lost, inFlight, level], [
      1,
      1,
      0,
      0,
      0,
      "info",
    ]);
  });

  it("logs JSON with --json, the dispatcher's lines too, without a word of the message", async () => {
    const io = await setUp("bad");
    const ended = main([...CONSUME, "--json"], io);
    await emptied(io);
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
    const lines = io.errLines.map((line) => JSON.parse(line));
    const failure = lines.find(({ level }) => level === "warn");
    assertEquals([failure.message, failure.subscriber, failure.queue], [
      ...["A handler gave a message up", "bill", "q"],
    ]);
    assert(lines.every(({ time }) => !Number.isNaN(Date.parse(time))));
    assertEquals((await io.backend.describeQueue("dead")).available, 1);
  });

  it("takes subscriber objects", async () => {
    const io = await setUp();
    await main(["publish", "Ping", '{"at":1}', "--queue", "q"], io);
    const ended = main(["consume", "--queue", "q", "--handlers", moduleAt("subscribers.ts")], io);
    await emptied(io);
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
    assertMatch(io.errLines.at(-1) ?? "", /1 handled/);
  });

  it("answers health checks while it runs, and not afterwards", async () => {
    const io = await setUp();
    const ended = main([...CONSUME, "--health-port", "0"], io);
    await io.seen("Consuming");
    const [url = ""] = /http\S+(?=\/health)/.exec(io.errLines[0] ?? "") ?? [];
    for (const [path, code] of [["/health", 200], ["/ready", 200], ["/", 404]] as const) {
      const response = await fetch(url + path);
      assertEquals(response.status, code);
      const body = await response.json();
      if (code === 200) assertEquals([body.queue, body.health], ["q", "running"]);
    }
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
    const after = await fetch(url).then(() => "answered", () => "refused");
    assertEquals(after, "refused");
  });

  it("tells a health port that is taken", async () => {
    const io = await setUp();
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    assertEquals(await main([...CONSUME, "--health-port", String(taken.addr.port)], io), 1);
    assertMatch(io.errLines[0] ?? "", /CONFIGURATION: .*choose another --health-port/);
    taken.close();
  });

  it("closes the backend and listens to no signal any more, however it ends", async () => {
    const io = await setUp();
    const publishes = io.closed;
    const ended = main(CONSUME, io);
    await io.seen("Consuming");
    assertEquals([io.closed, io.listening], [publishes, 1]);
    io.signal("SIGTERM");
    await ended;
    assertEquals([io.closed, io.listening], [publishes + 1, 0]);
    assertEquals(await main(["consume", "--queue", "no", ...CONSUME.slice(3)], io), 1);
    assertEquals([io.closed, io.listening], [publishes + 2, 0]);
  });

  it("hands region, endpoint and its own logger to the backend", async () => {
    const io = fakeIo();
    const aws = ["--region", "eu-west-1", "--endpoint", "http://127.0.0.1:1"];
    assertEquals(await main([...CONSUME, ...aws, "--account-id", "123456789012"], io), 1);
    assertEquals(await main(CONSUME, io), 1);
    const [first, second] = io.created;
    const { region, endpoint, accountId } = first ?? {};
    assertEquals([region, endpoint, accountId], [
      ...["eu-west-1", "http://127.0.0.1:1", "123456789012"],
    ]);
    first?.logger?.warn?.("from the backend");
    assertEquals(io.errLines.at(-1)?.slice(25), "warn  from the backend");
    assertEquals(Object.keys(second ?? {}), ["logger"]);
  });

  it("holds as many messages as it is told to, for as long as it is told to", async () => {
    const io = await setUp("slow-1", "slow-2", "slow-3");
    const receives: unknown[] = [];
    const { receive } = io.backend;
    io.backend.receive = (queue, options) => {
      receives.push([options.max, options.waitMs, options.visibilityMs]);
      return receive.call(io.backend, queue, options);
    };
    const settings = ["--concurrency", "2", "--visibility-timeout-ms", "7000", "--wait-ms", "1500"];
    const ended = main([...CONSUME, ...settings], io);
    await emptied(io);
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
    assertEquals(receives[0], [2, 1_500, 7_000]);
  });

  it("listens where it is told to", async () => {
    const io = await setUp();
    const ended = main([...CONSUME, "--health-port", "0", "--health-host", "::1"], io);
    await io.seen("Consuming");
    assertMatch(io.errLines[0] ?? "", /answered at http:\/\/\[::1\]:\d+\/health$/);
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
  });

  it("listens on this machine only, unless it is told otherwise", async () => {
    const io = await setUp();
    const ended = main([...CONSUME, "--health-port", "0"], io);
    await io.seen("Consuming");
    assertMatch(io.errLines[0] ?? "", /answered at http:\/\/127\.0\.0\.1:\d+\/health$/);
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
  });

  it("says that it listens to everything", async () => {
    const io = await setUp();
    const handlers = ["--handlers", moduleAt("types_only.ts")];
    const ended = main(["consume", "--queue", "q", ...handlers], io);
    await io.seen("Consuming");
    assertEquals(io.errLines[0], "Consuming q  listensTo=everything");
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
  });

  it("sends what a handler publishes before it ends", async () => {
    const io = await setUp();
    await main(["publish", "Relay", "1", "--queue", "q"], io);
    const ended = main(["consume", "--queue", "q", "--handlers", moduleAt("relay.ts")], io);
    await emptied(io);
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
    assertEquals((await io.backend.describeQueue("dead")).available, 1);
  });
});

describe("consume, in time", () => {
  /** Lets what waits for promises go on, without a timer. */
  async function turns(): Promise<void> {
    for (let turn = 0; turn < 200; turn++) await Promise.resolve();
  }

  /** Begins to handle a message that never ends, and keeps the time of both clocks. */
  async function stuck(...args: string[]) {
    const io = await setUp();
    await main(["publish", "Stuck", "1", "--queue", "q"], io);
    const time = new FakeTime();
    const handlers = ["--handlers", moduleAt("stuck.ts")];
    const ended = main(["consume", "--queue", "q", ...handlers, ...args], io);
    await io.seen("Consuming");
    await turns();
    const origin = performance.now() - Date.now();
    const now = stub(performance, "now", () => origin + Date.now());
    io.errLines.length = 0;
    const pass = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 100) {
        time.tick(100);
        await turns();
      }
    };
    const restore = () => {
      now.restore();
      time.restore();
    };
    return { io, time, ended, pass, [Symbol.dispose]: restore };
  }

  it("hears a second signal at once, and no echo of the first", async () => {
    using worker = await stuck();
    const { io, time, ended, pass } = worker;
    io.signal("SIGINT");
    time.tick(100);
    io.signal("SIGINT");
    assertEquals(io.errLines, ["SIGINT: draining for at most 10000 ms  running=1"]);
    time.tick(101);
    io.signal("SIGINT");
    const second = "warn: SIGINT again: giving back what is unfinished  running=1";
    assertEquals(io.errLines.slice(1), [second]);
    io.signal("SIGTERM");
    await turns();
    assertEquals((await io.backend.describeQueue("q")).inFlight, 1);
    await pass(1_000);
    assertEquals(await ended, 0);
    assertEquals((await io.backend.describeQueue("q")).available, 1);
    const stopped = "Stopped: q: 0 handled, 1 retried, 0 dead-lettered, 0 in flight";
    assertEquals(io.errLines.slice(2), [stopped]);
  });

  it("takes another signal for a second one, however soon it comes", async () => {
    using worker = await stuck();
    const { io, ended, pass } = worker;
    io.signal("SIGTERM");
    io.signal("SIGINT");
    assertMatch(io.errLines[1] ?? "", /^warn: SIGINT again: giving back/);
    await pass(1_000);
    assertEquals(await ended, 0);
  });

  it("says while it drains what it waits for, and for how long", async () => {
    using worker = await stuck();
    const { io, ended, pass } = worker;
    io.signal("SIGTERM");
    await pass(3_900);
    assertEquals(io.errLines.slice(1), ["Waiting for 1 message, at most 8 s more"]);
    await pass(200);
    assertEquals(io.errLines.slice(2), ["Waiting for 1 message, at most 6 s more"]);
    await pass(6_000);
    assertEquals(await ended, 0);
  });

  it("says so to programs as well", async () => {
    using worker = await stuck("--json");
    const { io, ended, pass } = worker;
    io.signal("SIGTERM");
    await pass(2_000);
    const { time: _, ...waiting } = JSON.parse(io.errLines[1] ?? "");
    assertEquals(waiting, {
      ...{ level: "info", message: "Waiting" },
      ...{ for: "handlers", running: 1, inFlight: 1, leftMs: 8_000 },
    });
    io.signal("SIGINT");
    const { time: __, ...hurry } = JSON.parse(io.errLines[2] ?? "");
    assertEquals(hurry, {
      ...{ level: "warn", message: "Giving back what is unfinished" },
      ...{ signal: "SIGINT", running: 1, inFlight: 1 },
    });
    await pass(1_000);
    assertEquals(await ended, 0);
    const levels = io.errLines.slice(3).map((line) => JSON.parse(line).level);
    assertEquals(levels.includes("warn"), false);
  });

  it("tells how it goes every five seconds on a terminal, if anything has changed", async () => {
    const prepared = await setUp();
    const io = fakeIo({ backend: prepared.backend, terminal: true });
    using time = new FakeTime();
    const ended = main(CONSUME, io);
    await io.seen("Consuming");
    time.tick(4_999);
    assertEquals(io.errLines.length, 1);
    time.tick(1);
    const none = "q: 0 handled, 0 retried, 0 dead-lettered, 0 in flight";
    assertEquals(io.errLines.slice(1), [none]);
    time.tick(20_000);
    assertEquals(io.errLines.slice(1), [none]);
    const published = main(["publish", "OrderPlaced", '{"orderId":"o-1"}', "--queue", "q"], io);
    for (let ms = 0; ms < 5_000; ms += 100) {
      await turns();
      time.tick(100);
    }
    assertEquals(await published, 0);
    assertEquals(io.errLines.slice(2), ["q: 1 handled, 0 retried, 0 dead-lettered, 0 in flight"]);
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
  });

  it("tells how it goes as often as it is told to, changed or not", async () => {
    const io = await setUp();
    using time = new FakeTime();
    const ended = main([...CONSUME, "--report-ms", "1000", "--json"], io);
    await io.seen("Consuming");
    time.tick(2_500);
    const reports = io.errLines.slice(1).map((line) => JSON.parse(line));
    assertEquals(reports.map(({ message, health }) => [message, health]), [
      ["Status", "running"],
      ["Status", "running"],
    ]);
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
  });

  it("tells nothing on a terminal if it is told not to", async () => {
    const prepared = await setUp();
    const io = fakeIo({ backend: prepared.backend, terminal: true });
    using time = new FakeTime();
    const ended = main([...CONSUME, "--report-ms", "0"], io);
    await io.seen("Consuming");
    time.tick(60_000);
    assertEquals(io.errLines.length, 1);
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
  });

  it("tells nothing by itself where nobody looks", async () => {
    const io = await setUp();
    using time = new FakeTime();
    const ended = main(CONSUME, io);
    await io.seen("Consuming");
    time.tick(60_000);
    assertEquals(io.errLines.length, 1);
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
  });
});
