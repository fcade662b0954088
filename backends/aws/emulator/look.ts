/** A look at a world that takes and copies next to nothing, however full its queues are. */
import * as engine from "../../memory/queue.ts";
import type { StoredMessage } from "../../memory/stored_message.ts";
import type { QueueFacts, QueueRecord, Subscription, TopicFacts, World } from "./world.ts";

/** The content of an emulator, with the newest messages of one queue. */
export interface EmulatorLook {
  /** The queues with the numbers of their messages. */
  readonly queues: readonly QueueLook[];
  /** The topics, without their archives. */
  readonly topics: readonly Omit<TopicFacts, "archive">[];
  /** The subscriptions. */
  readonly subscriptions: readonly Subscription[];
  /** The newest messages of the queue that was asked for, newest first. */
  readonly messages: readonly StoredMessage[];
}

/** A queue, and the numbers of its messages. */
export interface QueueLook extends Pick<QueueFacts, "arn" | "name" | "attributes"> {
  /** Number of messages that a receive can take. */
  readonly available: number;
  /** Number of messages that wait for the end of a delay. */
  readonly delayed: number;
  /** Number of messages that are locked. */
  readonly inFlight: number;
}

/** Options of {@linkcode lookAt}. */
export interface LookOptions {
  /** The ARN of the queue whose messages are shown. Default: none. */
  readonly queue?: string | undefined;
  /** Highest number of messages. Default: 25. */
  readonly newest?: number;
}

/** Looks at a world. Later operations change nothing of what is returned. */
export function lookAt(
  world: World,
  { queue, newest = 25, now }: LookOptions & { now: number },
): EmulatorLook {
  const asked = queue === undefined ? undefined : world.queues.get(queue);
  return {
    queues: [...world.queues.values()].map((record) => queueLook(record, now)),
    topics: [...world.topics.values()].map(({ archive: _, deduplication: __, ...facts }) => ({
      ...facts,
    })),
    subscriptions: [...world.subscriptions.values()].map((each) => ({ ...each })),
    messages: asked ? newestOf(asked, newest) : [],
  };
}

function queueLook({ arn, name, attributes, engine: queue }: QueueRecord, now: number): QueueLook {
  return { arn, name, attributes: { ...attributes }, ...engine.countMessages(queue, now) };
}

/**
 * Goes down from the newest place, as long as that is no more than looking through all that is
 * left.
 */
function newestOf({ engine: { messages, nextOrdinal } }: QueueRecord, max: number) {
  const found: StoredMessage[] = [];
  const last = Math.max(nextOrdinal - messages.size - max, 1);
  for (let ordinal = nextOrdinal - 1; ordinal >= last && found.length < max; ordinal--) {
    const message = messages.get(ordinal);
    if (message) found.push({ ...message });
  }
  if (found.length === Math.min(max, messages.size)) return found;
  return [...messages.values()].sort((a, b) => b.ordinal - a.ordinal).slice(0, max)
    .map((message) => ({ ...message }));
}
