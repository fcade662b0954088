import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createClient, elementsIn, textIn } from "./client.ts";

/** The code of an error in JSON, in both spellings. */
function codesOf(
  { status, headers, body }: { status: number; headers: Headers; body: { __type: string } },
) {
  return [status, body.__type.split("#")[1], headers.get("x-amzn-query-error")];
}

const MISSING_QUEUE = "http://sqs.test/000000000000/missing";

describe("awsEmulator(): queues of SQS", () => {
  it("come back on the host that was asked, in the account and region of the signature", async () => {
    const { sqs } = createClient();
    const origin = "https://sqs.us-east-2.amazonaws.com";
    const options = { origin, region: "us-east-2", account: "111122223333" };
    const { body } = await sqs("CreateQueue", { QueueName: "q" }, options);
    assertEquals(body, { QueueUrl: `${origin}/111122223333/q` });
    const asked = { QueueUrl: body.QueueUrl, AttributeNames: ["QueueArn"] };
    const { body: { Attributes } } = await sqs("GetQueueAttributes", asked, options);
    assertEquals(Attributes, { QueueArn: "arn:aws:sqs:us-east-2:111122223333:q" });
    const elsewhere = await sqs("GetQueueUrl", { QueueName: "q" });
    assertEquals(codesOf(elsewhere), [
      400,
      "QueueDoesNotExist",
      "AWS.SimpleQueueService.NonExistentQueue;Sender",
    ]);
  });

  it("are created once, with the same attributes only", async () => {
    const { sqs, queue } = createClient();
    const url = await queue("q", { VisibilityTimeout: "60" });
    assertEquals(await queue("q", { VisibilityTimeout: "60" }), url);
    assertEquals(await queue("q"), url);
    const other = { QueueName: "q", Attributes: { VisibilityTimeout: "61" } };
    assertEquals(codesOf(await sqs("CreateQueue", other)), [
      400,
      "QueueNameExists",
      "QueueAlreadyExists;Sender",
    ]);
  });

  const REFUSED: [name: string, input: object, code: string][] = [
    ["a name that is too long", { QueueName: "q".repeat(81) }, "InvalidParameterValue"],
    ["a name with a dot", { QueueName: "a.b" }, "InvalidParameterValue"],
    ["no name", {}, "MissingParameter"],
    ["an unknown attribute", { Attributes: { Nothing: "1" } }, "InvalidAttributeName"],
    [
      "a timeout above 12 hours",
      { Attributes: { VisibilityTimeout: "43201" } },
      "InvalidAttributeValue",
    ],
    [
      "a retention below a minute",
      { Attributes: { MessageRetentionPeriod: "59" } },
      "InvalidAttributeValue",
    ],
    ["content-based de-duplication without FIFO", {
      Attributes: { ContentBasedDeduplication: "true" },
    }, "InvalidAttributeName"],
    ["FIFO without the suffix", { Attributes: { FifoQueue: "true" } }, "InvalidParameterValue"],
    ["the suffix without FIFO", { QueueName: "q.fifo" }, "InvalidParameterValue"],
    [
      "a redrive policy that is no JSON",
      { Attributes: { RedrivePolicy: "x" } },
      "InvalidParameterValue",
    ],
    ["a dead-letter queue that does not exist", {
      Attributes: {
        RedrivePolicy:
          '{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dlq","maxReceiveCount":"1"}',
      },
    }, "InvalidParameterValue"],
    ["attributes that are a list", { Attributes: ["x"] }, "MalformedInput"],
  ];
  for (const [name, input, code] of REFUSED) {
    it(`are refused for ${name}`, async () => {
      const { sqs } = createClient();
      const base = name === "no name" ? {} : { QueueName: "q" };
      const answer = await sqs("CreateQueue", { ...base, ...input });
      assertEquals([answer.status, codesOf(answer)[2]], [400, `${code};Sender`]);
    });
  }

  it("are listed by prefix, a page at a time", async () => {
    const { sqs, queue } = createClient();
    const urls = [];
    for (const name of ["a-1", "a-2", "a-3", "b-1"]) urls.push(await queue(name));
    assertEquals((await sqs("ListQueues", {})).body, { QueueUrls: urls });
    const first = await sqs("ListQueues", { QueueNamePrefix: "a", MaxResults: 2 });
    assertEquals(first.body.QueueUrls, urls.slice(0, 2));
    const token = { QueueNamePrefix: "a", MaxResults: 2, NextToken: first.body.NextToken };
    assertEquals((await sqs("ListQueues", token)).body, { QueueUrls: [urls[2]] });
    assertEquals((await sqs("ListQueues", { QueueNamePrefix: "z" })).body, {});
  });

  it("have tags and permissions", async () => {
    const { sqs, queue } = createClient();
    const QueueUrl = await queue("q");
    await sqs("TagQueue", { QueueUrl, Tags: { team: "spice", stage: "test" } });
    await sqs("UntagQueue", { QueueUrl, TagKeys: ["stage"] });
    assertEquals((await sqs("ListQueueTags", { QueueUrl })).body, { Tags: { team: "spice" } });
    const permission = {
      QueueUrl,
      Label: "l",
      AWSAccountIds: ["111122223333"],
      Actions: ["SendMessage"],
    };
    assertEquals((await sqs("AddPermission", permission)).status, 200);
    assertEquals((await sqs("AddPermission", permission)).status, 400);
    const asked = { QueueUrl, AttributeNames: ["Policy"] };
    const { Policy } = (await sqs("GetQueueAttributes", asked)).body.Attributes;
    const [statement] = JSON.parse(Policy).Statement;
    assertEquals([statement.Sid, statement.Action], ["l", "SQS:SendMessage"]);
    await sqs("RemovePermission", { QueueUrl, Label: "l" });
    assertEquals((await sqs("GetQueueAttributes", asked)).body, {});
  });

  it("are purged once a minute, with what is in flight", async () => {
    const { sqs, queue, receive, clock } = createClient();
    const QueueUrl = await queue("q");
    for (const MessageBody of ["a", "b"]) await sqs("SendMessage", { QueueUrl, MessageBody });
    await receive(QueueUrl, { MaxNumberOfMessages: 1 });
    assertEquals((await sqs("PurgeQueue", { QueueUrl })).status, 200);
    const again = await sqs("PurgeQueue", { QueueUrl });
    assertEquals(codesOf(again), [
      403,
      "PurgeQueueInProgress",
      "AWS.SimpleQueueService.PurgeQueueInProgress;Sender",
    ]);
    await clock.advance(60_000);
    assertEquals(await receive(QueueUrl), []);
    assertEquals((await sqs("PurgeQueue", { QueueUrl })).status, 200);
  });

  it("leave their names unused for as long as the option says", async () => {
    const { sqs, queue, clock } = createClient({ deletedQueueMs: 60_000 });
    const QueueUrl = await queue("q");
    await sqs("DeleteQueue", { QueueUrl });
    assertEquals(codesOf(await sqs("CreateQueue", { QueueName: "q" }))[1], "QueueDeletedRecently");
    await clock.advance(60_000);
    assertEquals(await queue("q"), QueueUrl);
  });

  it("end the receives that wait when they are deleted", async () => {
    const { sqs, queue } = createClient();
    const QueueUrl = await queue("q");
    const waiting = sqs("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 20 });
    await sqs("DeleteQueue", { QueueUrl });
    assertEquals(codesOf(await waiting)[1], "QueueDoesNotExist");
  });
});

describe("awsEmulator(): messages of SQS", () => {
  it("have the digests of AWS, for the attributes that are asked for", async () => {
    const { sqs, queue, receive } = createClient();
    const QueueUrl = await queue("q");
    const attr1 = { DataType: "Number", StringValue: "99.12" };
    const MessageAttributes = { attr1, other: { DataType: "Binary", BinaryValue: "AAH+/w==" } };
    const sent = await sqs("SendMessage", { QueueUrl, MessageBody: "🙂", MessageAttributes });
    assertEquals(sent.body.MD5OfMessageBody, "5c8d6d302301d0e25c0e051418dff305");
    const [message] = await receive(QueueUrl, { MessageAttributeNames: ["attr*", "attr1"] });
    assertEquals(message?.Body, "🙂");
    assertEquals(message?.MD5OfBody, sent.body.MD5OfMessageBody);
    assertEquals(message?.MessageAttributes, { attr1 });
    // Recorded from AWS, in the public tests of LocalStack.
    assertEquals(message?.MD5OfMessageAttributes, "d302007e9aa062660afc85fd0a482472");
  });

  it("carry what SQS knows of them, and are received again when their time is up", async () => {
    const { sqs, queue, receive, clock } = createClient();
    const QueueUrl = await queue("q", { VisibilityTimeout: "2" });
    const now = String(clock.now());
    const AWSTraceHeader = {
      DataType: "String",
      StringValue: "Root=1-5759e988-bd862e3fe1be46a994272793",
    };
    const trace = { MessageSystemAttributes: { AWSTraceHeader } };
    await sqs("SendMessage", { QueueUrl, MessageBody: "a", MessageGroupId: "tenant", ...trace });
    await receive(QueueUrl);
    assertEquals(await receive(QueueUrl), []);
    await clock.advance(2_000);
    const [message] = await receive(QueueUrl);
    assertEquals(message?.Attributes, {
      SenderId: "AIDA000000000000MELAN",
      ApproximateFirstReceiveTimestamp: now,
      ApproximateReceiveCount: "2",
      SentTimestamp: now,
      MessageGroupId: "tenant",
      AWSTraceHeader: AWSTraceHeader.StringValue,
    });
    const [plain] = await (async () => {
      await clock.advance(2_000);
      return await receive(QueueUrl, { MessageSystemAttributeNames: [], AttributeNames: [] });
    })();
    assertEquals(plain?.Attributes, undefined);
  });

  it("fail alone in a batch, unless the whole of it is wrong", async () => {
    const { sqs, queue } = createClient();
    const QueueUrl = await queue("q");
    const batch = (Entries: object[]) => sqs("SendMessageBatch", { QueueUrl, Entries });
    const { status, body } = await batch([
      { Id: "a", MessageBody: "fine" },
      { Id: "b", MessageBody: "\x01" },
      { Id: "c", MessageBody: "late", DelaySeconds: 901 },
    ]);
    assertEquals(status, 200);
    assertEquals(body.Successful.map(({ Id }: { Id: string }) => Id), ["a"]);
    assertEquals(
      body.Failed.map((
        { Id, Code, SenderFault }: Record<string, unknown>,
      ) => [Id, Code, SenderFault]),
      [["b", "InvalidMessageContents", true], ["c", "InvalidParameterValue", true]],
    );
    const eleven = Array.from({ length: 11 }, (_, i) => ({ Id: `${i}`, MessageBody: "x" }));
    const large = { MessageBody: "x".repeat(600_000) };
    const whole: [object[], string][] = [
      [[], "EmptyBatchRequest"],
      [eleven, "TooManyEntriesInBatchRequest"],
      [[{ Id: "a", MessageBody: "x" }, { Id: "a", MessageBody: "x" }], "BatchEntryIdsNotDistinct"],
      [[{ Id: "a b", MessageBody: "x" }], "InvalidBatchEntryId"],
      [[{ Id: "a", ...large }, { Id: "b", ...large }], "BatchRequestTooLong"],
    ];
    for (const [entries, code] of whole) assertEquals(codesOf(await batch(entries))[1], code);
  });

  it("take as many bytes as the queue says, and a byte more is refused", async () => {
    const { sqs, queue } = createClient();
    const QueueUrl = await queue("q", { MaximumMessageSize: "1024" });
    const MessageBody = "é".repeat(512);
    assertEquals((await sqs("SendMessage", { QueueUrl, MessageBody })).status, 200);
    const tooLong = await sqs("SendMessage", { QueueUrl, MessageBody: `${MessageBody}x` });
    assertEquals(codesOf(tooLong)[2], "InvalidParameterValue;Sender");
  });

  it("of a missing queue are refused in both protocols", async () => {
    const { sqs, query } = createClient();
    const input = { QueueUrl: MISSING_QUEUE, MessageBody: "x" };
    assertEquals(codesOf(await sqs("SendMessage", input))[1], "QueueDoesNotExist");
    const { status, xml } = await query("SendMessage", input, { service: "sqs" });
    assertEquals([status, textIn(xml, "Code")], [400, "AWS.SimpleQueueService.NonExistentQueue"]);
  });
});

describe("awsEmulator(): receipt handles of SQS", () => {
  async function received(name: string, seconds = "1") {
    const client = createClient();
    const fifo = name.endsWith(".fifo");
    const QueueUrl = await client.queue(name, {
      VisibilityTimeout: seconds,
      ...(fifo ? { FifoQueue: "true", ContentBasedDeduplication: "true" } : {}),
    });
    const group = fifo ? { MessageGroupId: "g" } : {};
    await client.sqs("SendMessage", { QueueUrl, MessageBody: "a", ...group });
    const [{ ReceiptHandle } = { ReceiptHandle: "" }] = await client.receive(QueueUrl);
    return { ...client, QueueUrl, ReceiptHandle };
  }

  it("of a standard queue delete after their time, and twice", async () => {
    const { sqs, receive, clock, QueueUrl, ReceiptHandle } = await received("q");
    await clock.advance(5_000);
    assertEquals((await sqs("DeleteMessage", { QueueUrl, ReceiptHandle })).status, 200);
    assertEquals(await receive(QueueUrl), []);
    assertEquals((await sqs("DeleteMessage", { QueueUrl, ReceiptHandle })).status, 200);
  });

  it("of a standard queue delete nothing once the message was received again", async () => {
    const { sqs, receive, clock, QueueUrl, ReceiptHandle } = await received("q");
    await clock.advance(1_000);
    await receive(QueueUrl);
    assertEquals((await sqs("DeleteMessage", { QueueUrl, ReceiptHandle })).status, 200);
    await clock.advance(1_000);
    assertEquals((await receive(QueueUrl)).length, 1);
  });

  it("of a FIFO queue are refused after their time", async () => {
    const { sqs, clock, QueueUrl, ReceiptHandle } = await received("q.fifo");
    await clock.advance(1_000);
    const answer = await sqs("DeleteMessage", { QueueUrl, ReceiptHandle });
    assertEquals(codesOf(answer), [
      400,
      "InvalidParameterValueException",
      "InvalidParameterValue;Sender",
    ]);
    assert(/receipt handle has expired/.test(answer.body.message), answer.body.message);
  });

  it("of a standard queue hide a message again after their time", async () => {
    const { sqs, receive, clock, QueueUrl, ReceiptHandle } = await received("q");
    await clock.advance(5_000);
    const change = { QueueUrl, ReceiptHandle, VisibilityTimeout: 10 };
    assertEquals((await sqs("ChangeMessageVisibility", change)).status, 200);
    assertEquals(await receive(QueueUrl), []);
    await clock.advance(10_000);
    assertEquals((await receive(QueueUrl)).length, 1);
  });

  it("hide no longer than 12 hours, and nothing that is gone", async () => {
    const { sqs, clock, QueueUrl, ReceiptHandle } = await received("q", "30");
    await clock.advance(1_000);
    const change = { QueueUrl, ReceiptHandle, VisibilityTimeout: 43_200 };
    const tooLong = await sqs("ChangeMessageVisibility", change);
    assert(/beyond the limit/.test(tooLong.body.message), tooLong.body.message);
    await sqs("DeleteMessage", { QueueUrl, ReceiptHandle });
    const gone = await sqs("ChangeMessageVisibility", { ...change, VisibilityTimeout: 1 });
    assert(/does not exist/.test(gone.body.message), gone.body.message);
  });

  it("that nobody gave are refused", async () => {
    const { sqs, QueueUrl } = await received("q");
    const answer = await sqs("DeleteMessage", { QueueUrl, ReceiptHandle: "garbage" });
    assertEquals(codesOf(answer), [400, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid;Sender"]);
  });
});

describe("awsEmulator(): FIFO queues of SQS", () => {
  const FIFO = { FifoQueue: "true" };
  const bodiesOf = (messages: readonly { Body: string }[]) => messages.map(({ Body }) => Body);

  it("give several messages of a group, and none while some are in flight", async () => {
    const { sqs, queue, receive } = createClient();
    const QueueUrl = await queue("q.fifo", FIFO);
    const send = (body: string, group: string) =>
      sqs("SendMessage", {
        QueueUrl,
        MessageBody: body,
        MessageGroupId: group,
        MessageDeduplicationId: body,
      });
    for (const body of ["a1", "a2", "a3"]) await send(body, "a");
    await send("b1", "b");
    const first = await receive(QueueUrl, { MaxNumberOfMessages: 2 });
    assertEquals(bodiesOf(first), ["a1", "a2"]);
    await sqs("DeleteMessage", { QueueUrl, ReceiptHandle: first[0]?.ReceiptHandle });
    assertEquals(bodiesOf(await receive(QueueUrl)), ["b1"]);
    await sqs("DeleteMessage", { QueueUrl, ReceiptHandle: first[1]?.ReceiptHandle });
    assertEquals(bodiesOf(await receive(QueueUrl)), ["a3"]);
  });

  it("de-duplicate for five minutes, in the whole queue or in each group", async () => {
    const { sqs, queue, receive, clock } = createClient();
    const scoped = {
      ...FIFO,
      DeduplicationScope: "messageGroup",
      FifoThroughputLimit: "perMessageGroupId",
    };
    const [whole, each] = [await queue("a.fifo", FIFO), await queue("b.fifo", scoped)];
    const send = (QueueUrl: string, group: string) =>
      sqs("SendMessage", {
        QueueUrl,
        MessageBody: "x",
        MessageGroupId: group,
        MessageDeduplicationId: "1",
      });
    const [one, other] = [await send(whole, "g"), await send(whole, "h")];
    assertEquals(other.body, one.body);
    for (const group of ["g", "h"]) await send(each, group);
    assertEquals((await receive(whole)).length, 1);
    assertEquals((await receive(each)).length, 2);
    await clock.advance(299_999);
    assertEquals((await send(whole, "h")).body.MessageId, one.body.MessageId);
    await clock.advance(1);
    assert((await send(whole, "h")).body.MessageId !== one.body.MessageId);
  });

  it("repeat a receive by its attempt id, until one of its messages is settled", async () => {
    const { sqs, queue, receive, clock } = createClient();
    const QueueUrl = await queue("q.fifo", { ...FIFO, VisibilityTimeout: "30" });
    for (const body of ["a", "b"]) {
      await sqs("SendMessage", {
        QueueUrl,
        MessageBody: body,
        MessageGroupId: "g",
        MessageDeduplicationId: body,
      });
    }
    const attempt = { ReceiveRequestAttemptId: "try" };
    const first = await receive(QueueUrl, attempt);
    await clock.advance(20_000);
    const second = await receive(QueueUrl, attempt);
    assertEquals(second.map((it) => it.ReceiptHandle), first.map((it) => it.ReceiptHandle));
    await clock.advance(20_000);
    const third = await receive(QueueUrl, attempt);
    assertEquals(third.map((it) => it.ReceiptHandle), first.map((it) => it.ReceiptHandle));
    await sqs("DeleteMessage", { QueueUrl, ReceiptHandle: third[0]?.ReceiptHandle });
    assertEquals(await receive(QueueUrl, attempt), []);
  });

  it("receive anew with an attempt id once the lock of a message was changed", async () => {
    const { sqs, queue, receive } = createClient();
    const QueueUrl = await queue("q.fifo", { ...FIFO, ContentBasedDeduplication: "true" });
    await sqs("SendMessage", { QueueUrl, MessageBody: "a", MessageGroupId: "g" });
    const attempt = { ReceiveRequestAttemptId: "try" };
    const [{ ReceiptHandle } = { ReceiptHandle: "" }] = await receive(QueueUrl, attempt);
    await sqs("ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout: 60 });
    assertEquals(await receive(QueueUrl, attempt), []);
  });

  it("forget what they de-duplicate by when they are purged", async () => {
    const { sqs, queue, receive } = createClient();
    const QueueUrl = await queue("q.fifo", { ...FIFO, ContentBasedDeduplication: "true" });
    const message = { QueueUrl, MessageBody: "a", MessageGroupId: "g" };
    await sqs("SendMessage", message);
    await sqs("PurgeQueue", { QueueUrl });
    await sqs("SendMessage", message);
    assertEquals(bodiesOf(await receive(QueueUrl)), ["a"]);
  });

  it("refuse what they cannot place", async () => {
    const { sqs, queue } = createClient();
    const QueueUrl = await queue("q.fifo", FIFO);
    const send = async (input: object) =>
      codesOf(await sqs("SendMessage", { QueueUrl, MessageBody: "x", ...input }))[2];
    const MessageDeduplicationId = "1";
    assertEquals(await send({ MessageDeduplicationId }), "MissingParameter;Sender");
    assertEquals(await send({ MessageGroupId: "g" }), "InvalidParameterValue;Sender");
    const spaced = { MessageGroupId: "a b", MessageDeduplicationId };
    assertEquals(await send(spaced), "InvalidParameterValue;Sender");
    const late = { MessageGroupId: "g", MessageDeduplicationId, DelaySeconds: 1 };
    assertEquals(await send(late), "InvalidParameterValue;Sender");
  });
});

describe("awsEmulator(): dead letters of SQS", () => {
  async function buried(fifo: boolean) {
    const client = createClient();
    const suffix = fifo ? ".fifo" : "";
    const type: Record<string, string> = fifo
      ? { FifoQueue: "true", ContentBasedDeduplication: "true" }
      : {};
    const letters = await client.queue(`dlq${suffix}`, type);
    const arn = `arn:aws:sqs:eu-west-1:000000000000:dlq${suffix}`;
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 1 });
    const source = await client.queue(`q${suffix}`, {
      ...type,
      RedrivePolicy,
      VisibilityTimeout: "0",
    });
    for (const MessageBody of ["a", "b"]) {
      const group = fifo ? { MessageGroupId: "g" } : {};
      await client.sqs("SendMessage", { QueueUrl: source, MessageBody, ...group });
    }
    await client.receive(source);
    await client.receive(source);
    return { ...client, letters, source, arn };
  }

  it("come from where they say, and the sources are listed", async () => {
    const { sqs, receive, letters, source } = await buried(false);
    const found = await receive(letters);
    assertEquals(found.map(({ Body }) => Body), ["a", "b"]);
    assertEquals(
      found[0]?.Attributes.DeadLetterQueueSourceArn,
      "arn:aws:sqs:eu-west-1:000000000000:q",
    );
    assertEquals(found[0]?.Attributes.ApproximateReceiveCount, "2");
    const { body } = await sqs("ListDeadLetterSourceQueues", { QueueUrl: letters });
    assertEquals(body, { queueUrls: [source] });
  });

  it("of a FIFO queue are de-duplicated by their ids", async () => {
    const { receive, letters } = await buried(true);
    const [message] = await receive(letters);
    assertEquals(message?.Attributes.MessageDeduplicationId, message?.MessageId);
  });

  it("are moved back at the rate that a task says, as new messages", async () => {
    const { sqs, receive, clock, source, arn } = await buried(false);
    const task = { SourceArn: arn, MaxNumberOfMessagesPerSecond: 1 };
    const { body: { TaskHandle } } = await sqs("StartMessageMoveTask", task);
    await clock.advance(0);
    assertEquals((await receive(source)).map(({ Body }) => Body), ["a"]);
    const second = await sqs("StartMessageMoveTask", task);
    assertEquals(codesOf(second)[2], "InvalidParameterValue;Sender");
    const { body: { Results: [running] } } = await sqs("ListMessageMoveTasks", { SourceArn: arn });
    assertEquals([running.Status, running.TaskHandle], ["RUNNING", TaskHandle]);
    assertEquals(running.ApproximateNumberOfMessagesMoved, 1);
    await clock.advance(1_000);
    const { body: { Results: [done] } } = await sqs("ListMessageMoveTasks", { SourceArn: arn });
    assertEquals([done.Status, done.TaskHandle], ["COMPLETED", undefined]);
    assertEquals(done.ApproximateNumberOfMessagesMoved, 2);
    assertEquals(clock.pending, 0);
  });

  it("that were sent there by hand cannot be moved without a destination", async () => {
    const { sqs, receive, clock, letters, source, arn } = await buried(false);
    for (const { ReceiptHandle } of await receive(letters)) {
      await sqs("DeleteMessage", { QueueUrl: letters, ReceiptHandle });
    }
    await sqs("SendMessage", { QueueUrl: letters, MessageBody: "by hand" });
    await sqs("StartMessageMoveTask", { SourceArn: arn });
    await clock.advance(0);
    const { body: { Results: [failed] } } = await sqs("ListMessageMoveTasks", { SourceArn: arn });
    assertEquals([failed.Status, failed.FailureReason], [
      "FAILED",
      "CouldNotDetermineMessageSource",
    ]);
    const DestinationArn = "arn:aws:sqs:eu-west-1:000000000000:q";
    await sqs("StartMessageMoveTask", { SourceArn: arn, DestinationArn });
    await clock.advance(0);
    assertEquals((await receive(source)).map(({ Body }) => Body), ["by hand"]);
  });

  it("are moved only out of a queue that others name", async () => {
    const { sqs, arn } = await buried(false);
    const { status, body } = await sqs("StartMessageMoveTask", {
      SourceArn: arn.replace("dlq", "q"),
    });
    assertEquals([status, /Dead Letter Queue/.test(body.message)], [400, true]);
    const missing = await sqs("StartMessageMoveTask", { SourceArn: `${arn}-2` });
    assertEquals(codesOf(missing), [
      404,
      "ResourceNotFoundException",
      "ResourceNotFoundException;Sender",
    ]);
  });
});

describe("awsEmulator(): SQS in the Query protocol", () => {
  const service = "sqs";

  it("does what it does in JSON", async () => {
    const { query } = createClient();
    const created = await query("CreateQueue", {
      QueueName: "q",
      "Attribute.1.Name": "VisibilityTimeout",
      "Attribute.1.Value": "45",
      "Tag.1.Key": "team",
      "Tag.1.Value": "a<b",
    }, { service });
    const QueueUrl = textIn(created.xml, "QueueUrl");
    assertEquals(QueueUrl, "http://sns.test/000000000000/q");
    const path = new URL(QueueUrl).pathname;
    const attributes = await query(
      "GetQueueAttributes",
      { "AttributeName.1": "VisibilityTimeout" },
      { service, path },
    );
    assertEquals(textIn(attributes.xml, "Value"), "45");
    const tags = await query("ListQueueTags", { QueueUrl }, { service });
    assertEquals([textIn(tags.xml, "Key"), textIn(tags.xml, "Value")], ["team", "a<b"]);
    const sent = await query("SendMessageBatch", {
      QueueUrl,
      "SendMessageBatchRequestEntry.1.Id": "one",
      "SendMessageBatchRequestEntry.1.MessageBody": "a & b\r\n🙂",
      "SendMessageBatchRequestEntry.1.MessageAttribute.1.Name": "n",
      "SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType": "Number",
      "SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue": "1",
      "SendMessageBatchRequestEntry.2.Id": "two",
      "SendMessageBatchRequestEntry.2.MessageBody": "late",
      "SendMessageBatchRequestEntry.2.DelaySeconds": "901",
    }, { service });
    assertEquals(elementsIn(sent.xml, "SendMessageBatchResultEntry").length, 1);
    assertEquals(textIn(elementsIn(sent.xml, "BatchResultErrorEntry")[0]!, "Id"), "two");
    const received = await query("ReceiveMessage", {
      QueueUrl,
      "AttributeName.1": "All",
      "MessageAttributeName.1": "All",
    }, { service });
    const [message] = elementsIn(received.xml, "Message");
    assertEquals(textIn(message!, "Body"), "a & b\r\n🙂");
    assertEquals(textIn(elementsIn(message!, "MessageAttribute")[0]!, "StringValue"), "1");
    assertEquals(elementsIn(message!, "Attribute").length, 4);
    const handle = {
      "DeleteMessageBatchRequestEntry.1.Id": "x",
      "DeleteMessageBatchRequestEntry.1.ReceiptHandle": textIn(message!, "ReceiptHandle"),
    };
    const deleted = await query("DeleteMessageBatch", { QueueUrl, ...handle }, { service });
    assertEquals(elementsIn(deleted.xml, "DeleteMessageBatchResultEntry").length, 1);
    const none = await query("ReceiveMessage", { QueueUrl }, { service });
    assertEquals(elementsIn(none.xml, "ReceiveMessageResult").length, 1, "the SDKs look for it");
    const purged = await query("PurgeQueue", { QueueUrl }, { service });
    assertEquals(elementsIn(purged.xml, "PurgeQueueResult").length, 0);
  });
});
