import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  checkedAttributes,
  COMPUTED,
  defaultOf,
  settingsOf,
} from "../../../../../backends/aws/emulator/sqs/queue_attributes.ts";
import type { World } from "../../../../../backends/aws/emulator/world.ts";

const ARN = "arn:aws:sqs:eu-west-1:000000000000:q";
const DLQ = "arn:aws:sqs:eu-west-1:000000000000:dlq";

function check(attributes: Record<string, string>, fifo = false): Record<string, string> {
  // Only the queues are looked at.
  const queues = new Map([
    DLQ,
    `${DLQ}.fifo`,
    "arn:aws:sqs:us-east-1:000000000000:dlq",
    "arn:aws:sqs:eu-west-1:111111111111:dlq",
    "arn:aws:sns:eu-west-1:000000000000:dlq",
  ].map((arn) => [arn, {}]));
  return checkedAttributes(attributes, { arn: ARN, fifo, world: { queues } as unknown as World });
}

const redrive = (policy: Record<string, unknown>) => ({ RedrivePolicy: JSON.stringify(policy) });

const ranges: [name: string, least: number, most: number][] = [
  ["DelaySeconds", 0, 900],
  ["MaximumMessageSize", 1_024, 1_048_576],
  ["MessageRetentionPeriod", 60, 1_209_600],
  ["ReceiveMessageWaitTimeSeconds", 0, 20],
  ["VisibilityTimeout", 0, 43_200],
  ["KmsDataKeyReusePeriodSeconds", 60, 86_400],
];

const refused: [attributes: Record<string, string>, fifo: boolean, reason: string][] = [
  [{ Nothing: "1" }, false, "Unknown Attribute Nothing."],
  [{ ContentBasedDeduplication: "true" }, false, "Unknown Attribute ContentBasedDeduplication."],
  [{ DeduplicationScope: "queue" }, false, "only when FifoQueue"],
  [{ FifoThroughputLimit: "perQueue" }, false, "only when FifoQueue"],
  [{ FifoQueue: "false" }, true, "the parameter FifoQueue"],
  [{ ContentBasedDeduplication: "yes" }, true, "the parameter ContentBasedDeduplication"],
  [{ SqsManagedSseEnabled: "" }, false, "the parameter SqsManagedSseEnabled"],
  [{ Policy: "{" }, false, "the parameter Policy"],
  [{ RedriveAllowPolicy: "1" }, false, "the parameter RedriveAllowPolicy"],
  [
    { FifoThroughputLimit: "perMessageGroupId", DeduplicationScope: "queue" },
    true,
    "perMessageGroupId value is allowed only",
  ],
  [{ RedrivePolicy: "{" }, false, "not a valid JSON map"],
  [redrive({ deadLetterTargetArn: DLQ }), false, "mandatory attribute: maxReceiveCount"],
  [redrive({ maxReceiveCount: 1 }), false, "mandatory attribute: deadLetterTargetArn"],
  ...[0, 1_001, 1.5, "x"].map((maxReceiveCount): [Record<string, string>, boolean, string] => [
    redrive({ deadLetterTargetArn: DLQ, maxReceiveCount }),
    false,
    "it must be from 1 to 1000",
  ]),
  ...["us-east-1:000000000000", "eu-west-1:111111111111"].map((
    place,
  ): [Record<string, string>, boolean, string] => [
    redrive({ deadLetterTargetArn: `arn:aws:sqs:${place}:dlq`, maxReceiveCount: 1 }),
    false,
    "owner should be same",
  ]),
  [
    redrive({ deadLetterTargetArn: DLQ.replace("sqs", "sns"), maxReceiveCount: 1 }),
    false,
    "owner should be same",
  ],
  [redrive({ deadLetterTargetArn: `${DLQ}2`, maxReceiveCount: 1 }), false, "does not exist"],
  [redrive({ deadLetterTargetArn: DLQ, maxReceiveCount: 1 }), true, "same type of queue"],
  [
    redrive({ deadLetterTargetArn: `${DLQ}.fifo`, maxReceiveCount: 1 }),
    false,
    "same type of queue",
  ],
];

