import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BoundedMap } from "../../../backends/aws/api/bounded_map.ts";
import { createAddresses } from "../../../backends/aws/addresses.ts";
import type { AwsClient } from "../../../backends/aws/api/client.ts";
import { AwsBackend, type AwsBackendOptions, awsSender } from "../../../backends/aws/mod.ts";
import { md5, md5OfAttributes } from "../../../backends/aws/message/md5.ts";
import type { SendResult } from "../../../src/backend.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";
import type { OutgoingMessage } from "../../../src/wire/message.ts";
import { MessagePublisher } from "../../../src/publish/publisher.ts";
import {
  allStored,
  type Call,
  type FakeAws,
  fakeAws,
  json,
  message,
  QUEUE,
  snsError,
  sqsError,
  xml,
} from "./fake_aws.ts";

const TOPIC = "arn:aws:sns:eu-west-1:123456789012:orders";

/** A result in a word: the id, or the code of the error and whether to try again. */
function brief(result: SendResult | undefined): string {
  if (!result) return "none";
  if (result.ok) return result.messageId;
  return result.error.retryable ? `${result.error.code} retryable` : result.error.code;
}

function allPublished({ input }: Call): Response {
  const members = [];
  for (let n = 1; `PublishBatchRequestEntries.member.${n}.Id` in input; n++) {
    const id = input[`PublishBatchRequestEntries.member.${n}.Id`];
    members.push(`<member><Id>${id}</Id><MessageId>m-${id}</MessageId></member>`);
  }
  return xml("PublishBatch", `<Failed/><Successful>${members.join("")}</Successful>`);
}

