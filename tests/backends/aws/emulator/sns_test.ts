import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Client, createClient, elementsIn, textIn } from "./client.ts";

const ACCOUNT = "000000000000";
const queueArn = (name: string) => `arn:aws:sqs:eu-west-1:${ACCOUNT}:${name}`;

/** The parameters of a map, as they travel. */
function map(name: string, entries: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([key, value], i) => [
      [`${name}.entry.${i + 1}.key`, key],
      [`${name}.entry.${i + 1}.value`, value],
    ]),
  );
}

/** Message attributes, as they travel. */
function attributes(entries: Record<string, readonly [type: string, value: string]>) {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([name, [type, value]], i) => [
      [`MessageAttributes.entry.${i + 1}.Name`, name],
      [`MessageAttributes.entry.${i + 1}.Value.DataType`, type],
      [
        `MessageAttributes.entry.${i + 1}.Value.${type === "Binary" ? "Binary" : "String"}Value`,
        value,
      ],
    ]),
  );
}

const ANYBODY = JSON.stringify({
  Statement: {
    Effect: "Allow",
    Principal: { Service: "sns.amazonaws.com" },
    Action: "sqs:SendMessage",
  },
});

/** A topic with a queue that is subscribed to it. */
async function subscribed(
  options: {
    client?: Client;
    fifo?: boolean;
    queue?: Record<string, string>;
    subscription?: Record<string, string>;
  } = {},
) {
  const { client = createClient(), fifo = false, queue = {}, subscription = {} } = options;
  const suffix = fifo ? ".fifo" : "";
  const fifoQueue: Record<string, string> = fifo ? { FifoQueue: "true" } : {};
  const TopicArn = await client.topic(`t${suffix}`, fifo ? { FifoTopic: "true" } : {});
  const QueueUrl = await client.queue(`q${suffix}`, { Policy: ANYBODY, ...fifoQueue, ...queue });
  const { xml, status, text } = await client.query("Subscribe", {
    TopicArn,
    Protocol: "sqs",
    Endpoint: queueArn(`q${suffix}`),
    ...map("Attributes", subscription),
  });
  assertEquals(status, 200, text);
  const SubscriptionArn = textIn(xml, "SubscriptionArn");
  const publish = (Message: string, form: Record<string, string> = {}) =>
    client.query("Publish", { TopicArn, Message, ...form });
  const bodies = async () => (await client.receive(QueueUrl)).map(({ Body }) => Body);
  return { ...client, TopicArn, QueueUrl, SubscriptionArn, publish, bodies };
}

const RAW = { RawMessageDelivery: "true" };

