import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DOLLARS_PER_MILLION } from "../../../../backends/aws/api/meter.ts";
import { AwsBackend } from "../../../../backends/aws/mod.ts";
import { allStored, type Call, fakeAws, json, message, QUEUE, xml } from "../fake_aws.ts";

const TOPIC = "arn:aws:sns:eu-west-1:123456789012:orders";
const RECEIVE = { max: 10, waitMs: 0, visibilityMs: 30_000 };

/** Answers as AWS does; each receive brings as many messages as its turn says. */
function answering(receives: number[] = []) {
  return fakeAws((call: Call) => {
    switch (call.action) {
      case "ReceiveMessage":
        return json(received(receives.shift() ?? 0));
      case "PublishBatch":
        return xml(
          "PublishBatch",
          "<Successful><member><Id>0</Id><MessageId>m</MessageId></member></Successful><Failed/>",
        );
      default:
        return allStored(call);
    }
  });
}

function received(count: number) {
  const Messages = Array.from({ length: count }, (_, number) => ({
    MessageId: `m-${number}`,
    ReceiptHandle: `r-${number}`,
    Body: "{}",
    MD5OfBody: "99914b932bd37a50b983c5e7c90ae93b",
    Attributes: { SentTimestamp: "0", ApproximateReceiveCount: "1" },
  }));
  return count > 0 ? { Messages } : {};
}

describe("usage()", () => {
  it("has counted nothing at the beginning, and has no price of a message then", () => {
    const { requests, billed, dollars, ...rest } = new AwsBackend(answering().options).usage();
    assertEquals([requests, billed, dollars], [{}, 0, 0]);
    assertEquals(rest, { emptyReceives: 0, sent: 0, received: 0 });
  });

  it("counts requests by operation, empty receives, and what a message costs", async () => {
    const backend = new AwsBackend(answering([10, 0]).options);
    await backend.send({ queue: QUEUE }, Array.from({ length: 10 }, () => message()));
    const deliveries = await backend.receive(QUEUE, RECEIVE);
    assertEquals(await backend.receive(QUEUE, RECEIVE), []);
    await backend.acknowledge(QUEUE, deliveries.map(({ receipt }) => receipt));
    const usage = backend.usage();
    assertEquals(usage.requests, { SendMessageBatch: 1, ReceiveMessage: 2, DeleteMessageBatch: 1 });
    const { emptyReceives, billed, sent, received, requestsPerMessage } = usage;
    assertEquals([emptyReceives, billed, sent, received], [1, 4, 10, 10]);
    assertEquals(requestsPerMessage, 0.4);
    assertAlmostEquals(usage.dollars, 4 * DOLLARS_PER_MILLION.sqs / 1e6);
    assertAlmostEquals(usage.dollarsPerMillion ?? 0, 0.4 * DOLLARS_PER_MILLION.sqs);
  });

  it("tells FIFO queues and topics from standard queues", async () => {
    const backend = new AwsBackend(answering().options);
    const fifo = { ...message(), group: "g", deduplicationId: "d" };
    await backend.send({ queue: `${QUEUE}.fifo` }, [fifo]);
    assertAlmostEquals(backend.usage().dollars, DOLLARS_PER_MILLION.sqsFifo / 1e6);
    await backend.send({ topic: TOPIC }, [message()]);
    const { dollars, requests } = backend.usage();
    assertEquals(requests, { SendMessageBatch: 1, PublishBatch: 1 });
    assertAlmostEquals(dollars, (DOLLARS_PER_MILLION.sqsFifo + DOLLARS_PER_MILLION.sns) / 1e6);
  });

  it("bills each 64 KiB of a request, in bytes and not in characters", async () => {
    const backend = new AwsBackend(answering().options);
    await backend.send({ queue: QUEUE }, [message("x".repeat(60_000))]);
    assertEquals(backend.usage().billed, 1);
    await backend.send({ queue: QUEUE }, [message("é".repeat(60_000))]);
    assertEquals(backend.usage().billed, 3);
  });

  it("counts an attempt that was refused, and none that had no answer", async () => {
    let isDown = false;
    const aws = fakeAws(() => {
      if (isDown) throw new TypeError("connection refused");
      return json({ __type: "com.amazonaws.sqs#RequestThrottled" }, { status: 400 });
    });
    const backend = new AwsBackend(aws.options);
    await assertRejects(() => backend.send({ queue: QUEUE }, [message()]));
    isDown = true;
    await assertRejects(() => backend.send({ queue: QUEUE }, [message()]));
    const { requests, sent } = backend.usage();
    assertEquals([requests, sent], [{ SendMessageBatch: 1 }, 0]);
  });

  it("is a copy, which later requests do not change", async () => {
    const backend = new AwsBackend(answering().options);
    const before = backend.usage();
    await backend.send({ queue: QUEUE }, [message()]);
    assertEquals(before.requests, {});
    assert(backend.usage().sent === 1);
  });
});