describe("AwsBackend.send() to a queue", () => {
  it("writes what a message has, and whole seconds rounded up", async () => {
    const aws = fakeAws(allStored);
    const number: OutgoingMessage["attributes"][string] = { type: "Number.big", value: "1.0" };
    await new AwsBackend(aws.options).send({ queue: QUEUE }, [
      {
        body: "é🙂",
        attributes: { text: "x", number: 1.5, bytes: Uint8Array.of(0, 255), big: number },
        group: "tenant",
        delayMs: 1_001,
      },
      message("plain"),
    ]);
    assertEquals(aws.calls[0]!.input, {
      QueueUrl: QUEUE,
      Entries: [
        {
          Id: "0",
          MessageBody: "é🙂",
          DelaySeconds: 2,
          MessageAttributes: {
            text: { DataType: "String", StringValue: "x" },
            number: { DataType: "Number", StringValue: "1.5" },
            bytes: { DataType: "Binary", BinaryValue: "AP8=" },
            big: { DataType: "Number.big", StringValue: "1.0" },
          },
          MessageGroupId: "tenant",
        },
        { Id: "1", MessageBody: "plain", MessageAttributes: {} },
      ],
    });
  });

  it("writes an attribute named __proto__ like any other", async () => {
    const aws = fakeAws(allStored);
    const attributes = JSON.parse('{"__proto__":"x"}');
    await new AwsBackend(aws.options).send({ queue: QUEUE }, [{ body: "x", attributes }]);
    assert(aws.calls[0]!.body.includes('"__proto__":{"DataType":"String","StringValue":"x"}'));
  });

  it("gives one result per entry, in order, whatever the order of the answer", async () => {
    const aws = fakeAws(() =>
      json({
        Failed: [
          { Id: "3", Code: "InvalidMessageContents", SenderFault: true },
          { Id: "1", Code: "RequestThrottled", SenderFault: true, Message: "slow" },
          { Id: "5", Code: "InternalError", SenderFault: false },
        ],
        Successful: [
          { Id: "4", MessageId: "m-4", SequenceNumber: "18849" },
          { Id: "0", MessageId: "m-0" },
          { Id: "9", MessageId: "nobody asked" },
        ],
      })
    );
    const results = await new AwsBackend(aws.options)
      .send({ queue: QUEUE }, Array.from({ length: 6 }, () => message()));
    assertEquals(results.map(brief), [
      "m-0",
      "THROTTLED retryable",
      "OUTCOME_UNKNOWN retryable", // not mentioned
      "INVALID_MESSAGE",
      "m-4",
      "OUTCOME_UNKNOWN retryable",
    ]);
    assertEquals(results[4], { ok: true, messageId: "m-4", sequenceNumber: "18849" });
  });

  it("believes neither a success without an id nor one that is a failure as well", async () => {
    const aws = fakeAws(() =>
      json({
        Successful: [{ Id: "0" }, { Id: "1", MessageId: "m-1" }, null, "x", { MessageId: "m" }],
        Failed: [{ Id: "1", Code: "InternalError" }],
      })
    );
    const results = await new AwsBackend(aws.options)
      .send({ queue: QUEUE }, [message(), message()]);
    assertEquals(results.map(brief), ["OUTCOME_UNKNOWN retryable", "OUTCOME_UNKNOWN retryable"]);
  });

  it("refuses what the service would refuse, and sends the others", async () => {
    const aws = fakeAws(allStored);
    const backend = new AwsBackend(aws.options);
    const messages = [
      message("good"),
      message(""),
      message("\u0001"),
      { body: "x", attributes: { "AWS.x": "1" } },
      message("x".repeat(1_048_577)),
      message("good too"),
    ];
    const results = await backend.send({ queue: QUEUE }, messages);
    assertEquals(results.map(brief), ["m-0", ...Array(4).fill("INVALID_MESSAGE"), "m-1"]);
    const bodies = aws.calls[0]!.input.Entries.map((entry: Record<string, string>) =>
      entry.MessageBody
    );
    assertEquals(bodies, ["good", "good too"]);
    await backend.send({ queue: QUEUE }, [message("")]);
    await backend.send({ queue: QUEUE }, []);
    assertEquals(aws.calls.length, 1, "nothing is sent where nothing is left");
  });

  it("refuses more than ten messages", async () => {
    const aws = fakeAws(allStored);
    const messages = Array.from({ length: 11 }, () => message());
    await assertRejects(
      () => new AwsBackend(aws.options).send({ queue: QUEUE }, messages),
      RangeError,
    );
    assertEquals(aws.calls.length, 0);
  });

  it("compares the digests of what was stored: another one is an error, and final", async () => {
    const attributes = { a: 1 };
    const answers = [
      { MD5OfMessageBody: md5("x"), MD5OfMessageAttributes: md5OfAttributes(attributes) },
      { MD5OfMessageBody: md5("y") },
      { MD5OfMessageAttributes: md5("y") },
      {},
    ];
    const respond = () =>
      json({
        Successful: answers.map((answer, n) => ({ Id: `${n}`, MessageId: `m-${n}`, ...answer })),
      });
    const messages = answers.map(() => ({ body: "x", attributes }));
    const aws = fakeAws(respond);
    const backend = new AwsBackend({ ...aws.options, integrity: "all" });
    const results = await backend.send({ queue: QUEUE }, messages);
    assertEquals(results.map(brief), ["m-0", "OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN", "m-3"]);
    const unchecked = await awsSender(aws.options).send({ queue: QUEUE }, messages);
    assertEquals(unchecked.map(brief), ["m-0", "m-1", "m-2", "m-3"]);
  });
});

describe("send() and answers with garbage in one entry", () => {
  const bad = { toString: "x" };
  const garbage: Record<string, Record<string, unknown>> = {
    "a code that is an object": { Failed: [{ Id: "0", Code: bad }] },
    "a fault that is an object": { Failed: [{ Id: "0", SenderFault: bad }] },
    "an entry that is null": { Failed: [null] },
    "failures that are no list": { Failed: { Id: bad, Code: bad } },
    "a message id that is an object": { Successful: [{ Id: "0", MessageId: bad }] },
    "a success without an id": { Successful: [{ MessageId: "m" }, "0", null] },
    "an id that is an object": { Successful: [{ Id: bad, MessageId: "m" }] },
    "the id of nobody": { Successful: [{ Id: "17", MessageId: "m" }] },
  };
  for (const [what, { Successful = [], Failed }] of Object.entries(garbage)) {
    it(`${what}: the others are stored, that one is unknown`, async () => {
      const others = [{ Id: "1", MessageId: "m-1" }, { Id: "1", MessageId: "again" }];
      const aws = fakeAws(() =>
        json({ Successful: [...Successful as unknown[], ...others], Failed })
      );
      const messages = [message(), message()];
      for (const sender of [new AwsBackend(aws.options), awsSender(aws.options)]) {
        const results = await sender.send({ queue: QUEUE }, messages);
        assertEquals(results.map(brief), ["OUTCOME_UNKNOWN retryable", "m-1"]);
      }
    });
  }
});