describe("awsEmulator(): topics of SNS", () => {
  it("are created once, described, tagged, listed and deleted", async () => {
    const { query, topic } = createClient();
    const arn = await topic("t", { DisplayName: "T" });
    assertEquals(arn, `arn:aws:sns:eu-west-1:${ACCOUNT}:t`);
    assertEquals(await topic("t", { DisplayName: "T" }), arn);
    const other = await query("CreateTopic", {
      Name: "t",
      ...map("Attributes", { DisplayName: "U" }),
    });
    assertEquals([other.status, textIn(other.xml, "Code")], [400, "InvalidParameter"]);
    const tag = { "Tags.member.1.Key": "team", "Tags.member.1.Value": "spice" };
    await query("TagResource", { ResourceArn: arn, ...tag });
    const tags = await query("ListTagsForResource", { ResourceArn: arn });
    assertEquals(textIn(tags.xml, "Value"), "spice");
    await query("SetTopicAttributes", {
      TopicArn: arn,
      AttributeName: "MaximumMessageSize",
      AttributeValue: "1048576",
    });
    const { xml } = await query("GetTopicAttributes", { TopicArn: arn });
    const found = Object.fromEntries(
      elementsIn(xml, "entry").map((entry) => [textIn(entry, "key"), textIn(entry, "value")]),
    );
    assertEquals([found.DisplayName, found.MaximumMessageSize, found.SubscriptionsConfirmed], [
      "T",
      "1048576",
      "0",
    ]);
    assertEquals(textIn((await query("ListTopics", {})).xml, "TopicArn"), arn);
    await query("DeleteTopic", { TopicArn: arn });
    const gone = await query("GetTopicAttributes", { TopicArn: arn });
    assertEquals([gone.status, textIn(gone.xml, "Code")], [404, "NotFound"]);
    assertEquals((await query("DeleteTopic", { TopicArn: arn })).status, 200);
  });

  it("say clearly what is not emulated", async () => {
    const { query, topic } = createClient();
    const TopicArn = await topic("t");
    const asked: [string, Record<string, string>][] = [
      ["CreatePlatformApplication", {}],
      ["Publish", { PhoneNumber: "+1", Message: "x" }],
      ["Subscribe", { TopicArn, Protocol: "email", Endpoint: "a@b.c" }],
    ];
    for (const [action, form] of asked) {
      const { status, xml } = await query(action, form);
      assertEquals([status, textIn(xml, "Code")], [501, "NotEmulated"], action);
    }
    const unknown = await query("Nonsense", {});
    assertEquals([unknown.status, textIn(unknown.xml, "Code")], [400, "InvalidAction"]);
  });
});

describe("awsEmulator(): deliveries of SNS to queues", () => {
  it("come in the envelope of SNS", async () => {
    const { publish, bodies, TopicArn, clock } = await subscribed();
    const { xml } = await publish('a "🙂"\n', {
      Subject: "S",
      ...attributes({ n: ["Number", "1"] }),
    });
    const [body = ""] = await bodies();
    const { UnsubscribeURL, Signature, ...envelope } = JSON.parse(body);
    assert(body.startsWith('{\n  "Type" : "Notification",\n  "MessageId" : "'), body);
    assert(UnsubscribeURL.startsWith("http://sns.test/?Action=Unsubscribe"));
    assert(Signature);
    assertEquals(envelope, {
      Type: "Notification",
      MessageId: textIn(xml, "MessageId"),
      TopicArn,
      Subject: "S",
      Message: 'a "🙂"\n',
      Timestamp: new Date(clock.now()).toISOString(),
      SignatureVersion: "1",
      SigningCertURL: "http://sns.test/SimpleNotificationService-00.pem",
      MessageAttributes: { n: { Type: "Number", Value: "1" } },
    });
  });

  it("come raw with their attributes, and not with more than ten", async () => {
    const { publish, receive, QueueUrl } = await subscribed({ subscription: RAW });
    const eleven = Array.from({ length: 11 }, (_, i) => [`a${i}`, ["String", "x"]] as const);
    await publish("eleven", attributes(Object.fromEntries(eleven)));
    await publish("ten", attributes(Object.fromEntries(eleven.slice(1))));
    const messages = await receive(QueueUrl);
    assertEquals(messages.map(({ Body }) => Body), ["ten"]);
    assertEquals(Object.keys(messages[0]?.MessageAttributes ?? {}).length, 10);
  });

  it("are dropped unless the policy of the queue lets the topic send", async () => {
    const statement = (SourceArn: string) =>
      JSON.stringify({
        Statement: [{
          Effect: "Allow",
          Principal: { Service: "sns.amazonaws.com" },
          Action: "sqs:SendMessage",
          Resource: queueArn("q"),
          Condition: { ArnLike: { "aws:SourceArn": SourceArn } },
        }],
      });
    const cases: [Record<string, string>, number][] = [
      [{ Policy: "" }, 0],
      [{ Policy: statement(`arn:aws:sns:eu-west-1:${ACCOUNT}:other`) }, 0],
      [{ Policy: statement(`arn:aws:sns:*:${ACCOUNT}:t`) }, 1],
    ];
    const allow = { Effect: "Allow", Principal: "*", Action: "sqs:*" };
    const denied = { Statement: [allow, { ...allow, Effect: "Deny" }] };
    cases.push([{ Policy: JSON.stringify(denied) }, 0]);
    for (const [queue, count] of cases) {
      const { publish, bodies } = await subscribed({ queue, subscription: RAW });
      await publish("x");
      assertEquals((await bodies()).length, count, queue.Policy);
    }
    const client = createClient({ policies: "ignored" });
    const { publish, bodies } = await subscribed({ client, queue: { Policy: "" } });
    await publish("x");
    assertEquals((await bodies()).length, 1);
  });

  it("that fail go to the dead-letter queue of the subscription", async () => {
    const client = createClient();
    const letters = await client.queue("dlq", { Policy: ANYBODY });
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: queueArn("dlq") });
    const { publish, sqs, QueueUrl, receive } = await subscribed({
      client,
      subscription: { ...RAW, RedrivePolicy },
    });
    await sqs("DeleteQueue", { QueueUrl });
    await publish("lost");
    const [letter] = await receive(letters);
    assertEquals([letter?.Body, letter?.MessageAttributes], ["lost", undefined]);
  });

  it("carry the group of a standard topic, and one text for each protocol", async () => {
    const { publish, receive, QueueUrl } = await subscribed({ subscription: RAW });
    const Message = JSON.stringify({ default: "all", sqs: "queues", http: "posts", number: 1 });
    await publish(Message, {
      MessageStructure: "json",
      MessageGroupId: "tenant",
      ...attributes({ a: ["String", "x"] }),
    });
    const [message] = await receive(QueueUrl);
    assertEquals([message?.Body, message?.Attributes.MessageGroupId], ["queues", "tenant"]);
    assertEquals(message?.MessageAttributes, undefined);
    const without = await publish('{"sqs":"x"}', { MessageStructure: "json" });
    assertEquals(textIn(without.xml, "Code"), "InvalidParameter");
  });
});

