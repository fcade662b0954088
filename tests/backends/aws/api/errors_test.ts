import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Failure, remedyOf, serviceError } from "../../../../backends/aws/api/errors.ts";
import { QUEUE_ERRORS } from "../../../../backends/aws/api/queue_errors.ts";

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

function factsOf(failed: Failure): string[] {
  const failure = { ...failed, errors: QUEUE_ERRORS };
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
        const said = code === "" ? [status] : [status, code];
        assertEquals(factsOf({ said }), expected);
      });
    }
  }

  it("takes whichever of two names it knows", () => {
    for (const names of [["Unheard", "QueueDoesNotExist"], ["QueueDoesNotExist", "Unheard"]]) {
      assertEquals(serviceError("do it", { said: ["400", ...names] }).code, "NOT_FOUND");
    }
  });
});

describe("serviceError() of a failed entry", () => {
  it("goes by the code, not by whose fault it is said to be", () => {
    const entry = (code: string, senderFault: boolean) => ({
      said: [code],
      isServiceFault: !senderFault,
    });
    assertEquals(factsOf(entry("RequestThrottled", true)), ["THROTTLED", "R"]);
    assertEquals(factsOf(entry("KMS.ThrottlingException", true)), ["THROTTLED", "R"]);
    assertEquals(factsOf(entry("InternalError", true)), ["OUTCOME_UNKNOWN", "R"]);
    assertEquals(factsOf(entry("InvalidMessageContents", false)), ["INVALID_MESSAGE"]);
    assertEquals(factsOf(entry("SomethingNew", true)), ["REFUSED"]);
    assertEquals(factsOf(entry("SomethingNew", false)), ["OUTCOME_UNKNOWN", "R"]);
  });

  it("reads no fault of the service out of a name", () => {
    assertEquals(factsOf({ said: ["EndsInfault"] }), ["REFUSED"]);
    assertEquals(factsOf({ said: [] }), ["REFUSED"]);
    assertEquals(factsOf({ said: [], isServiceFault: true }), ["OUTCOME_UNKNOWN", "R"]);
  });
});

describe("serviceError()", () => {
  it("says what was tried, the status and the code", () => {
    const { message } = serviceError('send on "orders"', {
      said: ["400", "InvalidParameterValue"],
    });
    assert(message.includes('send on "orders" as the service answered 400 InvalidP'), message);
  });

  it("knows what only some actions answer only if it is told", () => {
    const said = ["400", "QueueNameExists"];
    assertEquals(serviceError("do it", { said }).code, "REFUSED");
    assertEquals(serviceError("do it", { said, errors: QUEUE_ERRORS }).code, "CONFLICT");
  });

  it("waits for what the service asked, else longer where nothing helps but time", () => {
    const error = (code: string, retryAfterMs?: number) =>
      serviceError("do it", { said: ["403", code], retryAfterMs, errors: QUEUE_ERRORS });
    assertEquals(error("RequestThrottled").retryAfterMs, undefined);
    assertEquals(error("RequestThrottled", 3_000).retryAfterMs, 3_000);
    assert(error("OverLimit").retryAfterMs! >= 5_000);
    assertEquals(error("OverLimit", 1_000).retryAfterMs, 1_000);
    const recently = error("AWS.SimpleQueueService.QueueDeletedRecently").retryAfterMs!;
    assert(recently > 0 && recently <= 60_000);
  });

  it("takes linear time for hostile codes", () => {
    for (const said of ["a.".repeat(200_000), "Invalid".repeat(100_000)]) {
      assertEquals(serviceError("do it", { said: [said] }).retryable, false);
    }
  });
});
