import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { md5, md5OfAttributes } from "../../../backends/aws/message/md5.ts";
import { AwsBackend } from "../../../backends/aws/mod.ts";
import type { Result } from "../../../src/support/result.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { allStored, fakeAws, json, message, QUEUE, type Respond, sqsError } from "./fake_aws.ts";

const CALL = { max: 10, waitMs: 1_500, visibilityMs: 30_001 };

function brief(result: Result | undefined): string {
  return !result ? "none" : result.ok ? "ok" : result.error.code;
}

/** A backend whose log is kept. */
function backendOn(respond: Respond) {
  const logged: unknown[] = [];
  const log = (...entry: unknown[]) => void logged.push(entry);
  const aws = fakeAws(respond);
  const logger = { debug: log, info: log, warn: log, error: log };
  return { aws, logged, backend: new AwsBackend({ ...aws.options, logger, integrity: "all" }) };
}

describe("AwsBackend.receive()", () => {
  it("asks for everything, in whole seconds rounded up", async () => {
    const { aws, backend } = backendOn(() => json({}));
    assertEquals(await backend.receive(QUEUE, CALL), []);
    assertEquals(aws.calls[0]!.input, {
      QueueUrl: QUEUE,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 2,
      VisibilityTimeout: 31,
      MessageSystemAttributeNames: ["All"],
      AttributeNames: ["All"],
      MessageAttributeNames: ["All"],
    });
  });

  it("gives a FIFO queue the id of the attempt, and no other", async () => {
    for (const [queue, id] of [[`${QUEUE}.fifo`, "attempt-1"], [QUEUE, undefined]] as const) {
      const { aws, backend } = backendOn(() => json({}));
      await backend.receive(queue, { ...CALL, attemptId: "attempt-1" });
      assertEquals(aws.calls[0]!.input.ReceiveRequestAttemptId, id);
    }
  });

  for (const known of ["AttributeNames", "MessageSystemAttributeNames"]) {
    it(`gets group, count and number from a broker that knows only ${known}`, async () => {
      const { backend } = backendOn(({ input }) => {
        const facts = {
          MessageGroupId: "g",
          MessageDeduplicationId: "d",
          SequenceNumber: "1",
          ApproximateReceiveCount: "4",
        };
        const Attributes = input[known]?.includes("All") ? facts : {};
        return json({ Messages: [{ MessageId: "m", ReceiptHandle: "r", Body: "x", Attributes }] });
      });
      const [delivery] = await backend.receive(`${QUEUE}.fifo`, CALL);
      const { group, deduplicationId, sequenceNumber, attempt } = delivery!.message;
      assertEquals([group, deduplicationId, sequenceNumber, attempt], ["g", "d", "1", 4]);
    });
  }

  it("tells what the service says beside a message", async () => {
    const Attributes = {
      SenderId: "AIDA",
      AWSTraceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793",
      DeadLetterQueueSourceArn: "arn:aws:sqs:eu-west-1:123456789012:orders",
    };
    const good = { MessageId: "m", ReceiptHandle: "r", Body: "x" };
    const { backend } = backendOn(() =>
      json({ Messages: [{ ...good, Attributes }, { ...good, Attributes: { SenderId: "" } }] })
    );
    const deliveries = await backend.receive(QUEUE, CALL);
    assertEquals(deliveries.map(({ message }) => message.origin), [{
      senderId: "AIDA",
      traceHeader: Attributes.AWSTraceHeader,
      deadLetterSource: Attributes.DeadLetterQueueSourceArn,
    }, undefined]);
  });

  it("of an attribute with both values takes the one of its type", async () => {
    const both = { StringValue: "5", BinaryValue: "AP8=" };
    const MessageAttributes = {
      text: { DataType: "String", ...both },
      number: { DataType: "Number", ...both },
      bytes: { DataType: "Binary", ...both },
      plain: { DataType: "String", StringValue: "5", BinaryValue: "" },
    };
    const { backend } = backendOn(() =>
      json({ Messages: [{ MessageId: "m", ReceiptHandle: "r", Body: "x", MessageAttributes }] })
    );
    const [delivery] = await backend.receive(QUEUE, CALL);
    assertEquals(delivery!.message.attributes, {
      text: "5",
      number: 5,
      bytes: Uint8Array.of(0, 255),
      plain: "5",
    });
  });

  it("reads what a message has", async () => {
    const { aws, backend } = backendOn(() =>
      json({
        Messages: [{
          MessageId: "m-1",
          ReceiptHandle: "r-1",
          Body: "é🙂",
          MD5OfBody: md5("é🙂"),
          Attributes: {
            ApproximateReceiveCount: "3",
            SentTimestamp: "1767225600123",
            DeadLetterQueueSourceArn: "arn:aws:sqs:eu-west-1:123456789012:source",
            MessageGroupId: "g",
            MessageDeduplicationId: "d",
            SequenceNumber: "18849496460467696128",
            SomethingNew: "x",
          },
          MessageAttributes: {
            text: { DataType: "String", StringValue: "x" },
            number: { DataType: "Number", StringValue: "1.5" },
            exact: { DataType: "Number", StringValue: "1.50" },
            bytes: { DataType: "Binary", BinaryValue: "AP8=" },
          },
        }],
      })
    );
    const deliveries = await backend.receive(QUEUE, CALL);
    assertEquals(deliveries, [{
      receipt: "r-1",
      message: {
        id: "m-1",
        body: "é🙂",
        attributes: {
          text: "x",
          number: 1.5,
          exact: { type: "Number", value: "1.50" },
          bytes: Uint8Array.of(0, 255),
        },
        group: "g",
        deduplicationId: "d",
        sequenceNumber: "18849496460467696128",
        sentAt: new Date(1767225600123),
        attempt: 3,
        lockedUntil: new Date(aws.clock.now() + 31_000),
        origin: { deadLetterSource: "arn:aws:sqs:eu-west-1:123456789012:source" },
      },
    }]);
  });

  it("takes what is missing or makes no sense for what is likely", async () => {
    const Attributes = { ApproximateReceiveCount: "many", SentTimestamp: 5 };
    const { aws, backend } = backendOn(() =>
      json({ Messages: [{ MessageId: "m", ReceiptHandle: "r", Body: "x", Attributes }] })
    );
    const [delivery] = await backend.receive(QUEUE, CALL);
    const { attempt, sentAt, attributes } = delivery!.message;
    assertEquals([attempt, sentAt.getTime(), attributes], [1, aws.clock.now(), {}]);
  });

  it("lets no attribute reach a prototype", async () => {
    const attributes =
      '{"__proto__":{"DataType":"String","StringValue":"x"},"constructor":{"DataType":"String","StringValue":"y"}}';
    const { backend } = backendOn(() =>
      new Response(
        `{"Messages":[{"MessageId":"m","ReceiptHandle":"r","Body":"x","MessageAttributes":${attributes}}]}`,
      )
    );
    const [delivery] = await backend.receive(QUEUE, CALL);
    const read = delivery!.message.attributes;
    assertEquals(Object.getPrototypeOf(read), Object.prototype);
    assertEquals(Object.entries(read), [["__proto__", "x"], ["constructor", "y"]]);
  });

  const good = { MessageId: "good", ReceiptHandle: "r", Body: "x" };
  const attributes = { a: { DataType: "String", StringValue: "1" } };
  const damaged: Record<string, unknown> = {
    "another body": { MD5OfBody: md5("y") },
    "other attributes": { MessageAttributes: attributes, MD5OfMessageAttributes: md5("y") },
    "no body": { Body: undefined },
    "no receipt": { ReceiptHandle: 1 },
    "no id": { MessageId: undefined },
    "attributes that are a list": { MessageAttributes: [1] },
    "an attribute without a type": { MessageAttributes: { a: { StringValue: "1" } } },
    "an attribute without a value": { MessageAttributes: { a: { DataType: "String" } } },
    "bytes that are not base64": {
      MessageAttributes: { a: { DataType: "Binary", BinaryValue: "%" } },
    },
  };
  for (const [what, damage] of Object.entries(damaged)) {
    it(`leaves a message with ${what} in the queue, reports it, and returns the others`, async () => {
      const bad = { ...good, MessageId: "bad", Body: "SECRET BODY", ...damage as object };
      const { backend, logged } = backendOn(() => json({ Messages: [bad, good] }));
      const deliveries = await backend.receive(QUEUE, CALL);
      assertEquals(deliveries.map(({ message }) => message.id), ["good"]);
      assertEquals(logged.length, 1);
      assert(!JSON.stringify(logged).includes("SECRET"));
    });
  }

  it("returns nothing behind a damaged message of a FIFO queue, as that must not overtake it", async () => {
    const bad = { ...good, MessageId: "bad", MD5OfBody: md5("y") };
    const { backend } = backendOn(() =>
      json({ Messages: [good, bad, { ...good, MessageId: "next" }] })
    );
    const deliveries = await backend.receive(`${QUEUE}.fifo`, CALL);
    assertEquals(deliveries.map(({ message }) => message.id), ["good"]);
  });

  it("returns messages whose digests agree", async () => {
    const digests = { MD5OfBody: md5("x"), MD5OfMessageAttributes: md5OfAttributes({ a: "1" }) };
    const { backend } = backendOn(() =>
      json({ Messages: [{ ...good, MessageAttributes: attributes, ...digests }] })
    );
    assertEquals((await backend.receive(QUEUE, CALL)).length, 1);
  });

  it("fails where all messages are damaged, as an empty answer would be asked for again at once", async () => {
    const { backend } = backendOn(() => json({ Messages: [{ ...good, MD5OfBody: md5("y") }] }));
    const error = await assertRejects(() => backend.receive(QUEUE, CALL), MelangeError);
    assertEquals([error.code, error.retryable], ["OUTCOME_UNKNOWN", true]);
  });

  it("fails for a list that is none, and passes over what is no message", async () => {
    const { backend } = backendOn(() => json({ Messages: "x" }));
    await assertRejects(() => backend.receive(QUEUE, CALL), MelangeError);
    const other = backendOn(() => json({ Messages: [null, 1, "x", good] }));
    assertEquals((await other.backend.receive(QUEUE, CALL)).length, 1);
  });

  it("refuses what SQS does not take", async () => {
    const { aws, backend } = backendOn(() => json({}));
    for (
      const wrong of [{ max: 0 }, { max: 11 }, { waitMs: 20_001 }, { visibilityMs: 43_200_001 }, {
        waitMs: NaN,
      }]
    ) {
      await assertRejects(() => backend.receive(QUEUE, { ...CALL, ...wrong }), RangeError);
    }
    assertEquals(aws.calls.length, 0);
  });
});

