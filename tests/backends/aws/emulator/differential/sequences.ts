/**
 * Random sequences of calls: seeded, so that a sequence can be had again. None waits, and none
 * depends on the order of a standard queue.
 */
import type { Random } from "../../../../../src/support/clock.ts";
import { seededRandom } from "../../../../../backends/memory/testing.ts";
import { sns, sqs, type Step } from "../corpus/row.ts";

/** The services that a broker has. */
export type Services = readonly ("sqs" | "sns")[];

/** What a sequence is made with. */
interface Making {
  readonly random: Random;
  /** The beginning of all names. */
  readonly id: string;
  /** The receives so far. */
  received: number;
  sent: number;
}

/** The queues of each sequence, whose URLs and ARNs are kept under these names. */
const QUEUES = ["a", "b", "f", "d"] as const;

/** Creates a sequence. */
export function sequence(seed: number, services: Services): Step[] {
  const random = seededRandom(seed);
  const making: Making = { random, id: `s${seed}`, received: 0, sent: 0 };
  const makers = [...SQS_MAKERS, ...(services.includes("sns") ? SNS_MAKERS : [])];
  const length = 6 + upTo(making, 14);
  const steps = Array.from({ length }, () => pick(making, makers)(making)).flat();
  return [...beginning(making, services), ...steps];
}

function upTo({ random }: Making, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<T>(making: Making, list: readonly T[]): T {
  return list[upTo(making, list.length)]!;
}

/** True in so many of a hundred cases. */
function sometimes(making: Making, percent: number): boolean {
  return upTo(making, 100) < percent;
}

function create(making: Making, name: string, Attributes: Record<string, string> = {}): Step[] {
  const fifo = name === "f";
  const QueueName = `${making.id}-${name}${fifo ? ".fifo" : ""}`;
  const own: Record<string, string> = fifo ? { FifoQueue: "true" } : {};
  return [
    sqs("CreateQueue", { QueueName, Attributes: { ...own, ...Attributes } }, name),
    sqs("GetQueueAttributes", { QueueUrl: url(name), AttributeNames: ["QueueArn"] }, `${name}Of`),
  ];
}

const url = (name: string) => `<${name}.QueueUrl>`;
const arn = (name: string) => `<${name}Of.Attributes.QueueArn>`;

function beginning(making: Making, services: Services): Step[] {
  const content: Record<string, string> = sometimes(making, 50)
    ? { ContentBasedDeduplication: "true" }
    : {};
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn("d"), maxReceiveCount: 2 });
  const topics = services.includes("sns")
    ? [
      sns("CreateTopic", { Name: `${making.id}-t` }, "t"),
      sns("CreateTopic", {
        Name: `${making.id}-u.fifo`,
        Attributes: { FifoTopic: "true", ...content },
      }, "u"),
    ]
    : [];
  return [
    ...create(making, "d"),
    ...create(making, "a", { RedrivePolicy }),
    ...create(making, "b", sometimes(making, 30) ? { VisibilityTimeout: "0" } : {}),
    ...create(making, "f", content),
    ...topics,
  ];
}

const NAMES = ["n", "Name.two", "x-y_z"];

function attributesOf(making: Making): Record<string, unknown> {
  const count = upTo(making, 3);
  return Object.fromEntries(NAMES.slice(0, count).map((name) => [name, attributeOf(making)]));
}

function attributeOf(making: Making): Record<string, string> {
  return pick(making, [
    { DataType: "String", StringValue: "text" },
    { DataType: "String.label", StringValue: "ä 🙂" },
    { DataType: "Number", StringValue: "12.5" },
    { DataType: "Binary", BinaryValue: "AQID" },
  ]);
}

const BAD_ATTRIBUTES: readonly Record<string, unknown>[] = [
  { n: { DataType: "String", StringValue: "" } },
  { n: { DataType: "Nonsense", StringValue: "x" } },
  { "a..b": { DataType: "String", StringValue: "x" } },
  { n: { DataType: "Number", StringValue: "no number" } },
  { "AWS.x": { DataType: "String", StringValue: "x" } },
];

