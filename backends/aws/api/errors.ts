/**
 * What the errors of the services mean: one table, read from the top. The free text of a service
 * may quote a message, so nothing goes by it and it is never repeated.
 */
import {
  MelangeError,
  type MelangeErrorCode,
  type MelangeErrorOptions,
} from "../../../src/support/errors.ts";

/** What a failed call or a failed entry of a batch said. */
export interface Failure {
  /** The HTTP status of a failed call, and the names of the error: SQS has two for some, one per protocol. */
  readonly said: string;
  /** How long the service asked to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** What the action in question answers besides what every action may answer. */
  readonly errors?: readonly ErrorClass[] | undefined;
}

/** What may help once, before the failure is final. */
export type Remedy = "credentials" | "clock";

/** What is said of errors of one kind, and what that means. */
export type ErrorClass = readonly [
  said: RegExp,
  code: MelangeErrorCode,
  hint: string,
  options?: MelangeErrorOptions & { remedy?: Remedy },
];

const RETRYABLE = { retryable: true };
const UNKNOWN = ["OUTCOME_UNKNOWN", "it may have been done", RETRYABLE] as const;
const DENIED = ["ACCESS_DENIED", "check credentials and policies"] as const;

/**
 * Throttling comes as 400, 403 and 429, and as the sender's fault. Names of KMS errors, which are
 * denials, end as others do: so denials come before those.
 *
 * - https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
 * - https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html
 */
const TABLE: readonly ErrorClass[] = [
  [/^(5|408)|\bInternal|Service[UF]|RequestTimeout/, ...UNKNOWN],
  [/^429|throttl|TooManyRequests|RequestLimit|SlowDown/i, "THROTTLED", "slow down", RETRYABLE],
  [/^[03]/, "CONFIGURATION", "check endpoint and region"],
  [/ExpiredToken|ClientToken|UnrecognizedClient/, ...DENIED, { remedy: "credentials" }],
  [/Request(Expired|TimeToo|InThe)|InvalidSignature|SignatureDoes/, ...DENIED, { remedy: "clock" }],
  [/^40[13]|auth|denied|KMS|Signature/i, ...DENIED],
  [/NonExist|DoesNotExist|NotFound/, "NOT_FOUND", "declare it first"],
  [
    /^413|Parameter|Validation|Batch|Invalid(Message|Attribute|Id)/,
    "INVALID_MESSAGE",
    "check names and limits",
  ],
  [/fault$/, ...UNKNOWN],
  [/$/, "REFUSED", "it was not done"],
];

function classOf({ said, errors = [] }: Failure): ErrorClass {
  return [...errors, ...TABLE].find(([pattern]) => pattern.test(said))!;
}

/** What may help against a failure, once. */
export function remedyOf(failure: Failure): Remedy | undefined {
  return classOf(failure)[3]?.remedy;
}

/** Turns what a service said into an error of ours. `what` says what was tried. */
export function serviceError(what: string, failure: Failure): MelangeError {
  const [, code, hint, options] = classOf(failure);
  const { said, retryAfterMs = options?.retryAfterMs } = failure;
  const message = `Cannot ${what} as the service answered ${said}: ${hint}`;
  return new MelangeError(code, message, { ...options, retryAfterMs });
}

/** The error of what may or may not have been done: the answer got lost, or made no sense. */
export function unknownOutcome(
  what: string,
  reason: string,
  options: MelangeErrorOptions = RETRYABLE,
): MelangeError {
  return new MelangeError(UNKNOWN[0], `Cannot tell the outcome of ${what} as ${reason}`, options);
}

/** Tells whether an error says that a queue or a topic does not exist. */
export function isNotFound(error: unknown): error is MelangeError {
  return (error as MelangeError | undefined)?.code === "NOT_FOUND";
}

/** Tells whether an error says that the credentials or a policy do not allow it. */
export function isDenied(error: unknown): error is MelangeError {
  return error instanceof MelangeError && error.code === "ACCESS_DENIED";
}
