import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { main } from "../../cli/main.ts";
import { fakeIo, moduleAt } from "./fake_io.ts";

describe("declare", () => {
  it("creates what is named, and says what exists", async () => {
    const io = fakeIo();
    const code = await main([
      ...["declare", "--queue", "billing", "--subscribe", "orders", "--subscribe", "refunds"],
      ...["--dead-letter", "billing-dlq", "--max-receives", "3"],
    ], io);
    assertEquals(code, 0);
    assertEquals(io.outLines, [
      "queue billing exists (billing)",
      "  subscribed to orders",
      "  subscribed to refunds",
      "  dead-letter queue billing-dlq after 3 receives",
      "  0 available, 0 in flight, 0 delayed",
    ]);
    const { deadLetterQueue, maxReceives } = await io.backend.describeQueue("billing");
    assertEquals([deadLetterQueue, maxReceives], ["billing-dlq", 3]);
  });

  it("derives the subscriptions from handlers", async () => {
    const io = fakeIo();
    await main(["declare", "--queue", "q", "--handlers", moduleAt("dispatcher.ts")], io);
    await main(["publish", "OrderPlaced", '{"orderId":"o-1"}', "--topic", "orders"], io);
    await main(["publish", "Other", "{}", "--topic", "orders"], io);
    assertEquals(io.outLines[1], "  subscribed to orders: OrderPlaced");
    assertEquals((await io.backend.describeQueue("q")).available, 1);
  });

  it("subscribes to everything of a topic that is named beside handlers", async () => {
    const io = fakeIo();
    const handlers = ["--handlers", moduleAt("dispatcher.ts")];
    await main(["declare", "--queue", "q", "--subscribe", "orders", ...handlers], io);
    await main(["publish", "Other", "{}", "--topic", "orders"], io);
    assertEquals((await io.backend.describeQueue("q")).available, 1);
  });

  it("subscribes in the envelope of SNS, as Python's Melange reads it", async () => {
    const io = fakeIo();
    const handlers = ["--handlers", moduleAt("dispatcher.ts"), "--envelope"];
    await main(["declare", "--queue", "q", "--subscribe", "refunds", ...handlers], io);
    assertEquals(io.outLines.slice(1, 3), [
      "  subscribed to refunds, in the envelope of SNS",
      "  subscribed to orders, in the envelope of SNS: OrderPlaced",
    ]);
    await main(["publish", "OrderPlaced", '{"orderId":"o-1"}', "--topic", "orders"], io);
    const options = { max: 1, waitMs: 0, visibilityMs: 1_000 };
    const [delivery] = await io.backend.receive("q", options);
    const { Type, Message } = JSON.parse(delivery?.message.body ?? "{}");
    assertEquals([Type, Message], ["Notification", '{"orderId":"o-1"}']);
  });

  it("says which topic nobody is subscribed to by it", async () => {
    const io = fakeIo();
    const topics = ["--topic", "orders", "--topic", "audit"];
    await main(["declare", "--queue", "q", "--subscribe", "orders", ...topics], io);
    assertEquals(io.outLines.slice(0, 3), [
      "topic orders exists (orders)",
      "topic audit exists (audit)",
      "  no queue is subscribed to it by this: a topic keeps nothing for nobody",
    ]);
  });

  it("prints JSON with --json", async () => {
    const io = fakeIo();
    const args = ["--queue", "q", "--subscribe", "t", "--visibility-timeout-ms", "5000"];
    await main(["declare", ...args, "--topic", "t", "--json"], io);
    const [topic, queue] = io.outLines.map((line) => JSON.parse(line));
    assertEquals(topic, { topic: "t", address: "t", subscribed: true });
    assertEquals([queue.queue, queue.visibilityTimeoutMs, queue.subscribeTo], [
      ...["q", 5000, [{ topic: "t" }]],
    ]);
  });

  it("sets what is named, and nothing else", async () => {
    const io = fakeIo();
    const declared: unknown[] = [];
    io.backend.declareQueue = (_, options) => {
      declared.push(options);
      return io.backend.describeQueue("q");
    };
    await main([
      ...["declare", "--queue", "q", "--dead-letter", "dead", "--max-receives", "3"],
      ...["--visibility-timeout-ms", "5000", "--retention-ms", "60000", "--delay-ms", "1000"],
    ], io);
    await main(["declare", "--queue", "q"], io);
    assertEquals(declared, [
      {
        deadLetterQueue: "dead",
        maxReceives: 3,
        visibilityTimeoutMs: 5_000,
        retentionMs: 60_000,
        delayMs: 1_000,
        subscribeTo: [],
      },
      { subscribeTo: [] },
    ]);
  });

  it("says what a queue without topics and dead letters means, and what lies in it", async () => {
    const io = fakeIo();
    await main(["declare", "--queue", "q"], io);
    assertEquals(io.outLines, [
      "queue q exists (q)",
      "  this subscribes it to no topic: it gets what is sent to it by name",
      "  no dead-letter queue: what always fails is tried until it is too old",
      "  0 available, 0 in flight, 0 delayed",
    ]);
  });

  it("declares a topic by itself", async () => {
    const io = fakeIo();
    assertEquals(await main(["declare", "--topic", "t", "--json"], io), 0);
    assertEquals(io.outLines.map((line) => JSON.parse(line)), [
      { topic: "t", address: "t", subscribed: false },
    ]);
  });

  it("derives nothing beside a topic that is named, but keeps the other topics", async () => {
    const io = fakeIo();
    const handlers = ["--handlers", moduleAt("dispatcher.ts"), "--json"];
    await main(["declare", "--queue", "q", "--subscribe", "orders", ...handlers], io);
    await main(["declare", "--queue", "r", "--subscribe", "refunds", ...handlers], io);
    const subscriptions = io.outLines.map((line) => JSON.parse(line).subscribeTo);
    assertEquals(subscriptions, [
      [{ topic: "orders" }],
      [{ topic: "refunds" }, { topic: "orders", events: ["OrderPlaced"] }],
    ]);
  });

  const alone: [option: string, args: string[]][] = [
    ["subscribe", ["--subscribe", "t"]],
    ["handlers", ["--handlers", "x"]],
    ["dead-letter", ["--dead-letter", "d"]],
    ["delay-ms", ["--delay-ms", "0"]],
    ["retention-ms", ["--retention-ms", "1"]],
    ["visibility-timeout-ms", ["--visibility-timeout-ms", "1"]],
  ];
  for (const [option, args] of alone) {
    it(`refuses --${option} without a queue, also beside a topic`, async () => {
      const io = fakeIo();
      assertEquals(await main(["declare", "--topic", "t", ...args], io), 2);
      assertEquals(io.errLines, [
        `error: Cannot use --${option} without a queue: pass --queue NAME`,
      ]);
      assertEquals([io.outLines, io.created], [[], []]);
    });
  }

  it("refuses to declare nothing in whatever region and form", async () => {
    const io = fakeIo();
    const args = ["--region", "r", "--endpoint", "http://127.0.0.1:1", "--account-id", "1"];
    assertEquals(await main(["declare", ...args], io), 2);
    assertEquals(await main(["declare", "--json"], io), 2);
    assertEquals(io.errLines.every((line) => line.includes("Cannot declare nothing")), true);
  });

  it("closes the backend, also after an error", async () => {
    const io = fakeIo();
    assertEquals(await main(["declare", "--queue", "q", "--region", "eu-west-1"], io), 0);
    assertEquals([io.created.map(({ region }) => region), io.closed], [["eu-west-1"], 1]);
    assertEquals(await main(["declare", "--queue", "not a name"], io), 1);
    assertEquals(io.closed, 2);
  });
});
