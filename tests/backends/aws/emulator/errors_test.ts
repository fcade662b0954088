import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  commonError,
  invalidParameter,
  invalidValue,
  missing,
  notEmulated,
  snsError,
  sqsError,
} from "../../../../backends/aws/emulator/errors.ts";

/** The statuses of the API references, in whose pages all others are 400. */
const sqs = { ResourceNotFoundException: 404 };
const sqsForbidden = ["OverLimit", "PurgeQueueInProgress", "RequestThrottled"] as const;
const sqsBad = [
  "BatchEntryIdsNotDistinct",
  "BatchRequestTooLong",
  "EmptyBatchRequest",
  "InvalidAttributeName",
  "InvalidAttributeValue",
  "InvalidBatchEntryId",
  "InvalidMessageContents",
  "MessageNotInflight",
  "QueueDeletedRecently",
  "QueueDoesNotExist",
  "QueueNameExists",
  "ReceiptHandleIsInvalid",
  "TooManyEntriesInBatchRequest",
] as const;
const common = [
  ["InternalFailure", 500],
  ["InvalidAction", 400],
  ["InvalidParameterValue", 400],
  ["MalformedInput", 400],
  ["MissingParameter", 400],
  ["MissingAction", 400],
  ["IncompleteSignature", 403],
  ["InvalidClientTokenId", 403],
  ["MissingAuthenticationToken", 403],
  ["RequestExpired", 400],
  ["SignatureDoesNotMatch", 403],
] as const;
const sns = [
  ["AuthorizationError", 403],
  ["BatchEntryIdsNotDistinct", 400],
  ["BatchRequestTooLong", 400],
  ["EmptyBatchRequest", 400],
  ["FilterPolicyLimitExceeded", 403],
  ["InvalidBatchEntryId", 400],
  ["InvalidParameter", 400],
  ["NotFound", 404],
  ["ParameterValueInvalid", 400],
  ["ResourceNotFound", 404],
  ["SubscriptionLimitExceeded", 403],
  ["Throttled", 429],
  ["TooManyEntriesInBatchRequest", 400],
  ["ValidationError", 400],
] as const;

describe("the errors of the emulator", () => {
  it("of SQS have the statuses of its API reference, and their shapes as types", () => {
    for (const [shape, status] of Object.entries(sqs)) {
      assertEquals(sqsError(shape as keyof typeof sqs, "x").facts.status, status, shape);
    }
    for (const shape of sqsForbidden) assertEquals(sqsError(shape, "x").facts.status, 403, shape);
    for (const shape of sqsBad) {
      const { facts } = sqsError(shape, "x");
      assertEquals(facts, { status: 400, type: `com.amazonaws.sqs#${shape}` });
    }
  });

  it("of every service, and of SNS, have theirs", () => {
    for (const [code, status] of common) {
      assertEquals(commonError(code, "x").facts.status, status, code);
    }
    for (const [code, status] of sns) {
      const error = snsError(code, "x");
      assertEquals([error.code, error.facts.status], [code, status]);
    }
  });

  it("say what is wrong", () => {
    const error = invalidValue("Max", 11, "too many");
    assertEquals(error.message, "Value 11 for parameter Max is invalid. Reason: too many");
    assertStringIncludes(missing("QueueUrl").message, "QueueUrl");
    assertEquals(missing("QueueUrl").code, "MissingParameter");
    assertEquals(invalidParameter("TopicArn").message, "Invalid parameter: TopicArn");
    assertEquals(notEmulated("This").facts.status, 501);
  });
});