describe("AwsBackend.acknowledge(), release() and extend()", () => {
  const failures = {
    Successful: [{ Id: "0" }],
    Failed: [
      { Id: "1", Code: "ReceiptHandleIsInvalid", SenderFault: true },
      {
        Id: "2",
        Code: "InvalidParameterValue",
        Message:
          "Value r-2 for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
        SenderFault: true,
      },
      { Id: "3", Code: "RequestThrottled", SenderFault: true },
    ],
  };
  const expected = ["ok", "LOCK_LOST", "LOCK_LOST", "THROTTLED", "OUTCOME_UNKNOWN"];
  const receipts = ["r-0", "r-1", "r-2", "r-3", "r-4"];

  it("acknowledge() deletes, with one result per receipt", async () => {
    const { aws, backend } = backendOn(() => json(failures));
    assertEquals((await backend.acknowledge(QUEUE, receipts)).map(brief), expected);
    const { action, input } = aws.calls[0]!;
    assertEquals(action, "DeleteMessageBatch");
    assertEquals(input.Entries[4], { Id: "4", ReceiptHandle: "r-4" });
  });

  it("release() changes the visibility, to 0 at once", async () => {
    const { aws, backend } = backendOn(() => json(failures));
    const releases = receipts.map((receipt, n) => ({ receipt, delayMs: n * 1_001 }));
    assertEquals((await backend.release(QUEUE, releases)).map(brief), expected);
    const { action, input } = aws.calls[0]!;
    assertEquals(action, "ChangeMessageVisibilityBatch");
    const seconds = input.Entries.map((entry: Record<string, number>) => entry.VisibilityTimeout);
    assertEquals(seconds, [0, 2, 3, 4, 5]);
  });

  it("extend() tells until when, counted from the answer", async () => {
    const { aws, backend } = backendOn(async () => {
      await aws.clock.advance(700);
      return json(failures);
    });
    const extensions = receipts.map((receipt) => ({ receipt, visibilityMs: 30_000 }));
    const results = await backend.extend(QUEUE, extensions);
    assertEquals(results.map(brief), expected);
    assertEquals(results[0], { ok: true, lockedUntil: new Date(aws.clock.now() + 30_000) });
  });

  it("take an empty answer for one that mentions nobody", async () => {
    const { backend } = backendOn(() => new Response(""));
    const unknown = ["OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN"];
    const two = ["r-0", "r-1"];
    assertEquals((await backend.acknowledge(QUEUE, two)).map(brief), unknown);
    const changes = two.map((receipt) => ({ receipt, delayMs: 0, visibilityMs: 0 }));
    assertEquals((await backend.release(QUEUE, changes)).map(brief), unknown);
    assertEquals((await backend.extend(QUEUE, changes)).map(brief), unknown);
  });

  const bad = { toString: "x" };
  const garbage: Record<string, [answer: unknown, first: string]> = {
    "a code that is an object": [{ Failed: [{ Id: "0", Code: bad }] }, "OUTCOME_UNKNOWN"],
    "a fault that is an object": [
      { Failed: [{ Id: "0", Code: "InvalidIdFormat", SenderFault: bad }] },
      "INVALID_MESSAGE",
    ],
    "a text that is an object": [
      { Failed: [{ Id: "0", Code: "InvalidParameterValue", Message: bad, SenderFault: true }] },
      "INVALID_MESSAGE",
    ],
    "a failure that is null": [{ Failed: [null] }, "OUTCOME_UNKNOWN"],
    "failures that are no list": [{ Failed: { Id: bad } }, "OUTCOME_UNKNOWN"],
    "failures that are text": [{ Failed: "all" }, "OUTCOME_UNKNOWN"],
    "an id that is an object": [{ Failed: [{ Id: bad, Code: "x" }] }, "OUTCOME_UNKNOWN"],
    "an id that is null": [{ Failed: [{ Id: null }] }, "OUTCOME_UNKNOWN"],
    "an id that nobody has": [{ Failed: [{ Id: "7" }, { Id: "__proto__" }] }, "OUTCOME_UNKNOWN"],
    "an id twice": [
      { Failed: [{ Id: "0", Code: "RequestThrottled" }, { Id: "0", Code: bad }] },
      "THROTTLED",
    ],
    "a success and a failure": [
      { Failed: [{ Id: "0", Code: "RequestThrottled" }], Successful: [{ Id: "0" }] },
      "THROTTLED",
    ],
    "successes that are garbage": [
      { Successful: [null, 1, "0", [], { Id: bad }, { Id: ["0"] }] },
      "OUTCOME_UNKNOWN",
    ],
  };
  for (const [what, [answer, first]] of Object.entries(garbage)) {
    it(`let ${what} in an answer touch that entry only`, async () => {
      const { Successful = [], Failed } = answer as Record<string, unknown[]>;
      const { backend } = backendOn(() =>
        json({ Successful: [...Successful, { Id: "1" }, { Id: "1" }], Failed })
      );
      const results = await backend.acknowledge(QUEUE, ["r-0", "r-1"]);
      assertEquals(results.map(brief), [first, "ok"]);
      const changes = ["r-0", "r-1"].map((receipt) => ({ receipt, visibilityMs: 1 }));
      assertEquals((await backend.extend(QUEUE, changes)).map(brief), [first, "ok"]);
    });
  }

  it("send nothing for nothing, and refuse more than ten", async () => {
    const { aws, backend } = backendOn(() => json({}));
    assertEquals(await backend.acknowledge(QUEUE, []), []);
    assertEquals(await backend.release(QUEUE, []), []);
    assertEquals(await backend.extend(QUEUE, []), []);
    const many = Array.from({ length: 25 }, () => ({ receipt: "r", visibilityMs: 1, delayMs: 1 }));
    await assertRejects(() => backend.acknowledge(QUEUE, many.map(() => "r")), RangeError);
    await assertRejects(() => backend.release(QUEUE, many), RangeError);
    await assertRejects(() => backend.extend(QUEUE, many), RangeError);
    assertEquals(aws.calls.length, 0);
  });
});

