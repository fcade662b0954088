import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { policyWith, STATEMENT_ID } from "../../../backends/aws/policy.ts";
import { MelangeError } from "../../../src/errors.ts";

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
