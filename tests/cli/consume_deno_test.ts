import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBackend } from "../../backends/memory/mod.ts";
import { main } from "../../cli/mod.ts";
import { MelangeError } from "../../src/errors.ts";
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

async function emptied(io: FakeIo): Promise<void> {
  for (;;) {
    const { available, inFlight } = await io.backend.describeQueue("q");
    if (available + inFlight === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
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
      "SIGINT: draining  running=0",
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
});
