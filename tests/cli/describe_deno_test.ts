import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { awsEmulator } from "../../backends/aws/emulator/mod.ts";
import { createInspector } from "../../backends/aws/inspect/inspect.ts";
import { policyInWords, topicsIn } from "../../backends/aws/inspect/policy_words.ts";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { main } from "../../cli/main.ts";
import { fakeIo } from "./fake_io.ts";

async function setUp() {
  const aws = awsEmulator();
  const { fetch, credentials, region } = aws;
  const options = { fetch, credentials, region };
  const backend = new AwsBackend(options);
  await backend.declareQueue("billing", {
    subscribeTo: [{ topic: "orders", events: ["OrderPlaced"] }],
    deadLetterQueue: "billing-dlq",
    maxReceives: 3,
  });
  await backend.send({ queue: "billing-dlq" }, [{ body: "x", attributes: {} }]);
  const io = { ...fakeIo({ backend }), createInspector: () => createInspector(options) };
  return { io, backend };
}

describe("queues", () => {
  it("lists queues with their depths, all or by the beginning of their names", async () => {
    const { io } = await setUp();
    assertEquals(await main(["queues"], io), 0);
    assertEquals(io.outLines.length, 3);
    assertMatch(io.outLines[1]!, /^billing\s+0\s+0\s+0\s+billing-dlq$/);
    assertMatch(io.outLines[2]!, /^billing-dlq\s+1\s+0\s+0\s+-$/);
    await main(["queues", "billing-", "--json"], io);
    assertEquals(JSON.parse(io.outLines[3]!).name, "billing-dlq");
    assertEquals(io.outLines.length, 4);
    await main(["queues", "nope"], io);
    assertStringIncludes(io.errLines.at(-1)!, "melange declare --queue NAME");
  });
});

describe("describe", () => {
  it("tells depths, age, dead letters, subscriptions and the policy in words", async () => {
    const { io } = await setUp();
    assertEquals(await main(["describe", "billing"], io), 0);
    const text = io.outLines.join("\n");
    assertStringIncludes(text, "  0 available, 0 in flight, 0 delayed");
    assertStringIncludes(text, "  dead-letter queue billing-dlq after 3 receives");
    assertMatch(text, /created \d+s ago/);
    assertMatch(
      text,
      /subscribed to arn:aws:sns:\S+:orders, filtered by {"manifest":\["OrderPlaced"\]}/,
    );
    assertMatch(
      text,
      /policy: sns.amazonaws.com may SendMessage if aws:SourceArn ArnLike \S+:orders/,
    );
    await main(["describe", "billing-dlq"], io);
    assertStringIncludes(io.outLines.join("\n"), "takes the dead letters of billing");
    assertStringIncludes(io.outLines.join("\n"), '"melange dead-letters billing-dlq list"');
  });

  it("says which queue is missing, and needs a name", async () => {
    const { io } = await setUp();
    assertEquals(await main(["describe", "nope"], io), 1);
    assertMatch(io.errLines.at(-1)!, /NOT_FOUND.*nope/);
    assertEquals(await main(["describe"], io), 2);
  });
});

describe("policyInWords", () => {
  it("says who may do what, and warns of everybody", () => {
    const statements = [
      { Effect: "Allow", Principal: "*", Action: "sqs:*" },
      {
        Effect: "Deny",
        Principal: { AWS: ["arn:aws:iam::1:root"] },
        Action: ["sqs:SendMessage", "sqs:DeleteMessage"],
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ];
    assertEquals(policyInWords(JSON.stringify({ Statement: statements })), [
      "anybody may *: nothing else is asked of them",
      "arn:aws:iam::1:root may not SendMessage, DeleteMessage if aws:SecureTransport Bool false",
    ]);
    assertEquals(policyInWords("{").length, 1);
    assertEquals(topicsIn(undefined), []);
  });
});
