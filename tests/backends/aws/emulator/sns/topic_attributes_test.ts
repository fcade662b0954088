import { assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { checkTopicAttribute } from "../../../../../backends/aws/emulator/sns/topic_attributes.ts";

const STANDARD = { arn: "arn:aws:sns:eu-west-1:000000000000:t" };
const FIFO = { arn: `${STANDARD.arn}.fifo` };

const accepted: [name: string, values: string[]][] = [
  ["ContentBasedDeduplication", ["true", "false", "True"]],
  ["FifoTopic", ["true"]],
  ["FifoThroughputScope", ["Topic", "MessageGroup"]],
  ["SignatureVersion", ["1", "2"]],
  ["TracingConfig", ["PassThrough", "Active"]],
  ["Policy", ["", "{}"]],
  ["DeliveryPolicy", ["", '{"http":{}}']],
  ["ArchivePolicy", ["", '{"MessageRetentionPeriod":"30"}']],
  ["DataProtectionPolicy", ["", "{}"]],
  ["DisplayName", ["", "anything"]],
  ["KmsMasterKeyId", ["alias/aws/sns"]],
  ["MaximumMessageSize", ["1024", "262144", "1048576"]],
  ["HTTPSuccessFeedbackRoleArn", ["arn"]],
  ["SQSFailureFeedbackRoleArn", ["arn"]],
  ["LambdaSuccessFeedbackSampleRate", ["100"]],
];

const refused: [name: string, value: string, reason: string][] = [
  ["Nothing", "1", "Unknown attribute Nothing"],
  ["FaxSuccessFeedbackRoleArn", "arn", "Unknown attribute"],
  ["ContentBasedDeduplication", "yes", "Invalid value [yes]"],
  ["FifoThroughputScope", "topic", "Invalid value [topic]"],
  ["SignatureVersion", "3", "Invalid value [3]"],
  ["TracingConfig", "", "Invalid value []"],
  ["Policy", "{", "Policy: must be valid JSON"],
  ["DeliveryPolicy", "1", "must be valid JSON"],
  ["ArchivePolicy", "!", "must be valid JSON"],
  ["DataProtectionPolicy", "x", "must be valid JSON"],
  ["MaximumMessageSize", "1023", "from 1024 to 1048576"],
  ["MaximumMessageSize", "1048577", "from 1024 to 1048576"],
  ["MaximumMessageSize", "2000.5", "from 1024 to 1048576"],
  ["MaximumMessageSize", "", "from 1024 to 1048576"],
];

describe("checkTopicAttribute()", () => {
  for (const [name, values] of accepted) {
    it(`takes ${name}: ${values.map((value) => JSON.stringify(value)).join(", ")}`, () => {
      for (const value of values) checkTopicAttribute(name, value, FIFO);
    });
  }

  for (const [name, value, reason] of refused) {
    it(`refuses ${name}: ${JSON.stringify(value)}`, () => {
      const { message } = assertThrows(() => checkTopicAttribute(name, value, FIFO), Error);
      assertStringIncludes(message, reason);
    });
  }

  it("takes three attributes for FIFO topics only", () => {
    const fifoOnly = [
      ["ContentBasedDeduplication", "true"],
      ["FifoThroughputScope", "Topic"],
      ["ArchivePolicy", "{}"],
    ] as const;
    for (const [name, value] of fifoOnly) {
      const { message } = assertThrows(() => checkTopicAttribute(name, value, STANDARD), Error);
      assertStringIncludes(message, `${name} can only be set on FIFO topics`);
    }
    checkTopicAttribute("Policy", "{}", STANDARD);
  });
});