describe("the addresses that are remembered", () => {
  it("are bounded, as names may come out of messages", async () => {
    const { clock } = fakeAws(allStored);
    let asked = 0;
    const client: AwsClient = {
      clock,
      environment: () => undefined,
      place: () => ({ region: "eu-west-1", url: "https://sqs.eu-west-1.amazonaws.com" }),
      call(request) {
        asked += 1;
        return Promise.resolve(request.read('{"QueueUrl":"https://sqs.example/1/q"}'));
      },
    };
    const addresses = createAddresses(client, {}, new BoundedMap());
    await addresses.find({ queue: "first" });
    await addresses.find({ queue: "first" });
    assertEquals(asked, 1);
    for (let n = 0; n < 10_000; n++) await addresses.find({ queue: `q${n}` });
    await addresses.find({ queue: "first" });
    assertEquals(asked, 10_002);
  });
});

describe("awsSender().send()", () => {
  it("sends what it is given, and classifies what AWS makes of it", async () => {
    const aws = fakeAws(({ input }) =>
      json({
        Failed: [{ Id: "1", Code: "InvalidMessageContents", SenderFault: true }],
        Successful: [{ Id: "0", MessageId: `m-${input.Entries.length}` }],
      })
    );
    const sender = awsSender(aws.options);
    const results = await sender.send({ queue: QUEUE }, [message("good"), message("\u0001")]);
    assertEquals(results.map(brief), ["m-2", "INVALID_MESSAGE"]);
    assertEquals(await sender.send({ queue: QUEUE }, []), []);
    assertEquals(aws.calls.length, 1);
    const large = fakeAws(() => new Response("", { status: 413 }));
    const sent = () => awsSender(large.options).send({ queue: QUEUE }, [message()]);
    assertEquals((await assertRejects(sent, MelangeError)).code, "INVALID_MESSAGE");
  });

  it("does not know the outcome of an entry where there is no list of successes", async () => {
    for (const Successful of [{}, "x", 1, null]) {
      const sender = awsSender(fakeAws(() => json({ Successful })).options);
      const results = await sender.send({ queue: QUEUE }, [message("a"), message("b")]);
      assertEquals(results.map(brief), Array(2).fill("OUTCOME_UNKNOWN retryable"));
    }
  });

  it("sends what the list held at the call, whatever becomes of the list", async () => {
    const aws = fakeAws((call) =>
      call.action === "GetQueueUrl" ? json({ QueueUrl: QUEUE }) : allStored(call)
    );
    const messages = [message("one"), message("two")];
    const sending = awsSender(aws.options).send({ queue: "orders" }, messages);
    messages.splice(0, 2, message("other"));
    assertEquals((await sending).map(brief), ["m-0", "m-1"]);
    const bodies = aws.calls[1]!.input.Entries.map((entry: { MessageBody: string }) =>
      entry.MessageBody
    );
    assertEquals(bodies, ["one", "two"]);
  });

  it("creates no topic, neither a missing one nor to learn its address", async () => {
    const cases = [[{ accountId: "123456789012" }, "NOT_FOUND"], [{}, "REFUSED"]] as const;
    for (const [own, code] of cases) {
      const aws = fakeAws(({ action }) =>
        action === "GetCallerIdentity" ? snsError("InvalidAction") : snsError("NotFound", 404)
      );
      const { accountId: _, ...options } = aws.options;
      const sender = awsSender({ ...options, ...own });
      const sent = () => sender.send({ topic: "orders" }, [message()]);
      const error = await assertRejects(sent, MelangeError);
      assertEquals(error.code, code);
      assert(code !== "NOT_FOUND" || error.message.includes("declare it first"), error.message);
      assert(!aws.actions().includes("CreateTopic"));
    }
  });

  it("is given only what keeps the rules by a publisher", async () => {
    const aws = fakeAws(allStored);
    const publisher = new MessagePublisher({ backend: awsSender(aws.options), clock: aws.clock });
    const Note = defineEvent("Note", { schema: typed<string>() });
    const results = await publisher.publishAll([
      { event: Note("good"), queue: QUEUE },
      { event: Note("\u0001".repeat(200_000)), queue: QUEUE },
      { event: Note("name"), queue: QUEUE, attributes: { "AWS.x": "1" } },
      { event: Note("good too"), queue: QUEUE },
    ]);
    assertEquals(results.map(brief), ["m-0", "INVALID_MESSAGE", "INVALID_MESSAGE", "m-1"]);
    assertEquals(aws.calls[0]!.input.Entries.length, 2);
  });
});

