/**
 * The actions of SQS for moving messages out of dead-letter queues, and the moving.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
 */
import * as engine from "../../../memory/queue.ts";
import { forget } from "../../../memory/queue_state.ts";
import type { StoredMessage } from "../../../memory/stored_message.ts";
import { parseArn } from "../addresses.ts";
import { commonError, invalidValue, sqsError } from "../errors.ts";
import { integerWithin, needed, parsed, text } from "../input.ts";
import type { Call, Input, Output } from "../operation.ts";
import type { MoveTask, QueueRecord, World } from "../world.ts";
import { isFifoQueue } from "./find.ts";
import { redriveOf } from "./queue_attributes.ts";

const STEP_MS = 1_000;
const MAX_PER_SECOND = 500;
const MAX_KEPT = 10;

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html */
export function startMessageMoveTask(call: Call): Output {
  const { input, world, at } = call;
  const source = sourceOf(call);
  const destination = text(input, "DestinationArn");
  if (destination !== undefined) checkDestination(world, source, destination);
  const perSecond = integerWithin(input, "MaxNumberOfMessagesPerSecond", {
    range: [1, MAX_PER_SECOND],
    reason: `Must be between 1 and ${MAX_PER_SECOND}.`,
  });
  if (world.moveTasks.some((task) => task.sourceArn === source.arn && task.status === "RUNNING")) {
    throw commonError(
      "InvalidParameterValue",
      "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
    );
  }
  const task: MoveTask = {
    handle: btoa(JSON.stringify({ taskId: call.newId(), sourceArn: source.arn })),
    sourceArn: source.arn,
    ...(destination === undefined ? {} : { destinationArn: destination }),
    ...(perSecond === undefined ? {} : { perSecond }),
    status: "RUNNING",
    moved: 0,
    toMove: engine.countMessages(source.engine, at).available,
    startedAt: at,
    dueAt: at,
  };
  world.moveTasks = [...world.moveTasks, task];
  forgetOld(world, source.arn);
  return { TaskHandle: task.handle };
}

function sourceOf({ input, world }: Call): QueueRecord {
  const arn = needed(input, "SourceArn");
  if (parseArn(arn)?.service !== "sqs") {
    throw invalidValue("SourceArn", arn, "It is not the ARN of a queue.");
  }
  const source = world.queues.get(arn);
  if (!source) throw noSource();
  const feeds = [...world.queues.values()]
    .some(({ attributes }) => redriveOf(attributes)?.target === arn);
  if (feeds) return source;
  throw commonError(
    "InvalidParameterValue",
    "Source queue must be configured as a Dead Letter Queue.",
  );
}

function checkDestination(world: World, source: QueueRecord, arn: string): void {
  const destination = world.queues.get(arn);
  if (!destination) {
    throw sqsError(
      "ResourceNotFoundException",
      "The resource that you specified for the DestinationArn parameter doesn't exist.",
    );
  }
  if (arn === source.arn) {
    throw commonError("InvalidParameterValue", "Source and destination must be different queues.");
  }
  if (isFifoQueue(destination) === isFifoQueue(source)) return;
  throw commonError("InvalidParameterValue", "Source and destination must be of the same type.");
}

