import type {
  DeadLetterCopy,
  Delivery,
  ExtendResult,
  Extension,
  Guarantees,
  ReceiveOptions,
  Receiver,
  Sender,
  SettleResult,
} from "../../src/backend.ts";
import { MelangeError } from "../../src/support/errors.ts";
import type { Logger } from "../../src/support/logger.ts";
import { checkRange } from "../../src/support/range.ts";
import { isFifo } from "../../src/wire/message.ts";
import { fromSqsMessage, toSeconds } from "./message/attributes.ts";
import { assertEntries, MAX_ENTRIES, resultPerEntry } from "./api/batch.ts";
import { isNotFound, unknownOutcome } from "./api/errors.ts";
import type { IsIntact } from "./message/integrity.ts";
import { baseOf, parseArn, regionOf, serviceUrl, shortName } from "./api/names.ts";
import { QUEUE_ERRORS } from "./api/queue_errors.ts";
import { redriveOf } from "./declare/redrive.ts";
import type { Access } from "./sender.ts";
import {
  type Answered,
  type BatchAnswer,
  changeMessageVisibilityBatch,
  deleteMessageBatch,
  getQueueAttributes,
  receiveMessage,
  texts,
} from "./api/sqs.ts";

const GUARANTEES: Guarantees = {
  redelivers: true,
  ordered: true,
  groups: true,
  delays: true,
  fansOut: true,
  filters: true,
  deduplicates: true,
  durable: true,
  countsAttempts: true,
  deadLetters: true,
  cancelsReceive: false,
};

/** The parts of receiving beside the access to AWS. */
export interface ReceiverOptions {
  /** The sender of copies to dead-letter queues, which knows the limits. */
  readonly sender: Sender;
  /** Compares an arrived message with its digests. */
  readonly isIntact: IsIntact;
  /** The logger that is told of damaged messages. */
  readonly logger: Logger;
}

/** Creates the receiving part of the backend. */
export function createReceiver(access: Access, options: ReceiverOptions): Receiver {
  const { sender } = options;
  return {
    limits: sender.limits,
    guarantees: GUARANTEES,
    receive: (queue, call) => receive(access, queue, { ...call, ...options }),
    acknowledge: (queue, receipts, { signal } = {}) =>
      acknowledge(access, queue, { receipts, signal }),
    async release(queue, releases, { signal } = {}) {
      const changes = releases.map(({ receipt, delayMs }) => ({ receipt, visibilityMs: delayMs }));
      return await changeVisibility(access, queue, { changes, signal });
    },
    extend: (queue, changes, { signal } = {}) =>
      changeVisibility(access, queue, { changes, signal }),
    deadLetter: createDeadLetter(access, sender),
  };
}

async function receive(
  access: Access,
  queue: string,
  options: ReceiveOptions & ReceiverOptions,
): Promise<Delivery[]> {
  const { max, waitMs, visibilityMs, attemptId, signal, sender, isIntact, logger } = options;
  const { limits } = sender;
  const cannot = "receive";
  checkRange(max, { cannot, name: "max", min: 1, max: MAX_ENTRIES });
  checkRange(waitMs, { cannot, name: "waitMs", min: 0, max: limits.queue.waitMs });
  checkRange(visibilityMs, {
    cannot,
    name: "visibilityMs",
    min: 0,
    max: limits.queue.visibilityMs,
  });
  const input = {
    MaxNumberOfMessages: max,
    WaitTimeSeconds: toSeconds(waitMs),
    VisibilityTimeout: toSeconds(visibilityMs),
    MessageSystemAttributeNames: ["All"],
    AttributeNames: ["All"],
    MessageAttributeNames: ["All"],
    ...(attemptId !== undefined && isFifo(queue) ? { ReceiveRequestAttemptId: attemptId } : {}),
  };
  const messages = await access.addresses.at(
    { queue },
    signal,
    (QueueUrl) => receiveMessage(access.client, { QueueUrl, ...input }, { signal, waitMs }),
  );
  const now = access.client.clock.now();
  const lockedUntil = new Date(now + input.VisibilityTimeout * 1000);
  const deliveries: Delivery[] = [];
  for (const message of messages) {
    const delivery = deliveryOf(message, { now, lockedUntil, isIntact });
    if (delivery) {
      deliveries.push(delivery);
      continue;
    }
    reportDamage(logger, queue, message);
    // What follows it in its group must not overtake it, and a damaged group is not to be trusted.
    if (isFifo(queue)) break;
  }
  if (deliveries.length > 0 || messages.length === 0) return deliveries;
  // An empty array would be taken for an empty queue, at once and again and again.
  throw unknownOutcome("ReceiveMessage", "all messages arrived damaged");
}