describe("awsEmulator(): filter policies of SNS", () => {
  it("look at attributes", async () => {
    const FilterPolicy = JSON.stringify({
      kind: ["a", { prefix: "b-" }],
      size: [{ numeric: [">", 5] }],
    });
    const { publish, bodies } = await subscribed({ subscription: { ...RAW, FilterPolicy } });
    await publish("yes", attributes({ kind: ["String", "b-1"], size: ["Number", "6"] }));
    await publish("small", attributes({ kind: ["String", "a"], size: ["Number", "5"] }));
    await publish("bytes", attributes({ kind: ["Binary", "YQ=="], size: ["Number", "6"] }));
    assertEquals(await bodies(), ["yes"]);
  });

  const BODY: [policy: object, body: unknown, passes: boolean][] = [
    [{ order: { total: [{ numeric: [">=", 10] }] } }, { order: { total: 10 } }, true],
    [{ order: { total: [{ numeric: [">=", 10] }] } }, { order: { total: 9 } }, false],
    [{ order: { total: [{ exists: false }] } }, { order: {} }, true],
    [{ order: { total: [{ exists: false }] } }, {}, true],
    [{ order: { total: [{ exists: true }] } }, {}, false],
    [{ items: { sku: ["a"] } }, { items: [{ sku: "b" }, { sku: "a" }] }, true],
    [{ items: { sku: ["a"] } }, { items: [{ sku: "b" }] }, false],
    [{ tags: ["x"] }, { tags: ["y", "x"] }, true],
    [{ flag: [true, null] }, { flag: null }, true],
    [{ flag: [true] }, { flag: "true" }, false],
    [{ $or: [{ a: [1] }, { b: { c: [2] } }] }, { b: { c: 2 } }, true],
    [{ $or: [{ a: [1] }, { b: { c: [2] } }] }, { b: { c: 3 } }, false],
    [{ kind: [{ "anything-but": ["a"] }] }, { kind: "b" }, true],
  ];
  for (const [policy, body, passes] of BODY) {
    it(`look at bodies: ${JSON.stringify(policy)}, ${JSON.stringify(body)}`, async () => {
      const FilterPolicy = JSON.stringify(policy);
      const scope = { FilterPolicyScope: "MessageBody", FilterPolicy };
      const { publish, bodies } = await subscribed({ subscription: { ...RAW, ...scope } });
      await publish("no JSON");
      await publish(JSON.stringify(body));
      assertEquals((await bodies()).length, passes ? 1 : 0);
    });
  }

  it("are refused when SNS refuses them", async () => {
    const { query, SubscriptionArn } = await subscribed();
    const set = async (policy: object | string) => {
      const AttributeValue = typeof policy === "string" ? policy : JSON.stringify(policy);
      const form = { SubscriptionArn, AttributeName: "FilterPolicy", AttributeValue };
      return (await query("SetSubscriptionAttributes", form)).status;
    };
    assertEquals(await set({ a: ["x"] }), 200);
    for (const policy of ["no JSON", { a: "x" }, { a: [{ nonsense: 1 }] }, { a: { b: ["x"] } }]) {
      assertEquals(await set(policy), 400, JSON.stringify(policy));
    }
  });
});

