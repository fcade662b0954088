/**
 * Everything in the emulator, as plain data: queues, topics and subscriptions of all accounts and
 * regions by their ARNs, and the work under way. Only operations change the data.
 */
import type { Recent } from "../../memory/recent.ts";
import type { Queue } from "../../memory/queue.ts";

/** A queue of SQS, without its content. */
export interface QueueFacts {
  /** The ARN of the queue. */
  readonly arn: string;
  /** The name of the queue. */
  readonly name: string;
  /** The account of the queue. */
  readonly account: string;
  /** The region of the queue. */
  readonly region: string;
  /** The attributes that callers have set, unchanged. */
  attributes: Record<string, string>;
  /** The tags of the queue. */
  tags: Record<string, string>;
  /** When it was created, in milliseconds since the epoch. */
  readonly createdAt: number;
  /** When its attributes were set last. */
  modifiedAt: number;
  /** The attributes that will hold, and from when on, while a change is under way. */
  coming?: ComingAttributes;
  /** When it was purged last. */
  purgedAt?: number;
  /** FIFO: the results of receives with an id in the last five minutes. */
  attempts: Record<string, ReceiveAttempt>;
}

/** Attributes that hold from a time on. */
export interface ComingAttributes {
  /** All attributes that callers have set by then. */
  readonly attributes: Record<string, string>;
  /** In milliseconds since the epoch. */
  readonly from: number;
}

/** A queue of SQS. */
export interface QueueRecord extends QueueFacts {
  /** The content of the queue. */
  readonly engine: Queue;
}

/** The result of a receive with a `ReceiveRequestAttemptId`. */
export interface ReceiveAttempt {
  /** The receipts of its messages. */
  readonly receipts: readonly string[];
  /** When it is forgotten. */
  readonly until: number;
}

/** A topic of SNS, without its memory for de-duplication. */
export interface TopicFacts {
  /** The ARN of the topic. */
  readonly arn: string;
  /** The attributes that callers have set, unchanged. */
  attributes: Record<string, string>;
  /** The tags of the topic. */
  tags: Record<string, string>;
  /** FIFO: the place of the next message. */
  nextOrdinal: number;
  /** Number of deleted subscriptions. */
  subscriptionsDeleted: number;
  /** FIFO: the messages that the archive policy keeps, oldest first. */
  archive: Notification[];
}

/** A topic of SNS. */
export interface TopicRecord extends TopicFacts {
  /** FIFO: the messages of the last five minutes. */
  readonly deduplication: Recent<Published>;
}

/** The answer to a publish. */
export interface Published {
  /** The id of the message. */
  readonly MessageId: string;
  /** FIFO: the place of the message. */
  readonly SequenceNumber?: string;
}

/** The value of a message attribute, as it travels: bytes are base64. */
export interface AttributeInput {
  /** `String`, `Number`, `Binary`, `String.Array`, perhaps with a label. */
  readonly DataType: string;
  /** Text, and all numbers. */
  readonly StringValue?: string;
  /** Bytes in base64. */
  readonly BinaryValue?: string;
}

/** A published message on its way to the subscriptions. */
export interface Notification extends Published {
  /** The topic. */
  readonly topicArn: string;
  /** The texts by protocol; `default` for all other protocols. */
  readonly messages: Readonly<Record<string, string>>;
  /** The subject of the message. */
  readonly subject?: string;
  /** The attributes of the message. */
  readonly attributes: Readonly<Record<string, AttributeInput>>;
  /**
   * Tells that the message was published as one text for each protocol. Such messages lose their
   * attributes.
   */
  readonly structured?: boolean;
  /** The message group. */
  readonly group?: string;
  /** FIFO: the deduplication id. */
  readonly deduplicationId?: string;
  /** When it was published, in milliseconds since the epoch. */
  readonly publishedAt: number;
  /** The X-Ray trace of the message. */
  readonly traceHeader?: string;
  /** Tells that the message comes out of the archive. */
  readonly replayed?: boolean;
}

/** A subscription to a topic. */
export interface Subscription {
  /** The ARN of the subscription, also while the subscription is pending. */
  readonly arn: string;
  /** The topic. */
  readonly topicArn: string;
  /** `sqs`, `http`, `https` or `lambda`. */
  readonly protocol: string;
  /** The address of the deliveries. */
  readonly endpoint: string;
  /** The account that subscribed. */
  readonly owner: string;
  /** The attributes that callers have set, unchanged. */
  attributes: Record<string, string>;
  /** The filter that still holds, while a change is under way. */
  before?: FilterBefore;
  /** The token that confirms the subscription. A confirmed subscription needs no token. */
  readonly token: string;
  /** Tells that the subscription waits for confirmation. */
  pending: boolean;
}

/** A filter that holds up to a time. */
export interface FilterBefore {
  /** The attributes of the subscription that make the filter. */
  readonly attributes: Record<string, string>;
  /** In milliseconds since the epoch. */
  readonly until: number;
}

/** A delivery that leaves the emulator: to an address, or to a function. */
export interface Post {
  /** The id of the delivery. */
  readonly id: string;
  /** The subscription. */
  readonly subscriptionArn: string;
  /** The topic. */
  readonly topicArn: string;
  /** `http`, `https` or `lambda`. */
  readonly protocol: string;
  /** The address of the delivery. */
  readonly endpoint: string;
  /** The `Type` of the delivery. */
  readonly type: string;
  /** The fields of the envelope, unsigned; of a raw delivery the fields of the headers. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The body of a raw delivery. */
  readonly raw?: string;
  /** Number of failures. */
  failures: number;
  /** When it is tried next, in milliseconds since the epoch. */
  dueAt: number;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasksResultEntry.html */
export interface MoveTask {
  /** The handle of the task while the task runs. */
  readonly handle: string;
  /** The dead-letter queue. */
  readonly sourceArn: string;
  /** The queue for the messages; without this queue each message goes back to its source. */
  readonly destinationArn?: string;
  /** Highest number of messages in a second. */
  readonly perSecond?: number;
  /** `RUNNING`, `COMPLETED`, `CANCELLED` or `FAILED`. */
  status: string;
  /** Number of moved messages. */
  moved: number;
  /** Number of messages at the beginning of the task. */
  readonly toMove: number;
  /** Why it failed. */
  failureReason?: string;
  /** When it started, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** When it goes on. */
  dueAt: number;
}

/** Everything. */
export interface World {
  /** By ARN. */
  readonly queues: Map<string, QueueRecord>;
  /** By ARN. */
  readonly topics: Map<string, TopicRecord>;
  /** By ARN. */
  readonly subscriptions: Map<string, Subscription>;
  /** By id. */
  readonly posts: Map<string, Post>;
  /** Oldest first. */
  moveTasks: MoveTask[];
  /** When a queue was deleted, by its ARN. */
  readonly deletedQueues: Map<string, number>;
  /** Number of queues so far. */
  queuesCreated: number;
}

/** Creates a world without anything. */
export function createWorld(): World {
  return {
    queues: new Map(),
    topics: new Map(),
    subscriptions: new Map(),
    posts: new Map(),
    moveTasks: [],
    deletedQueues: new Map(),
    queuesCreated: 0,
  };
}
