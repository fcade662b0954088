/** The AWS SDK on the other side, with a real broker between: each reads what the other wrote. */
import { assert, assertEquals } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import {
  CreateTopicCommand,
  PublishBatchCommand,
  PublishCommand,
  SNSClient,
} from "npm:@aws-sdk/client-sns@^3";
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from "npm:@aws-sdk/client-sqs@^3";
import { AwsBackend } from "../../../backends/aws/mod.ts";
import { openEnvelope } from "../../../src/wire/sns_envelope.ts";
import type { Attributes, ReceivedMessage } from "../../../src/wire/message.ts";
import { type Broker, startBroker } from "../../broker.ts";

const BODY = JSON.stringify({ orderId: "o-1", note: 'é 漢 "quoted" \\ \n & <tag>' });
const ATTRIBUTES: Attributes = {
  manifest: "OrderPlaced",
  serializer_id: 1,
  price: { type: "Number.float", value: "99.120" },
  bytes: Uint8Array.of(0, 1, 254, 255),
};
const SDK_ATTRIBUTES = {
  manifest: { DataType: "String", StringValue: "OrderPlaced" },
  serializer_id: { DataType: "Number", StringValue: "1" },
  price: { DataType: "Number.float", StringValue: "99.120" },
  bytes: { DataType: "Binary", BinaryValue: Uint8Array.of(0, 1, 254, 255) },
};

