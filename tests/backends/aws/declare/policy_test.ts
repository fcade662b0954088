import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { policyWith, STATEMENT_ID } from "../../../../backends/aws/declare/policy.ts";
import { MelangeError } from "../../../../src/support/errors.ts";

const QUEUE = "arn:aws:sqs:eu-west-1:123456789012:billing";
const TOPICS = ["orders", "users"].map((name) => `arn:aws:sns:eu-west-1:123456789012:${name}`);
const [ORDERS, USERS] = TOPICS as [string, string];

/** What somebody else has in the policy, written as nobody would by machine. */
const THEIRS =
  '{"Sid":"theirs","Effect":"Deny","Principal":"*","Action":["SQS:*"],"Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}},"__proto__":1}';

// deno-lint-ignore no-explicit-any
function statements(policy: string | undefined): any[] {
  return JSON.parse(policy!).Statement;
}

describe("policyWith()", () => {
  it("is one statement for all topics, for SNS alone and under a condition", () => {
    assertEquals(JSON.parse(policyWith(undefined, QUEUE, TOPICS)!), {
      Version: "2012-10-17",
      Statement: [{
        Sid: STATEMENT_ID,
        Effect: "Allow",
        Principal: { Service: "sns.amazonaws.com" },
        Action: "sqs:SendMessage",
        Resource: QUEUE,
        Condition: { ArnLike: { "aws:SourceArn": TOPICS } },
      }],
    });
  });

  it("is undefined where nothing has to be written", () => {
    const policy = policyWith(undefined, QUEUE, TOPICS);
    assertEquals(policyWith(policy, QUEUE, [USERS]), undefined);
    assertEquals(policyWith(policy, QUEUE, []), undefined);
    const spelled = policy!.replace("sqs:SendMessage", "SQS:SendMessage");
    assertEquals(policyWith(spelled, QUEUE, TOPICS), undefined);
    const alone = policyWith(undefined, QUEUE, [USERS])!;
    const single = alone.replace(`["${USERS}"]`, `"${USERS}"`)
      .replace('"sqs:SendMessage"', '["sqs:SendMessage"]');
    assert(single !== alone);
    assertEquals(policyWith(single, QUEUE, [USERS]), undefined);
    const equals = alone.replace("ArnLike", "ArnEquals");
    assertEquals(policyWith(equals, QUEUE, [USERS]), undefined);
  });

  it("adds topics to its statement and keeps those it has", () => {
    const policy = policyWith(undefined, QUEUE, [ORDERS]);
    const [ours, ...others] = statements(policyWith(policy, QUEUE, [USERS]));
    assertEquals(ours.Condition.ArnLike["aws:SourceArn"], TOPICS);
    assertEquals(others, []);
  });

  it("keeps the rest of the policy as it is, byte for byte", () => {
    const before = `{"Version":"2008-10-17","Id":"theirs","Statement":[${THEIRS},${THEIRS}]}`;
    const after = policyWith(before, QUEUE, TOPICS)!;
    assertStringIncludes(
      after,
      `{"Version":"2008-10-17","Id":"theirs","Statement":[${THEIRS},${THEIRS},`,
    );
    const again = policyWith(after, QUEUE, [`${ORDERS}-2`])!;
    assertStringIncludes(again, `[${THEIRS},${THEIRS},`);
    assertEquals(statements(again).length, 3);
  });

  describe("finds the topics in its statement, and leaves what narrows it", () => {
    const before = (Condition: object) => {
      const [ours] = statements(policyWith(undefined, QUEUE, [ORDERS]));
      return JSON.stringify({ Statement: [{ ...ours, Condition }] });
    };
    const both = { "aws:SourceArn": TOPICS };
    const role = { "aws:PrincipalArn": "arn:aws:iam::123456789012:role/x" };
    const rows: [what: string, condition: object, after: object][] = [
      ["a key in capitals", { ArnLike: { "AWS:SourceARN": ORDERS } }, { ArnLike: both }],
      ["an operator in capitals", { arnlike: { "aws:SourceArn": ORDERS } }, { ArnLike: both }],
      ["StringEquals", { StringEquals: { "aws:SourceArn": [ORDERS] } }, { ArnLike: both }],
      ["StringLike", { StringLike: { "aws:SourceArn": ORDERS } }, { ArnLike: both }],
      ["another key of ArnLike", { ArnLike: { "aws:SourceArn": ORDERS, ...role } }, {
        ArnLike: { ...role, ...both },
      }],
      ["another key of ArnEquals", { ArnEquals: { "aws:SourceArn": ORDERS, ...role } }, {
        ArnEquals: role,
        ArnLike: both,
      }],
      ["what excludes topics", {
        ArnLike: { "aws:SourceArn": ORDERS },
        ArnNotLike: { "aws:SourceArn": "arn:aws:sns:*:*:x" },
      }, { ArnNotLike: { "aws:SourceArn": "arn:aws:sns:*:*:x" }, ArnLike: both }],
    ];
    for (const [what, condition, after] of rows) {
      it(what, () => {
        const [ours] = statements(policyWith(before(condition), QUEUE, [USERS]));
        assertEquals(ours.Condition, after);
      });
    }

    it("two operators, of which no topic satisfies both", () => {
      const condition = {
        StringLike: { "aws:SourceArn": ORDERS },
        ArnLike: { "aws:SourceArn": USERS },
      };
      const [ours] = statements(policyWith(before(condition), QUEUE, [USERS]));
      assertEquals(ours.Condition, { ArnLike: both });
    });
  });

  it("takes a statement that is not in a list", () => {
    const after = policyWith(`{"Statement":${THEIRS}}`, QUEUE, TOPICS);
    assertEquals(statements(after).map(({ Sid }) => Sid), ["theirs", STATEMENT_ID]);
  });

  it("takes a policy without statements", () => {
    for (const before of ["{}", '{"Statement":[]}', ""]) {
      assertEquals(statements(policyWith(before, QUEUE, TOPICS)).length, 1, before);
    }
  });

  it("repairs its statement, and keeps a further condition in it", () => {
    const ours = statements(policyWith(undefined, QUEUE, [ORDERS]))[0];
    const condition = { StringEquals: { "aws:SourceAccount": "123456789012" } };
    const changed = {
      Statement: [{ ...ours, Effect: "Deny", Condition: { ...ours.Condition, ...condition } }],
    };
    const [repaired] = statements(policyWith(JSON.stringify(changed), QUEUE, [ORDERS]));
    assertEquals(repaired, { ...ours, Condition: { ...ours.Condition, ...condition } });
    const open = { Statement: [{ ...ours, Condition: undefined }] };
    assertEquals(statements(policyWith(JSON.stringify(open), QUEUE, [ORDERS])), [ours]);
  });

  for (
    const broken of ["{", "null", "[]", '"x"', '{"Statement":"x"}', '{"Statement":1}', "secret"]
  ) {
    it(`refuses to replace ${broken}`, () => {
      const error = assertThrows(() => policyWith(broken, QUEUE, TOPICS), MelangeError);
      assertEquals([error.code, error.retryable], ["CONFLICT", false]);
      assert(!error.message.includes("secret"));
    });
  }
});

