/**
 * Common parts of the batch actions of SQS: the rules for entries, and one answer for each entry.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html
 */
import { RequestError, sqsError } from "../errors.ts";
import { records, text } from "../input.ts";
import type { Call, Input, Output } from "../operation.ts";

const MAX_ENTRIES = 10;
const ENTRY_ID = /^[\w-]{1,80}$/;

/** The entries of a batch; refuses the whole request as SQS does. */
export function entriesOf(input: Input, kind: string): Input[] {
  const entries = records(input, "Entries");
  if (entries.length === 0) {
    throw sqsError("EmptyBatchRequest", `There should be at least one ${kind} in the request.`);
  }
  if (entries.length > MAX_ENTRIES) {
    throw sqsError(
      "TooManyEntriesInBatchRequest",
      `Maximum number of entries per request are ${MAX_ENTRIES}. You have sent ${entries.length}.`,
    );
  }
  const seen = new Set<string>();
  for (const entry of entries) {
    const id = text(entry, "Id") ?? "";
    if (!ENTRY_ID.test(id)) {
      throw sqsError(
        "InvalidBatchEntryId",
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
      );
    }
    if (seen.has(id)) throw sqsError("BatchEntryIdsNotDistinct", `Id ${id} repeated.`);
    seen.add(id);
  }
  return entries;
}

/** Does each entry, and answers with the results. */
export function batch(
  { failing = [] }: Call,
  entries: readonly Input[],
  each: (entry: Input) => Output,
): Output {
  const [successful, failed]: [Output[], Output[]] = [[], []];
  entries.forEach((entry, place) => {
    const Id = entry.Id;
    try {
      if (failing.includes(place)) failed.push({ Id, ...SERVICE_FAULT });
      else successful.push({ Id, ...each(entry) });
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      failed.push({ Id, SenderFault: true, Code: error.code, Message: error.message });
    }
  });
  return {
    ...(successful.length > 0 ? { Successful: successful } : {}),
    ...(failed.length > 0 ? { Failed: failed } : {}),
  };
}

const SERVICE_FAULT = {
  SenderFault: false,
  Code: "InternalError",
  Message: "We encountered an internal error. Please try again.",
};