function deliveryOf(
  received: Answered,
  options: { now: number; lockedUntil: Date; isIntact: IsIntact },
): Delivery | undefined {
  const { ReceiptHandle: receipt, MD5OfBody, MD5OfMessageAttributes } = received;
  const message = fromSqsMessage(received, options);
  const digests = { body: MD5OfBody, attributes: MD5OfMessageAttributes };
  const intact = typeof receipt === "string" && message && options.isIntact(message, digests);
  return intact ? { receipt, message } : undefined;
}

/**
 * Logs a damaged message. The message stays locked and comes again; a message that is damaged in
 * the queue itself ends in redrive.
 */
function reportDamage(logger: Logger, queue: string, { MessageId }: Answered): void {
  const messageId = typeof MessageId === "string" ? MessageId.slice(0, 100) : undefined;
  logger.error("A message arrived damaged and is left in the queue", { queue, messageId });
}

async function acknowledge(
  access: Access,
  queue: string,
  options: { receipts: readonly string[]; signal: AbortSignal | undefined },
): Promise<SettleResult[]> {
  const { receipts, signal } = options;
  assertEntries("acknowledge", receipts.length);
  if (receipts.length === 0) return [];
  const Entries = receipts.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
  const answer = await access.addresses.at(
    { queue },
    signal,
    (QueueUrl) => deleteMessageBatch(access.client, { QueueUrl, Entries }, { signal }),
  );
  const read = (): SettleResult => ({ ok: true });
  return resultPerEntry("DeleteMessageBatch", withLostLocks(answer), {
    entries: Entries,
    read,
    errors: QUEUE_ERRORS,
  });
}

/** Releases and extends: SQS counts both from now. */
async function changeVisibility(
  access: Access,
  queue: string,
  options: { changes: readonly Extension[]; signal: AbortSignal | undefined },
): Promise<ExtendResult[]> {
  const { changes, signal } = options;
  assertEntries("change the visibility", changes.length);
  if (changes.length === 0) return [];
  const Entries = changes.map(({ receipt, visibilityMs }, index) => ({
    Id: String(index),
    ReceiptHandle: receipt,
    VisibilityTimeout: toSeconds(visibilityMs),
  }));
  const answer = await access.addresses.at(
    { queue },
    signal,
    (QueueUrl) => changeMessageVisibilityBatch(access.client, { QueueUrl, Entries }, { signal }),
  );
  const now = access.client.clock.now();
  const lockedUntil = (seconds: number) => new Date(now + seconds * 1000);
  return resultPerEntry("ChangeMessageVisibilityBatch", withLostLocks(answer), {
    entries: Entries,
    read: (_, entry): ExtendResult => ({
      ok: true,
      lockedUntil: lockedUntil(entry.VisibilityTimeout),
    }),
    errors: QUEUE_ERRORS,
  });
}

const LOST_LOCK = /handle has expired|not available for visibility timeout change/i;

