import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createClient } from "./client.ts";

const QUEUE = "arn:aws:sqs:eu-west-1:000000000000:q";

/** A queue with so many messages, of which the newest were received and deleted. */
async function filled(count: number, deleted: number) {
  const client = createClient();
  const QueueUrl = await client.queue("q");
  for (let n = 0; n < count; n++) {
    await client.sqs("SendMessage", { QueueUrl, MessageBody: `${n}`, DelaySeconds: n < 2 ? 9 : 0 });
  }
  let left = deleted;
  while (left > 0) {
    for (const { ReceiptHandle, Body } of await client.receive(QueueUrl)) {
      if (Number(Body) < count - deleted) continue;
      await client.sqs("DeleteMessage", { QueueUrl, ReceiptHandle });
      left--;
    }
  }
  return { ...client, QueueUrl };
}

describe("look()", () => {
  it("counts the messages of each queue, and shows the newest of one", async () => {
    const { aws, QueueUrl, receive, topic } = await filled(6, 0);
    await topic("t");
    await receive(QueueUrl, { MaxNumberOfMessages: 1 });
    const { queues, topics, subscriptions, messages } = aws.look({ queue: QUEUE, newest: 3 });
    assertEquals(
      queues.map(({ name, available, delayed, inFlight }) => [
        name,
        available,
        delayed,
        inFlight,
      ]),
      [["q", 3, 2, 1]],
    );
    assertEquals(topics.map(({ arn }) => arn), ["arn:aws:sns:eu-west-1:000000000000:t"]);
    assertEquals(subscriptions, []);
    assertEquals(messages.map(({ body }) => body), ["5", "4", "3"]);
    assertEquals(aws.look().messages, []);
    assertEquals(aws.look({ queue: `${QUEUE}2` }).messages, []);
  });

  it("finds the newest also where newer ones are gone", async () => {
    const { aws } = await filled(40, 35);
    assertEquals(aws.look({ queue: QUEUE }).messages.map(({ body }) => body), [
      "4",
      "3",
      "2",
      "1",
      "0",
    ]);
  });

  it("gives copies", async () => {
    const { aws } = await filled(1, 0);
    const look = aws.look({ queue: QUEUE });
    Object.assign(look.messages[0]!, { body: "changed" });
    Object.assign(look.queues[0]!.attributes, { VisibilityTimeout: "1" });
    assertEquals(aws.look({ queue: QUEUE }).messages[0]?.body, "0");
    assertEquals(aws.look().queues[0]?.attributes, {});
  });
});
