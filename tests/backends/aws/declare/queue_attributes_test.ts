import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  assertQueueOptions,
  createdAttributes,
  differing,
} from "../../../../backends/aws/declare/queue_attributes.ts";
import type { DeclareQueueOptions } from "../../../../src/backend.ts";
import { MelangeError } from "../../../../src/support/errors.ts";

const TARGET = "arn:aws:sqs:eu-west-1:123456789012:billing-dlq";
const redrive = (maxReceiveCount: number | string, deadLetterTargetArn = TARGET) =>
  JSON.stringify({ deadLetterTargetArn, maxReceiveCount });

describe("createdAttributes()", () => {
  it("has what is given, in whole seconds rounded up", () => {
    const attributes = createdAttributes("billing", {
      visibilityTimeoutMs: 30_001,
      retentionMs: 60_000,
      delayMs: 500,
      targetArn: TARGET,
    });
    assertEquals(attributes, {
      VisibilityTimeout: "31",
      MessageRetentionPeriod: "60",
      DelaySeconds: "1",
      RedrivePolicy: redrive(5),
    });
    assertEquals(createdAttributes("billing", {}), {});
  });

  it("makes a FIFO queue of a FIFO name", () => {
    assertEquals(createdAttributes("billing.fifo", { contentBasedDeduplication: true }), {
      ContentBasedDeduplication: "true",
      FifoQueue: "true",
    });
  });

  it("lets a dead-letter queue keep its messages for 14 days", () => {
    const attributes = createdAttributes("billing-dlq", { isTarget: true });
    assertEquals(attributes, { MessageRetentionPeriod: "1209600" });
  });

  it("refuses maxReceives without a dead-letter queue", () => {
    const error = assertThrows(
      () => createdAttributes("billing", { maxReceives: 3 }),
      MelangeError,
    );
    assertEquals(error.code, "CONFIGURATION");
  });
});

describe("differing()", () => {
  const current = { VisibilityTimeout: "30", DelaySeconds: "0", RedrivePolicy: redrive(3) };

  it("is empty where nothing is given or nothing differs", () => {
    assertEquals(differing({}, current), {});
    assertEquals(differing({ visibilityTimeoutMs: 30_000, delayMs: 0 }, current), {});
    assertEquals(differing({ targetArn: TARGET, maxReceives: 3 }, current), {});
    assertEquals(differing({ maxReceives: 3 }, { RedrivePolicy: redrive("3") }), {});
  });

  it("leaves the retention of a dead-letter queue that exists", () => {
    assertEquals(differing({ isTarget: true }, { MessageRetentionPeriod: "345600" }), {});
  });

  it("has what differs", () => {
    const wanted = { visibilityTimeoutMs: 60_000, delayMs: 1_000 };
    assertEquals(differing(wanted, current), { VisibilityTimeout: "60", DelaySeconds: "1" });
  });

  it("keeps the count of a dead-letter queue that stays, and the queue of a count that changes", () => {
    assertEquals(differing({ targetArn: TARGET }, current), {});
    assertEquals(differing({ maxReceives: 7 }, current), { RedrivePolicy: redrive(7) });
    const other = `${TARGET}-2`;
    assertEquals(differing({ targetArn: other }, current), { RedrivePolicy: redrive(5, other) });
  });
});

describe("assertQueueOptions()", () => {
  it("takes what is at the limits", () => {
    assertQueueOptions("billing", { visibilityTimeoutMs: 0, retentionMs: 60_000, maxReceives: 1 });
    const most = { visibilityTimeoutMs: 43_200_000, retentionMs: 1_209_600_000, delayMs: 900_000 };
    assertQueueOptions("billing", { ...most, maxReceives: 1_000 });
    assertQueueOptions("billing.fifo", { deadLetterQueue: "dead.fifo" });
    assertQueueOptions("billing.fifo", { contentBasedDeduplication: false });
  });

  const ranges: DeclareQueueOptions[] = [
    { visibilityTimeoutMs: -1 },
    { visibilityTimeoutMs: 43_200_001 },
    { visibilityTimeoutMs: NaN },
    { retentionMs: 59_999 },
    { retentionMs: 1_209_600_001 },
    { delayMs: 900_001 },
    { maxReceives: 0 },
    { maxReceives: 1_001 },
  ];
  for (const options of ranges) {
    it(`refuses ${Object.keys(options)}: ${Object.values(options)}`, () => {
      assertThrows(() => assertQueueOptions("billing", options), RangeError, "current value is");
    });
  }

  const wrong: [queue: string, options: DeclareQueueOptions, code: string][] = [
    ["bil ling", {}, "INVALID_MESSAGE"],
    ["billing", { deadLetterQueue: "d l q" }, "INVALID_MESSAGE"],
    ["billing", { deadLetterQueue: "billing" }, "CONFIGURATION"],
    ["billing", { deadLetterQueue: "dead.fifo" }, "CONFIGURATION"],
    ["billing.fifo", { deadLetterQueue: "dead" }, "CONFIGURATION"],
    ["billing", { contentBasedDeduplication: true }, "CONFIGURATION"],
  ];
  for (const [queue, options, code] of wrong) {
    it(`refuses ${queue} with ${JSON.stringify(options)}`, () => {
      const error = assertThrows(() => assertQueueOptions(queue, options), MelangeError);
      assertEquals(error.code, code);
    });
  }

  it("takes no delay at all, and none below that", () => {
    assertQueueOptions("billing", { delayMs: 0 });
    assertThrows(() => assertQueueOptions("billing", { delayMs: -1 }), RangeError, "delayMs");
  });
});
