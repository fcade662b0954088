/** The actions of SQS that create, find, describe and delete queues. */
import * as engine from "../../../memory/queue.ts";
import { purge } from "../../../memory/queue_state.ts";
import { arnOf, queueUrl } from "../addresses.ts";
import { commonError, sqsError } from "../errors.ts";
import { integerWithin, needed, text, textMap, texts } from "../input.ts";
import type { Call, Output } from "../operation.ts";
import { paged } from "../pages.ts";
import type { QueueRecord } from "../world.ts";
import { doesNotExist, isFifoQueue, queueOf, settle } from "./find.ts";
import {
  checkedAttributes,
  COMPUTED,
  defaultOf,
  NAMES,
  redriveOf,
  settingsOf,
} from "./queue_attributes.ts";

/** Time of a purge, in milliseconds. */
const PURGE_MS = 60_000;
const QUEUE_NAME = /^(?=.{1,80}$)[\w-]+(?:\.fifo)?$/;

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html */
export function createQueue(call: Call): Output {
  const { input, world, at, origin, account, region, rules } = call;
  const name = needed(input, "QueueName");
  if (!QUEUE_NAME.test(name)) {
    throw commonError(
      "InvalidParameterValue",
      "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
    );
  }
  const given = textMap(input, "Attributes");
  const fifo = isFifoName(name, given);
  const arn = arnOf("sqs", name, call);
  const attributes = checkedAttributes(given, { arn, fifo, world });
  const tags = "tags" in input ? textMap(input, "tags") : textMap(input, "Tags");
  const known = world.queues.get(arn);
  if (known) assertEqual(known, attributes);
  else if (at < (world.deletedQueues.get(arn) ?? -Infinity) + (rules?.deletedQueueMs ?? 0)) {
    throw sqsError(
      "QueueDeletedRecently",
      "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    );
  } else {
    const id = `q${++world.queuesCreated}`;
    const settings = settingsOf(attributes, { fifo });
    world.queues.set(arn, {
      arn,
      name,
      account,
      region,
      engine: engine.createQueue(id, settings),
      attributes,
      tags,
      createdAt: at,
      modifiedAt: at,
      attempts: {},
    });
    world.deletedQueues.delete(arn);
  }
  return { QueueUrl: queueUrl({ account, name }, origin) };
}

function isFifoName(name: string, { FifoQueue: fifo }: Record<string, string>): boolean {
  const named = name.endsWith(".fifo");
  if (named === (fifo?.toLowerCase() === "true")) return named;
  throw commonError(
    "InvalidParameterValue",
    named
      ? "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length, and FifoQueue must be true."
      : "The queue name must end with the .fifo suffix if FifoQueue is true.",
  );
}

/** Only the attributes that were given are compared. */
function assertEqual(queue: QueueRecord, given: Record<string, string>): void {
  for (const [name, value] of Object.entries(given)) {
    if ((queue.attributes[name] ?? defaultOf(name, isFifoQueue(queue)) ?? "") === value) continue;
    throw sqsError(
      "QueueNameExists",
      `A queue already exists with the same name and a different value for attribute ${name}`,
    );
  }
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html */
export function getQueueUrl(call: Call): Output {
  const { input, world, origin, region } = call;
  const name = needed(input, "QueueName");
  const account = text(input, "QueueOwnerAWSAccountId") ?? call.account;
  if (!world.queues.has(arnOf("sqs", name, { region, account }))) throw doesNotExist();
  return { QueueUrl: queueUrl({ account, name }, origin) };
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html */
export function listQueues(call: Call): Output {
  const prefix = text(call.input, "QueueNamePrefix") ?? "";
  const urls = ownQueues(call)
    .filter(({ name }) => name.startsWith(prefix))
    .map((queue) => queueUrl(queue, call.origin));
  const { items, NextToken } = page(call, urls);
  return { ...(items.length > 0 ? { QueueUrls: items } : {}), ...NextToken };
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html */
export function listDeadLetterSourceQueues(call: Call): Output {
  const { arn } = queueOf(call);
  const urls = ownQueues(call)
    .filter(({ attributes }) => redriveOf(attributes)?.target === arn)
    .map((queue) => queueUrl(queue, call.origin));
  const { items, NextToken } = page(call, urls);
  return { queueUrls: items, ...NextToken };
}

function ownQueues({ world, account, region }: Call): QueueRecord[] {
  return [...world.queues.values()]
    .filter((queue) => queue.account === account && queue.region === region)
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

function page({ input }: Call, urls: string[]) {
  const reason = "MaxResults must be an integer between 1 and 1000.";
  const max = integerWithin(input, "MaxResults", { range: [1, 1_000], reason });
  return paged(urls, { max: max ?? 1_000, token: text(input, "NextToken") });
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html */
export function getQueueAttributes(call: Call): Output {
  const queue = queueOf(call);
  const asked = texts(call.input, "AttributeNames");
  const unknown = asked.find((name) => name !== "All" && !NAMES.includes(name));
  if (unknown !== undefined) {
    throw sqsError("InvalidAttributeName", `Unknown Attribute ${unknown}.`);
  }
  const names = asked.includes("All") ? NAMES : asked;
  const fifo = isFifoQueue(queue);
  const computed = names.some((name) => COMPUTED.includes(name)) ? computedOf(queue, call.at) : {};
  const entries = names.flatMap((name): [string, string][] => {
    const value = queue.attributes[name] ?? computed[name] ?? defaultOf(name, fifo);
    return value === undefined || value === "" ? [] : [[name, value]];
  });
  return entries.length > 0 ? { Attributes: Object.fromEntries(entries) } : {};
}

function computedOf(queue: QueueRecord, now: number): Record<string, string> {
  const { available, delayed, inFlight } = engine.countMessages(queue.engine, now);
  return {
    QueueArn: queue.arn,
    ApproximateNumberOfMessages: String(available),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    CreatedTimestamp: String(Math.floor(queue.createdAt / 1_000)),
    LastModifiedTimestamp: String(Math.floor(queue.modifiedAt / 1_000)),
  };
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html */
export function setQueueAttributes(call: Call): Output {
  const queue = queueOf(call);
  const { world, at, rules } = call;
  const given = textMap(call.input, "Attributes");
  const fifo = isFifoQueue(queue);
  const changes = checkedAttributes(given, { arn: queue.arn, fifo, world });
  const attributes = { ...queue.attributes, ...queue.coming?.attributes };
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") delete attributes[name];
    else attributes[name] = value;
  }
  if (!attributes.KmsMasterKeyId) delete attributes.KmsDataKeyReusePeriodSeconds;
  queue.modifiedAt = at;
  queue.coming = { attributes, from: at + (rules?.attributesMs ?? 0) };
  settle(queue, at);
  call.woken.add(queue.arn);
  return {};
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html */
export function deleteQueue(call: Call): Output {
  const { world, at } = call;
  const { arn } = queueOf(call);
  world.queues.delete(arn);
  world.deletedQueues.set(arn, at);
  for (const task of world.moveTasks) {
    if (task.status === "RUNNING" && task.sourceArn === arn) task.status = "CANCELLED";
  }
  call.woken.add(arn);
  return {};
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html */
export function purgeQueue(call: Call): Output {
  const queue = queueOf(call);
  if (call.at < (queue.purgedAt ?? -Infinity) + PURGE_MS) {
    throw sqsError(
      "PurgeQueueInProgress",
      `Only one PurgeQueue operation on ${queue.name} is allowed every 60 seconds.`,
    );
  }
  queue.purgedAt = call.at;
  purge(queue.engine);
  return {};
}