describe("AwsBackend.deadLetter()", () => {
  const target = "arn:aws:sqs:eu-west-1:123456789012:orders-dlq";
  const policy = JSON.stringify({ deadLetterTargetArn: target, maxReceiveCount: 5 });
  const copies = [0, 1, 2].map((n) => ({ receipt: `r-${n}`, copy: message(`copy ${n}`) }));
  const service = (stored: Respond = allStored, RedrivePolicy: string | undefined = policy) =>
    backendOn((call, count) => {
      if (call.action === "GetQueueAttributes") return json({ Attributes: { RedrivePolicy } });
      if (call.action === "GetQueueUrl") return json({ QueueUrl: `${QUEUE}-dlq` });
      if (call.action === "SendMessageBatch") return stored(call, count);
      return json({ Successful: call.input.Entries });
    });

  it("copies, then deletes, and looks for the queue once", async () => {
    const { aws, backend } = service();
    assertEquals((await backend.deadLetter(QUEUE, copies)).map(brief), ["ok", "ok", "ok"]);
    await backend.deadLetter(QUEUE, copies);
    const twice = ["SendMessageBatch", "DeleteMessageBatch"];
    assertEquals(aws.actions(), ["GetQueueAttributes", "GetQueueUrl", ...twice, ...twice]);
    assertEquals(aws.calls[2]!.input.QueueUrl, `${QUEUE}-dlq`);
    assertEquals(aws.calls[3]!.input.QueueUrl, QUEUE);
  });

  it("deletes only what was copied", async () => {
    const { aws, backend } = service(() =>
      json({
        Successful: [{ Id: "2", MessageId: "m-2" }],
        Failed: [{ Id: "0", Code: "InternalError", SenderFault: false }],
      })
    );
    const results = await backend.deadLetter(QUEUE, copies);
    assertEquals(results.map(brief), ["OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN", "ok"]);
    const deleted = aws.calls.at(-1)!.input.Entries;
    assertEquals(deleted, [{ Id: "0", ReceiptHandle: "r-2" }]);
  });

  it("finds the queue by its name where its ARN is not one of AWS", async () => {
    for (
      const arn of ["arn:aws:sqs:elasticmq:000000000:orders-dlq", "arn:aws:sqs:::orders-dlq"]
    ) {
      const policy = JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: { x: 1 } });
      const { aws, backend } = service(allStored, policy);
      assertEquals((await backend.deadLetter(QUEUE, copies)).map(brief), ["ok", "ok", "ok"]);
      assertEquals(aws.calls[1]!.input, { QueueName: "orders-dlq" });
    }
  });

  it("keeps the trace that a copy belongs to", async () => {
    const { aws, backend } = service();
    const [first] = copies;
    const copy = { ...first!.copy, traceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793" };
    await backend.deadLetter(QUEUE, [{ receipt: "r-0", copy }]);
    const { MessageSystemAttributes } = aws.calls[2]!.input.Entries[0];
    assertEquals(MessageSystemAttributes, {
      AWSTraceHeader: { DataType: "String", StringValue: copy.traceHeader },
    });
  });

  it("remembers so many receipts and no more, also where deletes fail as a whole", async () => {
    const { aws, backend } = backendOn((call) => {
      if (call.action === "GetQueueAttributes") {
        return json({ Attributes: { RedrivePolicy: policy } });
      }
      if (call.action === "GetQueueUrl") return json({ QueueUrl: `${QUEUE}-dlq` });
      if (call.action === "SendMessageBatch") return allStored(call);
      return sqsError("AccessDenied", { status: 403 });
    });
    const sends = () => aws.actions().filter((action) => action === "SendMessageBatch").length;
    const deadLetter = async (from: number) => {
      const ten = Array.from({ length: 10 }, (_, n) => `r-${from + n}`);
      const copies = ten.map((receipt) => ({ receipt, copy: message() }));
      await assertRejects(() => backend.deadLetter(QUEUE, copies), MelangeError);
    };
    for (let from = 0; from < 10_010; from += 10) await deadLetter(from);
    assertEquals(sends(), 1_001);
    await deadLetter(10_000);
    await deadLetter(10);
    assertEquals(sends(), 1_001);
    await deadLetter(0);
    assertEquals(sends(), 1_002);
  });

  it("copies nothing again where only the delete failed", async () => {
    let down = true;
    const { aws, backend } = backendOn((call) => {
      if (call.action === "GetQueueAttributes") {
        return json({ Attributes: { RedrivePolicy: policy } });
      }
      if (call.action === "GetQueueUrl") return json({ QueueUrl: `${QUEUE}-dlq` });
      if (call.action === "SendMessageBatch") return allStored(call);
      return down
        ? sqsError("RequestThrottled", { status: 403 })
        : json({ Successful: call.input.Entries });
    });
    await assertRejects(() => backend.deadLetter(QUEUE, copies), MelangeError);
    await assertRejects(() => backend.deadLetter(QUEUE, copies), MelangeError);
    down = false;
    assertEquals((await backend.deadLetter(QUEUE, copies)).map(brief), ["ok", "ok", "ok"]);
    const sends = aws.actions().filter((action) => action === "SendMessageBatch");
    assertEquals(sends.length, 1);
  });

  it("deletes nothing if nothing could be copied", async () => {
    const { aws, backend } = service(() => sqsError("RequestThrottled", { status: 403 }));
    const error = await assertRejects(() => backend.deadLetter(QUEUE, copies), MelangeError);
    assertEquals(error.code, "THROTTLED");
    assert(!aws.actions().includes("DeleteMessageBatch"));
  });

  for (const broken of ["", "{", '{"deadLetterTargetArn":1}']) {
    it(`is UNSUPPORTED where the policy is "${broken}", and looks again the next time`, async () => {
      const { aws, backend } = service(allStored, broken);
      for (let turn = 1; turn <= 2; turn++) {
        const results = await backend.deadLetter(QUEUE, copies);
        assertEquals(results.map(brief), ["UNSUPPORTED", "UNSUPPORTED", "UNSUPPORTED"]);
        assertEquals(aws.actions(), Array(turn).fill("GetQueueAttributes"));
      }
    });
  }

  it("looks again after the queue was not found", async () => {
    const { aws, backend } = service(() => sqsError("QueueDoesNotExist"));
    for (let turn = 0; turn < 2; turn++) {
      await assertRejects(() => backend.deadLetter(QUEUE, copies), MelangeError);
    }
    const looks = aws.actions().filter((action) => action === "GetQueueAttributes");
    assertEquals(looks.length, 2);
  });

  it("remembers 10 000 copies whose messages are still there, and forgets the oldest first", async () => {
    const { aws, backend } = backendOn((call) => {
      if (call.action === "GetQueueAttributes") {
        return json({ Attributes: { RedrivePolicy: policy } });
      }
      if (call.action === "GetQueueUrl") return json({ QueueUrl: `${QUEUE}-dlq` });
      return call.action === "SendMessageBatch" ? allStored(call) : json({ Failed: [] });
    });
    const move = async (from: number) => {
      const many = Array.from({ length: 10 }, (_, n) => `r-${from + n}`);
      await backend.deadLetter(QUEUE, many.map((receipt) => ({ receipt, copy: message() })));
    };
    const sends = () => aws.actions().filter((action) => action === "SendMessageBatch").length;
    for (let from = 0; from < 10_000; from += 10) await move(from);
    assertEquals(sends(), 1_000);
    await move(0);
    assertEquals(sends(), 1_000, "nothing is forgotten yet");
    await move(10_000);
    await move(10);
    assertEquals(sends(), 1_001, "no more than needed is forgotten");
    await move(0);
    assertEquals(sends(), 1_002, "the oldest are forgotten");
    const again = aws.calls.filter(({ action }) => action === "SendMessageBatch").at(-1);
    assertEquals(again?.input.Entries.length, 10, "as many as are too many");
  });
});