describe("AwsBackend.send() to a topic", () => {
  it("writes the form of SNS", async () => {
    const aws = fakeAws(allPublished);
    const results = await new AwsBackend(aws.options).send({ topic: `${TOPIC}.fifo` }, [{
      body: "é & 🙂",
      attributes: { text: "x", bytes: Uint8Array.of(1) },
      group: "g",
      deduplicationId: "d",
    }]);
    assertEquals(results.map(brief), ["m-0"]);
    const { action, headers, input } = aws.calls[0]!;
    assertEquals(action, "PublishBatch");
    assertEquals(headers.get("content-type"), "application/x-www-form-urlencoded");
    const member = "PublishBatchRequestEntries.member.1";
    assertEquals(input, {
      Action: "PublishBatch",
      Version: "2010-03-31",
      TopicArn: `${TOPIC}.fifo`,
      [`${member}.Id`]: "0",
      [`${member}.Message`]: "é & 🙂",
      [`${member}.MessageAttributes.entry.1.Name`]: "text",
      [`${member}.MessageAttributes.entry.1.Value.DataType`]: "String",
      [`${member}.MessageAttributes.entry.1.Value.StringValue`]: "x",
      [`${member}.MessageAttributes.entry.2.Name`]: "bytes",
      [`${member}.MessageAttributes.entry.2.Value.DataType`]: "Binary",
      [`${member}.MessageAttributes.entry.2.Value.BinaryValue`]: "AQ==",
      [`${member}.MessageGroupId`]: "g",
      [`${member}.MessageDeduplicationId`]: "d",
    });
  });

  it("reads failures and what is not mentioned", async () => {
    const aws = fakeAws(() =>
      xml(
        "PublishBatch",
        "<Failed><member><Id>0</Id><Code>Throttled</Code><SenderFault>true</SenderFault></member>" +
          "<member><Id>2</Id><Code>Weird</Code><SenderFault>false</SenderFault></member>" +
          "<member><Id>3</Id><Code>Weird</Code><SenderFault>true</SenderFault></member></Failed>",
      )
    );
    const results = await new AwsBackend(aws.options)
      .send({ topic: TOPIC }, Array.from({ length: 4 }, () => message()));
    assertEquals(results.map(brief), [
      "THROTTLED retryable",
      "OUTCOME_UNKNOWN retryable",
      "OUTCOME_UNKNOWN retryable",
      "REFUSED",
    ]);
  });

  it("takes the answer to another action for garbage", async () => {
    const aws = fakeAws(() => xml("Publish", "<MessageId>m</MessageId>"));
    const error = await assertRejects(
      () => new AwsBackend(aws.options).send({ topic: TOPIC }, [message()]),
      MelangeError,
    );
    assertEquals(error.code, "OUTCOME_UNKNOWN");
  });

  it("has the limit of SNS, or of the topic's attribute", async () => {
    const big = message("x".repeat(262_145));
    const aws = fakeAws(allPublished);
    const [refused] = await new AwsBackend(aws.options).send({ topic: TOPIC }, [big]);
    assertEquals(brief(refused), "INVALID_MESSAGE");
    const backend = new AwsBackend({ ...aws.options, topicMessageBytes: 1_048_576 });
    assertEquals(backend.limits.topic.batchBytes, 1_048_576);
    const [sent] = await backend.send({ topic: TOPIC }, [big]);
    assertEquals(brief(sent), "m-0");
  });
});

