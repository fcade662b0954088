/** The log lines about failed messages. They hold no foreign text beside ids and type names. */
import { defined } from "../support/defined.ts";
import { describeError, MelangeError, probe } from "../support/errors.ts";
import type { Logger } from "../support/logger.ts";
import type { Fallback } from "./dispatcher.ts";

/** The message that a log line is about. */
interface Subject {
  readonly logger: Logger;
  readonly queue: string;
  readonly message: { readonly id: string };
}

/** Reports a failure that no handler caused: an error of a clock, a message, a foreign option. */
export function reportUnforeseen({ logger, queue, message }: Subject, error: unknown): void {
  logger.error("A message could not be dispatched; it is retried", {
    queue,
    messageId: short(message.id),
    error: describeError(error),
  });
}

/** Reports a message that no handler got, and the outcome for the message. */
export function reportUnhandled(
  { logger, queue, message }: Subject,
  { then, type, reason }: { then: Fallback; type: string | undefined; reason: string },
): void {
  logger.warn("A message cannot be handled", {
    queue,
    messageId: short(message.id),
    ...defined({ type: type && short(type) }),
    reason,
    then,
  });
}

/**
 * Returns words for an error from reading data: only our words, as foreign words may quote the
 * data.
 */
export function readingFault(error: unknown): string {
  return probe(() => error instanceof MelangeError ? error.message : undefined) ?? "cannot be read";
}

/**
 * Endings of a handler without success. A stop that runs out of time is no failure of the handler.
 */
const ENDINGS = {
  failed: ["warn", "A handler failed"],
  gaveUp: ["warn", "A handler gave a message up"],
  stopped: ["info", "A handler was stopped; its message is given back"],
} as const;

/** Reports that a handler threw. */
export function reportFailure(
  { logger, queue, message }: Subject,
  failure: {
    error: unknown;
    type: string;
    attempt: number;
    subscriber: string | undefined;
    ending: keyof typeof ENDINGS;
  },
): void {
  const { error, type, attempt, subscriber, ending } = failure;
  const [level, text] = ENDINGS[ending];
  logger[level](text, {
    queue,
    messageId: short(message.id),
    type: short(type),
    attempt,
    ...defined({ subscriber }),
    error: describeError(error, { exposed: logger.exposeErrors === true }),
  });
}

/** Cuts an id or a type, which may be any text in a foreign message. */
function short(text: string): string {
  return text.slice(0, 100);
}
