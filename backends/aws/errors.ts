/**
 * What the errors of the services mean: one table, read from the top. The free text of a service
 * may quote a message, so it is looked at but never repeated.
 */
import { MelangeError, type MelangeErrorCode, type MelangeErrorOptions } from "../../src/errors.ts";

/** What a failed call or a failed entry of a batch said. */
export interface Failure {
  /** The names of the error: SQS has two for some, one per protocol. */
  readonly codes: readonly string[];
  /** What it said to people. Looked at, never repeated. */
  readonly text: string;
  /** The HTTP status of a failed call; none for a failed entry. */
  readonly status?: number;
  /** Whether a failed entry was said to be the sender's fault. It may be throttled nevertheless. */
  readonly senderFault?: boolean;
  /** How long the service asked to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** What may help once, before the failure is final. */
export type Remedy = "credentials" | "clock";

interface ErrorClass {
  readonly code: MelangeErrorCode;
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
  readonly remedy?: Remedy;
  readonly hint: string;
}

const LOCK_LOST: ErrorClass = { code: "LOCK_LOST", hint: "the lock has ended" };
const THROTTLED: ErrorClass = { code: "THROTTLED", retryable: true, hint: "slow down" };
const OVER_LIMIT: ErrorClass = { ...THROTTLED, retryAfterMs: 10_000 };
const UNKNOWN: ErrorClass = {
  code: "OUTCOME_UNKNOWN",
  retryable: true,
  hint: "it may have been done",
};
const DENIED: ErrorClass = { code: "ACCESS_DENIED", hint: "check credentials and policies" };
const EXPIRED: ErrorClass = { ...DENIED, remedy: "credentials" };
const SKEWED: ErrorClass = { ...DENIED, remedy: "clock" };
const NOT_FOUND: ErrorClass = { code: "NOT_FOUND", hint: "declare it first" };
const EXISTS: ErrorClass = { code: "CONFLICT", hint: "it exists with other attributes" };
const DELETED: ErrorClass = {
  code: "CONFLICT",
  retryable: true,
  retryAfterMs: 10_000,
  hint: "it was deleted less than 60 s ago",
};
const INVALID: ErrorClass = {
  code: "INVALID_MESSAGE",
  hint: "a limit, a name or a value is not allowed",
};
const REFUSED: ErrorClass = { code: "REFUSED", hint: "it was refused" };

/**
 * Matched against `code: text`. Throttling comes as 400, 403 and 429, and as the sender's fault.
 *
 * - https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
 * - https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html
 */
const TABLE: readonly (readonly [RegExp, ErrorClass])[] = [
  [/^(ReceiptHandleIsInvalid|MessageNotInflight)/, LOCK_LOST],
  [/^Invalid\w*:.*(handle has expired|not available for visibility timeout change)/is, LOCK_LOST],
  [/^([\w.]*throttl|TooManyRequests|RequestLimitExceeded|SlowDown|Bandwidth)/i, THROTTLED],
  [/^OverLimit/, OVER_LIMIT],
  [/^(Internal|ServiceUnavailable|ServiceFailure|RequestTimeout\b|RequestTimeoutEx)/, UNKNOWN],
  [/^(ExpiredToken|InvalidClientTokenId|UnrecognizedClient|TokenRefreshRequired)/, EXPIRED],
  [/^(RequestExpired|RequestTimeTooSkewed|RequestInTheFuture)/, SKEWED],
  [/^(InvalidSignature|SignatureDoesNotMatch)/, SKEWED],
  [/^(AccessDenied|AuthorizationError|InvalidSecurity|KMS|AuthFailure|Unauthorized)/i, DENIED],
  [/^(NotAuthorized|OptInRequired|MissingAuthentication|IncompleteSignature)/, DENIED],
  [/^(NonExistentQueue|QueueDoesNotExist|NotFound)/, NOT_FOUND],
  [/^QueueDeletedRecently/, DELETED],
  [/^QueueNameExists|^QueueAlreadyExists/, EXISTS],
  [/^(Invalid(Message|Parameter|Attribute|Batch|Id)|ParameterValueInvalid|Validation)/, INVALID],
  [/^(MissingParameter|(EmptyB|B)atchRequest|TooManyEntries|BatchEntryIds)/, INVALID],
];

function classOf(failure: Failure): ErrorClass {
  const { status = 0, codes, text, senderFault } = failure;
  if (status >= 500 || status === 408) return UNKNOWN;
  for (const [pattern, found] of TABLE) {
    if (codes.some((code) => pattern.test(`${bareCode(code)}: ${text}`))) return found;
  }
  if (status === 429) return THROTTLED;
  if (status === 401 || status === 403) return DENIED;
  if (status === 413) return INVALID;
  return senderFault === false ? UNKNOWN : REFUSED;
}

/** Without what some protocols put before it: a namespace and `#`, or the service's old name. */
function bareCode(code: string): string {
  return code.replace(/^(.*#|AWS\.SimpleQueueService\.)/, "");
}

/** What may help against a failure, once. */
export function remedyOf(failure: Failure): Remedy | undefined {
  return classOf(failure).remedy;
}

/** Turns what a service said into an error of ours. `what` says what was tried. */
export function serviceError(what: string, failure: Failure): MelangeError {
  const { code, retryable = false, hint, ...found } = classOf(failure);
  const { status, retryAfterMs = found.retryAfterMs } = failure;
  const named = failure.codes.map(bareCode).find((name) => /^[\w.]{1,80}$/.test(name)) ??
    "an error";
  const answer = status === undefined ? named : `${named} (HTTP ${status})`;
  const message = `Cannot ${what} as the service answered ${answer}: ${hint}`;
  return new MelangeError(code, message, { retryable, retryAfterMs });
}

/** The error of what may or may not have been done: the answer got lost, or made no sense. */
export function unknownOutcome(
  what: string,
  reason: string,
  options: MelangeErrorOptions = { retryable: true },
): MelangeError {
  const message = `Cannot tell the outcome of ${what} as ${reason}`;
  return new MelangeError("OUTCOME_UNKNOWN", message, options);
}

/** Tells whether an error says that a queue or a topic does not exist. */
export function isNotFound(error: unknown): error is MelangeError {
  return error instanceof MelangeError && error.code === "NOT_FOUND";
}
