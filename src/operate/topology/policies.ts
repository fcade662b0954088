import type { Topology } from "./topology.ts";

/**
 * A policy of IAM, as JSON.
 *
 * @category Topology
 */
export interface PolicyDocument {
  /** The version of the policy language. */
  readonly Version: "2012-10-17";
  /** The statements. */
  readonly Statement: readonly PolicyStatement[];
}

/**
 * A statement that allows actions on resources.
 *
 * @category Topology
 */
export interface PolicyStatement {
  /** The name of the statement. */
  readonly Sid: string;
  /** Nothing is ever denied by these policies. */
  readonly Effect: "Allow";
  /** The actions. */
  readonly Action: readonly string[];
  /** The ARNs of topics or queues. */
  readonly Resource: readonly string[];
}

/**
 * The place of the topics and queues.
 *
 * @category Topology
 */
export interface IamPolicyOptions {
  /** The account, 12 digits. */
  accountId: string;
  /** The region, such as `eu-west-1`. */
  region: string;
  /** The partition of the region. Default: `aws`. */
  partition?: string;
  /** The service whose roles these are. Default: all services together. */
  service?: string;
}

/**
 * The policies of the roles, each with what the role needs and nothing else.
 *
 * @category Topology
 */
export interface IamPolicies {
  /** A worker: receives, settles, and copies dead letters. Publishing is in `publisher`. */
  readonly worker: PolicyDocument;
  /** A publisher on `AwsBackend` that creates missing topics. */
  readonly publisher: PolicyDocument;
  /** A publisher on `awsSender`, or on `AwsBackend` with `createTopics: false`. */
  readonly edge: PolicyDocument;
  /** A deployment: `declare…`, {@linkcode planOf} and its `apply`. */
  readonly deployment: PolicyDocument;
  /** People who look at dead letters, send them back, or remove them. */
  readonly redrive: PolicyDocument;
}

/**
 * Writes the least-privilege policies of the roles of a topology. A role without a task gets a
 * policy without statements, which IAM refuses: attach it nowhere.
 *
 * Actions and resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
 * and https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
 *
 * @throws {TypeError} if the account is not 12 digits, or no service has the name
 *
 * @example
 * ```ts
 * import { iamPolicies, topologyOf } from "@melange/melange/topology";
 *
 * const topology = topologyOf({ queue: "billing", subscribeTo: ["orders"] });
 * const { worker } = iamPolicies(topology, { accountId: "123456789012", region: "eu-west-1" });
 * console.log(worker.Statement[0]?.Resource[0]); // prints: arn:aws:sqs:eu-west-1:123456789012:billing
 * ```
 *
 * @category Topology
 */
export function iamPolicies(topology: Topology, options: IamPolicyOptions): IamPolicies {
  if (!/^\d{12}$/.test(options.accountId)) {
    throw new TypeError("Cannot write policies as accountId must have 12 digits");
  }
  const arn = arnsIn(options);
  const { services, subscriptions } = topology;
  const chosen = services.filter(({ name }) => name === (options.service ?? name));
  if (chosen.length === 0) {
    throw new TypeError(`Cannot write policies as no service is called "${options.service}"`);
  }
  const own = chosen.flatMap(({ queue }) => queue ?? []);
  const queues = topology.queues.filter(({ name }) => own.includes(name));
  const targets = unique(queues.flatMap(({ deadLetterQueue }) => deadLetterQueue ?? []));
  const published = chosen.flatMap(({ publishes }) => publishes);
  const topics = unique(published.flatMap(({ topic }) => topic ?? []));
  const sentTo = unique(published.flatMap(({ queue }) => queue ?? []));
  const subscribed = unique(
    subscriptions.filter(({ queue }) => own.includes(queue)).map(({ topic }) => topic),
  );
  const publish = [
    allow("PublishToTopics", ["sns:Publish"], topics.map(arn.topic)),
    allow("SendToQueues", ["sqs:GetQueueUrl", "sqs:SendMessage"], sentTo.map(arn.queue)),
  ];
  return {
    worker: policy([
      allow("Receive", WORKER, own.map(arn.queue)),
      allow("CopyDeadLetters", ["sqs:GetQueueUrl", "sqs:SendMessage"], targets.map(arn.queue)),
    ]),
    publisher: policy([
      allow("PublishToTopics", ["sns:CreateTopic", "sns:Publish"], topics.map(arn.topic)),
      ...publish.slice(1),
    ]),
    edge: policy(publish),
    deployment: policy([
      allow("DeclareQueues", DECLARE_QUEUE, unique([...own, ...targets, ...sentTo]).map(arn.queue)),
      allow("DeclareTopics", DECLARE_TOPIC, unique([...subscribed, ...topics]).map(arn.topic)),
    ]),
    redrive: policy([
      allow("TakeDeadLetters", REDRIVE, targets.map(arn.queue)),
      allow("SendBack", ["sqs:GetQueueUrl", "sqs:SendMessage"], own.map(arn.queue)),
    ]),
  };
}

/** The actions of a worker on its queue; it asks for attributes to find the dead-letter queue. */
const WORKER = [
  ...["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
  ...["sqs:GetQueueUrl", "sqs:ReceiveMessage"],
];
/** The actions of a deployment on queues. */
const DECLARE_QUEUE = [
  ...["sqs:CreateQueue", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SetQueueAttributes"],
];
/** The actions of a deployment on topics; the ARN of a subscription begins with that of its topic. */
const DECLARE_TOPIC = [
  ...["sns:CreateTopic", "sns:GetSubscriptionAttributes", "sns:GetTopicAttributes"],
  ...["sns:ListSubscriptionsByTopic", "sns:SetSubscriptionAttributes", "sns:Subscribe"],
];
/** The actions on a dead-letter queue of people who send letters back. */
const REDRIVE = [
  ...["sqs:CancelMessageMoveTask", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"],
  ...["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListMessageMoveTasks"],
  ...["sqs:ReceiveMessage", "sqs:StartMessageMoveTask"],
];

function arnsIn({ accountId, region, partition = "aws" }: IamPolicyOptions) {
  const arn = (service: string) => (name: string) =>
    name.startsWith("arn:") ? name : `arn:${partition}:${service}:${region}:${accountId}:${name}`;
  return { queue: arn("sqs"), topic: arn("sns") };
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

function allow(
  Sid: string,
  Action: readonly string[],
  Resource: readonly string[],
): PolicyStatement {
  return { Sid, Effect: "Allow", Action, Resource };
}

/** Makes a policy; a statement about nothing is left out. */
function policy(statements: readonly PolicyStatement[]): PolicyDocument {
  const Statement = statements.filter(({ Resource }) => Resource.length > 0);
  return { Version: "2012-10-17", Statement };
}
