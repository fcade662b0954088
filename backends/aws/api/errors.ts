/**
 * The meaning of the errors of the services: one table, read from the top. The free text of a
 * service may quote a message, so no rule reads the text and no error of ours repeats the text.
 */
import {
  MelangeError,
  type MelangeErrorCode,
  type MelangeErrorOptions,
} from "../../../src/support/errors.ts";

/** The failure of a call, or of an entry of a batch, as the service tells it. */
export interface Failure {
  /** The HTTP status of a failed call, and the names of the error: SQS has two for some, one per protocol. */
  readonly said: readonly string[];
  /**
   * Tells that the service blames itself for an entry. The service may have done the work of such
   * an entry.
   */
  readonly isServiceFault?: boolean;
  /** The pause that the service asked for, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** The errors of this action, beside the errors of every action. */
  readonly errors?: readonly ErrorClass[] | undefined;
}

/** A remedy that may help once, before the failure is final. */
export type Remedy = "credentials" | "clock";

/** Errors of one kind, known by a status or a name, and their meaning. */
export type ErrorClass = readonly [
  said: RegExp,
  code: MelangeErrorCode,
  hint: string,
  options?: MelangeErrorOptions & { remedy?: Remedy },
];

const RETRYABLE = { retryable: true };
const UNKNOWN = ["OUTCOME_UNKNOWN", "it may be done", RETRYABLE] as const;
const DENIED = ["ACCESS_DENIED", "check credentials and policies"] as const;

/**
 * Errors by status and name. Throttling comes as 400, 403 and 429, and as the sender's fault. Names
 * of KMS errors, which are denials, have the endings of other errors, so denials come first.
 * - https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
 * - https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html
 */
const TABLE: readonly ErrorClass[] = [
  [/^(5|408)|\bInternal|Service[UF]|RequestTimeout/, ...UNKNOWN],
  [/^429|throttl|TooManyRequests|RequestLimit|SlowDown/i, "THROTTLED", "wait", RETRYABLE],
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
];

function classOf({ said, isServiceFault, errors = [] }: Failure): ErrorClass {
  const known = [...errors, ...TABLE].find(([pattern]) => said.some((name) => pattern.test(name)));
  return known ?? (isServiceFault ? [/^/, ...UNKNOWN] : [/^/, "REFUSED", "it was not done"]);
}

/** Names the remedy against a failure, if there is one. */
export function remedyOf(failure: Failure): Remedy | undefined {
  return classOf(failure)[3]?.remedy;
}

/** Turns a failure into an error of ours. `what` names the action. */
export function serviceError(what: string, failure: Failure): MelangeError {
  const [, code, hint, options] = classOf(failure);
  const { said, retryAfterMs = options?.retryAfterMs } = failure;
  const message = `Cannot ${what} as the service answered ${said.join(" ")}: ${hint}`;
  return new MelangeError(code, message, { ...options, retryAfterMs });
}

/**
 * Creates the error of an action that may or may not have been done: the answer got lost, or made
 * no sense.
 */
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

/** Tells whether an error is a denial by credentials or a policy. */
export function isDenied(error: unknown): error is MelangeError {
  return error instanceof MelangeError && error.code === "ACCESS_DENIED";
}
