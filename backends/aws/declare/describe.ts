/** A queue as SQS describes it. */
import type { QueueDescription } from "../../../src/backend.ts";
import { unknownOutcome } from "../api/errors.ts";
import { shortName } from "../api/names.ts";
import { getQueueAttributes } from "../api/sqs.ts";
import type { Access } from "../sender.ts";
import { redriveOf } from "./redrive.ts";

/** A queue that exists, with all of its attributes. */
export interface FoundQueue {
  readonly url: string;
  readonly arn: string;
  readonly attributes: Partial<Record<string, string>>;
}

/** Finds a queue, and reads its attributes. */
export function readQueue({ client, addresses }: Access, queue: string, signal: AbortSignal) {
  return addresses.at({ queue }, signal, async (url): Promise<FoundQueue> => {
    const input = { QueueUrl: url, AttributeNames: ["All"] };
    const attributes = await getQueueAttributes(client, input, { signal });
    if (attributes.QueueArn) return { url, arn: attributes.QueueArn, attributes };
    throw unknownOutcome("GetQueueAttributes", "the answer has no QueueArn");
  });
}

/** Describes a queue in the words of the contract. */
export function descriptionOf({ arn, attributes }: FoundQueue): QueueDescription {
  const redrive = redriveOf(attributes.RedrivePolicy);
  const count = (name: string) => Number(attributes[name] ?? 0);
  return {
    name: shortName(arn),
    address: arn,
    available: count("ApproximateNumberOfMessages"),
    inFlight: count("ApproximateNumberOfMessagesNotVisible"),
    delayed: count("ApproximateNumberOfMessagesDelayed"),
    visibilityTimeoutMs: count("VisibilityTimeout") * 1000,
    ...(redrive && {
      deadLetterQueue: shortName(redrive.deadLetterTargetArn),
      maxReceives: redrive.maxReceiveCount,
    }),
  };
}
