import { filterPolicyOf } from "../../backend.ts";
import { isFifo } from "../../wire/message.ts";
import { logicalNames } from "./logical_names.ts";
import type { QueueTopology, SubscriptionTopology, Topology } from "./topology.ts";

/**
 * A template of CloudFormation, as JSON.
 *
 * @category Topology
 */
export interface Template {
  /** The version of the format. */
  readonly AWSTemplateFormatVersion: "2010-09-09";
  /** The transform of SAM, where there are functions. */
  readonly Transform?: "AWS::Serverless-2016-10-31";
  /** The resources, by logical id. */
  readonly Resources: Readonly<Record<string, TemplateResource>>;
  /** The addresses of the queues and topics, for other stacks. */
  readonly Outputs: Readonly<Record<string, unknown>>;
}

/**
 * A resource of a template.
 *
 * @category Topology
 */
export interface TemplateResource {
  /** The type, such as `AWS::SQS::Queue`. */
  readonly Type: string;
  /** The properties, as CloudFormation names them. */
  readonly Properties: Readonly<Record<string, unknown>>;
}

/**
 * A Lambda function that handles the messages of a queue.
 *
 * @category Topology
 */
export interface SamFunction {
  /** The queue of the function. */
  readonly queue: string;
  /** The folder with the code. */
  readonly codeUri: string;
  /** The exported handler, such as `main.handler`: the result of `sqsHandler`. */
  readonly handler: string;
  /** Default: `nodejs24.x`. */
  readonly runtime?: string;
  /** The longest run of the function, in seconds; the queue hides messages for six times as long. Default: 30. */
  readonly timeoutSeconds?: number;
  /** Messages of one invocation. Default: 10. */
  readonly batchSize?: number;
  /** The most invocations at once, from 2. Default: no limit. Not together with pollers. */
  readonly maximumConcurrency?: number;
  /** Pollers that always run, for sudden load. Not together with a maximum concurrency. */
  readonly provisionedPollers?: { readonly minimum: number; readonly maximum: number };
}

/**
 * Options of {@linkcode toCloudFormation}.
 *
 * @category Topology
 */
export interface ToCloudFormationOptions {
  /** Lambda functions on queues: the template is one of SAM then. Default: none. */
  functions?: readonly SamFunction[];
}

/**
 * Writes a topology as a template of CloudFormation: topics, queues, their dead-letter queues, the
 * policies that let the topics send, and subscriptions with filters.
 *
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SQS.html
 *
 * @throws {TypeError} if a function has no queue in the topology, or both a maximum concurrency and
 * pollers
 *
 * @example
 * ```ts
 * import { toCloudFormation, topologyOf } from "@melange/melange/topology";
 *
 * const template = toCloudFormation(topologyOf({ queue: "billing", subscribeTo: ["orders"] }));
 * console.log(Object.keys(template.Resources));
 * // prints: [ "OrdersTopic", "BillingQueue", "BillingQueuePolicy", "OrdersTopicToBillingQueue" ]
 * ```
 *
 * @category Topology
 */
export function toCloudFormation(
  topology: Topology,
  { functions = [] }: ToCloudFormationOptions = {},
): Template {
  const ids = idsOf(topology);
  const Resources: Record<string, TemplateResource> = {};
  const Outputs: Record<string, unknown> = {};
  for (const { name } of topology.topics) {
    const id = ids.topic(name);
    Resources[id] = { Type: "AWS::SNS::Topic", Properties: named("TopicName", name) };
    Outputs[`${id}Arn`] = { Value: { Ref: id } };
  }
  for (const queue of topology.queues) {
    const id = ids.queue(queue.name);
    const lambda = functions.find((it) => it.queue === queue.name);
    Resources[id] = { Type: "AWS::SQS::Queue", Properties: queueProperties(queue, ids, lambda) };
    Outputs[`${id}Url`] = { Value: { Ref: id } };
  }
  for (const { name } of topology.queues) addPolicy(Resources, name, { topology, ids });
  for (const subscription of topology.subscriptions) {
    const id = `${ids.topic(subscription.topic)}To${ids.queue(subscription.queue)}`;
    Resources[id] = subscriptionResource(subscription, ids);
  }
  for (const lambda of functions) addFunction(Resources, lambda, ids);
  return {
    AWSTemplateFormatVersion: "2010-09-09",
    ...(functions.length > 0 ? { Transform: "AWS::Serverless-2016-10-31" } as const : {}),
    Resources,
    Outputs,
  };
}

/** The logical ids of topics and queues. */
interface Ids {
  readonly topic: (name: string) => string;
  readonly queue: (name: string) => string;
}

function idsOf({ topics, queues }: Topology): Ids {
  const byTopic = logicalNames(topics.map(({ name }) => name), "Topic");
  const byQueue = logicalNames(queues.map(({ name }) => name), "Queue");
  const find = (ids: Map<string, string>) => (name: string) => {
    const id = ids.get(name);
    if (id !== undefined) return id;
    throw new TypeError(`Cannot write a template as the topology has no "${name}"`);
  };
  return { topic: find(byTopic), queue: find(byQueue) };
}

