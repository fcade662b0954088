/**
 * The errors of SQS, SNS and STS: their names in both protocols, and their statuses.
 *
 * - https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
 * - https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html
 */

/** The reason why a request, or one entry of a batch, is refused. */
export class RequestError extends Error {
  /** The class name. */
  override readonly name = "RequestError";

  /** The name in the Query protocol, and in the entries of batches. */
  readonly code: string;
  /** The status of the error, and its name in JSON. */
  readonly facts: ErrorFacts;
  /** The text in the Query protocol, where it is another one. */
  inQuery?: string;

  /** Creates an error. */
  constructor(code: string, message: string, facts: ErrorFacts) {
    super(message);
    this.code = code;
    this.facts = facts;
  }
}

/** The facts of an error beside its code and text. */
export interface ErrorFacts {
  /** The HTTP status. */
  readonly status: number;
  /** The `__type` in JSON. */
  readonly type: string;
}

const QUEUE = "AWS.SimpleQueueService.";

/** The errors of SQS with a special shape: status, and name in the Query protocol. */
const SQS_ERRORS = {
  BatchEntryIdsNotDistinct: [400, `${QUEUE}BatchEntryIdsNotDistinct`],
  BatchRequestTooLong: [400, `${QUEUE}BatchRequestTooLong`],
  EmptyBatchRequest: [400, `${QUEUE}EmptyBatchRequest`],
  InvalidAttributeName: [400, "InvalidAttributeName"],
  InvalidAttributeValue: [400, "InvalidAttributeValue"],
  InvalidBatchEntryId: [400, `${QUEUE}InvalidBatchEntryId`],
  InvalidMessageContents: [400, "InvalidMessageContents"],
  MessageNotInflight: [400, `${QUEUE}MessageNotInflight`],
  OverLimit: [403, "OverLimit"],
  PurgeQueueInProgress: [403, `${QUEUE}PurgeQueueInProgress`],
  QueueDeletedRecently: [400, `${QUEUE}QueueDeletedRecently`],
  QueueDoesNotExist: [400, `${QUEUE}NonExistentQueue`],
  QueueNameExists: [400, "QueueAlreadyExists"],
  ReceiptHandleIsInvalid: [400, "ReceiptHandleIsInvalid"],
  RequestThrottled: [403, "RequestThrottled"],
  ResourceNotFoundException: [404, "ResourceNotFoundException"],
  TooManyEntriesInBatchRequest: [400, `${QUEUE}TooManyEntriesInBatchRequest`],
} as const;

/** The errors that every service has: status, and name in JSON. */
const COMMON_ERRORS = {
  InternalFailure: [500, "InternalFailure"],
  InvalidAction: [400, "UnknownOperationException"],
  InvalidParameterValue: [400, "InvalidParameterValueException"],
  MalformedInput: [400, "SerializationException"],
  MissingParameter: [400, "MissingRequiredParameterException"],
  MissingAction: [400, "MissingAction"],
  IncompleteSignature: [403, "IncompleteSignatureException"],
  InvalidClientTokenId: [403, "UnrecognizedClientException"],
  MissingAuthenticationToken: [403, "MissingAuthenticationTokenException"],
  RequestExpired: [400, "RequestExpired"],
  SignatureDoesNotMatch: [403, "InvalidSignatureException"],
} as const;

/** The errors of SNS, by their names in the Query protocol. */
const SNS_ERRORS = {
  AuthorizationError: 403,
  BatchEntryIdsNotDistinct: 400,
  BatchRequestTooLong: 400,
  EmptyBatchRequest: 400,
  FilterPolicyLimitExceeded: 403,
  InvalidBatchEntryId: 400,
  InvalidParameter: 400,
  NotFound: 404,
  ParameterValueInvalid: 400,
  ResourceNotFound: 404,
  SubscriptionLimitExceeded: 403,
  Throttled: 429,
  TooManyEntriesInBatchRequest: 400,
  ValidationError: 400,
} as const;

/** An error of SQS, by the name of its shape. */
export function sqsError(shape: keyof typeof SQS_ERRORS, message: string): RequestError {
  const [status, code] = SQS_ERRORS[shape];
  return new RequestError(code, message, { status, type: `com.amazonaws.sqs#${shape}` });
}

/** An error that every service has. */
export function commonError(code: keyof typeof COMMON_ERRORS, message: string): RequestError {
  const [status, shape] = COMMON_ERRORS[code];
  return new RequestError(code, message, { status, type: `com.amazon.coral.service#${shape}` });
}

/** An error of SNS. */
export function snsError(code: keyof typeof SNS_ERRORS, message: string): RequestError {
  const status = SNS_ERRORS[code];
  return new RequestError(code, message, { status, type: `com.amazonaws.sns#${code}` });
}

/** Makes the error for a parameter that SQS does not take. */
export function invalidValue(name: string, value: unknown, reason: string): RequestError {
  return commonError(
    "InvalidParameterValue",
    `Value ${value} for parameter ${name} is invalid. Reason: ${reason}`,
  );
}

/** Says that a parameter is missing. */
export function missing(name: string): RequestError {
  return commonError("MissingParameter", `The request must contain the parameter ${name}.`);
}

/** Says that SNS does not take a parameter. */
export function invalidParameter(what: string): RequestError {
  return snsError("InvalidParameter", `Invalid parameter: ${what}`);
}

/** Says that AWS has this, and the emulator has not. */
export function notEmulated(what: string): RequestError {
  return new RequestError("NotEmulated", `${what} is not emulated.`, {
    status: 501,
    type: "com.melange.emulator#NotEmulated",
  });
}