describe("checkedAttributes()", () => {
  for (const [name, least, most] of ranges) {
    it(`takes ${name} from ${least} to ${most}`, () => {
      assertEquals(check({ [name]: `${least}` }), { [name]: `${least}` });
      check({ [name]: `${most}` });
      for (const value of [`${least - 1}`, `${most + 1}`, `${least}.5`, "", "x"]) {
        const { message } = assertThrows(() => check({ [name]: value }), Error);
        assertStringIncludes(message, `the parameter ${name}`);
      }
    });
  }

  for (const [attributes, fifo, reason] of refused) {
    const kind = fifo ? "FIFO" : "standard";
    it(`refuses ${JSON.stringify(attributes)} of a ${kind} queue`, () => {
      assertStringIncludes(assertThrows(() => check(attributes, fifo), Error).message, reason);
    });
  }

  it("takes nothing that SQS computes", () => {
    for (const name of COMPUTED) assertThrows(() => check({ [name]: "1" }), Error, "Unknown");
  });

  it("takes words in small letters or as SQS writes them, and an empty text for none", () => {
    check({ SqsManagedSseEnabled: "TRUE", Policy: "", RedrivePolicy: "", RedriveAllowPolicy: "" });
    check({ Policy: "{}", RedriveAllowPolicy: "{}", KmsMasterKeyId: "any" });
    check({ FifoQueue: "true", ContentBasedDeduplication: "False" }, true);
    check({ DeduplicationScope: "messageGroup", FifoThroughputLimit: "perMessageGroupId" }, true);
    check({ DeduplicationScope: "queue", FifoThroughputLimit: "perQueue" }, true);
    check({ FifoThroughputLimit: "perMessageGroupId" }, true);
  });

  it("takes a dead-letter queue of the same kind, with 1 to 1,000 receives", () => {
    for (const maxReceiveCount of [1, "1000"]) {
      check(redrive({ deadLetterTargetArn: DLQ, maxReceiveCount }));
      check(redrive({ deadLetterTargetArn: `${DLQ}.fifo`, maxReceiveCount }), true);
    }
  });
});

describe("defaultOf()", () => {
  it("tells what a queue answers of what was not set", () => {
    assertEquals(defaultOf("VisibilityTimeout", false), "30");
    assertEquals(defaultOf("KmsDataKeyReusePeriodSeconds", false), undefined);
    assertEquals(defaultOf("SqsManagedSseEnabled", false), "true");
    const names = ["FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "Policy"];
    assertEquals(names.map((name) => defaultOf(name, false)), Array(4).fill(undefined));
    assertEquals(names.map((name) => defaultOf(name, true)), ["true", "false", "queue", undefined]);
    assertEquals(defaultOf("FifoThroughputLimit", true), "perQueue");
  });
});

describe("settingsOf()", () => {
  it("gives the engine milliseconds, and the defaults of SQS", () => {
    assertEquals(settingsOf({}, { fifo: false }), {
      fifo: false,
      inFlightLimit: 120_000,
      visibilityTimeoutMs: 30_000,
      retentionMs: 345_600_000,
      delayMs: 0,
      contentBasedDeduplication: false,
      deduplicationScope: "queue",
      maxReceives: Number.MAX_SAFE_INTEGER,
    });
    const attributes = {
      DelaySeconds: "2",
      ContentBasedDeduplication: "TRUE",
      DeduplicationScope: "messageGroup",
      ...redrive({ deadLetterTargetArn: DLQ, maxReceiveCount: "7" }),
    };
    const settings = settingsOf(attributes, { fifo: true });
    assertEquals([settings.delayMs, settings.maxReceives], [2_000, 7]);
    assertEquals(settings.contentBasedDeduplication, true);
    assertEquals(settings.deduplicationScope, "messageGroup");
  });
});
