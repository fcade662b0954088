import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Failure, remedyOf, serviceError } from "../../../backends/aws/errors.ts";

type Row = [code: string, ours: string, ...facts: string[]];

/** Every code, at the status with which it was seen. `R` is retryable. */
const CALLS: Record<number, Row[]> = {
  400: [
    ["ThrottlingException", "THROTTLED", "R"],
    ["Throttling", "THROTTLED", "R"],
    ["Throttled", "THROTTLED", "R"],
    ["ThrottledException", "THROTTLED", "R"],
    ["RequestLimitExceeded", "THROTTLED", "R"],
    ["SlowDown", "THROTTLED", "R"],
    ["KmsThrottled", "THROTTLED", "R"],
    ["KMSThrottling", "THROTTLED", "R"],
    ["KMS.ThrottlingException", "THROTTLED", "R"],
    ["InternalFailure", "OUTCOME_UNKNOWN", "R"],
    ["InternalError", "OUTCOME_UNKNOWN", "R"],
    ["ServiceUnavailable", "OUTCOME_UNKNOWN", "R"],
    ["RequestTimeout", "OUTCOME_UNKNOWN", "R"],
    ["ExpiredToken", "ACCESS_DENIED", "credentials"],
    ["ExpiredTokenException", "ACCESS_DENIED", "credentials"],
    ["InvalidSignatureException", "ACCESS_DENIED", "clock"],
    ["RequestExpired", "ACCESS_DENIED", "clock"],
    ["IncompleteSignature", "ACCESS_DENIED"],
    ["KMS.AccessDeniedException", "ACCESS_DENIED"],
    ["KmsAccessDenied", "ACCESS_DENIED"],
    ["KMSDisabled", "ACCESS_DENIED"],
    ["KmsNotFound", "ACCESS_DENIED"],
    ["AccessDenied", "ACCESS_DENIED"],
    ["com.amazonaws.sqs#QueueDoesNotExist", "NOT_FOUND"],
    ["AWS.SimpleQueueService.NonExistentQueue", "NOT_FOUND"],
    ["AWS.SimpleQueueService.QueueDeletedRecently", "CONFLICT", "R"],
    ["QueueDeletedRecently", "CONFLICT", "R"],
    ["QueueNameExists", "CONFLICT"],
    ["QueueAlreadyExists", "CONFLICT"],
    ["ReceiptHandleIsInvalid", "LOCK_LOST"],
    ["AWS.SimpleQueueService.MessageNotInflight", "LOCK_LOST"],
    ["AWS.SimpleQueueService.BatchRequestTooLong", "INVALID_MESSAGE"],
    ["InvalidMessageContents", "INVALID_MESSAGE"],
    ["InvalidParameterValue", "INVALID_MESSAGE"],
    ["InvalidParameterValueException", "INVALID_MESSAGE"],
    ["InvalidParameter", "INVALID_MESSAGE"],
    ["ParameterValueInvalid", "INVALID_MESSAGE"],
    ["ValidationError", "INVALID_MESSAGE"],
    ["InvalidAttributeName", "INVALID_MESSAGE"],
    ["MissingParameter", "INVALID_MESSAGE"],
    ["EmptyBatchRequest", "INVALID_MESSAGE"],
    ["TooManyEntriesInBatchRequest", "INVALID_MESSAGE"],
    ["BatchEntryIdsNotDistinct", "INVALID_MESSAGE"],
    ["InvalidBatchEntryId", "INVALID_MESSAGE"],
    ["UnsupportedOperation", "REFUSED"],
    ["InvalidAction", "REFUSED"],
    ["SomethingNew", "REFUSED"],
  ],
  401: [["SomethingNew", "ACCESS_DENIED"]],
  403: [
    ["RequestThrottled", "THROTTLED", "R"],
    ["OverLimit", "THROTTLED", "R"],
    ["InvalidClientTokenId", "ACCESS_DENIED", "credentials"],
    ["UnrecognizedClientException", "ACCESS_DENIED", "credentials"],
    ["SignatureDoesNotMatch", "ACCESS_DENIED", "clock"],
    ["RequestTimeTooSkewed", "ACCESS_DENIED", "clock"],
    ["RequestInTheFuture", "ACCESS_DENIED", "clock"],
    ["AuthorizationError", "ACCESS_DENIED"],
    ["InvalidSecurity", "ACCESS_DENIED"],
    ["SomethingNew", "ACCESS_DENIED"],
  ],
  404: [["NotFound", "NOT_FOUND"], ["NotFoundException", "NOT_FOUND"], ["", "REFUSED"]],
  408: [["", "OUTCOME_UNKNOWN", "R"]],
  413: [["", "INVALID_MESSAGE"]],
  429: [["TooManyRequestsException", "THROTTLED", "R"], ["", "THROTTLED", "R"]],
  500: [["InternalFailure", "OUTCOME_UNKNOWN", "R"], ["", "OUTCOME_UNKNOWN", "R"]],
  502: [["", "OUTCOME_UNKNOWN", "R"]],
  503: [["ThrottlingException", "OUTCOME_UNKNOWN", "R"], ["", "OUTCOME_UNKNOWN", "R"]],
  504: [["AccessDenied", "OUTCOME_UNKNOWN", "R"]],
};