function bodyOf(making: Making): string {
  const n = making.sent++;
  return pick(making, [`m${n}`, `m${n} <a>&amp;"'\t`, `m${n} ä 🙂`, `{"m":${n}}`]);
}

/** A message for a queue or a topic; some are not as they should be. */
function messageFor(making: Making, name: string, bodyName: string): Record<string, unknown> {
  const fifo = name === "f" || name === "u";
  const attributes = attributesOf(making);
  const grouped = fifo || sometimes(making, 10);
  return {
    [bodyName]: sometimes(making, 3) ? "" : bodyOf(making),
    ...(Object.keys(attributes).length > 0 ? { MessageAttributes: attributes } : {}),
    ...(sometimes(making, 4) ? { MessageAttributes: pick(making, BAD_ATTRIBUTES) } : {}),
    ...(grouped && !sometimes(making, 5)
      ? { MessageGroupId: pick(making, ["g", "h", ...(sometimes(making, 5) ? ["a b"] : [])]) }
      : {}),
    ...(fifo && sometimes(making, 60) ? { MessageDeduplicationId: `d${upTo(making, 6)}` } : {}),
    ...(!fifo && sometimes(making, 2) ? { MessageDeduplicationId: "d" } : {}),
  };
}

const anyQueue = (making: Making) =>
  sometimes(making, 3) ? "http://localhost/000000000000/missing" : url(pick(making, QUEUES));

function send(making: Making): Step[] {
  const name = pick(making, QUEUES);
  const delay = sometimes(making, 8) ? { DelaySeconds: pick(making, [0, 900, 901]) } : {};
  const QueueUrl = sometimes(making, 2) ? anyQueue(making) : url(name);
  return [sqs("SendMessage", { QueueUrl, ...messageFor(making, name, "MessageBody"), ...delay })];
}

function entries(making: Making, entry: (place: number) => Record<string, unknown>) {
  const count = pick(making, [1, 2, 3, ...(sometimes(making, 8) ? [0, 11] : [])]);
  const twice = sometimes(making, 4);
  return Array.from({ length: count }, (_, place) => ({
    Id: sometimes(making, 2) ? "not:an id" : `e${twice ? 0 : place}`,
    ...entry(place),
  }));
}

function sendBatch(making: Making): Step[] {
  const name = pick(making, QUEUES);
  const Entries = entries(making, () => messageFor(making, name, "MessageBody"));
  return [sqs("SendMessageBatch", { QueueUrl: url(name), Entries })];
}

function receive(making: Making): Step[] {
  const name = pick(making, QUEUES);
  const input = {
    QueueUrl: sometimes(making, 3) ? anyQueue(making) : url(name),
    MaxNumberOfMessages: sometimes(making, 4) ? pick(making, [0, 11]) : 10,
    ...(sometimes(making, 25) ? { VisibilityTimeout: pick(making, [0, 30, 43_201]) } : {}),
    ...(sometimes(making, 60) ? { MessageSystemAttributeNames: ["All"] } : {}),
    ...(sometimes(making, 60)
      ? { MessageAttributeNames: [pick(making, ["All", ".*", "n", "Name.*", "missing"])] }
      : {}),
  };
  return [sqs("ReceiveMessage", input, `r${making.received++}`)];
}

function handleOf(making: Making): string {
  if (making.received === 0 || sometimes(making, 4)) return "garbage";
  return `<r${upTo(making, making.received)}.Messages.${upTo(making, 3)}.ReceiptHandle>`;
}

