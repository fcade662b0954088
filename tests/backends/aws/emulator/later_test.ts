import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type AwsEmulator,
  awsEmulator,
  type Operation,
} from "../../../../backends/aws/emulator/mod.ts";
import { seededRandom, VirtualClock } from "../../../../backends/memory/testing.ts";
import { createClient, textIn } from "./client.ts";

const QUEUE = "arn:aws:sqs:eu-west-1:000000000000:q";
const numbers = (count: number) => Array.from({ length: count }, (_, n) => `${n}`);

describe("awsEmulator({ attributesMs })", () => {
  it("lets changed attributes hold after a time, all changes together", async () => {
    const { sqs, queue, receive, clock } = createClient({ attributesMs: 60_000 });
    const QueueUrl = await queue("q", { VisibilityTimeout: "0" });
    const set = (Attributes: Record<string, string>) =>
      sqs("SetQueueAttributes", { QueueUrl, Attributes });
    const get = async () =>
      (await sqs("GetQueueAttributes", {
        QueueUrl,
        AttributeNames: ["VisibilityTimeout", "DelaySeconds"],
      })).body.Attributes;
    await sqs("SendMessage", { QueueUrl, MessageBody: "a" });
    await set({ VisibilityTimeout: "30" });
    await clock.advance(1_000);
    await set({ DelaySeconds: "5" });
    await clock.advance(59_999);
    assertEquals(await get(), { VisibilityTimeout: "0", DelaySeconds: "0" });
    assertEquals([(await receive(QueueUrl)).length, (await receive(QueueUrl)).length], [1, 1]);
    await clock.advance(1_001);
    assertEquals(await get(), { VisibilityTimeout: "30", DelaySeconds: "5" });
    assertEquals([(await receive(QueueUrl)).length, (await receive(QueueUrl)).length], [1, 0]);
  });
});

describe("awsEmulator({ filterPoliciesMs })", () => {
  it("lets the old filter decide for a time", async () => {
    const { query, queue, topic, receive, clock } = createClient({
      filterPoliciesMs: 900_000,
      policies: "ignored",
    });
    const [TopicArn, QueueUrl] = [await topic("t"), await queue("q")];
    const { xml } = await query("Subscribe", { TopicArn, Protocol: "sqs", Endpoint: QUEUE });
    const SubscriptionArn = textIn(xml, "SubscriptionArn");
    await query("SetSubscriptionAttributes", {
      SubscriptionArn,
      AttributeName: "FilterPolicy",
      AttributeValue: '{"kind":["x"]}',
    });
    const arrives = async () => {
      await query("Publish", { TopicArn, Message: "m" });
      return (await receive(QueueUrl)).length;
    };
    await clock.advance(899_999);
    assertEquals(await arrives(), 1);
    await clock.advance(1);
    assertEquals(await arrives(), 0);
  });
});

describe("awsEmulator({ faults: { disordered } })", () => {
  async function order(seed: number, options: { fifo?: boolean; delay?: number } = {}) {
    const operations: Operation[] = [];
    const client = createClient({
      random: seededRandom(seed),
      faults: { disordered: 1 },
      journal: (operation) => void operations.push(operation),
    });
    const { fifo = false, delay = 0 } = options;
    const own: Record<string, string> = fifo
      ? { FifoQueue: "true", ContentBasedDeduplication: "true" }
      : {};
    const QueueUrl = await client.queue(fifo ? "q.fifo" : "q", own);
    for (const MessageBody of numbers(10)) {
      const group = fifo ? { MessageGroupId: "g" } : { DelaySeconds: delay };
      await client.sqs("SendMessage", { QueueUrl, MessageBody, ...group });
      await client.clock.advance(10);
    }
    const bodies = (await client.receive(QueueUrl)).map(({ Body }) => Body);
    return { bodies, operations, aws: client.aws };
  }

  it("hands out what a standard queue holds in another order, by the seed", async () => {
    const { bodies } = await order(1);
    assert(bodies.join("") !== numbers(10).join(""), bodies.join(""));
    assertEquals(bodies.slice().sort(), numbers(10));
    assertEquals((await order(1)).bodies, bodies);
    assert((await order(2)).bodies.join("") !== bodies.join(""), bodies.join(""));
  });

  it("keeps the order of FIFO queues, and delays", async () => {
    assertEquals((await order(1, { fifo: true })).bodies, numbers(10));
    assertEquals((await order(1, { delay: 1 })).bodies, []);
  });

  it("does the same when the journal is done again", async () => {
    const { operations, aws } = await order(1);
    const again: AwsEmulator = awsEmulator({ clock: new VirtualClock() });
    for (const operation of operations) again.replay(JSON.parse(JSON.stringify(operation)));
    assertEquals(again.snapshot(), aws.snapshot());
  });
});
