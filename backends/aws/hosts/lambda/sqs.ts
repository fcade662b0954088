import type { Sender } from "../../../../src/backend.ts";
import type { Random } from "../../../../src/support/clock.ts";
import type { Dispatcher } from "../../../../src/handle/dispatcher.ts";
import { deadLetterTo, dispatchAll, type MoveToDeadLetters } from "../../../../src/handle/push.ts";
import { checkRange } from "../../../../src/support/range.ts";
import { withChecks } from "../../checked.ts";
import type { LambdaContext } from "./deadline.ts";
import { readSqsEvent } from "./events.ts";
import { invocationSettings, invoke, type LambdaOptions } from "./invocation.ts";

/** Options of {@linkcode sqsHandler}. */
export interface SqsHandlerOptions extends LambdaOptions {
  /**
   * Highest number of messages, or message groups, in work at once in one invocation. Default: 10.
   */
  concurrency?: number;
  /** Sends copies of dead-lettered messages to `deadLetterQueue`. Default: none, such messages are retried. */
  sender?: Sender;
  /** The queue that takes the copies; FIFO if the source is. Needed with `sender`. Default: none. */
  deadLetterQueue?: string;
  /** The source of the jitter between repeated copies. Default: `Math.random`. */
  random?: Random;
}

/** The answer of a function behind SQS. */
export interface SqsBatchResponse {
  /** The messages that stay in the queue. */
  batchItemFailures: { itemIdentifier: string }[];
}

/** A Lambda function behind SQS. */
export type SqsHandler = (event: unknown, context?: LambdaContext) => Promise<SqsBatchResponse>;

/**
 * Returns a Lambda function that handles the messages of a queue. Lambda deletes every message that
 * the function does not report as failed, so the event source mapping **must have
 * `ReportBatchItemFailures` on**: without it Lambda deletes the failed messages too.
 *
 * Failed are: messages whose handler threw, messages that are not finished when the invocation is
 * about to end (`TIMEOUT`), malformed records, and, in a FIFO queue, the messages behind a failed one
 * of their group, whose handlers are not even started. Messages of different groups, and all messages of a standard
 * queue, are handled at once, up to `concurrency`. A message that is to be dead-lettered is copied
 * where `sender` and `deadLetterQueue` are given, and counts as failed otherwise.
 *
 * The function throws `UNDECODABLE`, before any handler runs, for an event that is not of SQS or has
 * a record without id; Lambda then retries the whole batch. It keeps nothing between invocations.
 *
 * @throws {TypeError} if there is no dispatcher, `sender` is given without `deadLetterQueue`, or the
 * reverse, or an option is of another type
 * @throws {RangeError} if `concurrency` is not a positive integer, or `marginMs` is negative
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 * import { sqsHandler } from "@melange/melange/lambda";
 *
 * const dispatcher = new Dispatcher();
 * dispatcher.subscribeAll(() => {});
 * const handler = sqsHandler(dispatcher);
 * const record = {
 *   messageId: "m-1",
 *   body: '{"at":1}',
 *   eventSource: "aws:sqs",
 *   eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:pings",
 *   messageAttributes: { manifest: { dataType: "String", stringValue: "Ping" } },
 * };
 * const { batchItemFailures } = await handler({ Records: [record] });
 * if (batchItemFailures.length !== 0) throw new Error("unexpected");
 * ```
 */
export function sqsHandler(dispatcher: Dispatcher, options: SqsHandlerOptions = {}): SqsHandler {
  const settings = invocationSettings(dispatcher, options);
  const { concurrency = 10 } = options;
  checkRange(concurrency, { cannot: CANNOT, name: "concurrency", min: 1, integer: true });
  const deadLetter = deadLetterOf(options);
  return async (event, context) => {
    const records = readSqsEvent(event, settings.clock.now());
    const outcomes = await invoke(
      context,
      settings,
      (hooks) => dispatchAll(dispatcher, records, { ...hooks, concurrency, deadLetter }),
    );
    const failed = records.filter((_, at) => outcomes[at]?.outcome === "retry");
    const ids = new Set(failed.map(({ id }) => id));
    return { batchItemFailures: [...ids].map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

const CANNOT = "create an SQS handler";

function deadLetterOf({ sender, deadLetterQueue, random }: SqsHandlerOptions): MoveToDeadLetters {
  if (sender === undefined && deadLetterQueue === undefined) return withoutSender;
  if (sender === undefined || deadLetterQueue === undefined) {
    const missing = sender ? "deadLetterQueue" : "sender";
    throw new TypeError(
      `Cannot ${CANNOT} as sender and deadLetterQueue belong together: ${missing} is missing`,
    );
  }
  if (typeof sender?.send !== "function" || !isName(deadLetterQueue)) {
    throw new TypeError(
      `Cannot ${CANNOT} as sender is a backend or \`awsSender()\`, and deadLetterQueue a name`,
    );
  }
  // Looked at per message, so that a sender of somebody's that throws costs that message alone.
  return (message, facts, context) => {
    const move = deadLetterTo(withChecks(sender), deadLetterQueue, random ? { random } : {});
    return move(message, facts, context);
  };
}

function isName(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

/** Logs that no place exists for a dead letter. The message stays in the queue. */
const withoutSender: MoveToDeadLetters = ({ id }, facts, { logger }) => {
  logger.error("A message cannot be dead-lettered as the function has no sender; it is retried", {
    messageId: id,
    ...facts,
  });
  return Promise.resolve(false);
};