/** SQS says in the text of a general code, which may quote the receipt, that a lock is lost. */
function withLostLocks({ Successful, Failed }: BatchAnswer): BatchAnswer {
  const isLost = ({ Code, Message }: Partial<Record<string, string>>) =>
    Code?.startsWith("Invalid") && LOST_LOCK.test(Message ?? "");
  return {
    Successful,
    Failed: Failed.map((entry) =>
      isLost(texts(entry)) ? { ...entry, Code: "MessageNotInflight" } : entry
    ),
  };
}

/** The most receipts to remember, of messages with a stored copy and a failed delete. */
const MAX_COPIED = 10_000;

/**
 * Copies messages, then acknowledges the copied messages. The dead-letter queue of a queue is
 * looked up once. A second call after a failed delete copies nothing again.
 */
function createDeadLetter(
  access: Access,
  sender: Sender,
): NonNullable<Receiver["deadLetter"]> {
  const targets = new Map<string, string>();
  const copied = new Set<string>();

  async function copy(
    target: string,
    moving: readonly DeadLetterCopy[],
    signal: AbortSignal | undefined,
  ): Promise<SettleResult[]> {
    const fresh = moving.filter(({ receipt }) => !copied.has(receipt));
    const messages = fresh.map(({ copy }) => copy);
    const sent = fresh.length > 0 ? await sender.send({ queue: target }, messages, { signal }) : [];
    fresh.forEach(({ receipt }, at) => sent[at]?.ok && copied.add(receipt));
    // Here, as the deletes may fail one and all.
    forgetOldest(copied, MAX_COPIED);
    const failed = new Map(fresh.map(({ receipt }, at) => [receipt, sent[at]]));
    return moving.map(({ receipt }) => copied.has(receipt) ? { ok: true } : failed.get(receipt)!);
  }

  async function remove(
    queue: string,
    receipts: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<SettleResult[]> {
    const results = await acknowledge(access, queue, { receipts, signal });
    results.forEach(({ ok }, at) => ok && copied.delete(receipts[at]!));
    return results;
  }

  return async (queue, copies, { signal } = {}) => {
    const moving = [...copies];
    const target = targets.get(queue) ?? await deadLetterQueueOf(access, queue, signal);
    if (target === undefined) return moving.map(() => ({ ok: false, error: unsupported(queue) }));
    targets.set(queue, target);
    try {
      const sent = await copy(target, moving, signal);
      const receipts = moving.filter((_, at) => sent[at]?.ok).map(({ receipt }) => receipt);
      const settled = (await remove(queue, receipts, signal)).values();
      return sent.map((result): SettleResult => result.ok ? settled.next().value! : result);
    } catch (error) {
      if (isNotFound(error)) targets.delete(queue);
      throw error;
    }
  };
}

function forgetOldest(values: Set<string>, max: number): void {
  for (const oldest of values) {
    if (values.size <= max) return;
    values.delete(oldest);
  }
}

async function deadLetterQueueOf(
  access: Access,
  queue: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { RedrivePolicy } = await access.addresses.at(
    { queue },
    signal,
    (QueueUrl) =>
      getQueueAttributes(access.client, { QueueUrl, AttributeNames: ["RedrivePolicy"] }, {
        signal,
      }),
  );
  const arn = redriveOf(RedrivePolicy)?.deadLetterTargetArn;
  if (!arn) return undefined;
  if (isElsewhere(queue)) return queue.replace(/[^/]+$/, shortName(arn));
  // The ARNs of local brokers are not always such as AWS has; it is in the same account and region.
  return parseArn(arn) ? arn : shortName(arn);
}

/**
 * Tells whether the URL of a queue points to another place than its region's own. The dead-letter
 * queue, in the same account and region, is then at that place too, although its ARN does not say
 * so.
 */
function isElsewhere(queue: string): boolean {
  const base = baseOf(queue);
  return base !== undefined && base !== serviceUrl("sqs", regionOf(queue) ?? "");
}

function unsupported(queue: string): MelangeError {
  return new MelangeError(
    "UNSUPPORTED",
    `Cannot dead-letter from "${queue}" as it has no dead-letter queue: declare it with \`deadLetterQueue\``,
  );
}
