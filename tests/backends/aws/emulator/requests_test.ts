import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { awsEmulator, type Operation } from "../../../../backends/aws/emulator/mod.ts";
import { AwsBackend } from "../../../../backends/aws/mod.ts";
import { seededRandom, VirtualClock } from "../../../../backends/memory/testing.ts";
import { until } from "../../../wait.ts";
import { clientOf, createClient, textIn } from "./client.ts";

const JSON_CALL = {
  "content-type": "application/x-amz-json-1.0",
  "x-amz-target": "AmazonSQS.ListQueues",
};
const SIGNED = {
  ...JSON_CALL,
  "x-amz-date": "20260101T000000Z",
  authorization:
    "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=00",
};

describe("awsEmulator(): signatures", () => {
  const { authorization } = SIGNED;
  const REFUSED: [name: string, headers: Record<string, string>, code: string][] = [
    ["none", JSON_CALL, "MissingAuthenticationToken"],
    ["another algorithm", { ...SIGNED, authorization: "Basic abc" }, "IncompleteSignature"],
    [
      "no credential",
      { ...SIGNED, authorization: "AWS4-HMAC-SHA256 Signature=00" },
      "IncompleteSignature",
    ],
    [
      "no signature",
      { ...SIGNED, authorization: authorization.replace(", Signature=00", "") },
      "IncompleteSignature",
    ],
    [
      "a short scope",
      { ...SIGNED, authorization: authorization.replace("/sqs", "") },
      "IncompleteSignature",
    ],
    ["no date", { ...SIGNED, "x-amz-date": "" }, "IncompleteSignature"],
  ];
  for (const [name, headers, code] of REFUSED) {
    it(`are refused with ${name}`, async () => {
      const { aws } = createClient();
      const response = await aws.fetch("http://sqs.test/", { method: "POST", headers, body: "{}" });
      await response.body?.cancel();
      assertEquals([response.status, response.headers.get("x-amzn-query-error")], [
        403,
        `${code};Sender`,
      ]);
    });
  }

  it("are verified where there are keys", async () => {
    const clock = new VirtualClock();
    const secretAccessKey = "secret";
    const keys = { AKID: { secretAccessKey, accountId: "111122223333" } };
    const { fetch, region, credentials } = awsEmulator({ clock, keys, random: seededRandom(1) });
    assertEquals(credentials, { accessKeyId: "AKID", secretAccessKey });
    const backend = new AwsBackend({ fetch, region, clock, credentials });
    let address: string | undefined;
    const declared = backend.declareQueue("q", { subscribeTo: ["t"] })
      .then((queue) => address = queue.address);
    // In small steps: signatures take their own time, and requests must not be late meanwhile.
    const pass = async () => {
      await clock.advance(100);
      return address;
    };
    await until(pass, { what: "the queue" });
    await declared;
    assertEquals(address, "arn:aws:sqs:us-east-1:111122223333:q");
    for (
      const [accessKeyId, secretAccessKey] of [["AKID", "wrong"], ["OTHER", "secret"]] as const
    ) {
      const stranger = new AwsBackend({
        fetch,
        region,
        clock,
        credentials: { accessKeyId, secretAccessKey },
      });
      const error = await assertRejects(() => stranger.describeQueue("q"));
      assertEquals((error as { code?: string }).code, "ACCESS_DENIED");
    }
  });

  it("of keys of twelve digits name their account, and accounts share nothing", async () => {
    const { sqs, query } = createClient();
    const account = "111122223333";
    await sqs("CreateQueue", { QueueName: "q" }, { account });
    assertEquals((await sqs("ListQueues", {})).body, {});
    const { xml } = await query("GetCallerIdentity", {}, { account, service: "sts" });
    assertEquals(textIn(xml, "Account"), account);
  });
});

