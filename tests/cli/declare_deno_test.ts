import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { main } from "../../cli/mod.ts";
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
});