/** Receives, and settles something at once, so that most handles are good ones. */
function settle(making: Making): Step[] {
  const name = pick(making, QUEUES);
  const QueueUrl = url(name);
  const taken = sqs("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10 }, `r${making.received}`);
  const ReceiptHandle = `<r${making.received++}.Messages.0.ReceiptHandle>`;
  const VisibilityTimeout = pick(making, [0, 30, 43_201]);
  return [
    taken,
    pick(making, [
      sqs("DeleteMessage", { QueueUrl, ReceiptHandle }),
      sqs("ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout }),
      sqs("DeleteMessageBatch", {
        QueueUrl,
        Entries: entries(making, (place) => ({
          ReceiptHandle: place === 0 ? ReceiptHandle : handleOf(making),
        })),
      }),
      sqs("ChangeMessageVisibilityBatch", {
        QueueUrl,
        Entries: entries(making, (place) => ({
          ReceiptHandle: place === 0 ? ReceiptHandle : handleOf(making),
          VisibilityTimeout,
        })),
      }),
    ]),
  ];
}

function attributes(making: Making): Step[] {
  const QueueUrl = anyQueue(making);
  const known: Record<string, string> = pick(making, [
    { VisibilityTimeout: "20" },
    { DelaySeconds: "0", MessageRetentionPeriod: "3600" },
    { MaximumMessageSize: "2048" },
    { ReceiveMessageWaitTimeSeconds: "0" },
    { VisibilityTimeout: "43201" },
    { MaximumMessageSize: "1023" },
    { MessageRetentionPeriod: "59" },
    { Nonsense: "1" },
    { FifoQueue: "true" },
    { ContentBasedDeduplication: "true" },
    { RedrivePolicy: "" },
    { RedrivePolicy: "{" },
    { Policy: "" },
    { QueueArn: "x" },
    { SqsManagedSseEnabled: "false" },
  ]);
  const names = pick(making, [
    ["All"],
    ["VisibilityTimeout"],
    ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    ["RedrivePolicy"],
    ["Nonsense"],
    ["KmsMasterKeyId"],
  ]);
  const get = sqs("GetQueueAttributes", { QueueUrl, AttributeNames: names });
  return sometimes(making, 50)
    ? [get]
    : [sqs("SetQueueAttributes", { QueueUrl, Attributes: known }), get];
}

function rare(making: Making): Step[] {
  const QueueUrl = anyQueue(making);
  const { id } = making;
  return pick<() => Step[]>(making, [
    () => [sqs("TagQueue", { QueueUrl, Tags: { team: "x", other: "" } })],
    () => [sqs("UntagQueue", { QueueUrl, TagKeys: ["team", "missing"] })],
    () => [sqs("ListQueueTags", { QueueUrl })],
    () => [sqs("GetQueueUrl", { QueueName: `${id}-${pick(making, ["a", "missing"])}` })],
    () => [sqs("ListQueues", { QueueNamePrefix: `${id}-` })],
    () => [sqs("ListDeadLetterSourceQueues", { QueueUrl: url("d") })],
    () => [sqs("PurgeQueue", { QueueUrl: url("b") })],
    () => [sqs("CreateQueue", { QueueName: `${id}-b`, Attributes: { DelaySeconds: "7" } })],
    () => [sqs("CreateQueue", { QueueName: `${id} bad name` })],
    () => [sqs("CreateQueue", { QueueName: `${id}-c`, Attributes: { FifoQueue: "true" } })],
    () => [sqs("CreateQueue", { QueueName: `${id}-c.fifo` })],
    () => [
      sqs("AddPermission", {
        QueueUrl: url("b"),
        Label: "l",
        AWSAccountIds: ["111122223333"],
        Actions: ["SendMessage"],
      }),
      sqs("GetQueueAttributes", { QueueUrl: url("b"), AttributeNames: ["Policy"] }),
    ],
    () => [sqs("RemovePermission", { QueueUrl: url("b"), Label: "l" })],
    () => [sqs("StartMessageMoveTask", { SourceArn: arn("b") })],
    () => [sqs("ListMessageMoveTasks", { SourceArn: arn("d") })],
    () => [sqs("CancelMessageMoveTask", { TaskHandle: "nonsense" })],
    () => [sqs("Nonsense", {})],
  ])();
}

/** The makers of steps, the frequent ones several times. */
const SQS_MAKERS: readonly ((making: Making) => Step[])[] = [
  send,
  send,
  send,
  sendBatch,
  sendBatch,
  receive,
  receive,
  settle,
  settle,
  attributes,
  rare,
];

const topicOf = (making: Making) => pick(making, ["t", "t", "u"]);
const topicArn = (making: Making, name: string) =>
  sometimes(making, 4)
    ? pick(making, ["nonsense", "arn:aws:sns:eu-west-1:000000000000:missing", ""])
    : `<${name}.TopicArn>`;

function publish(making: Making): Step[] {
  const name = topicOf(making);
  const subject = sometimes(making, 15) ? { Subject: pick(making, ["subject", "a\nb", ""]) } : {};
  const structure = sometimes(making, 8)
    ? { MessageStructure: "json", Message: pick(making, ['{"default":"x","sqs":"y"}', "{}", "no"]) }
    : {};
  return [
    sns("Publish", {
      TopicArn: topicArn(making, name),
      ...messageFor(making, name, "Message"),
      ...subject,
      ...structure,
    }),
  ];
}

function publishBatch(making: Making): Step[] {
  const name = topicOf(making);
  return [
    sns("PublishBatch", {
      TopicArn: topicArn(making, name),
      PublishBatchRequestEntries: entries(making, () => messageFor(making, name, "Message")),
    }),
  ];
}

const FILTERS = [
  { n: ["text"] },
  { n: [{ prefix: "te" }] },
  { n: [{ numeric: [">", 1] }] },
  { n: [{ exists: false }] },
  { n: [{ "anything-but": "text" }] },
  { n: [{ suffix: 1 }] },
  { n: [] },
  { n: "text" },
];

function subscribe(making: Making): Step[] {
  const name = topicOf(making);
  const queue = pick(making, QUEUES);
  const attributes: Record<string, string> = sometimes(making, 60)
    ? {
      ...(sometimes(making, 60) ? { RawMessageDelivery: "true" } : {}),
      ...(sometimes(making, 50) ? { FilterPolicy: JSON.stringify(pick(making, FILTERS)) } : {}),
      ...(sometimes(making, 5) ? { RawMessageDelivery: "maybe" } : {}),
    }
    : {};
  return [
    sns("Subscribe", {
      TopicArn: topicArn(making, name),
      Protocol: sometimes(making, 3) ? "nonsense" : "sqs",
      Endpoint: sometimes(making, 4) ? url(queue) : arn(queue),
      ReturnSubscriptionArn: true,
      ...(Object.keys(attributes).length > 0 ? { Attributes: attributes } : {}),
    }, "s"),
  ];
}

function aboutTopics(making: Making): Step[] {
  const name = topicOf(making);
  const TopicArn = topicArn(making, name);
  const SubscriptionArn = "<s.SubscriptionArn>";
  const tag = { Key: "team", Value: "x" };
  return pick<() => Step[]>(making, [
    () => [sns("GetTopicAttributes", { TopicArn })],
    () => [
      sns("SetTopicAttributes", {
        TopicArn,
        AttributeName: pick(making, ["DisplayName", "Nonsense", "FifoTopic"]),
        AttributeValue: "x",
      }),
    ],
    () => [sns("ListSubscriptionsByTopic", { TopicArn })],
    () => [sns("GetSubscriptionAttributes", { SubscriptionArn })],
    () => [
      sns("SetSubscriptionAttributes", {
        SubscriptionArn,
        AttributeName: pick(making, ["RawMessageDelivery", "Nonsense"]),
        AttributeValue: pick(making, ["true", "maybe"]),
      }),
    ],
    () => [sns("Unsubscribe", { SubscriptionArn })],
    () => [sns("TagResource", { ResourceArn: TopicArn, Tags: [tag] })],
    () => [sns("ListTagsForResource", { ResourceArn: TopicArn })],
    () => [sns("UntagResource", { ResourceArn: TopicArn, TagKeys: ["team"] })],
    () => [sns("CreateTopic", { Name: `${making.id}-t`, Attributes: { DisplayName: "other" } })],
    () => [sns("CreateTopic", { Name: "not a name" })],
    () => [sns("ConfirmSubscription", { TopicArn, Token: "nonsense" })],
    () => [sns("Nonsense", {})],
  ])();
}

const SNS_MAKERS: readonly ((making: Making) => Step[])[] = [
  publish,
  publish,
  publishBatch,
  subscribe,
  subscribe,
  aboutTopics,
];
