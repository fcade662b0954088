/** Clients that nobody here wrote, unchanged but for the endpoint. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import {
  ConfirmSubscriptionCommand,
  CreateTopicCommand,
  GetTopicAttributesCommand,
  ListTopicsCommand,
  PublishBatchCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
} from "npm:@aws-sdk/client-sns@^3";
import {
  ChangeMessageVisibilityBatchCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "npm:@aws-sdk/client-sqs@^3";
import { GetCallerIdentityCommand, STSClient } from "npm:@aws-sdk/client-sts@^3";
import { Consumer } from "npm:sqs-consumer@^14";
import { Producer } from "npm:sqs-producer@^7";
import { until } from "../../../wait.ts";
import { type EmulatorServer, serveEmulator } from "./server.ts";

const KEY = { accessKeyId: "AKID", secretAccessKey: "secret" };

describe("awsEmulator() as a server", () => {
  let server: EmulatorServer;
  let sqs: SQSClient;
  let sns: SNSClient;
  let number = 0;

  before(() => {
    server = serveEmulator({ keys: { AKID: { secretAccessKey: "secret" } } });
    const config = { endpoint: server.endpoint, region: "us-east-1", credentials: KEY };
    sqs = new SQSClient(config);
    sns = new SNSClient(config);
  });
  after(async () => {
    sqs.destroy();
    sns.destroy();
    await server.close();
  });

  async function newQueue(Attributes: Record<string, string> = {}, suffix = "") {
    const QueueName = `q${++number}${suffix}`;
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
    return QueueUrl!;
  }

  it("tells the SDK for JavaScript who it is", async () => {
    const sts = new STSClient({ endpoint: server.endpoint, region: "us-east-1", credentials: KEY });
    const { Account } = await sts.send(new GetCallerIdentityCommand({}));
    sts.destroy();
    assertEquals(Account, "000000000000");
  });

  it("carries a message of the SDK for JavaScript with all that it has", async () => {
    const QueueUrl = await newQueue();
    assert(QueueUrl.startsWith(server.endpoint));
    const MessageAttributes = {
      price: { DataType: "Number.float", StringValue: "99.120" },
      bytes: { DataType: "Binary", BinaryValue: Uint8Array.of(0, 1, 254, 255) },
    };
    const MessageBody = 'é 漢 🙂 "quoted" \\ \n & <tag>';
    const sent = await sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody, MessageAttributes }),
    );
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MessageAttributeNames: ["All"],
        MessageSystemAttributeNames: ["All"],
        WaitTimeSeconds: 1,
      }),
    );
    const [message] = Messages;
    assertEquals([message?.Body, message?.MessageId], [MessageBody, sent.MessageId]);
    assertEquals(message?.MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
    assertEquals([...message!.MessageAttributes!.bytes!.BinaryValue!], [0, 1, 254, 255]);
    assertEquals(message?.Attributes?.ApproximateReceiveCount, "1");
    assert(/^\d{13}$/.test(message?.Attributes?.SentTimestamp ?? ""), "no whole milliseconds");
  });

  it("takes batches of the SDK for JavaScript, and its errors are classes there", async () => {
    const QueueUrl = await newQueue(
      { FifoQueue: "true", ContentBasedDeduplication: "true" },
      ".fifo",
    );
    const Entries = ["a", "b", "c"].map((Id) => ({ Id, MessageBody: Id, MessageGroupId: "g" }));
    const sent = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    assertEquals(sent.Successful?.length, 3);
    const receive = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 });
    const { Messages = [] } = await sqs.send(receive);
    assertEquals(Messages.map(({ Body }) => Body), ["a", "b", "c"]);
    const handles = Messages.map(({ ReceiptHandle }, i) => ({ Id: `${i}`, ReceiptHandle }));
    const changes = handles.map((entry) => ({ ...entry, VisibilityTimeout: 60 }));
    await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries: changes }));
    const deleted = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: handles }));
    assertEquals(deleted.Failed ?? [], []);
    const missing = new SendMessageCommand({ QueueUrl: `${QueueUrl}x`, MessageBody: "x" });
    const error = await assertRejects(() => sqs.send(missing));
    assertEquals((error as Error).name, "QueueDoesNotExist");
    const listed = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: "q" }));
    assert(listed.QueueUrls?.includes(QueueUrl));
  });

  it("publishes what the SDK for JavaScript publishes", async () => {
    const Policy = JSON.stringify({
      Statement: [{
        Effect: "Allow",
        Principal: { Service: "sns.amazonaws.com" },
        Action: "sqs:SendMessage",
      }],
    });
    const QueueUrl = await newQueue({ Policy });
    const asked = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] });
    const Endpoint = (await sqs.send(asked)).Attributes!.QueueArn;
    const { TopicArn } = await sns.send(
      new CreateTopicCommand({ Name: "orders", Tags: [{ Key: "a", Value: "b" }] }),
    );
    const FilterPolicy = JSON.stringify({ order: { total: [{ numeric: [">", 5] }] } });
    const Attributes = {
      RawMessageDelivery: "true",
      FilterPolicy,
      FilterPolicyScope: "MessageBody",
    };
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes }));
    const messages = [1, 9].map((total) => JSON.stringify({ order: { total }, note: "🙂" }));
    await sns.send(new PublishCommand({ TopicArn, Message: messages[0] }));
    const entry = { Id: "a", Message: messages[1]! };
    const { Successful } = await sns.send(
      new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: [entry] }),
    );
    assertEquals(Successful?.length, 1);
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    );
    assertEquals(Messages.map(({ Body }) => Body), [messages[1]]);
    const { Topics = [] } = await sns.send(new ListTopicsCommand({}));
    assert(Topics.some((topic) => topic.TopicArn === TopicArn));
    const missing = new GetTopicAttributesCommand({ TopicArn: `${TopicArn}x` });
    assertEquals(
      ((await assertRejects(() => sns.send(missing))) as Error).name,
      "NotFoundException",
    );
    const confirmed = new ConfirmSubscriptionCommand({ TopicArn, Token: "x" });
    assertEquals(
      ((await assertRejects(() => sns.send(confirmed))) as Error).name,
      "InvalidParameterException",
    );
  });

  it("feeds sqs-consumer with what sqs-producer sends", async () => {
    const queueUrl = await newQueue();
    const producer = Producer.create({ queueUrl, sqs });
    const bodies = Array.from({ length: 25 }, (_, i) => `m-${i} 🙂`);
    await producer.send(bodies.map((body, i) => ({ id: `m${i}`, body })));
    assertEquals(await producer.queueSize(), 25);
    const seen = new Set<string>();
    const consumer = Consumer.create({
      queueUrl,
      sqs,
      batchSize: 10,
      waitTimeSeconds: 1,
      // It stops when its last poll has been answered, whose timers would be left otherwise.
      pollingCompleteWaitTimeMs: 5_000,
      handleMessage: (message) => (seen.add(message.Body!), Promise.resolve(message)),
    });
    consumer.start();
    await until(() => seen.size === 25, { what: "25 messages", saw: () => seen.size });
    const stopped = new Promise((resolve) => consumer.once("stopped", () => resolve(true)));
    consumer.stop();
    assert(await stopped);
    await until(async () => await producer.queueSize() === 0, { what: "an empty queue" });
  });
});