describe("awsEmulator(): FIFO topics of SNS", () => {
  const group = { MessageGroupId: "g" };

  it("keep order and de-duplicate into FIFO queues, without a signature in the envelope", async () => {
    const { publish, receive, QueueUrl } = await subscribed({ fifo: true });
    for (const id of ["1", "2", "1"]) {
      await publish(`m-${id}`, { ...group, MessageDeduplicationId: id });
    }
    const messages = await receive(QueueUrl);
    const envelopes = messages.map(({ Body }) => JSON.parse(Body));
    assertEquals(envelopes.map(({ Message }) => Message), ["m-1", "m-2"]);
    assertEquals([envelopes[0].Signature, typeof envelopes[0].SequenceNumber], [
      undefined,
      "string",
    ]);
    assertEquals(messages[0]?.Attributes.MessageDeduplicationId, "1");
    const again = await publish("m-1", { ...group, MessageDeduplicationId: "1" });
    assertEquals(textIn(again.xml, "MessageId"), envelopes[0].MessageId);
  });

  it("refuse what has no group or no deduplication id, and other protocols", async () => {
    const { publish, query, topic, TopicArn } = await subscribed({ fifo: true });
    for (const form of [{}, group, { MessageDeduplicationId: "1" }]) {
      assertEquals(textIn((await publish("x", form)).xml, "Code"), "InvalidParameter");
    }
    const http = { TopicArn, Protocol: "https", Endpoint: "https://a.test/" };
    assertEquals((await query("Subscribe", http)).status, 400);
    const standard = { TopicArn: await topic("s"), Protocol: "sqs", Endpoint: queueArn("q.fifo") };
    assertEquals((await query("Subscribe", standard)).status, 400);
  });

  it("archive what is published, and replay it to a new subscription", async () => {
    const client = createClient();
    const TopicArn = await client.topic("t.fifo", {
      FifoTopic: "true",
      ArchivePolicy: '{"MessageRetentionPeriod":"1"}',
    });
    const start = client.clock.now();
    for (const id of ["1", "2", "3"]) {
      await client.query("Publish", {
        TopicArn,
        Message: id,
        ...group,
        MessageDeduplicationId: id,
      });
      await client.clock.advance(60_000);
    }
    const ReplayPolicy = JSON.stringify({
      PointType: "Timestamp",
      StartingPoint: new Date(start + 60_000).toISOString(),
    });
    const { receive, QueueUrl } = await subscribed({
      client,
      fifo: true,
      subscription: { ReplayPolicy },
    });
    const envelopes = (await receive(QueueUrl)).map(({ Body }) => JSON.parse(Body));
    assertEquals(envelopes.map(({ Message, Replayed }) => [Message, Replayed]), [["2", true], [
      "3",
      true,
    ]]);
  });
});

