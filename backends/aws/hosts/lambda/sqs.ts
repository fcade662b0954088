import type { Sender } from "../../../../src/backend.ts";
import { abortable, type Clock, type Random, systemClock } from "../../../../src/support/clock.ts";
import { dispatch } from "../../../../src/handle/dispatch.ts";
import type { Dispatcher } from "../../../../src/handle/dispatcher.ts";
import { isNumber } from "../../../../src/support/duration.ts";
import { describeError, MelangeError } from "../../../../src/support/errors.ts";
import { deadLetterCopy } from "../../../../src/wire/dead_letter.ts";
import type { DeadLetterFacts } from "../../../../src/wire/packed.ts";
import type { ReceivedMessage } from "../../../../src/wire/message.ts";
import type { EventPublisher } from "../../../../src/publish/publisher.ts";
import { retry } from "../../../../src/support/retry.ts";
import { withChecks } from "../../checked.ts";
import { deadlineOf, type LambdaContext } from "./deadline.ts";
import { readSqsEvent, type SqsRecord } from "./events.ts";

/** A publisher that may hold events back; a `MessagePublisher` is one. */
export interface FlushingPublisher extends EventPublisher {
  /** Sends what is held back; it is called before an invocation ends, as Lambda then freezes the process. */
  flush?(): Promise<unknown>;
}

/** Options of {@linkcode sqsHandler} and {@linkcode snsHandler}. */
export interface LambdaOptions {
  /** Given to the handlers as `context.publisher`, and flushed before an invocation ends. Default: none. */
  publisher?: FlushingPublisher;
  /**
   * How long before the end of the invocation the handlers' signal aborts, in milliseconds; never
   * earlier than half of what is left. Default: 1 000.
   */
  marginMs?: number;
  /** Where time comes from. Default: the machine's clock. */
  clock?: Clock;
}

/** Options of {@linkcode sqsHandler}. */
export interface SqsHandlerOptions extends LambdaOptions {
  /** How many messages, or message groups, are handled at once in one invocation. Default: 10. */
  concurrency?: number;
  /** Copies what is dead-lettered to `deadLetterQueue`. Default: none, such messages are retried. */
  sender?: Sender;
  /** The queue that takes the copies; FIFO if the source is. Needed with `sender`. Default: none. */
  deadLetterQueue?: string;
  /** Where the jitter of repeated copies comes from. Default: `Math.random`. */
  random?: Random;
}

/** What a function behind SQS returns. */
export interface SqsBatchResponse {
  /** The messages that stay in the queue. */
  batchItemFailures: { itemIdentifier: string }[];
}

/** A Lambda function behind SQS. */
export type SqsHandler = (event: unknown, context?: LambdaContext) => Promise<SqsBatchResponse>;

/**
 * Returns a Lambda function that handles the messages of a queue. What it does not report as failed
 * is deleted by Lambda, so the event source mapping **must have `ReportBatchItemFailures` on**:
 * without it Lambda deletes the failed messages too.
 *
 * Failed are: messages whose handler threw, those that are not finished when the invocation is about
 * to end (`TIMEOUT`), malformed records, and, in a FIFO queue, what follows a failed message in its
 * group; that is not even started. Messages of different groups, and all messages of a standard
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
  assertDispatcher(dispatcher);
  const settings = settingsOf(options);
  return async (event, context) => {
    const records = readSqsEvent(event, settings.clock.now());
    const deadline = deadlineOf(context, settings);
    try {
      const { signal, leftMs } = deadline;
      const job = { dispatcher, settings, signal, heldMs: leftMs };
      const failed = await handleAll(records, job);
      await flush(job);
      return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
    } finally {
      deadline.clear();
    }
  };
}

type Settings = SqsHandlerOptions & {
  concurrency: number;
  marginMs: number;
  clock: Clock;
  random: Random;
};

function settingsOf(options: SqsHandlerOptions): Settings {
  const { concurrency = 10, sender, deadLetterQueue, random = Math.random } = options;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new RangeError(
      `Cannot create an SQS handler as concurrency must be a positive integer: current value is ${concurrency}`,
    );
  }
  if ((sender === undefined) !== (deadLetterQueue === undefined)) {
    throw new TypeError(
      `Cannot create an SQS handler as sender and deadLetterQueue belong together: ${
        sender ? "deadLetterQueue" : "sender"
      } is missing`,
    );
  }
  if (sender !== undefined && (typeof sender?.send !== "function" || !isName(deadLetterQueue))) {
    throw new TypeError(
      "Cannot create an SQS handler as sender is a backend or `awsSender()`, and deadLetterQueue a name",
    );
  }
  return { ...options, ...limitsOf(options), concurrency, random };
}

function isName(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

/** What both handlers cannot do without; it would be missed only when the first event comes. */
export function assertDispatcher(dispatcher: Dispatcher): void {
  if (typeof dispatcher?.subscribe === "function") return;
  throw new TypeError("Cannot create a Lambda handler as it needs a dispatcher");
}

