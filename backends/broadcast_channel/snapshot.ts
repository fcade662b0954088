import { type QueueSnapshot, restore, snapshot as snapshotOf } from "../memory/queue.ts";
import { type RecentEntry, remember, remembered } from "../memory/recent.ts";
import type { StoredMessage } from "../memory/stored_message.ts";
import { createTopic, type Subscription, type Topic } from "../memory/topic.ts";
import { fromData, type Outcome, toData } from "./outcome.ts";
import { createState, type State } from "./state.ts";
import { charactersOf } from "./weight.ts";

/**
 * A part of a {@linkcode State}, small enough for one message on the channel. Too large a topic,
 * queue or member is cut: its lists go on in further parts, which otherwise equal the first part.
 */
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

/** Outcomes of operations by number. */
type Outcomes = readonly (readonly [number, Outcome])[];

type Published = Topic["deduplication"] extends { entries: Map<string, RecentEntry<infer V>> } ? V
  : never;

/** Weight of one part, in characters, unless one item alone has more. */
const PART_WEIGHT = 128_000;

/** Takes the state as plain data; later entries do not change it. */
export function takeSnapshot(state: State): SnapshotPart[] {
  const { broker, members, now } = state;
  const { queuesCreated } = broker;
  const parts: SnapshotPart[] = [{ part: "head", now, queuesCreated }];
  for (const [id, { next, outcomes, receives }] of members) {
    const lists = { outcomes: listOf(outcomes), receives: listOf(receives) };
    for (const some of piecesOf(lists)) parts.push({ part: "member", id, next, ...some });
  }
  for (const topic of broker.topics.values()) parts.push(...topicParts(topic));
  for (const [name, queue] of broker.queues) parts.push(...queueParts(name, snapshotOf(queue)));
  return parts;
}

type Lists = Readonly<Record<string, readonly unknown[]>>;

/** Cuts lists into pieces. Each piece has all lists, and its items fit into one part. */
function piecesOf<L extends Lists>(lists: L): L[] {
  const pieces: Record<string, unknown[]>[] = [emptied(lists)];
  let weight = 0;
  for (const [name, list] of Object.entries(lists)) {
    for (const item of list) {
      const more = charactersOf(item);
      if (weight > 0 && weight + more > PART_WEIGHT) {
        pieces.push(emptied(lists));
        weight = 0;
      }
      pieces.at(-1)?.[name]?.push(item);
      weight += more;
    }
  }
  return pieces as unknown[] as L[];
}

function emptied(lists: Lists): Record<string, unknown[]> {
  return Object.fromEntries(Object.keys(lists).map((name) => [name, []]));
}

function listOf(outcomes: ReadonlyMap<number, Outcome>): Outcomes {
  return [...outcomes].map(([number, outcome]) => [number, toData(outcome)]);
}

function topicParts(topic: Topic): SnapshotPart[] {
  const { name, contentBasedDeduplication, nextOrdinal } = topic;
  const lists = {
    subscriptions: [...topic.subscriptions],
    deduplication: remembered(topic.deduplication),
  };
  const facts = { part: "topic", name, contentBasedDeduplication, nextOrdinal } as const;
  return piecesOf(lists).map((some) => ({ ...facts, ...some }));
}

function queueParts(name: string, queue: QueueSnapshot): SnapshotPart[] {
  const { deduplication, settled: { recent, earlier }, messages: all } = queue;
  const parts = piecesOf({ deduplication, recent, earlier }).map((some): SnapshotPart => {
    const { deduplication, ...settled } = some;
    return { part: "queue", name, queue: { ...queue, deduplication, settled, messages: [] } };
  });
  if (all.length === 0) return parts;
  const pieces = piecesOf({ messages: all });
  return [
    ...parts,
    ...pieces.map(({ messages }): SnapshotPart => ({ part: "messages", queue: name, messages })),
  ];
}

/** Makes the state that a snapshot was taken of. */
export function restoreSnapshot(parts: readonly SnapshotPart[]): State {
  const state = createState();
  const queues = new Map<string, OpenQueue>();
  for (const part of parts) {
    if (part.part === "head") restoreHead(state, part);
    else if (part.part === "member") restoreMember(state, part);
    else if (part.part === "topic") restoreTopic(state, part);
    else if (part.part === "queue") gather(queues, part);
    else for (const message of part.messages) queues.get(part.queue)?.messages.push(message);
  }
  for (const [name, { first, ...lists }] of queues) {
    state.broker.queues.set(name, restore({ ...first, ...lists }));
  }
  return state;
}

type PartOf<Kind> = Extract<SnapshotPart, { part: Kind }>;

/** A queue of which not all parts have been seen. */
interface OpenQueue {
  readonly first: QueueSnapshot;
  readonly messages: StoredMessage[];
  readonly deduplication: QueueSnapshot["deduplication"][number][];
  readonly settled: { readonly recent: [number, string][]; readonly earlier: [number, string][] };
}

function restoreHead(state: State, head: PartOf<"head">): void {
  state.now = head.now;
  state.broker.queuesCreated = head.queuesCreated;
}

function restoreMember({ members }: State, part: PartOf<"member">): void {
  const { id, next } = part;
  const member = members.get(id) ?? { next, outcomes: new Map(), receives: new Map() };
  members.set(id, member);
  for (const [number, data] of part.outcomes) member.outcomes.set(number, fromData(data));
  for (const [number, data] of part.receives) member.receives.set(number, fromData(data));
}

function restoreTopic({ broker }: State, part: PartOf<"topic">): void {
  const { name, contentBasedDeduplication, nextOrdinal } = part;
  const topic = broker.topics.get(name) ?? createTopic(name);
  Object.assign(topic, { contentBasedDeduplication, nextOrdinal });
  broker.topics.set(name, topic);
  for (const [queue, subscription] of part.subscriptions) {
    topic.subscriptions.set(queue, subscription);
  }
  for (const entry of part.deduplication) remember(topic.deduplication, entry);
}

function gather(queues: Map<string, OpenQueue>, { name, queue }: PartOf<"queue">): void {
  const settled = { recent: [], earlier: [] };
  const open = queues.get(name) ?? { first: queue, messages: [], deduplication: [], settled };
  queues.set(name, open);
  for (const entry of queue.deduplication) open.deduplication.push(entry);
  for (const [ordinal, receipt] of queue.settled.recent) {
    open.settled.recent.push([ordinal, receipt]);
  }
  for (const [ordinal, receipt] of queue.settled.earlier) {
    open.settled.earlier.push([ordinal, receipt]);
  }
}
