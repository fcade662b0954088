/** Reads exports back into what they would create: a reader of its own, which knows no topology. */
import type { ExistingQueue, ExistingTopic, Inventory } from "../../../../mod.ts";
import type { Template, TerraformDocument } from "../../../../src/operate/topology/mod.ts";

type Fields = Readonly<Record<string, unknown>>;

const COUNTS = { available: 0, inFlight: 0, delayed: 0 };
/** The settings of a queue whose template names none: those of AWS. */
const VISIBILITY_SECONDS = 30;
const RETENTION_SECONDS = 345_600;

/** Reads a template of CloudFormation. */
export function readTemplate({ Resources }: Template): Inventory {
  const all = Object.entries(Resources);
  const ofType = (type: string) => all.filter(([, { Type }]) => Type === type);
  const queueName = (reference: unknown) => nameOf("QueueName", logicalId(reference));
  function nameOf(property: string, id: string): string {
    return String(Resources[id]?.Properties[property]);
  }
  const topics = ofType("AWS::SNS::Topic").map(([id, { Properties }]): ExistingTopic => ({
    name: String(Properties.TopicName),
    address: id,
    subscriptions: ofType("AWS::SNS::Subscription")
      .map(([, { Properties }]) => Properties)
      .filter(({ TopicArn }) => logicalId(TopicArn) === id)
      .map(({ Protocol, Endpoint, RawMessageDelivery, FilterPolicy }) => ({
        protocol: String(Protocol),
        endpoint: queueName(Endpoint),
        raw: RawMessageDelivery as boolean,
        ...(FilterPolicy ? { filter: FilterPolicy as Fields } : {}),
      })),
  }));
  const queues = ofType("AWS::SQS::Queue").map(([id, { Properties }]): ExistingQueue => {
    const redrive = Properties.RedrivePolicy as Fields | undefined;
    const policy = ofType("AWS::SQS::QueuePolicy").map(([, { Properties }]) => Properties)
      .find(({ Queues }) => (Queues as unknown[]).some((it) => logicalId(it) === id));
    return {
      name: String(Properties.QueueName),
      address: id,
      ...COUNTS,
      visibilityTimeoutMs: Number(Properties.VisibilityTimeout ?? VISIBILITY_SECONDS) * 1_000,
      retentionMs: Number(Properties.MessageRetentionPeriod ?? RETENTION_SECONDS) * 1_000,
      delayMs: Number(Properties.DelaySeconds ?? 0) * 1_000,
      contentBasedDeduplication: Properties.ContentBasedDeduplication === true,
      ...(redrive
        ? {
          deadLetterQueue: queueName(redrive.deadLetterTargetArn),
          maxReceives: Number(redrive.maxReceiveCount),
        }
        : {}),
      sources: sourcesIn(policy?.PolicyDocument).map(logicalId),
    };
  });
  return { topics, queues };
}

/** `{ Ref }` or `{ "Fn::GetAtt": [id, "Arn"] }`. */
function logicalId(reference: unknown): string {
  const { Ref, "Fn::GetAtt": attribute } = reference as { Ref?: string; "Fn::GetAtt"?: string[] };
  return Ref ?? attribute?.[0] ?? "";
}

/** The topics in the policy of a queue; none unless it allows SNS, and only SNS, to send. */
function sourcesIn(document: unknown): unknown[] {
  const { Statement = [] } = (document ?? {}) as { Statement?: Fields[] };
  return Statement.flatMap(({ Effect, Principal, Action, Condition }) => {
    const isOpen = Effect === "Allow" && Action === "sqs:SendMessage" &&
      (Principal as Fields).Service === "sns.amazonaws.com";
    const { ArnLike = {} } = (Condition ?? {}) as { ArnLike?: Fields };
    return isOpen ? [ArnLike["aws:SourceArn"]].flat() : [];
  });
}

/** Reads a document of Terraform. */
export function readTerraform({ resource }: TerraformDocument): Inventory {
  const blocks = (type: string) => Object.entries(resource[type] ?? {}) as [string, Fields][];
  const nameIn = (text: unknown) => {
    const [, type = "", id = ""] = /^\$\{(\w+)\.([\w-]+)\.(arn|id)\}$/.exec(String(text)) ?? [];
    return String(blocks(type).find(([it]) => it === id)?.[1].name);
  };
  const topics = blocks("aws_sns_topic").map(([id, { name }]): ExistingTopic => ({
    name: String(name),
    address: `\${aws_sns_topic.${id}.arn}`,
    subscriptions: blocks("aws_sns_topic_subscription").map(([, block]) => block)
      .filter(({ topic_arn }) => nameIn(topic_arn) === name)
      .map(({ protocol, endpoint, raw_message_delivery, filter_policy }) => ({
        protocol: String(protocol),
        endpoint: nameIn(endpoint),
        raw: raw_message_delivery as boolean,
        ...(filter_policy ? { filter: JSON.parse(String(filter_policy)) } : {}),
      })),
  }));
  const queues = blocks("aws_sqs_queue").map(([id, block]): ExistingQueue => {
    const redrive = block.redrive_policy ? JSON.parse(String(block.redrive_policy)) : undefined;
    const policy = blocks("aws_sqs_queue_policy").find(([it]) => it === id)?.[1].policy;
    return {
      name: String(block.name),
      address: id,
      ...COUNTS,
      visibilityTimeoutMs: Number(block.visibility_timeout_seconds ?? VISIBILITY_SECONDS) * 1_000,
      retentionMs: Number(block.message_retention_seconds ?? RETENTION_SECONDS) * 1_000,
      delayMs: Number(block.delay_seconds ?? 0) * 1_000,
      contentBasedDeduplication: block.content_based_deduplication === true,
      ...(redrive
        ? {
          deadLetterQueue: nameIn(redrive.deadLetterTargetArn),
          maxReceives: redrive.maxReceiveCount,
        }
        : {}),
      sources: sourcesIn(policy ? JSON.parse(String(policy)) : undefined).map(String),
    };
  });
  return { topics, queues };
}