/** What both handlers check: the margin, and the clock. */
export function limitsOf(options: LambdaOptions): { marginMs: number; clock: Clock } {
  const { marginMs = 1_000, clock = systemClock } = options;
  if (typeof marginMs !== "number") {
    throw new TypeError("Cannot create a Lambda handler as marginMs must be a number");
  }
  if (isNumber(marginMs, 0)) return { marginMs, clock };
  throw new RangeError(
    `Cannot create a Lambda handler as marginMs must not be negative: current value is ${marginMs}`,
  );
}

/** One invocation. */
interface Job {
  dispatcher: Dispatcher;
  settings: Settings;
  signal: AbortSignal;
  heldMs: () => number;
}

/** Handles a batch; resolves to the ids of what failed, in the order of the batch. */
async function handleAll(records: SqsRecord[], job: Job): Promise<Set<string>> {
  const done = new Set<SqsRecord>();
  const lanes = lanesOf(records);
  const rest = lanes.values();
  const work = async () => {
    for (const lane of rest) await handleLane(lane, { ...job, done });
  };
  const workers = Math.min(job.settings.concurrency, lanes.length);
  await Promise.all(Array.from({ length: workers }, work));
  return new Set(records.filter((record) => !done.has(record)).map(({ id }) => id));
}

/** What must be handled in order, together: a message group, or a single message. */
function lanesOf(records: SqsRecord[]): SqsRecord[][] {
  const lanes = new Map<string | SqsRecord, SqsRecord[]>();
  for (const record of records) {
    const key = record.group ?? record;
    const lane = lanes.get(key);
    if (lane) lane.push(record);
    else lanes.set(key, [record]);
  }
  return [...lanes.values()];
}

async function handleLane(
  lane: SqsRecord[],
  { done, ...job }: Job & { done: Set<SqsRecord> },
): Promise<void> {
  for (const record of lane) {
    if (job.signal.aborted || !(await handleSafely(record, job))) return;
    done.add(record);
  }
}

/** Whatever happens to one message is told of that one: a rejection would fail the whole batch. */
async function handleSafely(record: SqsRecord, job: Job): Promise<boolean> {
  try {
    return await handle(record, job);
  } catch (error) {
    job.dispatcher.options.logger.error("A message could not be settled; it is retried", {
      queue: record.queue,
      messageId: record.id,
      error: describeError(error),
    });
    return false;
  }
}

/** Resolves to whether the message may be deleted. */
async function handle({ id, queue, message, wrong }: SqsRecord, job: Job): Promise<boolean> {
  const { dispatcher, signal, heldMs, settings: { clock, publisher } } = job;
  if (!message) {
    const { logger } = dispatcher.options;
    logger.error("A record of the event is malformed; it is retried", {
      queue,
      messageId: id,
      at: wrong,
    });
    return false;
  }
  const outcome = await dispatch(dispatcher, message, { queue, signal, heldMs, clock, publisher });
  if (outcome.outcome === "deadLetter") return await deadLetter(message, outcome.facts, job);
  return outcome.outcome === "acknowledge";
}

async function deadLetter(
  message: ReceivedMessage,
  facts: DeadLetterFacts,
  { dispatcher, settings, signal }: Job,
): Promise<boolean> {
  const { sender, deadLetterQueue } = settings;
  const { logger } = dispatcher.options;
  const fields = { messageId: message.id, ...facts };
  if (!sender || deadLetterQueue === undefined) {
    logger.error(
      "A message cannot be dead-lettered as the function has no sender; it is retried",
      fields,
    );
    return false;
  }
  const copy = deadLetterCopy(message, facts, sender.limits.queue.messageBytes);
  const send = async () => {
    const [result] = await withChecks(sender).send({ queue: deadLetterQueue }, [copy], { signal });
    if (!result?.ok) throw result?.error ?? unmentioned();
  };
  try {
    await abortable(retry(send, { ...settings, signal, maxAttempts: 4 }), signal);
    return true;
  } catch (error) {
    logger.error("A message could not be dead-lettered; it is retried", {
      ...fields,
      error: describeError(error),
    });
    return false;
  }
}

function unmentioned(): MelangeError {
  return new MelangeError("OUTCOME_UNKNOWN", "Cannot tell the outcome: no result was given", {
    retryable: true,
  });
}

/** Sends what handlers published and did not wait for. */
export async function flush(
  { dispatcher, settings, signal }: {
    dispatcher: Dispatcher;
    settings: LambdaOptions;
    signal: AbortSignal;
  },
): Promise<void> {
  try {
    const flushed = settings.publisher?.flush?.();
    if (flushed) await abortable(flushed, signal);
  } catch (error) {
    dispatcher.options.logger.error("A publisher could not be flushed", {
      error: describeError(error),
    });
  }
}
