/**
 * Moves of whole dead-letter queues by SQS itself.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
 */
import type { MoveOptions, MoveProgress, MoveTasks } from "../../../src/backend.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { isFifo } from "../../../src/wire/message.ts";
import { isDenied, unknownOutcome } from "../api/errors.ts";
import { shortName } from "../api/names.ts";
import {
  type Answered,
  cancelMessageMoveTask,
  getQueueAttributes,
  listDeadLetterSourceQueues,
  listMessageMoveTasks,
  startMessageMoveTask,
} from "../api/sqs.ts";
import type { Access } from "../sender.ts";

/** The most messages a second that a task can be asked for. */
const MAX_PER_SECOND = 500;

/** Creates the moving part of the backend. */
export function createMoves(access: Access): MoveTasks {
  const { client } = access;
  return {
    start: (queue, options) =>
      start(access, queue, options).catch((error) => {
        // Without the permission, and on brokers without the action, messages go one by one.
        const cannot = isDenied(error) ||
          (error instanceof MelangeError && error.code === "UNSUPPORTED");
        if (cannot) return undefined;
        throw error;
      }),
    async describe(_queue, task, { signal } = {}) {
      const { arn: SourceArn, handle } = readTask(task);
      const tasks = await listMessageMoveTasks(client, { SourceArn, MaxResults: 10 }, { signal });
      // A handle is told only while the task runs. The newest task comes first.
      const own = tasks.find(({ TaskHandle }) => TaskHandle === handle) ??
        tasks.find(({ Status }) => Status !== "RUNNING");
      return own ? progressOf(own) : { moved: 0, toMove: 0, state: "running" };
    },
    async cancel(_queue, task, { signal } = {}) {
      await cancelMessageMoveTask(client, { TaskHandle: readTask(task).handle }, {
        signal,
        region: readTask(task).arn.split(":")[3],
      });
    },
  };
}

async function start(
  access: Access,
  queue: string,
  { to, ratePerSecond = MAX_PER_SECOND, signal }: MoveOptions,
): Promise<string | undefined> {
  const { client, addresses } = access;
  const sources = await addresses.at(
    { queue },
    signal,
    (QueueUrl) => listDeadLetterSourceQueues(client, { QueueUrl }, { signal }),
  );
  const [only, ...others] = sources;
  const target = to ?? (others.length === 0 ? only : undefined);
  // SQS moves from queues that are the dead-letter queue of a queue, and to their kind.
  if (only === undefined || target === undefined || ratePerSecond < 1) return undefined;
  if (isFifo(queue) !== isFifo(target)) return undefined;
  const SourceArn = await arnOf(access, queue, signal);
  // Always with its destination: SQS does not know where a message came from that was copied.
  const DestinationArn = await arnOf(access, target, signal);
  const rate = Math.min(MAX_PER_SECOND, Math.floor(ratePerSecond));
  const input = { SourceArn, DestinationArn, MaxNumberOfMessagesPerSecond: rate };
  try {
    return `${SourceArn} ${await startMessageMoveTask(client, input, { signal })}`;
  } catch (error) {
    if (!(error instanceof MelangeError) || error.code !== "INVALID_MESSAGE") throw error;
    // SQS has one name for all that it refuses. What it cannot do goes one by one.
    const tasks = await listMessageMoveTasks(client, { SourceArn, MaxResults: 10 }, { signal });
    if (!tasks.some(({ Status }) => Status === "RUNNING")) return undefined;
    const message = `Cannot move "${shortName(queue)}" as a move of it goes on: wait for its end`;
    throw new MelangeError("CONFLICT", message, { cause: error });
  }
}

function arnOf({ client, addresses }: Access, queue: string, signal: AbortSignal | undefined) {
  return addresses.at({ queue }, signal, async (QueueUrl) => {
    const input = { QueueUrl, AttributeNames: ["QueueArn"] };
    const { QueueArn } = await getQueueAttributes(client, input, { signal });
    if (QueueArn) return QueueArn;
    throw unknownOutcome("GetQueueAttributes", "the answer has no QueueArn");
  });
}

/** The id of a move: its queue and its handle. */
function readTask(task: string): { arn: string; handle: string } {
  const [arn = "", handle = ""] = task.split(" ");
  return { arn, handle };
}

const STATES: Readonly<Record<string, MoveProgress["state"]>> = {
  COMPLETED: "done",
  CANCELLED: "cancelled",
  FAILED: "failed",
};

function progressOf(task: Answered): MoveProgress {
  const { Status, FailureReason } = task;
  return {
    moved: Number(task.ApproximateNumberOfMessagesMoved ?? 0),
    toMove: Number(task.ApproximateNumberOfMessagesToMove ?? 0),
    state: STATES[String(Status)] ?? "running",
    ...(typeof FailureReason === "string" ? { reason: FailureReason.slice(0, 100) } : {}),
  };
}
