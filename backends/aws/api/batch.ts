import type { Result } from "../../../src/support/result.ts";
import { checkRange } from "../../../src/support/range.ts";
import { type ErrorClass, type Failure, serviceError, unknownOutcome } from "./errors.ts";
import type { Answered, BatchAnswer } from "./sqs.ts";

/** Highest number of entries of SQS and SNS in one call. */
export const MAX_ENTRIES = 10;

/** Refuses a batch that no call takes. */
export function assertEntries(action: string, count: number): void {
  checkRange(count, { cannot: action, name: "the number of entries", min: 0, max: MAX_ENTRIES });
}

/**
 * Returns one result per entry, in order. The ids are the places. An entry counts as successful
 * only if the entry is in exactly one list, the list of successes, and its success can be read.
 */
export function resultPerEntry<E, T>(
  action: string,
  answer: BatchAnswer,
  options: {
    entries: readonly E[];
    read: (answered: Answered, entry: E) => Result<T> | undefined;
    errors?: readonly ErrorClass[];
  },
): Result<T>[] {
  const { entries, read, errors } = options;
  return entries.map((entry, index): Result<T> => {
    const of = (list: Answered[]) => list.find(({ Id }) => Id === `${index}`);
    const failure = of(answer.Failed);
    if (failure) return { ok: false, error: serviceError(action, failureOf(failure, errors)) };
    const success = of(answer.Successful);
    return (success && read(success, entry)) ??
      { ok: false, error: unknownOutcome(action, "it was not mentioned") };
  });
}

/**
 * Reads an entry that failed. Unless the sender is at fault, the service may have done the work.
 */
function failureOf(
  { Code, SenderFault }: Answered,
  errors: readonly ErrorClass[] | undefined,
): Failure {
  // An object chooses its text, or throws.
  const said = /^[\w.]{1,99}/.exec(typeof Code === "string" ? Code : "") ?? [];
  // SNS writes it as text.
  return { said, isServiceFault: ![true, "true"].includes(SenderFault as boolean), errors };
}