describe("a FIFO message without a deduplication id", () => {
  const Line = defineEvent("Line", { schema: typed<string>(), group: () => "g" });
  const to = { queue: `${QUEUE}.fifo`, deduplicationId: false } as const;

  it("travels without one to queues and topics", async () => {
    const aws = fakeAws((call) =>
      call.action === "PublishBatch" ? allPublished(call) : allStored(call)
    );
    const publisher = new MessagePublisher({ backend: awsSender(aws.options) });
    await publisher.publish(Line("a"), to);
    await publisher.publish(Line("a"), { topic: `${TOPIC}.fifo`, deduplicationId: false });
    assertEquals(aws.calls.map(({ body }) => body.includes("MessageDeduplicationId")), [
      false,
      false,
    ]);
    assertEquals(aws.calls.map(({ body }) => body.includes("MessageGroupId")), [true, true]);
  });

  it("is refused with the reason where the destination needs one", async () => {
    const aws = fakeAws(() => sqsError("InvalidParameterValue"));
    const publisher = new MessagePublisher({ backend: new AwsBackend(aws.options) });
    const error = await assertRejects(() => publisher.publish(Line("a"), to), MelangeError);
    assertEquals(error.code, "INVALID_MESSAGE");
    assert(error.message.includes("contentBasedDeduplication"), error.message);
    const other = await assertRejects(
      () => publisher.publish(Line("a"), { ...to, deduplicationId: "d" }),
      MelangeError,
    );
    assert(!other.message.includes("contentBasedDeduplication"), other.message);
  });
});

describe("AwsBackend on a broker of queues only", () => {
  it("says so, and makes no request that concerns topics", async () => {
    const aws = fakeAws(allStored);
    const backend = new AwsBackend({ ...aws.options, topics: false });
    const calls: (() => Promise<unknown>)[] = [
      () => backend.send({ topic: TOPIC }, [message()]),
      () => backend.declareTopic("t"),
      () => backend.deleteTopic("t"),
      () => backend.declareQueue("q", { subscribeTo: ["t"] }),
      () => backend.declareEndpoint("t", "https://shop.example/sns"),
    ];
    for (const call of calls) {
      const { code } = await assertRejects(call, MelangeError);
      assertEquals([code, aws.calls.length], ["UNSUPPORTED", 0]);
    }
    const { fansOut, filters, redelivers } = backend.guarantees;
    assertEquals([fansOut, filters, redelivers], [false, false, true]);
    const [sent] = await backend.send({ queue: QUEUE }, [message()]);
    assert(sent?.ok);
    assert(new AwsBackend(aws.options).guarantees.fansOut);
  });
});

