import type { Result } from "../../src/backend.ts";
import { serviceError, unknownOutcome } from "./errors.ts";
import type { Answered, BatchAnswer } from "./sqs.ts";

/** What SQS and SNS take in one call. */
export const MAX_ENTRIES = 10;

/** Refuses a batch that no call takes. */
export function assertEntries(action: string, count: number): void {
  if (count <= MAX_ENTRIES) return;
  throw new RangeError(
    `Cannot ${action} as one call takes at most ${MAX_ENTRIES} entries: current value is ${count}`,
  );
}

/**
 * One result per entry, in order. The ids are the places; an entry that is in neither list, or in
 * both, or whose success cannot be read, has not demonstrably succeeded.
 */
export function resultPerEntry<T>(
  action: string,
  answer: BatchAnswer,
  options: { count: number; read: (entry: Answered, index: number) => Result<T> | undefined },
): Result<T>[] {
  const { count, read } = options;
  const byId = (entries: Answered[]) => new Map(entries.map((entry) => [String(entry.Id), entry]));
  const failed = byId(answer.Failed);
  const successful = byId(answer.Successful);
  return Array.from({ length: count }, (_, index): Result<T> => {
    const failure = failed.get(String(index));
    if (failure) return { ok: false, error: entryError(action, failure) };
    const success = successful.get(String(index));
    const result = success && read(success, index);
    return result ?? { ok: false, error: unknownOutcome(action, "the entry was not mentioned") };
  });
}

function entryError(action: string, { Code, Message, SenderFault }: Answered) {
  return serviceError(action, {
    codes: [String(Code)],
    text: String(Message ?? ""),
    senderFault: SenderFault === true,
  });
}