describe("awsEmulator(): batches of SNS", () => {
  const entries = (messages: readonly string[]) =>
    Object.fromEntries(messages.flatMap((message, i) => [
      [`PublishBatchRequestEntries.member.${i + 1}.Id`, `${i}`],
      [`PublishBatchRequestEntries.member.${i + 1}.Message`, message],
    ]));

  it("answer each entry", async () => {
    const client = createClient({ faults: { partial: 0.5 } });
    const { query, TopicArn, bodies } = await subscribed({ client, subscription: RAW });
    const { xml } = await query("PublishBatch", { TopicArn, ...entries([..."abcdefghij"]) });
    const codesIn = (name: string) =>
      elementsIn(xml, name)[0]?.children.map((each) => [textIn(each, "Id"), textIn(each, "Code")]);
    const failed = codesIn("Failed") ?? [];
    const successful = codesIn("Successful") ?? [];
    assert(failed.length > 0 && successful.length > 0, `${failed.length} of 10 failed`);
    assertEquals(failed.map(([, code]) => code), failed.map(() => "InternalError"));
    assertEquals(await bodies(), successful.map(([id]) => "abcdefghij"[Number(id)]));
  });

  it("are refused as a whole for one entry that is invalid", async () => {
    const { query, TopicArn, bodies } = await subscribed({ subscription: RAW });
    const subject = { "PublishBatchRequestEntries.member.2.Subject": "a\nb" };
    const { xml } = await query("PublishBatch", { TopicArn, ...entries(["a", "b"]), ...subject });
    assertEquals(textIn(xml, "Code"), "InvalidParameter");
    assertEquals(await bodies(), []);
  });

  it("are refused as a whole when they are empty or too long", async () => {
    const { query, TopicArn } = await subscribed();
    const codeOf = async (messages: string[]) =>
      textIn((await query("PublishBatch", { TopicArn, ...entries(messages) })).xml, "Code");
    assertEquals(await codeOf([]), "EmptyBatchRequest");
    assertEquals(await codeOf(Array(11).fill("x")), "TooManyEntriesInBatchRequest");
    assertEquals(await codeOf(["x".repeat(200_000), "x".repeat(100_000)]), "BatchRequestTooLong");
  });
});

describe("awsEmulator(): subscriptions of SNS", () => {
  it("are the same one for the same attributes, and refused for others", async () => {
    const { query, TopicArn, SubscriptionArn } = await subscribed({ subscription: RAW });
    const base = { TopicArn, Protocol: "sqs", Endpoint: queueArn("q") };
    const same = await query("Subscribe", { ...base, ...map("Attributes", RAW) });
    assertEquals(textIn(same.xml, "SubscriptionArn"), SubscriptionArn);
    const other = await query("Subscribe", {
      ...base,
      ...map("Attributes", { RawMessageDelivery: "false" }),
    });
    assertEquals([other.status, textIn(other.xml, "Code")], [400, "InvalidParameter"]);
  });

  it("are listed, described and removed", async () => {
    const { query, TopicArn, SubscriptionArn, publish, bodies } = await subscribed();
    for (const action of ["ListSubscriptions", "ListSubscriptionsByTopic"]) {
      const { xml } = await query(action, { TopicArn });
      assertEquals(textIn(xml, "SubscriptionArn"), SubscriptionArn);
    }
    const { xml } = await query("GetSubscriptionAttributes", { SubscriptionArn });
    assertEquals(elementsIn(xml, "key").some(({ text }) => text === "PendingConfirmation"), true);
    await query("Unsubscribe", { SubscriptionArn });
    await publish("x");
    assertEquals(await bodies(), []);
    const gone = await query("GetSubscriptionAttributes", { SubscriptionArn });
    assertEquals([gone.status, textIn(gone.xml, "Code")], [404, "NotFound"]);
  });
});
