import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { MessageConsumer } from "../../../src/consume/consumer.ts";
import { dispatchAll } from "../../../src/handle/push.ts";
import { DeadLetter, MelangeError } from "../../../src/support/errors.ts";
import { Dispatcher } from "../../../src/handle/dispatcher.ts";

function setUp() {
  const lines: string[] = [];
  const log = (message: string, fields?: object) => lines.push(JSON.stringify([message, fields]));
  const logger = { debug() {}, info() {}, warn: log, error: log };
  const dispatcher = new Dispatcher({ logger });
  dispatcher.subscribeAll(() => {
    throw new DeadLetter("card-expired");
  });
  return { dispatcher, lines };
}

const message = { body: "{}", attributes: { manifest: "OrderPlaced" } };

describe("an outcome other than the wanted one", () => {
  it("of consumeEvent() tells what was wanted, and why it could not be", async () => {
    const { dispatcher, lines } = setUp();
    const backend = new MemoryBackend();
    await backend.declareQueue("q");
    await backend.send({ queue: "q" }, [message]);
    const consumer = new MessageConsumer({ backend, queue: "q", dispatcher });
    const outcome = await consumer.consumeEvent({ waitMs: 0 });
    if (outcome?.outcome !== "retry") throw new Error(`unexpected ${outcome?.outcome}`);
    assertEquals(outcome.wanted?.reason, "card-expired");
    assertEquals((outcome.error as MelangeError).code, "UNSUPPORTED");
    // The reason of the handler, and the text of our own error, reach the log.
    assertMatch(lines.join("\n"), /A handler gave a message up.*"reason":"card-expired"/);
    assertMatch(lines.join("\n"), /has no dead-letter queue/);
    await consumer.stop();
  });

  it("is the outcome itself where the queue has a dead-letter queue", async () => {
    const { dispatcher } = setUp();
    const backend = new MemoryBackend();
    await backend.declareQueue("q", { deadLetterQueue: "dlq" });
    await backend.send({ queue: "q" }, [message]);
    const consumer = new MessageConsumer({ backend, queue: "q", dispatcher });
    assertEquals((await consumer.consumeEvent({ waitMs: 0 }))?.outcome, "deadLetter");
    await consumer.stop();
  });

  it("of a push host tells what was wanted", async () => {
    const { dispatcher } = setUp();
    const record = { queue: "q", message: { ...message, id: "m", sentAt: new Date(), attempt: 1 } };
    const deadLetter = () => Promise.reject(new MelangeError("NOT_FOUND", "Cannot find it"));
    const [outcome] = await dispatchAll(dispatcher, [record], { deadLetter });
    assertEquals(outcome?.outcome === "retry" && outcome.wanted?.reason, "card-expired");
  });
});