describe("AwsBackend as a receiver", () => {
  it("promises what SQS does, but not that a receive which is given up brings nothing", () => {
    const { guarantees, limits } = new AwsBackend(fakeAws(() => json({})).options);
    assertEquals(guarantees, {
      redelivers: true,
      ordered: true,
      groups: true,
      delays: true,
      fansOut: true,
      filters: true,
      deduplicates: true,
      durable: true,
      countsAttempts: true,
      deadLetters: true,
      cancelsReceive: false,
    });
    assertEquals(limits, {
      topic: { entries: 10, batchBytes: 262_144, messageBytes: 262_144, delayMs: 0 },
      queue: {
        entries: 10,
        batchBytes: 1_048_576,
        messageBytes: 1_048_576,
        delayMs: 900_000,
        waitMs: 20_000,
        visibilityMs: 43_200_000,
      },
    });
  });

  const copies = [{ receipt: "r", copy: message() }];
  const verbs: Record<string, (backend: AwsBackend, signal: AbortSignal) => Promise<unknown>> = {
    ReceiveMessage: (backend, signal) => backend.receive(QUEUE, { ...CALL, signal }),
    DeleteMessageBatch: (backend, signal) => backend.acknowledge(QUEUE, ["r"], { signal }),
    "ChangeMessageVisibilityBatch of release()": (backend, signal) =>
      backend.release(QUEUE, [{ receipt: "r", delayMs: 0 }], { signal }),
    "ChangeMessageVisibilityBatch of extend()": (backend, signal) =>
      backend.extend(QUEUE, [{ receipt: "r", visibilityMs: 1_000 }], { signal }),
    "GetQueueAttributes of deadLetter()": (backend, signal) =>
      backend.deadLetter(QUEUE, copies, { signal }),
    "SendMessageBatch of deadLetter()": (backend, signal) =>
      backend.deadLetter(QUEUE, copies, { signal }),
    "DeleteMessageBatch of deadLetter()": (backend, signal) =>
      backend.deadLetter(QUEUE, copies, { signal }),
  };
  for (const [what, run] of Object.entries(verbs)) {
    it(`ends the request ${what} with the signal of the call`, async () => {
      let reach = () => {};
      const reached = new Promise<void>((resolve) => reach = resolve);
      const RedrivePolicy = JSON.stringify({
        deadLetterTargetArn: "arn:aws:sqs:eu-west-1:123456789012:dlq",
      });
      const { aws, backend } = backendOn((call) => {
        if (!what.startsWith(call.action)) {
          if (call.action === "GetQueueUrl") return json({ QueueUrl: `${QUEUE}-dlq` });
          if (call.action === "SendMessageBatch") return allStored(call);
          return json({ Attributes: { RedrivePolicy } });
        }
        reach();
        return new Promise(() => {});
      });
      const end = new AbortController();
      const running = run(backend, end.signal).catch((reason) => reason);
      await Promise.race([reached, running]);
      const { signal } = aws.calls.at(-1)!.init;
      assertEquals(signal?.aborted, false);
      end.abort("enough");
      assertEquals(await running, "enough");
      assertEquals([signal?.aborted, aws.clock.pending], [true, 0]);
    });
  }

  it("tells of a damaged message the first 100 characters of its id, if it is text", async () => {
    for (const [MessageId, messageId] of [["m".repeat(101), "m".repeat(100)], [5, undefined]]) {
      const { backend, logged } = backendOn(() => json({ Messages: [{ MessageId, Body: 5 }] }));
      await assertRejects(() => backend.receive(QUEUE, CALL), MelangeError);
      const [[, fields]] = logged as [[string, unknown]];
      assertEquals(fields, { queue: QUEUE, messageId });
    }
  });

  it("takes only an invalid parameter for a lock that is lost, and only if SQS says so", async () => {
    const Message = "The receipt handle has expired.";
    const rows = [
      ["InvalidParameterValue", Message, "LOCK_LOST"],
      ["InvalidParameterValue", "Something else.", "INVALID_MESSAGE"],
      ["RequestThrottled", Message, "THROTTLED"],
    ] as const;
    for (const [Code, text, expected] of rows) {
      const Failed = [{ Id: "0", Code, Message: text, SenderFault: true }];
      const { backend } = backendOn(() => json({ Failed }));
      const [result] = await backend.acknowledge(QUEUE, ["r"]);
      assertEquals(brief(result), expected);
    }
  });
});