describe("AwsBackend and the AWS SDK", () => {
  let broker: Broker;
  let backend: AwsBackend;
  let sqs: SQSClient;
  let sns: SNSClient;
  let number = 0;

  before(async () => {
    broker = await startBroker();
    backend = new AwsBackend(broker.options);
    const config = {
      endpoint: broker.endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    };
    sqs = new SQSClient(config);
    sns = new SNSClient(config);
  });
  after(async () => {
    sqs.destroy();
    sns.destroy();
    await backend.close();
    await broker.close();
  });

  const newName = (suffix = "") => `interop-${++number}${suffix}`;
  const urlOf = async (queue: string) =>
    (await sqs.send(new GetQueueUrlCommand({ QueueName: queue }))).QueueUrl!;

  async function receiveOne(queue: string): Promise<ReceivedMessage> {
    const call = { max: 10, waitMs: 1_000, visibilityMs: 30_000 };
    const [delivery] = await backend.receive(queue, call);
    assert(delivery, "nothing came");
    const [settled] = await backend.acknowledge(queue, [delivery.receipt]);
    assert(settled?.ok);
    return delivery.message;
  }

  async function receiveBySdk(queue: string) {
    const { Messages } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: await urlOf(queue),
        WaitTimeSeconds: 1,
        MessageAttributeNames: ["All"],
        MessageSystemAttributeNames: ["All"],
      }),
    );
    return Messages![0]!;
  }

  it("read what the SDK sends to a queue", async () => {
    const queue = newName();
    const { address } = await backend.declareQueue(queue);
    assertEquals(address, `arn:aws:sqs:us-east-1:000000000000:${queue}`);
    const QueueUrl = await urlOf(queue);
    const sent = await sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody: BODY, MessageAttributes: SDK_ATTRIBUTES }),
    );
    const { id, body, attributes, attempt } = await receiveOne(queue);
    assertEquals([id, body, attempt], [sent.MessageId!, BODY, 1]);
    assertEquals(attributes, ATTRIBUTES);
    const Entries = [{ Id: "a", MessageBody: "in a batch" }];
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    assertEquals((await receiveOne(queue)).body, "in a batch");
  });

  it("read what the SDK sends to a FIFO queue", async () => {
    const queue = newName(".fifo");
    await backend.declareQueue(queue);
    const sent = await sqs.send(
      new SendMessageCommand({
        QueueUrl: await urlOf(queue),
        MessageBody: BODY,
        MessageGroupId: "group",
        MessageDeduplicationId: "once",
      }),
    );
    const { group, deduplicationId, sequenceNumber } = await receiveOne(queue);
    assertEquals([group, deduplicationId], ["group", "once"]);
    assertEquals(sequenceNumber, sent.SequenceNumber);
  });

  it("read what the SDK publishes to a topic, raw and in the envelope", async () => {
    const [topic, raw, wrapped] = [newName(), newName(), newName()];
    await sns.send(new CreateTopicCommand({ Name: topic }));
    await backend.declareQueue(raw, { subscribeTo: [topic] });
    await backend.declareQueue(wrapped, { subscribeTo: [{ topic, raw: false }] });
    const { address: TopicArn } = await backend.declareTopic(topic);
    const sent = await sns.send(
      new PublishCommand({ TopicArn, Message: BODY, MessageAttributes: SDK_ATTRIBUTES }),
    );
    const direct = await receiveOne(raw);
    assertEquals([direct.body, direct.attributes], [BODY, ATTRIBUTES]);
    const envelope = JSON.parse((await receiveOne(wrapped)).body);
    assertEquals([envelope.Type, envelope.Message], ["Notification", BODY]);
    assertEquals(envelope.MessageId, sent.MessageId);
    const entry = { Id: "a", Message: "in a batch" };
    await sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: [entry] }));
    assertEquals(openEnvelope(await receiveOne(wrapped)).body, "in a batch");
  });

  it("send what the SDK reads from a queue", async () => {
    const queue = newName();
    await backend.declareQueue(queue);
    const [result] = await backend.send({ queue }, [{ body: BODY, attributes: ATTRIBUTES }]);
    const read = await receiveBySdk(queue);
    assertEquals(read.Body, BODY);
    assertEquals(read.MessageId, result?.ok && result.messageId);
    assertEquals(plain(read.MessageAttributes), SDK_ATTRIBUTES);
  });

  it("publish what the SDK reads from a subscribed queue", async () => {
    const [topic, queue] = [newName(), newName()];
    await backend.declareQueue(queue, { subscribeTo: [{ topic, events: ["OrderPlaced"] }] });
    const other = { body: "{}", attributes: { manifest: "OrderShipped" } };
    const results = await backend.send({ topic }, [other, { body: BODY, attributes: ATTRIBUTES }]);
    assert(results.every(({ ok }) => ok));
    const read = await receiveBySdk(queue);
    assertEquals(read.Body, BODY, "the filter let through the other");
    assertEquals(plain(read.MessageAttributes), SDK_ATTRIBUTES);
  });

  it("merge a queue policy that the SDK wrote", async () => {
    const [topic, queue] = [newName(), newName()];
    await backend.declareQueue(queue);
    const QueueUrl = await urlOf(queue);
    const theirs = { Sid: "theirs", Effect: "Allow", Principal: "*", Action: "sqs:GetQueueUrl" };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [theirs] });
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
    await backend.declareQueue(queue, { subscribeTo: [topic, `${topic}-2`] });
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["Policy"] }),
    );
    const { Statement } = JSON.parse(Attributes!.Policy!);
    assertEquals(Statement.length, 2);
    assertEquals(Statement[0], theirs);
    assertEquals(Statement[1].Condition.ArnLike["aws:SourceArn"], [
      `arn:aws:sns:us-east-1:000000000000:${topic}`,
      `arn:aws:sns:us-east-1:000000000000:${topic}-2`,
    ]);
  });
});

/** Without the fields that are not set, and with bytes as such. */
function plain(attributes: Record<string, object> | undefined): unknown {
  const entries = Object.entries(attributes ?? {}).map(([name, value]) => [
    name,
    Object.fromEntries(
      Object.entries(value).filter(([, field]) => field !== undefined).map(([key, field]) => [
        key,
        field instanceof Uint8Array ? Uint8Array.from(field) : field,
      ]),
    ),
  ]);
  return Object.fromEntries(entries);
}
