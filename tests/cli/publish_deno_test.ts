import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import { main } from "../../cli/main.ts";
import { fakeIo, moduleAt } from "./fake_io.ts";

const ORDERS = moduleAt("dispatcher.ts");

async function setUp(options: { stdin?: string; queue?: string } = {}) {
  const { queue = "q", ...rest } = options;
  const io = fakeIo(rest);
  await io.backend.declareQueue(queue, { subscribeTo: [queue.replace("q", "orders")] });
  const received = async () => {
    const deliveries = await io.backend.receive(queue, { max: 10, waitMs: 0, visibilityMs: 1_000 });
    return deliveries.map(({ message }) => message);
  };
  return { io, received };
}

describe("publish", () => {
  it("publishes the argument to a topic, with attributes", async () => {
    const { io, received } = await setUp();
    const args = ["--topic", "orders", "--attribute", "tenant=a=b", "--attribute", "x=1"];
    assertEquals(await main(["publish", "OrderPlaced", '{"orderId":"o-1"}', ...args], io), 0);
    assertMatch(io.outLines[0] ?? "", /^published [0-9a-f-]{36} as message \S+$/);
    const [message] = await received();
    assertEquals(message?.body, '{"orderId":"o-1"}');
    const { manifest, tenant, x } = message?.attributes ?? {};
    assertEquals([manifest, tenant, x], ["OrderPlaced", "a=b", "1"]);
  });

  it("uses topic, group and schema of a handlers module", async () => {
    const { io, received } = await setUp({ queue: "q.fifo" });
    const args = ["--handlers", ORDERS, "--topic", "orders.fifo"];
    assertEquals(await main(["publish", "OrderPlaced", '{"orderId":"o-1"}', ...args], io), 0);
    assertEquals((await received())[0]?.group, "o-1");
  });

  it("sends a whole file, one result each, and 1 when one is refused", async () => {
    const stdin = '{"orderId":"o-1"}\n\n{"orderId":2}\n{"orderId":"o-3"}\n';
    const { io, received } = await setUp({ stdin });
    assertEquals(await main(["publish", "OrderPlaced", "--handlers", ORDERS, "--json"], io), 1);
    const results = io.outLines.map((line) => JSON.parse(line));
    assertEquals(results.map(({ ok }) => ok), [true, false, true]);
    assertEquals(results[1].error.code, "INVALID_EVENT");
    assert(results.every(({ eventId }) => eventId.length === 36));
    assertEquals((await received()).length, 2);
  });

  it("sends nothing when one line of many is not JSON", async () => {
    const { io, received } = await setUp({ stdin: '{"orderId":"o-1"}\n{secret}\n' });
    assertEquals(await main(["publish", "OrderPlaced", "--topic", "orders"], io), 2);
    assertStringIncludes(io.errLines[0] ?? "", "line 2 of standard input is not JSON");
    assertEquals((await received()).length, 0);
  });

  it("reads a file", async () => {
    const { io, received } = await setUp();
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, "1\n2\n");
    assertEquals(await main(["publish", "N", "--queue", "q", "--file", file], io), 0);
    assertEquals((await received()).map(({ body }) => body), ["1", "2"]);
    assertEquals(io.errLines, ["2 published, 0 failed"]);
    await Deno.remove(file);
  });

  it("says which rule a FIFO queue without a group breaks", async () => {
    const { io } = await setUp({ queue: "q.fifo" });
    assertEquals(await main(["publish", "N", "1", "--queue", "q.fifo"], io), 1);
    assertMatch(io.outLines[0] ?? "", /INVALID_MESSAGE: .*needs a message group/);
    assertEquals(await main(["publish", "N", "1", "--queue", "q.fifo", "--group", "g"], io), 0);
  });

  it("sends a deduplication id with a single event, or none", async () => {
    const { io, received } = await setUp({ queue: "q.fifo" });
    const run = (...args: string[]) =>
      main(["publish", "N", "1", "--queue", "q.fifo", "--group", "g", ...args], io);
    assertEquals([await run("--deduplication-id", "d"), await run("--deduplication-id", "d")], [
      0,
      0,
    ]);
    assertEquals((await received()).map(({ deduplicationId }) => deduplicationId), ["d"]);
    assertEquals(await run("--no-deduplication-id"), 1);
    assertMatch(io.outLines.at(-1) ?? "", /INVALID_MESSAGE: .*contentBasedDeduplication is off/);
    await io.backend.declareQueue("q.fifo", { contentBasedDeduplication: true });
    assertEquals([await run("--no-deduplication-id"), await run("--no-deduplication-id")], [0, 0]);
    assertEquals((await io.backend.describeQueue("q.fifo")).available, 1);
  });

  it("refuses one deduplication id for many events, and both at once", async () => {
    const { io } = await setUp({ stdin: "1\n2\n" });
    const args = ["publish", "N", "--queue", "q", "--deduplication-id", "d"];
    assertEquals(await main(args, io), 2);
    assertStringIncludes(io.errLines[0] ?? "", "many events with one --deduplication-id");
    assertEquals(await main([...args, "--no-deduplication-id"], io), 2);
  });

  it("tells a missing queue", async () => {
    const { io } = await setUp();
    assertEquals(await main(["publish", "N", "1", "--queue", "nope"], io), 1);
    assertMatch(io.outLines[0] ?? "", /NOT_FOUND: .*"nope"/);
  });

  it("prints JSON for what was stored and what was not", async () => {
    const { io } = await setUp();
    await main(["publish", "N", "1", "--queue", "q", "--json"], io);
    await main(["publish", "N", "1", "--queue", "nope", "--json"], io);
    const [stored, failed] = io.outLines.map((line) => JSON.parse(line));
    assertEquals([stored.ok, typeof stored.messageId, typeof stored.eventId], [
      ...[true, "string", "string"],
    ]);
    assertEquals(Object.keys(failed).sort(), ["error", "eventId", "ok"]);
    assertEquals([failed.ok, failed.error.code], [false, "NOT_FOUND"]);
    assertStringIncludes(failed.error.message, '"nope"');
    assertEquals(io.errLines, []);
  });

  it("sends group and de-duplication id as they are given", async () => {
    const { io, received } = await setUp({ queue: "q.fifo" });
    const ids = ["--group", "g", "--deduplication-id", "d"];
    assertEquals(await main(["publish", "N", "1", "--queue", "q.fifo", ...ids], io), 0);
    const [message] = await received();
    assertEquals([message?.group, message?.deduplicationId], ["g", "d"]);
  });

  it("refuses to send many events under one de-duplication id", async () => {
    const { io, received } = await setUp({ queue: "q.fifo", stdin: "1\n2\n" });
    const ids = ["--group", "g", "--deduplication-id", "d"];
    assertEquals(await main(["publish", "N", "--queue", "q.fifo", ...ids], io), 2);
    assertStringIncludes(io.errLines[0] ?? "", "many events with one --deduplication-id");
    assertEquals((await received()).length, 0);
  });

  it("delays what is sent to a queue", async () => {
    const { io } = await setUp();
    await main(["publish", "N", "1", "--queue", "q", "--delay-ms", "60000"], io);
    const { available, delayed } = await io.backend.describeQueue("q");
    assertEquals([available, delayed], [0, 1]);
  });

  for (const [format, written] of [["plain", false], ["melange", true], ["cloudevents", true]]) {
    it(`writes ${format}`, async () => {
      const { io, received } = await setUp();
      await main(["publish", "N", '{"a":1}', "--queue", "q", "--format", String(format)], io);
      const [message] = await received();
      assertEquals(message?.body !== '{"a":1}', written);
    });
  }

  it("uses the topic of an event type, unless another is named", async () => {
    const { io, received } = await setUp();
    await io.backend.declareTopic("other");
    const event = ["publish", "OrderPlaced", '{"orderId":"o-1"}', "--handlers", ORDERS];
    assertEquals(await main(event, io), 0);
    assertEquals(await main([...event, "--topic", "other"], io), 0);
    assertEquals((await received()).length, 1);
  });

  it("finds event types that a module exports, and names them where it lacks one", async () => {
    const { io } = await setUp();
    await io.backend.declareTopic("unheard");
    const handlers = ["--handlers", moduleAt("types_only.ts")];
    assertEquals(await main(["publish", "Unheard", '{"at":1}', ...handlers], io), 0);
    assertEquals(await main(["publish", "Heard", '{"at":1}', ...handlers], io), 2);
    assertStringIncludes(io.errLines[0] ?? "", "it has Unheard");
  });

  it("says so where a module has no event types", async () => {
    const { io } = await setUp();
    const handlers = ["--handlers", moduleAt("everything.ts")];
    assertEquals(await main(["publish", "Heard", '{"at":1}', ...handlers], io), 2);
    assertStringIncludes(io.errLines[0] ?? "", "it has none");
  });

  it("publishes a thousand at a time, and tells how far it is", async () => {
    const stdin = Array.from({ length: 2_001 }, (_, index) => `${index}\n`).join("");
    const { io } = await setUp({ stdin });
    assertEquals(await main(["publish", "N", "--queue", "q"], io), 0);
    assertEquals(io.outLines.length, 2_001);
    assertEquals(new Set(io.outLines).size, 2_001);
    assertEquals(io.progressLines, [
      "1000 of 2001 published, 0 failed",
      "2000 of 2001 published, 0 failed",
      "2001 of 2001 published, 0 failed",
    ]);
    assertEquals(io.errLines, ["2001 published, 0 failed"]);
  });

  it("adds up what failed, where people read it", async () => {
    const stdin = '{"orderId":"o-1"}\n{"orderId":2}\n{"orderId":3}\n';
    const { io } = await setUp({ stdin });
    assertEquals(await main(["publish", "OrderPlaced", "--handlers", ORDERS], io), 1);
    assertEquals(io.errLines, ["1 published, 2 failed"]);
    assertEquals(io.progressLines, ["3 of 3 published, 2 failed"]);
    assertMatch(io.outLines[1] ?? "", /^failed [0-9a-f-]{36}: INVALID_EVENT: /);
  });

  it("adds up nothing where there is one event, or a program reads it", async () => {
    const { io } = await setUp({ stdin: "1\n2\n" });
    await main(["publish", "N", "1", "--queue", "q"], io);
    await main(["publish", "N", "--queue", "q", "--json"], io);
    assertEquals(io.errLines, []);
  });

  it("names the line of a file that is not JSON, counting the empty ones", async () => {
    const { io } = await setUp();
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, "1\n\n  \n{secret}\n");
    assertEquals(await main(["publish", "N", "--queue", "q", "--file", file], io), 2);
    assertStringIncludes(io.errLines[0] ?? "", `line 4 of ${file} is not JSON`);
    await Deno.remove(file);
  });

  it("asks for no topic to be created, and closes the backend, also after an error", async () => {
    const { io } = await setUp({ stdin: "1\n2\n" });
    const aws = ["--region", "eu-west-1", "--endpoint", "http://127.0.0.1:1"];
    await main(["publish", "N", "1", "--queue", "q", ...aws], io);
    assertEquals(io.created, [
      { region: "eu-west-1", endpoint: "http://127.0.0.1:1", createTopics: false },
    ]);
    io.out = () => {
      throw new Error("nobody reads");
    };
    assertEquals(await main(["publish", "N", "1", "--queue", "q"], io), 1);
    assertEquals([io.created.length, io.closed], [2, 2]);
  });

  it("needs a name before the equals sign of an attribute", async () => {
    const { io } = await setUp();
    for (const [attribute, code] of [["=x", 2], ["a", 2], ["a=", 1]] as const) {
      const args = ["--queue", "q", "--attribute", attribute];
      assertEquals(await main(["publish", "N", "1", ...args], io), code, attribute);
    }
  });

  it("says so where the input holds nothing, to people and programs", async () => {
    const { io } = await setUp({ stdin: "\n \n" });
    assertEquals(await main(["publish", "N", "--queue", "q"], io), 0);
    assertEquals(io.errLines, ["0 published, 0 failed: the input holds no line with data"]);
    assertEquals(await main(["publish", "N", "--queue", "q", "--json"], io), 0);
    const { time: _, ...line } = JSON.parse(io.errLines[1] ?? "");
    assertEquals(line, { level: "info", message: "Published", published: 0, failed: 0 });
    assertEquals(io.outLines, []);
  });

  it("says what it waits for where standard input does not end", async () => {
    const { io } = await setUp();
    using time = new FakeTime();
    let end = (_: string) => {};
    io.stdin = () => new Promise((resolve) => end = resolve);
    const done = main(["publish", "N", "--queue", "q"], io);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    time.tick(1_999);
    assertEquals(io.errLines, []);
    time.tick(1);
    assertMatch(io.errLines[0] ?? "", /^Reading standard input until it ends/);
    end("1\n");
    assertEquals(await done, 0);
    assertEquals(io.outLines.length, 1);
  });
});
