import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { QUEUE_LIMITS, TOPIC_LIMITS } from "../../../backends/memory/limits.ts";
import type { Operation } from "../../../backends/memory/operation.ts";
import { createVerbs, type Verbs, type VerbsOptions } from "../../../backends/memory/verbs.ts";
import type { DeadLetterCopy, Release, SendResult } from "../../../src/backend.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import type { OutgoingMessage } from "../../../src/wire/message.ts";

/** Verbs that note each operation, and answer a send or dead-lettering with one success an item. */
function create(options: Partial<VerbsOptions> = {}): { verbs: Verbs; operations: Operation[] } {
  const operations: Operation[] = [];
  const verbs = createVerbs({
    limits: { topic: TOPIC_LIMITS, queue: QUEUE_LIMITS },
    createTopics: true,
    closed: () => undefined,
    run: (operation) => {
      operations.push(operation);
      const items = operation.kind === "send"
        ? operation.messages
        : operation.kind === "deadLetter"
        ? operation.copies
        : [];
      return Promise.resolve(items.map((_, at) => ({ ok: true, messageId: `m${at}` })));
    },
    receive: () => Promise.resolve([]),
    ...options,
  });
  return { verbs, operations };
}

function message(body: unknown): OutgoingMessage {
  return { body, attributes: {} } as OutgoingMessage;
}

function codes(results: readonly (SendResult | { ok: boolean })[]): string[] {
  return results.map((result) =>
    "error" in result
      ? (result.error as MelangeError).code
      : "messageId" in result
      ? result.messageId
      : ""
  );
}

describe("createVerbs()", () => {
  it("sends the accepted messages, and puts refusals into their places", async () => {
    const { verbs, operations } = create({ isSendable: ({ body }) => body !== "bad" });
    const messages = [message("a"), message(""), message("bad"), null as never, message("b")];
    const results = await verbs.send({ topic: "arn:aws:sns:eu-west-1:1:t" }, messages);
    assertEquals(codes(results), [
      "m0",
      "INVALID_MESSAGE",
      "INVALID_MESSAGE",
      "INVALID_MESSAGE",
      "m1",
    ]);
    assertEquals(operations, [{
      kind: "send",
      destination: { topic: "t" },
      messages: [message("a"), message("b")],
      create: true,
    }]);
  });

  it("runs at the call, in the order of the calls", () => {
    const { verbs, operations } = create();
    void verbs.send({ queue: "q" }, [message("a")]);
    void verbs.describeQueue("q");
    void verbs.acknowledge("q", []);
    assertEquals(operations.map(({ kind }) => kind), ["send", "describeQueue", "acknowledge"]);
  });

  it("runs nothing after the end, or for a signal that is aborted", async () => {
    const closed = new MelangeError("CLOSED", "closed");
    const ended = create({ closed: () => closed });
    await assertRejects(() => ended.verbs.describeQueue("q"), MelangeError, "closed");
    const { verbs, operations } = create();
    const signal = AbortSignal.abort(new Error("enough"));
    await assertRejects(() => verbs.deleteQueue("q", { signal }), Error, "enough");
    const options = { max: 1, waitMs: 0, visibilityMs: 0, signal };
    await assertRejects(() => verbs.receive("q", options), Error, "enough");
    assertEquals([...ended.operations, ...operations], []);
  });

  it("makes plain data of items that are none: the queue refuses each alone", async () => {
    const { verbs, operations } = create();
    const releases = [{ receipt: "r".repeat(300), delayMs: "1" }, null] as unknown as Release[];
    await verbs.release("https://sqs.eu-west-1.amazonaws.com/1/q", releases);
    assertEquals(operations, [{
      kind: "release",
      queue: "q",
      releases: [{ receipt: "r".repeat(200), delayMs: NaN }, { receipt: "", delayMs: NaN }],
    }]);
  });

  it("dead-letters what is a message; in FIFO queues whatever its deduplication id is", async () => {
    const { verbs, operations } = create();
    const fifo = { ...message("a"), group: "g", deduplicationId: "not allowed in SQS" };
    const copies = [{ receipt: "1", copy: fifo }, { receipt: "2" }] as DeadLetterCopy[];
    assertEquals(codes(await verbs.deadLetter("q.fifo", copies)), ["m0", "INVALID_MESSAGE"]);
    assertEquals(operations, [{
      kind: "deadLetter",
      queue: "q.fifo",
      copies: [{ receipt: "1", copy: fifo }],
    }]);
  });

  it("refuses more items than a call takes, with `INVALID_MESSAGE`", async () => {
    const { verbs, operations } = create();
    const many = Array(11).fill("r");
    await assertRejects(() => verbs.acknowledge("q", many), MelangeError, "at most 10 items");
    const messages = Array(11).fill(message("a"));
    await assertRejects(() => verbs.send({ queue: "q" }, messages), MelangeError, "10 items");
    assertEquals(operations, []);
  });
});
