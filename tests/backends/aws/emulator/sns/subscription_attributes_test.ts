import { assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Call } from "../../../../../backends/aws/emulator/operation.ts";
import {
  type AttributeOwner,
  checkPolicyCount,
  checkSubscriptionAttributes,
} from "../../../../../backends/aws/emulator/sns/subscription_attributes.ts";

const TOPIC = "arn:aws:sns:eu-west-1:000000000000:t";
const QUEUE = "arn:aws:sqs:eu-west-1:000000000000:dlq";
const FIFO_QUEUE = `${QUEUE}.fifo`;

/** The part of a call that is looked at. */
function callWith(world: { queues?: Map<string, unknown>; subscriptions?: Map<string, unknown> }) {
  return { world } as unknown as Call;
}

function check(
  attributes: Record<string, string>,
  owner: Partial<AttributeOwner> = {},
): void {
  const queues = new Map([[QUEUE, {}], [FIFO_QUEUE, {}]]);
  checkSubscriptionAttributes(
    attributes,
    { topicArn: TOPIC, protocol: "sqs", endpoint: QUEUE, isNew: true, ...owner },
    callWith({ queues }),
  );
}

const redrive = (target: unknown) => ({
  RedrivePolicy: JSON.stringify({ deadLetterTargetArn: target }),
});

describe("checkSubscriptionAttributes()", () => {
  it("takes what SNS takes", () => {
    for (const value of ["true", "false", "True"]) check({ RawMessageDelivery: value });
    check({ RawMessageDelivery: "False" }, { protocol: "lambda" });
    check({ DeliveryPolicy: "{}", SubscriptionRoleArn: "arn" });
    for (const scope of ["MessageAttributes", "MessageBody"]) check({ FilterPolicyScope: scope });
    check({ FilterPolicy: "" });
    check({ FilterPolicy: '{"a":{"b":["c"]}}', FilterPolicyScope: "MessageBody" });
    check({ RedrivePolicy: "", ReplayPolicy: "" });
    check(redrive(QUEUE));
    check(redrive(FIFO_QUEUE), { topicArn: `${TOPIC}.fifo` });
    check(redrive(`${QUEUE}-that-is-missing`), { topicArn: `${TOPIC}.fifo` });
    check({ ReplayPolicy: "{}" }, { topicArn: `${TOPIC}.fifo` });
  });

  const lambda = { protocol: "lambda" };
  const fifo = { topicArn: `${TOPIC}.fifo`, endpoint: FIFO_QUEUE };
  const refused: [Record<string, string>, Partial<AttributeOwner>, string][] = [
    [{ Nothing: "1" }, {}, "Unknown attribute: Nothing"],
    [{ RawMessageDelivery: "yes" }, {}, "Invalid value [yes]"],
    [{ RawMessageDelivery: "TRUE" }, lambda, "[lambda] does not support raw"],
    [{ FilterPolicyScope: "Message" }, {}, "FilterPolicyScope: Invalid value [Message]"],
    [{ FilterPolicy: "{" }, {}, "failed to parse JSON"],
    [{ Nothing: "1" }, { isNew: false }, "Invalid parameter: AttributeName"],
    [{ FilterPolicy: '{"a":{"b":["c"]}}' }, {}, "does not support nested filter policy"],
    [{ FilterPolicy: '{"a":[{"wildcard":"*a*b*c*"}]}' }, {}, "at most 3 wildcards"],
    [{ RedrivePolicy: "{" }, {}, "RedrivePolicy: failed to parse JSON."],
    [redrive(1), {}, "deadLetterTargetArn is an invalid arn"],
    [redrive(TOPIC), {}, "deadLetterTargetArn is an invalid arn"],
    [redrive(QUEUE), fifo, "must use a FIFO queue"],
    [{ ReplayPolicy: "{}" }, {}, "ReplayPolicy can only be set on FIFO topics"],
  ];
  for (const [attributes, owner, reason] of refused) {
    it(`refuses ${JSON.stringify(attributes)} of ${JSON.stringify(owner)}`, () => {
      assertStringIncludes(assertThrows(() => check(attributes, owner), Error).message, reason);
    });
  }
});

describe("checkPolicyCount()", () => {
  /** Subscriptions of the topic with a filter, and as many of others and without one. */
  function filtered(count: number): Call {
    const attributes = { FilterPolicy: "{}" };
    const subscriptions = new Map<string, unknown>();
    for (let n = 0; n < count; n++) {
      subscriptions.set(`a${n}`, { topicArn: TOPIC, attributes });
      subscriptions.set(`b${n}`, { topicArn: `${TOPIC}2`, attributes });
      subscriptions.set(`c${n}`, { topicArn: TOPIC, attributes: {} });
    }
    return callWith({ subscriptions });
  }

  it("leaves room for 200 policies of a topic", () => {
    checkPolicyCount(TOPIC, filtered(199));
    const { message } = assertThrows(() => checkPolicyCount(TOPIC, filtered(200)), Error);
    assertStringIncludes(message, "filter policy limit");
  });
});
