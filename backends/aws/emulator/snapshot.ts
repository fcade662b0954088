import * as engine from "../../memory/queue.ts";
import { createRecent, type RecentEntry, remember, remembered } from "../../memory/recent.ts";
import {
  createWorld,
  type MoveTask,
  type Post,
  type Published,
  type QueueFacts,
  type Subscription,
  type TopicFacts,
  type TopicRecord,
  type World,
} from "./world.ts";

/** Everything in the emulator, as data that JSON carries. */
export interface EmulatorSnapshot {
  /** The version of this form. */
  readonly version: 1;
  /** The queues with their messages and locks. */
  readonly queues: readonly QueueState[];
  /** The topics with their archives. */
  readonly topics: readonly TopicState[];
  /** The subscriptions. */
  readonly subscriptions: readonly Subscription[];
  /** The deliveries that are under way. */
  readonly posts: readonly Post[];
  /** The message move tasks. */
  readonly moveTasks: readonly MoveTask[];
  /** When queues were deleted, by ARN. */
  readonly deletedQueues: readonly (readonly [string, number])[];
  /** Number of queues so far. */
  readonly queuesCreated: number;
}

/** A queue as data. */
export interface QueueState extends QueueFacts {
  /** The content of the queue. */
  readonly engine: engine.QueueSnapshot;
}

/** A topic as data. */
export interface TopicState extends TopicFacts {
  /** FIFO: the messages of the last five minutes. */
  readonly deduplication: readonly RecentEntry<Published>[];
}

/** The state of a world as data; later operations do not change it. */
export function snapshotOf(world: World): EmulatorSnapshot {
  const state: EmulatorSnapshot = {
    version: 1,
    queues: [...world.queues.values()].map((queue) => ({
      ...queue,
      engine: engine.snapshot(queue.engine),
    })),
    topics: [...world.topics.values()].map((topic) => ({
      ...topic,
      deduplication: remembered(topic.deduplication),
    })),
    subscriptions: [...world.subscriptions.values()],
    posts: [...world.posts.values()],
    moveTasks: world.moveTasks,
    deletedQueues: [...world.deletedQueues],
    queuesCreated: world.queuesCreated,
  };
  // What is undefined is left out, so that it is the same before and after it was written as JSON.
  return JSON.parse(JSON.stringify(state));
}

/**
 * Returns the world of a snapshot.
 * @throws {TypeError} if the snapshot is of another version, or no snapshot at all
 */
export function worldOf(snapshot: EmulatorSnapshot): World {
  if (snapshot?.version !== 1) {
    throw new TypeError(
      `Cannot restore a snapshot as its version must be 1: current value is ${snapshot?.version}`,
    );
  }
  const state = structuredClone(snapshot);
  const world = createWorld();
  for (const queue of state.queues) {
    world.queues.set(queue.arn, { ...queue, engine: engine.restore(queue.engine) });
  }
  for (const topic of state.topics) world.topics.set(topic.arn, topicOf(topic));
  for (const subscription of state.subscriptions) {
    world.subscriptions.set(subscription.arn, subscription);
  }
  for (const post of state.posts) world.posts.set(post.id, post);
  for (const [arn, at] of state.deletedQueues) world.deletedQueues.set(arn, at);
  world.moveTasks = [...state.moveTasks];
  world.queuesCreated = state.queuesCreated;
  return world;
}

function topicOf(state: TopicState): TopicRecord {
  const deduplication = createRecent<Published>();
  for (const entry of state.deduplication) remember(deduplication, entry);
  return { ...state, deduplication };
}
