import { filterPolicyOf } from "../../backend.ts";
import { isFifo } from "../../wire/message.ts";
import type { QueueTopology, SubscriptionTopology, Topology } from "./topology.ts";

/**
 * A document of Terraform in its JSON syntax: a file that ends in `.tf.json`.
 *
 * @category Topology
 */
export interface TerraformDocument {
  /** The resources, by type and name. */
  readonly resource: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/**
 * Writes a topology for Terraform and its AWS provider: topics, queues, their dead-letter queues,
 * the policies that let the topics send, and subscriptions with filters.
 *
 * https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/sqs_queue
 *
 * @example
 * ```ts
 * import { topologyOf, toTerraform } from "@melange/melange/topology";
 *
 * const { resource } = toTerraform(topologyOf({ queue: "billing", subscribeTo: ["orders"] }));
 * console.log(Object.keys(resource));
 * // prints: [ "aws_sns_topic", "aws_sqs_queue", "aws_sqs_queue_policy", "aws_sns_topic_subscription" ]
 * ```
 *
 * @category Topology
 */
export function toTerraform(topology: Topology): TerraformDocument {
  const { topics, queues, subscriptions } = topology;
  const subscribed = queues.filter(({ name }) => subscriptions.some(({ queue }) => queue === name));
  const resource = {
    aws_sns_topic: byId(topics.map(({ name }) => [
      idOf(name),
      { name, ...(isFifo(name) ? { fifo_topic: true } : {}) },
    ])),
    aws_sqs_queue: byId(queues.map((queue) => [idOf(queue.name), queueBlock(queue)])),
    aws_sqs_queue_policy: byId(
      subscribed.map(({ name }) => [idOf(name), policyBlock(name, subscriptions)]),
    ),
    aws_sns_topic_subscription: byId(
      subscriptions.map((it) => [`${idOf(it.topic)}_to_${idOf(it.queue)}`, subscriptionBlock(it)]),
    ),
  };
  const given = Object.entries(resource).filter(([, blocks]) => Object.keys(blocks).length > 0);
  return { resource: Object.fromEntries(given) };
}

function byId(blocks: readonly [string, unknown][]): Record<string, unknown> {
  const twice = blocks.find(([id], index) => blocks.findIndex(([other]) => other === id) !== index);
  if (!twice) return Object.fromEntries(blocks);
  throw new TypeError(`Cannot write for Terraform as two names become "${twice[0]}": rename one`);
}

/** Returns a name that Terraform allows. */
function idOf(name: string): string {
  return name.replace(/[^\w-]/g, "_").replace(/^(?=\d)/, "_");
}

const SECOND_MS = 1_000;

function queueBlock(queue: QueueTopology): Record<string, unknown> {
  const { name, visibilityTimeoutMs, retentionMs, delayMs, contentBasedDeduplication } = queue;
  const { deadLetterQueue, maxReceives } = queue;
  const redrive = deadLetterQueue === undefined ? undefined : JSON.stringify({
    deadLetterTargetArn: arnOf("aws_sqs_queue", deadLetterQueue),
    maxReceiveCount: maxReceives,
  });
  const settings = {
    name,
    fifo_queue: isFifo(name) || undefined,
    visibility_timeout_seconds: inSeconds(visibilityTimeoutMs),
    message_retention_seconds: inSeconds(retentionMs),
    delay_seconds: inSeconds(delayMs),
    content_based_deduplication: contentBasedDeduplication,
    redrive_policy: redrive,
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.ceil(ms / SECOND_MS);
}

function arnOf(type: string, name: string): string {
  return `\${${type}.${idOf(name)}.arn}`;
}

function policyBlock(queue: string, subscriptions: readonly SubscriptionTopology[]) {
  const topics = subscriptions.filter((it) => it.queue === queue)
    .map(({ topic }) => arnOf("aws_sns_topic", topic));
  const statement = {
    Sid: "MelangeSubscriptions",
    Effect: "Allow",
    Principal: { Service: "sns.amazonaws.com" },
    Action: "sqs:SendMessage",
    Resource: arnOf("aws_sqs_queue", queue),
    Condition: { ArnLike: { "aws:SourceArn": topics } },
  };
  return {
    queue_url: `\${aws_sqs_queue.${idOf(queue)}.id}`,
    policy: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }),
  };
}

function subscriptionBlock(subscription: SubscriptionTopology) {
  const { topic, queue, raw } = subscription;
  const filter = filterPolicyOf(subscription);
  return {
    topic_arn: arnOf("aws_sns_topic", topic),
    protocol: "sqs",
    endpoint: arnOf("aws_sqs_queue", queue),
    raw_message_delivery: raw,
    ...(filter ? { filter_policy: JSON.stringify(filter) } : {}),
  };
}
