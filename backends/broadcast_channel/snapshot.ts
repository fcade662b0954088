import { type QueueSnapshot, restore, snapshot as snapshotOf } from "../memory/queue.ts";
import { createRecent, type RecentEntry, remember, remembered } from "../memory/recent.ts";
import type { StoredMessage } from "../memory/stored_message.ts";
import { createTopic, type Subscription, type Topic } from "../memory/topic.ts";
import { weightOfMessage } from "./operation.ts";
import { fromData, type Outcome, toData } from "./outcome.ts";
import { createState, type State } from "./state.ts";

/** A part of a {@linkcode State}, small enough for one message on the channel. */
export type SnapshotPart =
  | {
    readonly part: "head";
    readonly now: number;
    readonly queuesCreated: number;
  }
  | {
    readonly part: "member";
    readonly id: string;
    readonly next: number;
    readonly outcomes: Outcomes;
    readonly receives: Outcomes;
  }
  | {
    readonly part: "topic";
    readonly name: string;
    readonly contentBasedDeduplication: boolean;
    readonly nextOrdinal: number;
    readonly subscriptions: readonly (readonly [string, Subscription])[];
    readonly deduplication: readonly RecentEntry<Published>[];
  }
  | { readonly part: "queue"; readonly name: string; readonly queue: QueueSnapshot }
  | {
    readonly part: "messages";
    readonly queue: string;
    readonly messages: readonly StoredMessage[];
  };

/** What became of operations, by their numbers. */
type Outcomes = readonly (readonly [number, Outcome])[];

type Published = Topic["deduplication"] extends { entries: Map<string, RecentEntry<infer V>> } ? V
  : never;

/** How much one part holds, in UTF-16 code units, unless one message alone has more. */
const PART_WEIGHT = 128_000;

/** The state as plain data; later entries do not change it. */
export function takeSnapshot(state: State): SnapshotPart[] {
  const { broker, members, now } = state;
  const { queuesCreated } = broker;
  const parts: SnapshotPart[] = [{ part: "head", now, queuesCreated }];
  for (const [id, { next, outcomes, receives }] of members) {
    const data = { outcomes: listOf(outcomes), receives: listOf(receives) };
    parts.push({ part: "member", id, next, ...data });
  }
  for (const topic of broker.topics.values()) parts.push(topicPart(topic));
  for (const [name, queue] of broker.queues) {
    const { messages, ...rest } = snapshotOf(queue);
    parts.push({ part: "queue", name, queue: { ...rest, messages: [] } });
    parts.push(...messageParts(name, messages));
  }
  return parts;
}

function listOf(outcomes: ReadonlyMap<number, Outcome>): Outcomes {
  return [...outcomes].map(([number, outcome]) => [number, toData(outcome)]);
}

function mapOf(outcomes: Outcomes): Map<number, Outcome> {
  return new Map(outcomes.map(([number, data]) => [number, fromData(data)]));
}

function topicPart(topic: Topic): SnapshotPart {
  const { name, contentBasedDeduplication, nextOrdinal } = topic;
  return {
    part: "topic",
    name,
    contentBasedDeduplication,
    nextOrdinal,
    subscriptions: [...topic.subscriptions],
    deduplication: remembered(topic.deduplication),
  };
}

function messageParts(queue: string, all: readonly StoredMessage[]): SnapshotPart[] {
  const parts: SnapshotPart[] = [];
  let messages: StoredMessage[] = [];
  let weight = 0;
  for (const message of all) {
    if (messages.length > 0 && weight + weightOfMessage(message) > PART_WEIGHT) {
      parts.push({ part: "messages", queue, messages });
      messages = [];
      weight = 0;
    }
    messages.push(message);
    weight += weightOfMessage(message);
  }
  if (messages.length > 0) parts.push({ part: "messages", queue, messages });
  return parts;
}

/** The state that a snapshot was taken of. */
export function restoreSnapshot(parts: readonly SnapshotPart[]): State {
  const state = createState();
  const queues = new Map<string, { snapshot: QueueSnapshot; messages: StoredMessage[] }>();
  for (const part of parts) {
    if (part.part === "head") restoreHead(state, part);
    else if (part.part === "member") {
      const { id, next, outcomes, receives } = part;
      state.members.set(id, { next, outcomes: mapOf(outcomes), receives: mapOf(receives) });
    } else if (part.part === "topic") state.broker.topics.set(part.name, restoreTopic(part));
    else if (part.part === "queue") queues.set(part.name, { snapshot: part.queue, messages: [] });
    else queues.get(part.queue)?.messages.push(...part.messages);
  }
  for (const [name, { snapshot, messages }] of queues) {
    state.broker.queues.set(name, restore({ ...snapshot, messages }));
  }
  return state;
}

function restoreHead(state: State, head: Extract<SnapshotPart, { part: "head" }>): void {
  state.now = head.now;
  state.broker.queuesCreated = head.queuesCreated;
}

function restoreTopic(part: Extract<SnapshotPart, { part: "topic" }>): Topic {
  const topic: Topic = {
    ...createTopic(part.name),
    contentBasedDeduplication: part.contentBasedDeduplication,
    nextOrdinal: part.nextOrdinal,
    subscriptions: new Map(part.subscriptions),
    deduplication: createRecent<Published>(),
  };
  for (const entry of part.deduplication) remember(topic.deduplication, entry);
  return topic;
}
