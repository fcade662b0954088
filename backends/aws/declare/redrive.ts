/**
 * Which dead-letter queue a queue has.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
 */
export interface RedrivePolicy {
  readonly deadLetterTargetArn: string;
  readonly maxReceiveCount: number;
}

/** Reads the attribute `RedrivePolicy`; `undefined` where there is none, or none that can be read. */
export function redriveOf(attribute: string | undefined): RedrivePolicy | undefined {
  if (!attribute) return undefined;
  try {
    const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(attribute);
    return typeof deadLetterTargetArn === "string"
      ? { deadLetterTargetArn, maxReceiveCount: Number(maxReceiveCount) }
      : undefined;
  } catch {
    return undefined;
  }
}
