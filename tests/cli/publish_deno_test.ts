import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { main } from "../../cli/mod.ts";
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
});