function factsOf(failure: Failure): string[] {
  const { code, retryable } = serviceError("do it", failure);
  const facts = [code];
  if (retryable) facts.push("R");
  const remedy = remedyOf(failure);
  return remedy ? [...facts, remedy] : facts;
}

describe("serviceError() of a failed call", () => {
  for (const [status, rows] of Object.entries(CALLS)) {
    for (const [code, ...expected] of rows) {
      it(`${status} ${code || "without a code"} is ${expected.join(" ")}`, () => {
        const codes = code ? [code] : [];
        assertEquals(factsOf({ status: Number(status), codes, text: "" }), expected);
      });
    }
  }

  it("takes whichever of two names it knows", () => {
    for (const codes of [["Unheard", "QueueDoesNotExist"], ["QueueDoesNotExist", "Unheard"]]) {
      assertEquals(serviceError("do it", { status: 400, codes, text: "" }).code, "NOT_FOUND");
    }
  });
});

describe("serviceError() of a failed entry", () => {
  it("goes by the code, not by whose fault it is said to be", () => {
    const entry = (code: string, senderFault: boolean) => ({
      codes: [code],
      text: "",
      senderFault,
    });
    assertEquals(factsOf(entry("RequestThrottled", true)), ["THROTTLED", "R"]);
    assertEquals(factsOf(entry("KMS.ThrottlingException", true)), ["THROTTLED", "R"]);
    assertEquals(factsOf(entry("InternalError", true)), ["OUTCOME_UNKNOWN", "R"]);
    assertEquals(factsOf(entry("InvalidMessageContents", false)), ["INVALID_MESSAGE"]);
    assertEquals(factsOf(entry("SomethingNew", true)), ["REFUSED"]);
    assertEquals(factsOf(entry("SomethingNew", false)), ["OUTCOME_UNKNOWN", "R"]);
  });

  it("finds a lost lock in the text of a general code", () => {
    for (
      const text of [
        "Value AQEB… for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
        "Value AQEB… for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.",
      ]
    ) {
      for (const code of ["InvalidParameterValue", "InvalidParameterValueException"]) {
        assertEquals(factsOf({ codes: [code], text, senderFault: true }), ["LOCK_LOST"]);
      }
    }
    const text = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
    assertEquals(factsOf({ codes: ["InvalidParameterValue"], text }), ["INVALID_MESSAGE"]);
  });
});

describe("serviceError()", () => {
  it("says what was tried, the code and the status, and never the text", () => {
    const failure = { status: 400, codes: ["InvalidParameterValue"], text: "body: hunter2" };
    const { message } = serviceError('SendMessageBatch on "orders"', failure);
    assert(message.includes('SendMessageBatch on "orders"'), message);
    assert(message.includes("InvalidParameterValue (HTTP 400)"), message);
    assert(!message.includes("hunter2"), message);
  });

  it("does not repeat a code that is none", () => {
    const codes = ["<b>hunter2 hunter2</b>", "x".repeat(10_000)];
    const { message } = serviceError("do it", { status: 400, codes, text: "" });
    assert(!message.includes("hunter2") && message.length < 200, message);
  });

  it("waits for what the service asked, else longer where nothing helps but time", () => {
    const error = (code: string, retryAfterMs?: number) =>
      serviceError("do it", { status: 403, codes: [code], text: "", retryAfterMs });
    assertEquals(error("RequestThrottled").retryAfterMs, undefined);
    assertEquals(error("RequestThrottled", 3_000).retryAfterMs, 3_000);
    assert(error("OverLimit").retryAfterMs! >= 5_000);
    assertEquals(error("OverLimit", 1_000).retryAfterMs, 1_000);
    const recently = error("AWS.SimpleQueueService.QueueDeletedRecently").retryAfterMs!;
    assert(recently > 0 && recently <= 60_000);
  });

  it("takes linear time for hostile codes", () => {
    const codes = ["a.".repeat(200_000), "Invalid".repeat(100_000)];
    const text = "handle has ".repeat(100_000);
    assertEquals(serviceError("do it", { status: 400, codes, text }).retryable, false);
  });
});
