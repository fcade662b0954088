/**
 * All that the emulator holds, as plain data: queues, topics and subscriptions of all accounts and
 * regions by their ARNs, and what is under way. Only operations change it.
 */
import type { Recent } from "../../memory/recent.ts";
import type { Queue } from "../../memory/queue.ts";

/** A queue of SQS, without what it holds. */
export interface QueueFacts {
  /** Its ARN. */
  readonly arn: string;
  /** Its name. */
  readonly name: string;
  /** The account that owns it. */
  readonly account: string;
  /** Its region. */
  readonly region: string;
  /** The attributes that were set, as they were set. */
  attributes: Record<string, string>;
  /** Its tags. */
  tags: Record<string, string>;
  /** When it was created, in milliseconds since the epoch. */
  readonly createdAt: number;
  /** When its attributes were set last. */
  modifiedAt: number;
  /** When it was purged last. */
  purgedAt?: number;
  /** FIFO: what receives with an id gave in the last five minutes. */
  attempts: Record<string, ReceiveAttempt>;
}

/** A queue of SQS. */
export interface QueueRecord extends QueueFacts {
  /** What it holds. */
  readonly engine: Queue;
}

/** What a receive with a `ReceiveRequestAttemptId` gave. */
export interface ReceiveAttempt {
  /** The receipts of its messages. */
  readonly receipts: readonly string[];
  /** When it is forgotten. */
  readonly until: number;
}

/** A topic of SNS, without what it remembers to de-duplicate. */
export interface TopicFacts {
  /** Its ARN. */
  readonly arn: string;
  /** The attributes that were set, as they were set. */
  attributes: Record<string, string>;
  /** Its tags. */
  tags: Record<string, string>;
  /** FIFO: the place of the next message. */
  nextOrdinal: number;
  /** How many subscriptions were deleted. */
  subscriptionsDeleted: number;
  /** FIFO: what its archive policy keeps, oldest first. */
  archive: Notification[];
}

/** A topic of SNS. */
export interface TopicRecord extends TopicFacts {
  /** FIFO: what was published in the last five minutes. */
  readonly deduplication: Recent<Published>;
}

/** What a publish is answered with. */
export interface Published {
  /** The id of the message. */
  readonly MessageId: string;
  /** FIFO: its place. */
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
  /** What is delivered by protocol; `default` for all others. */
  readonly messages: Readonly<Record<string, string>>;
  /** Its subject. */
  readonly subject?: string;
  /** Its attributes. */
  readonly attributes: Readonly<Record<string, AttributeInput>>;
  /** Whether it was published as one text for each protocol: then its attributes are not delivered. */
  readonly structured?: boolean;
  /** Its message group. */
  readonly group?: string;
  /** FIFO: what it is de-duplicated by. */
  readonly deduplicationId?: string;
  /** When it was published, in milliseconds since the epoch. */
  readonly publishedAt: number;
  /** Its X-Ray trace. */
  readonly traceHeader?: string;
  /** Whether it comes out of the archive. */
  readonly replayed?: boolean;
}

/** A subscription to a topic. */
export interface Subscription {
  /** Its ARN, also while it is pending. */
  readonly arn: string;
  /** The topic. */
  readonly topicArn: string;
  /** `sqs`, `http`, `https` or `lambda`. */
  readonly protocol: string;
  /** Where it delivers. */
  readonly endpoint: string;
  /** The account that subscribed. */
  readonly owner: string;
  /** The attributes that were set, as they were set. */
  attributes: Record<string, string>;
  /** What confirms it; nobody needs one whose subscription is confirmed. */
  readonly token: string;
  /** Whether it waits to be confirmed. */
  pending: boolean;
}

/** A delivery that leaves the emulator: to an address, or to a function. */
export interface Post {
  /** Its own id. */
  readonly id: string;
  /** The subscription. */
  readonly subscriptionArn: string;
  /** The topic. */
  readonly topicArn: string;
  /** `http`, `https` or `lambda`. */
  readonly protocol: string;
  /** Where it goes. */
  readonly endpoint: string;
  /** Its `Type`. */
  readonly type: string;
  /** The fields of the envelope, unsigned; of a raw delivery those of its headers. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The body of a raw delivery. */
  readonly raw?: string;
  /** How often it failed. */
  failures: number;
  /** When it is tried next, in milliseconds since the epoch. */
  dueAt: number;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasksResultEntry.html */
export interface MoveTask {
  /** Names it while it runs. */
  readonly handle: string;
  /** The dead-letter queue. */
  readonly sourceArn: string;
  /** Where messages go; back to where each came from without one. */
  readonly destinationArn?: string;
  /** How many a second at the most. */
  readonly perSecond?: number;
  /** `RUNNING`, `COMPLETED`, `CANCELLED` or `FAILED`. */
  status: string;
  /** How many have been moved. */
  moved: number;
  /** How many there were to move. */
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
  /** How many queues there have been. */
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