describe("what a service refuses as a whole", () => {
  const Line = defineEvent("Line", { schema: typed<string>(), group: () => "g" });
  const lines = Array.from("abcdefghij", (letter) => Line(letter.repeat(100)));
  const bodies = ({ input }: Call): string[] =>
    input.Entries?.map(({ MessageBody }: { MessageBody: string }) => MessageBody) ??
      Object.keys(input).filter((key) => key.endsWith(".Message")).map((key) => input[key]);

  for (const code of ["BatchRequestTooLong", "InvalidMessageContents", "SomethingNew"]) {
    for (const [name, to] of [["queue", { queue: QUEUE }], ["topic", { topic: TOPIC }]] as const) {
      it(`fails only the entry that it was refused for (${code} of a ${name})`, async () => {
        const aws = fakeAws((call) => {
          const bad = bodies(call).some((body) => body.includes("ccc"));
          if (!bad) return name === "queue" ? allStored(call) : allPublished(call);
          return name === "queue" ? sqsError(code) : snsError(code);
        });
        const publisher = new MessagePublisher({ backend: new AwsBackend(aws.options) });
        const results = await publisher.publishAll(lines, to);
        assertEquals(results.map(({ ok }) => ok), lines.map((_, at) => at !== 2));
        assert(aws.calls.length <= 9, `${aws.calls.length} requests`);
      });
    }
  }

  it("takes one request more than needed where a batch is too long for a broker", async () => {
    const aws = fakeAws((call) =>
      call.body.length > 3_000 ? sqsError("BatchRequestTooLong") : allStored(call)
    );
    const publisher = new MessagePublisher({ backend: new AwsBackend(aws.options) });
    const results = await publisher.publishAll(lines, { queue: QUEUE });
    assertEquals(results.map(({ ok }) => ok), lines.map(() => true));
    assertEquals(aws.calls.length, 3);
  });

  it("does not happen where the limits of a queue are given", async () => {
    const aws = fakeAws(allStored);
    const options = { ...aws.options, queueMessageBytes: 300, queueBatchBytes: 750 };
    const backend = new AwsBackend(options);
    assertEquals([backend.limits.queue.messageBytes, backend.limits.queue.batchBytes], [300, 750]);
    const publisher = new MessagePublisher({ backend });
    const results = await publisher.publishAll([...lines, Line("k".repeat(300))], { queue: QUEUE });
    const codes = results.map((result) => result.ok ? "ok" : result.error.code);
    assertEquals(codes, [...lines.map(() => "ok"), "INVALID_MESSAGE"]);
    assertEquals(aws.calls.map((call) => bodies(call).length).sort(), [1, 3, 3, 3]);
    const { limits } = new AwsBackend({ ...aws.options, queueMessageBytes: 300 });
    assertEquals([limits.queue.batchBytes, limits.topic.batchBytes], [300, 262_144]);
  });

  it("takes no limit that is no number of bytes", () => {
    for (const name of ["topicMessageBytes", "queueMessageBytes", "queueBatchBytes"] as const) {
      for (const value of [NaN, 0, -1, 0.5, "300", null, {}]) {
        const options = { [name]: value } as AwsBackendOptions;
        const { message } = assertThrows(() => new AwsBackend(options), RangeError);
        assertMatch(message, new RegExp(`${name} must be 1 or more`));
      }
      for (const value of [undefined, 1, 1_048_576, Infinity]) {
        new AwsBackend({ [name]: value } as AwsBackendOptions);
      }
    }
  });
});