function named(property: "TopicName" | "QueueName", name: string): Record<string, unknown> {
  const fifo = property === "TopicName" ? "FifoTopic" : "FifoQueue";
  return { [property]: name, ...(isFifo(name) ? { [fifo]: true } : {}) };
}

const SECOND_MS = 1_000;
/** The queue hides a message for so many times of a function's timeout: AWS's advice. */
const TIMEOUTS_HIDDEN = 6;

function queueProperties(
  queue: QueueTopology,
  ids: Ids,
  lambda: SamFunction | undefined,
): Record<string, unknown> {
  const { name, visibilityTimeoutMs, retentionMs, delayMs, contentBasedDeduplication } = queue;
  const { deadLetterQueue, maxReceives } = queue;
  const hidden = lambda
    ? (lambda.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * TIMEOUTS_HIDDEN
    : inSeconds(visibilityTimeoutMs);
  const settings = {
    VisibilityTimeout: hidden,
    MessageRetentionPeriod: inSeconds(retentionMs),
    DelaySeconds: inSeconds(delayMs),
    ContentBasedDeduplication: contentBasedDeduplication,
    RedrivePolicy: deadLetterQueue === undefined ? undefined : {
      deadLetterTargetArn: { "Fn::GetAtt": [ids.queue(deadLetterQueue), "Arn"] },
      maxReceiveCount: maxReceives,
    },
  };
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return { ...named("QueueName", name), ...Object.fromEntries(given) };
}

function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.ceil(ms / SECOND_MS);
}

/** Lets the topics of a queue send to the queue, and nobody else. */
function addPolicy(
  resources: Record<string, TemplateResource>,
  queue: string,
  { topology, ids }: { topology: Topology; ids: Ids },
): void {
  const topics = topology.subscriptions.filter((it) => it.queue === queue)
    .map(({ topic }) => ({ Ref: ids.topic(topic) }));
  if (topics.length === 0) return;
  const id = ids.queue(queue);
  const statement = {
    Sid: "MelangeSubscriptions",
    Effect: "Allow",
    Principal: { Service: "sns.amazonaws.com" },
    Action: "sqs:SendMessage",
    Resource: { "Fn::GetAtt": [id, "Arn"] },
    Condition: { ArnLike: { "aws:SourceArn": topics } },
  };
  resources[`${id}Policy`] = {
    Type: "AWS::SQS::QueuePolicy",
    Properties: {
      Queues: [{ Ref: id }],
      PolicyDocument: { Version: "2012-10-17", Statement: [statement] },
    },
  };
}

function subscriptionResource(subscription: SubscriptionTopology, ids: Ids): TemplateResource {
  const { topic, queue, raw } = subscription;
  const FilterPolicy = filterPolicyOf(subscription);
  return {
    Type: "AWS::SNS::Subscription",
    Properties: {
      TopicArn: { Ref: ids.topic(topic) },
      Protocol: "sqs",
      Endpoint: { "Fn::GetAtt": [ids.queue(queue), "Arn"] },
      RawMessageDelivery: raw,
      ...(FilterPolicy ? { FilterPolicy } : {}),
    },
  };
}

const DEFAULT_TIMEOUT_SECONDS = 30;
/** The least maximum concurrency that SQS takes. */
const LEAST_CONCURRENCY = 2;

function addFunction(
  resources: Record<string, TemplateResource>,
  lambda: SamFunction,
  ids: Ids,
): void {
  const { queue, codeUri, handler, runtime = "nodejs24.x", batchSize = 10 } = lambda;
  const { timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = lambda;
  const id = ids.queue(queue);
  resources[`${id}Function`] = {
    Type: "AWS::Serverless::Function",
    Properties: {
      CodeUri: codeUri,
      Handler: handler,
      Runtime: runtime,
      Timeout: timeoutSeconds,
      Events: {
        [id]: {
          Type: "SQS",
          Properties: {
            Queue: { "Fn::GetAtt": [id, "Arn"] },
            BatchSize: batchSize,
            FunctionResponseTypes: ["ReportBatchItemFailures"],
            ...scaling(lambda),
          },
        },
      },
    },
  };
}

function scaling({ queue, maximumConcurrency, provisionedPollers }: SamFunction) {
  if (maximumConcurrency === undefined && !provisionedPollers) return {};
  if (maximumConcurrency !== undefined && provisionedPollers) {
    throw new TypeError(
      `Cannot write the function of "${queue}" with both maximumConcurrency and provisionedPollers: AWS takes one of them`,
    );
  }
  if (provisionedPollers) {
    const { minimum: MinimumPollers, maximum: MaximumPollers } = provisionedPollers;
    return { ProvisionedPollerConfig: { MinimumPollers, MaximumPollers } };
  }
  if (maximumConcurrency! < LEAST_CONCURRENCY) {
    throw new RangeError(
      `Cannot write the function of "${queue}" as maximumConcurrency is ${LEAST_CONCURRENCY} or more`,
    );
  }
  return { ScalingConfig: { MaximumConcurrency: maximumConcurrency } };
}
