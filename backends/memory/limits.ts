import type { Limits, QueueLimits } from "../../src/backend.ts";
import { MAX_VISIBILITY_MS } from "./queue.ts";

/** https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html */
export const TOPIC_LIMITS: Limits = {
  entries: 10,
  batchBytes: 262_144,
  messageBytes: 262_144,
  delayMs: 0,
};

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
export const QUEUE_LIMITS: QueueLimits = {
  entries: 10,
  batchBytes: 1_048_576,
  messageBytes: 1_048_576,
  delayMs: 900_000,
  waitMs: 20_000,
  visibilityMs: MAX_VISIBILITY_MS,
};