describe("AwsBackend.send() finds the address of a topic", () => {
  const service = (topics: Set<string>, options: { account?: string } = {}): FakeAws =>
    fakeAws((call) => {
      if (call.action === "GetCallerIdentity") {
        const { account } = options;
        if (!account) return snsError("InvalidAction");
        return xml(call.action, `<Account>${account}</Account>`);
      }
      if (call.action === "CreateTopic") {
        const arn = `arn:aws:sns:eu-west-1:999999999999:${call.input.Name}`;
        topics.add(arn);
        return xml(call.action, `<TopicArn>${arn}</TopicArn>`);
      }
      return topics.has(call.input.TopicArn) ? allPublished(call) : snsError("NotFound", 404);
    });
  const send = (aws: FakeAws, options: AwsBackendOptions = {}, topic = "orders") => {
    const { accountId: _, ...rest } = aws.options;
    const backend = new AwsBackend({ ...rest, ...options });
    const turn = () => backend.send({ topic }, [message()]);
    return { backend, turn };
  };
  const ours = "arn:aws:sns:eu-west-1:999999999999:orders";

  it("by the account id of the options or the environment, without a request", async () => {
    const environment = (name: string) => name === "AWS_ACCOUNT_ID" ? "999999999999" : undefined;
    for (const options of [{ accountId: "999999999999" }, { environment }]) {
      const aws = service(new Set([ours]));
      const { turn } = send(aws, options);
      await turn();
      assertEquals(aws.actions(), ["PublishBatch"]);
    }
  });

  it("by asking for the account once, also for many topics at the same time", async () => {
    const aws = service(new Set([ours, `${ours}-2`]), { account: "999999999999" });
    const { backend } = send(aws);
    const topics = ["orders", "orders-2", "orders", "orders-2"];
    await Promise.all(topics.map((topic) => backend.send({ topic }, [message()])));
    await backend.send({ topic: "orders" }, [message()]);
    assertEquals(aws.actions().filter((action) => action !== "PublishBatch"), [
      "GetCallerIdentity",
    ]);
    const { url, headers } = aws.calls[0]!;
    assertEquals(url, "https://sts.eu-west-1.amazonaws.com");
    assert(headers.get("authorization")!.includes("/eu-west-1/sts/"));
  });

  it("at the endpoint of SNS where that is a local broker", async () => {
    const aws = service(new Set([ours]), { account: "999999999999" });
    const { turn } = send(aws, { snsEndpoint: "http://127.0.0.1:4566" });
    await turn();
    assertEquals(aws.calls[0]!.url, "http://127.0.0.1:4566");
    const vpc = service(new Set([ours]), { account: "999999999999" });
    const snsEndpoint = "https://vpce-1.sns.eu-west-1.vpce.amazonaws.com";
    await send(vpc, { snsEndpoint }).turn();
    assertEquals(vpc.calls[0]!.url, "https://sts.eu-west-1.amazonaws.com");
  });

  it("by creating it where nobody tells the account, once", async () => {
    const aws = service(new Set());
    const { turn } = send(aws);
    await turn();
    await turn();
    assertEquals(aws.actions(), [
      "GetCallerIdentity",
      "CreateTopic",
      "PublishBatch",
      "PublishBatch",
    ]);
  });

  it("and creates a topic that is missing, once for all that publish to it", async () => {
    const aws = service(new Set(), { account: "999999999999" });
    const { turn } = send(aws);
    const results = (await Promise.all([turn(), turn(), turn()])).flat();
    assertEquals(results.map(brief), ["m-0", "m-0", "m-0"]);
    assertEquals(aws.actions().filter((action) => action === "CreateTopic").length, 1);
  });

  it("and creates a FIFO topic as one", async () => {
    const aws = service(new Set(), { account: "999999999999" });
    const { backend } = send(aws);
    await backend.send({ topic: "orders.fifo" }, [{
      ...message(),
      group: "g",
      deduplicationId: "d",
    }]);
    const { input } = aws.calls.find(({ action }) => action === "CreateTopic")!;
    assertEquals(input["Attributes.entry.1.key"], "FifoTopic");
    assertEquals(input["Attributes.entry.1.value"], "true");
  });

  it("and creates none if it must not, or if it is given by its ARN", async () => {
    const cases = [[{ createTopics: false }, "orders"], [{}, TOPIC]] as const;
    for (const [options, topic] of cases) {
      const aws = service(new Set(), { account: "999999999999" });
      const { turn } = send(aws, options, topic);
      const error = await assertRejects(turn, MelangeError);
      assertEquals([error.code, error.retryable], ["NOT_FOUND", false]);
      assert(!aws.actions().includes("CreateTopic"));
    }
  });

  it("and says that nothing was sent, if it cannot", async () => {
    const down = fakeAws(() => new Response("", { status: 503 }));
    const unknown = await assertRejects(send(down).turn, MelangeError);
    assertEquals([unknown.code, unknown.retryable], ["REFUSED", true]);
    const denied = service(new Set());
    const error = await assertRejects(
      send(denied, { createTopics: false }).turn,
      MelangeError,
    );
    assert(error.message.includes("accountId"), error.message);
  });

  it("and may be tried again if what was created is not there yet", async () => {
    const aws = fakeAws(({ action }) =>
      action === "CreateTopic"
        ? xml(action, `<TopicArn>${TOPIC}</TopicArn>`)
        : snsError("NotFound", 404)
    );
    const backend = new AwsBackend(aws.options);
    const error = await assertRejects(
      () => backend.send({ topic: "orders" }, [message()]),
      MelangeError,
    );
    assertEquals([error.code, error.retryable], ["NOT_FOUND", true]);
    assertEquals(aws.actions(), ["PublishBatch", "CreateTopic", "PublishBatch"]);
  });

  it("and says what the service says to the first publish after it created the topic", async () => {
    const refusals: [code: string, status: number, expected: string, retryable: boolean][] = [
      ["NotFound", 404, "NOT_FOUND", true],
      ["AuthorizationError", 403, "ACCESS_DENIED", false],
      ["Throttled", 429, "THROTTLED", true],
    ];
    for (const [code, status, expected, retryable] of refusals) {
      let publishes = 0;
      const aws = fakeAws((call) => {
        if (call.action === "GetCallerIdentity") {
          return xml(call.action, "<Account>999999999999</Account>");
        }
        if (call.action === "CreateTopic") {
          return xml(call.action, `<TopicArn>${ours}</TopicArn>`);
        }
        return ++publishes === 1 ? snsError("NotFound", 404) : snsError(code, status);
      });
      const error = await assertRejects(() => send(aws).turn(), MelangeError);
      assertEquals([error.code, error.retryable, publishes], [expected, retryable, 2]);
    }
  });
});