describe("awsEmulator(): requests", () => {
  it("that make no sense are refused, and never break it", async () => {
    const { aws, query, sqs } = createClient();
    const cases: [BodyInit, Record<string, string>, number][] = [
      ["no json", SIGNED, 400],
      ["[]", SIGNED, 400],
      ["{}", { ...SIGNED, "x-amz-target": "DynamoDB.Scan" }, 400],
      ["{}", { ...SIGNED, "x-amz-target": "AmazonSQS.Nonsense" }, 400],
      ['{"QueueUrl":7}', { ...SIGNED, "x-amz-target": "AmazonSQS.ReceiveMessage" }, 400],
      ['{"QueueUrl":"http://x/"}', { ...SIGNED, "x-amz-target": "AmazonSQS.ReceiveMessage" }, 400],
    ];
    for (const [body, headers, status] of cases) {
      const response = await aws.fetch("http://sqs.test/", { method: "POST", headers, body });
      assertEquals(response.status, status, `${body}`);
      assertEquals(typeof (await response.json()).message, "string");
    }
    const form = { "Attributes.entry.1.__proto__.x": "1", Name: "t" };
    assertEquals((await query("CreateTopic", form)).status, 400);
    assertEquals(({} as Record<string, unknown>).x, undefined);
    assertEquals((await sqs("toString", {})).status, 400);
  });

  it("are logged with what they cost", async () => {
    const { aws, sqs, queue, query } = createClient();
    const QueueUrl = await queue("q");
    await sqs("SendMessage", { QueueUrl, MessageBody: "x".repeat(100_000) });
    await sqs("ReceiveMessage", { QueueUrl });
    await sqs("SendMessage", { QueueUrl: `${QueueUrl}-2`, MessageBody: "x" });
    await query("GetCallerIdentity", {}, { service: "sts" });
    const shown = aws.requests.map((
      { service, action, queue, billed, status },
    ) => [service, action, queue, billed, status]);
    assertEquals(shown, [
      ["sqs", "CreateQueue", "q", 1, 200],
      ["sqs", "SendMessage", "q", 2, 200],
      ["sqs", "ReceiveMessage", "q", 2, 200],
      ["sqs", "SendMessage", "q-2", 1, 400],
      ["sts", "GetCallerIdentity", undefined, 0, 200],
    ]);
    assert(aws.requests[1]!.bytes > 100_000);
  });

  it("are forgotten beyond maxRequests, oldest first", async () => {
    const { aws, sqs } = createClient({ maxRequests: 2 });
    for (const QueueName of ["a", "b", "c"]) await sqs("CreateQueue", { QueueName });
    assertEquals(aws.requests.map(({ queue }) => queue), ["b", "c"]);
  });

  it("that are given up while they wait take nothing", async () => {
    const { aws, queue, sqs, receive, clock } = createClient();
    const QueueUrl = await queue("q");
    const ending = new AbortController();
    const waiting = aws.fetch("http://sqs.test/", {
      method: "POST",
      signal: ending.signal,
      headers: { ...SIGNED, "x-amz-target": "AmazonSQS.ReceiveMessage" },
      body: JSON.stringify({ QueueUrl, WaitTimeSeconds: 20 }),
    });
    const rejected = assertRejects(() => waiting);
    await until(() => clock.pending > 0, { what: "the receive that waits" });
    ending.abort();
    await rejected;
    assertEquals(clock.pending, 0);
    const over = new AbortController();
    const late = aws.fetch(
      new Request("http://sqs.test/", {
        method: "POST",
        signal: over.signal,
        headers: { ...SIGNED, "x-amz-target": "AmazonSQS.ReceiveMessage" },
        body: JSON.stringify({ QueueUrl, WaitTimeSeconds: 20 }),
      }),
    );
    over.abort();
    await assertRejects(() => late);
    assertEquals(clock.pending, 0);
    await sqs("SendMessage", { QueueUrl, MessageBody: "x" });
    assertEquals((await receive(QueueUrl)).length, 1);
  });

  it("that wait are served in the order of asking, after the delay of a message", async () => {
    const { queue, sqs, receive, clock } = createClient();
    const QueueUrl = await queue("q", { ReceiveMessageWaitTimeSeconds: "20" });
    const waiting = [receive(QueueUrl), receive(QueueUrl)];
    await sqs("SendMessage", { QueueUrl, MessageBody: "a", DelaySeconds: 5 });
    let done = false;
    void waiting[0]!.then(() => done = true);
    await clock.advance(4_999);
    assertEquals(done, false);
    await clock.advance(1);
    assertEquals((await waiting[0]!).length, 1);
    await clock.advance(15_000);
    assertEquals(await waiting[1], []);
    assertEquals(clock.pending, 0);
  });
});

describe("awsEmulator(): faults", () => {
  it("lose answers of what was done", async () => {
    const { aws, sqs } = createClient({ faults: { lostAnswers: 1 } });
    await assertRejects(() => sqs("CreateQueue", { QueueName: "q" }), TypeError);
    assertEquals(aws.requests[0]!.status, 0);
    assertEquals(aws.snapshot().queues.map(({ name }) => name), ["q"]);
  });

  it("throttle before anything is done", async () => {
    const { aws, sqs, query } = createClient({ faults: { throttled: 1 } });
    const { status, headers } = await sqs("CreateQueue", { QueueName: "q" });
    assertEquals([status, headers.get("x-amzn-query-error")], [403, "RequestThrottled;Sender"]);
    assertEquals(textIn((await query("CreateTopic", { Name: "t" })).xml, "Code"), "Throttling");
    assertEquals(aws.snapshot().queues, []);
  });

  it("store twice in standard queues only", async () => {
    const { queue, sqs, receive } = createClient({ faults: { duplicates: 1 } });
    const QueueUrl = await queue("q");
    await sqs("SendMessage", { QueueUrl, MessageBody: "a" });
    const [one, other, ...more] = await receive(QueueUrl);
    assertEquals([one?.MessageId, more.length], [other?.MessageId, 0]);
    const fifo = await queue("q.fifo", { FifoQueue: "true", ContentBasedDeduplication: "true" });
    await sqs("SendMessage", { QueueUrl: fifo, MessageBody: "a", MessageGroupId: "g" });
    assertEquals((await receive(fifo)).length, 1);
  });

  it("let entries of batches fail by the fault of the service", async () => {
    const { queue, sqs } = createClient({ faults: { partial: 0.5 } });
    const QueueUrl = await queue("q");
    const Entries = Array.from({ length: 10 }, (_, i) => ({ Id: `${i}`, MessageBody: "x" }));
    const { body } = await sqs("SendMessageBatch", { QueueUrl, Entries });
    assertEquals(body.Successful.length + body.Failed.length, 10);
    assert(body.Successful.length > 0 && body.Failed.length > 0);
    assertEquals([body.Failed[0].Code, body.Failed[0].SenderFault], ["InternalError", false]);
  });

  it("come again with the same seed, and refuse chances that are none", async () => {
    const run = async () => {
      const { aws, queue } = createClient({ faults: { throttled: 0.5 } });
      for (let i = 0; i < 20; i++) await queue(`q${i}`);
      return aws.requests.map(({ status }) => status).join();
    };
    assertEquals(await run(), await run());
    assertThrows(() => awsEmulator({ faults: { partial: 2 } }), RangeError);
    assertThrows(() => awsEmulator({ accountId: "7" }), TypeError);
  });
});