function forgetOld(world: World, sourceArn: string): void {
  const done = world.moveTasks.filter((task) =>
    task.sourceArn === sourceArn && task.status !== "RUNNING"
  );
  const old = new Set(done.slice(0, -MAX_KEPT));
  world.moveTasks = world.moveTasks.filter((task) => !old.has(task));
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CancelMessageMoveTask.html */
export function cancelMessageMoveTask(call: Call): Output {
  const handle = needed(call.input, "TaskHandle");
  const { sourceArn } = partsOf(handle) ?? {};
  if (typeof sourceArn !== "string") {
    throw commonError("InvalidParameterValue", "Value for parameter TaskHandle is invalid.");
  }
  if (!call.world.queues.has(sourceArn)) throw noSource();
  const task = call.world.moveTasks.find((each) => each.handle === handle);
  if (!task || task.status !== "RUNNING") {
    throw sqsError("ResourceNotFoundException", "Task does not exist.");
  }
  task.status = "CANCELLED";
  return { ApproximateNumberOfMessagesMoved: task.moved };
}

/** Returns the parts of a handle; `undefined` if it is none. */
function partsOf(handle: string): Input | undefined {
  try {
    return parsed(atob(handle));
  } catch {
    return undefined;
  }
}

function noSource() {
  return sqsError(
    "ResourceNotFoundException",
    "The resource that you specified for the SourceArn parameter doesn't exist.",
  );
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html */
export function listMessageMoveTasks(call: Call): Output {
  const { input, world } = call;
  const arn = needed(input, "SourceArn");
  const reason = "Must be between 1 and 10.";
  const max = integerWithin(input, "MaxResults", { range: [1, 10], reason }) ?? 1;
  if (!world.queues.has(arn)) throw noSource();
  const tasks = world.moveTasks.filter((task) => task.sourceArn === arn).reverse().slice(0, max);
  return { Results: tasks.map(written) };
}

function written(task: MoveTask): Output {
  const running = task.status === "RUNNING";
  return {
    ...(running ? { TaskHandle: task.handle } : {}),
    Status: task.status,
    SourceArn: task.sourceArn,
    ...(task.destinationArn === undefined ? {} : { DestinationArn: task.destinationArn }),
    ...(task.perSecond === undefined ? {} : { MaxNumberOfMessagesPerSecond: task.perSecond }),
    ApproximateNumberOfMessagesMoved: task.moved,
    ApproximateNumberOfMessagesToMove: task.toMove,
    ...(task.failureReason === undefined ? {} : { FailureReason: task.failureReason }),
    StartedTimestamp: task.startedAt,
  };
}

/** When the next message is moved; `undefined` if no task runs. */
export function nextMoveAt({ moveTasks }: World): number | undefined {
  const due = moveTasks.filter(({ status }) => status === "RUNNING").map(({ dueAt }) => dueAt);
  return due.length > 0 ? Math.min(...due) : undefined;
}

/** Moves the due messages: of each task as many as its rate allows in a second. */
export function moveMessages(call: Call): void {
  for (const task of call.world.moveTasks) {
    if (task.status === "RUNNING" && task.dueAt <= call.at) moveSome(task, call);
  }
}

function moveSome(task: MoveTask, call: Call): void {
  const source = call.world.queues.get(task.sourceArn);
  if (!source) return void (task.status = "CANCELLED");
  task.dueAt = call.at + STEP_MS;
  engine.countMessages(source.engine, call.at);
  const waiting = [...source.engine.messages.values()]
    .filter(({ state, sentAt }) => state === "available" && sentAt <= call.at);
  for (const message of waiting.slice(0, task.perSecond ?? MAX_PER_SECOND)) {
    const target = targetOf(task, message, call.world);
    if (target === undefined) {
      return fail(task, task.destinationArn ? NO_QUEUE : "CouldNotDetermineMessageSource");
    }
    move(message, { source, target, call });
    task.moved++;
  }
  if (waiting.length <= (task.perSecond ?? MAX_PER_SECOND)) task.status = "COMPLETED";
}

/** Why a task fails whose destination was deleted. */
const NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue";

function targetOf({ destinationArn }: MoveTask, { movedFrom }: StoredMessage, { queues }: World) {
  return queues.get(destinationArn ?? movedFrom ?? "");
}

function fail(task: MoveTask, reason: string): void {
  task.status = "FAILED";
  task.failureReason = reason;
}

/** Moves a message. The moved message is a new message, with a new id and a new retention. */
function move(
  message: StoredMessage,
  { source, target, call }: { source: QueueRecord; target: QueueRecord; call: Call },
): void {
  forget(source.engine, message, "");
  const { movedFrom: _, ...rest } = message;
  const { ApproximateFirstReceiveTimestamp: __, AWSTraceHeader: ___, ...notes } = message.notes ??
    {};
  const fresh = { id: call.newId(), sentAt: call.at, keptFrom: call.at, attempt: 0 };
  const moved = { ...rest, ...fresh, notes };
  engine.accept(target.engine, moved, { now: call.at });
  call.woken.add(target.arn).add(source.arn);
}