describe("AwsBackend.send() finds the address of a queue", () => {
  const service = (exists: () => boolean) =>
    fakeAws((call) => {
      if (!exists()) return sqsError("QueueDoesNotExist");
      if (call.action === "DeleteQueue") return json({});
      return call.action === "GetQueueUrl" ? json({ QueueUrl: QUEUE }) : allStored(call);
    });

  it("once, also for many at the same time", async () => {
    const aws = service(() => true);
    const backend = new AwsBackend(aws.options);
    const turn = () => backend.send({ queue: "orders" }, [message()]);
    await Promise.all([turn(), turn(), turn()]);
    await turn();
    assertEquals(aws.actions().filter((action) => action === "GetQueueUrl").length, 1);
    assertEquals(aws.calls[0]!.input, { QueueName: "orders" });
  });

  it("by its ARN, in its account and region", async () => {
    const aws = service(() => true);
    const queue = "arn:aws:sqs:us-west-2:210987654321:orders";
    await new AwsBackend(aws.options).send({ queue }, [message()]);
    const { url, input } = aws.calls[0]!;
    assertEquals(input, { QueueName: "orders", QueueOwnerAWSAccountId: "210987654321" });
    assertEquals(url, "https://sqs.us-west-2.amazonaws.com");
  });

  it("or says what to do, and looks again the next time", async () => {
    let exists = false;
    const aws = service(() => exists);
    const backend = new AwsBackend(aws.options);
    const turn = () => backend.send({ queue: "orders" }, [message()]);
    const error = await assertRejects(turn, MelangeError);
    assertEquals(error.code, "NOT_FOUND");
    assert(error.message.includes('"orders"') && error.message.includes("declare"), error.message);
    exists = true;
    assertEquals((await turn()).map(brief), ["m-0"]);
    exists = false;
    assertEquals((await assertRejects(turn, MelangeError)).code, "NOT_FOUND");
    assertEquals(aws.actions().at(-1), "SendMessageBatch");
    exists = true;
    await turn();
    assertEquals(aws.actions().slice(-2), ["GetQueueUrl", "SendMessageBatch"], "it was forgotten");
  });

  it("and forgets it with the queue", async () => {
    const aws = service(() => true);
    const backend = new AwsBackend(aws.options);
    await backend.send({ queue: "orders" }, [message()]);
    await backend.deleteQueue("orders");
    await backend.send({ queue: "orders" }, [message()]);
    assertEquals(aws.actions().slice(-3), ["DeleteQueue", "GetQueueUrl", "SendMessageBatch"]);
  });

  it("without one caller's abort ending the look of another", async () => {
    const gate = { open: () => {} };
    const aws = fakeAws(async (call) => {
      if (call.action !== "GetQueueUrl") return allStored(call);
      await new Promise<void>((resolve) => gate.open = resolve);
      return json({ QueueUrl: QUEUE });
    });
    const backend = new AwsBackend(aws.options);
    const controller = new AbortController();
    const sent = aws.sent();
    const first = backend.send({ queue: "orders" }, [message()], { signal: controller.signal });
    const second = backend.send({ queue: "orders" }, [message()]);
    await sent;
    await aws.clock.advance(1);
    controller.abort("enough");
    assertEquals(await first.catch((reason) => reason), "enough");
    gate.open();
    assertEquals((await second).map(brief), ["m-0"]);
  });
});