describe("awsEmulator(): snapshots and the journal", () => {
  async function busy(options: { journal?: (operation: Operation) => void } = {}) {
    const client = createClient(options);
    const { queue, topic, query, sqs, receive, clock } = client;
    const Policy = JSON.stringify({ Statement: { Effect: "Allow", Principal: "*", Action: "*" } });
    const letters = await queue("dlq", { Policy });
    const deadLetterTargetArn = "arn:aws:sqs:eu-west-1:000000000000:dlq";
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1 });
    const QueueUrl = await queue("q", { Policy, RedrivePolicy, VisibilityTimeout: "1" });
    const TopicArn = await topic("t");
    const Endpoint = "arn:aws:sqs:eu-west-1:000000000000:q";
    await query("Subscribe", { TopicArn, Protocol: "sqs", Endpoint });
    for (const Message of ["a", "b", "c"]) await query("Publish", { TopicArn, Message });
    const [first] = await receive(QueueUrl, { MaxNumberOfMessages: 2 });
    await sqs("DeleteMessage", { QueueUrl, ReceiptHandle: first?.ReceiptHandle });
    await clock.advance(1_500);
    await receive(QueueUrl);
    const fifo = await queue("f.fifo", { FifoQueue: "true" });
    const message = { MessageBody: "x", MessageGroupId: "g", MessageDeduplicationId: "1" };
    await sqs("SendMessage", { QueueUrl: fifo, ...message });
    return { ...client, QueueUrl, letters, fifo, message };
  }

  it("go on where they were taken, through JSON", async () => {
    const { aws, clock, QueueUrl, letters, fifo, message, receive } = await busy();
    const snapshot = JSON.parse(JSON.stringify(aws.snapshot()));
    assertEquals(snapshot, aws.snapshot());
    const copy = awsEmulator({ clock, random: seededRandom(2), region: "eu-west-1", snapshot });
    const other = clientOf(copy);
    assertEquals(copy.snapshot(), aws.snapshot());
    const sent = await other.sqs("SendMessage", { QueueUrl: fifo, ...message });
    assertEquals(sent.body.SequenceNumber, "00000000000000000001", "it was not de-duplicated");
    assertEquals((await other.receive(letters)).length, 1);
    await clock.advance(2_000);
    assertEquals((await other.receive(QueueUrl)).length, (await receive(QueueUrl)).length);
  });

  it("and the operations after a snapshot lead to the same state", async () => {
    const journal: Operation[] = [];
    const { aws, clock, receive, QueueUrl } = await busy({
      journal: (operation) => void journal.push(JSON.parse(JSON.stringify(operation))),
    });
    await clock.advance(5_000);
    await receive(QueueUrl);
    const copy = awsEmulator({ clock, region: "eu-west-1" });
    for (const operation of journal) copy.replay(operation);
    assertEquals(copy.snapshot(), aws.snapshot());
    assert(journal.every(({ action }) => !/^(Get|List)/.test(action)));
  });

  it("holds an answer until the operation is written", async () => {
    const order: string[] = [];
    let write = () => {};
    const writing = new Promise<void>((resolve) => write = resolve);
    const { sqs } = createClient({
      journal: () => (order.push("told"), writing.then(() => void order.push("written"))),
    });
    const call = sqs("CreateQueue", { QueueName: "q" }).then(() => order.push("answered"));
    await until(() => order.length > 0, { what: "the journal" });
    write();
    await call;
    assertEquals(order, ["told", "written", "answered"]);
  });

  it("refuse what is no snapshot", () => {
    assertThrows(() => awsEmulator({ snapshot: {} as never }), TypeError);
  });
});
