import type { ErrorClass } from "./errors.ts";

/** The errors of SQS for receiving, settling and creating queues. */
export const QUEUE_ERRORS: readonly ErrorClass[] = [
  [/ReceiptHandleIsInvalid|MessageNotInflight/, "LOCK_LOST", "the lock has ended"],
  [/OverLimit/, "THROTTLED", "too many messages are under way", {
    retryable: true,
    retryAfterMs: 10_000,
  }],
  [/QueueDeletedRecently/, "CONFLICT", "it was deleted less than 60 s ago", {
    retryable: true,
    retryAfterMs: 10_000,
  }],
  [/QueueNameExists|QueueAlreadyExists/, "CONFLICT", "it exists with other attributes"],
];

/** The errors of SQS for moving all messages of a queue. Brokers without the actions say so. */
export const MOVE_ERRORS: readonly ErrorClass[] = [
  [
    /InvalidAction|Unknown(Operation|Action)|UnsupportedOperation|NotImplemented/,
    "UNSUPPORTED",
    "this broker has none",
  ],
];