describe("policyWith() names who sends", () => {
  const arn = (service: string, region: string) => `arn:aws:${service}:${region}:123456789012:x`;
  const plain = "sns.amazonaws.com";
  const rows: [topic: string, queue: string, principal: string][] = [
    ["eu-west-1", "eu-west-1", plain],
    ["us-east-1", "eu-west-1", plain],
    ["ap-northeast-3", "eu-west-3", plain],
    ["us-east-1", "ap-east-1", "sns.ap-east-1.amazonaws.com"],
    ["ap-east-1", "us-east-1", "sns.ap-east-1.amazonaws.com"],
    ["me-south-1", "ap-east-1", "sns.ap-east-1.amazonaws.com"],
    ["ap-east-1", "me-south-1", "sns.me-south-1.amazonaws.com"],
    ["me-south-1", "me-south-1", plain],
    ["eu-west-1", "ca-west-1", "sns.ca-west-1.amazonaws.com"],
    ["eu-west-1", "mx-central-1", "sns.mx-central-1.amazonaws.com"],
    ["sa-west-1", "sa-east-1", "sns.sa-west-1.amazonaws.com"],
    ["eu-south-2", "eu-central-1", "sns.eu-south-2.amazonaws.com"],
    ["mars-north-1", "eu-central-1", "sns.mars-north-1.amazonaws.com"],
    ["cn-north-1", "cn-northwest-1", plain],
    ["us-gov-east-1", "us-gov-west-1", plain],
    ["us-iso-east-1", "us-iso-west-1", plain],
    ["us-east-1", "elasticmq", plain],
  ];
  for (const [topic, queue, principal] of rows) {
    it(`of a topic in ${topic} to a queue in ${queue}: ${principal}`, () => {
      const policy = policyWith(undefined, arn("sqs", queue), [arn("sns", topic)]);
      assertEquals(statements(policy)[0].Principal, { Service: principal });
      assertEquals(policyWith(policy, arn("sqs", queue), [arn("sns", topic)]), undefined);
    });
  }

  it("of topics in several regions: all of them, in any order", () => {
    const topics = [arn("sns", "me-south-1"), arn("sns", "us-east-1"), arn("sns", "ap-east-1")];
    const policy = policyWith(undefined, arn("sqs", "eu-west-1"), topics)!;
    const services = [
      "sns.amazonaws.com",
      "sns.ap-east-1.amazonaws.com",
      "sns.me-south-1.amazonaws.com",
    ];
    assertEquals(statements(policy)[0].Principal, { Service: services });
    const other = policy.replace(
      JSON.stringify(services),
      JSON.stringify([...services].reverse()),
    );
    assert(other !== policy);
    assertEquals(policyWith(other, arn("sqs", "eu-west-1"), topics), undefined);
  });

  it("and repairs our statement where it names another, or everybody", () => {
    const queue = arn("sqs", "eu-west-1");
    const topic = arn("sns", "ap-east-1");
    const policy = policyWith(undefined, queue, [topic])!;
    const right = '{"Service":"sns.ap-east-1.amazonaws.com"}';
    for (
      const wrong of [
        '{"Service":"sns.amazonaws.com"}',
        '"*"',
        '{"AWS":"*"}',
        '{"Service":["sns.amazonaws.com"],"AWS":"*"}',
      ]
    ) {
      const before = policy.replace(right, wrong);
      assert(before !== policy);
      assertEquals(policyWith(before, queue, [topic]), policy, wrong);
    }
    const listed = policy.replace(
      '"sns.ap-east-1.amazonaws.com"',
      '["sns.ap-east-1.amazonaws.com"]',
    );
    assertEquals(policyWith(listed, queue, [topic]), undefined);
  });

  it("of a pattern that was added by hand: by its region, if it has one", () => {
    const queue = arn("sqs", "eu-west-1");
    const policy = policyWith(undefined, queue, ["arn:aws:sns:*:123456789012:*"]);
    assertEquals(statements(policy)[0].Principal, { Service: plain });
  });

  it("of a pattern for any region, to a queue of an opt-in region: from there and from elsewhere", () => {
    const queue = arn("sqs", "ap-east-1");
    for (const region of ["*", "ap-*", "?p-east-1"]) {
      const pattern = `arn:aws:sns:${region}:123456789012:*`;
      const [ours] = statements(policyWith(undefined, queue, [pattern]));
      assertEquals(ours.Principal, { Service: [plain, "sns.ap-east-1.amazonaws.com"] }, region);
    }
  });
});
