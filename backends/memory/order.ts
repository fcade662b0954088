import {
  count,
  createFairness,
  type Fairness,
  hasParked,
  takeFairly,
  uncount,
} from "./fairness.ts";
import { createHeap, type Heap, peek, pop, push } from "./heap.ts";
import type { StoredMessage } from "./stored_message.ts";

/**
 * The order in which a queue hands out messages. A standard queue goes by the time at which a
 * message became available, so that a message with many failures does not stand in the way. Noisy
 * tenants wait. A FIFO queue goes by its groups, and in a group by the order of sending. No message
 * of a group is handed out while an earlier message of the group is in flight.
 */
export interface Order {
  /** Tells that groups are kept in order. */
  readonly fifo: boolean;
  /** All messages of the queue, by place. */
  readonly messages: ReadonlyMap<number, StoredMessage>;
  /** Standard: the available messages. */
  readonly available: Heap<Moment>;
  /** Standard: the tenants, and the available messages of noisy ones. */
  readonly fairness: Fairness<Moment>;
  /** FIFO: the groups that can be handed out. */
  readonly ready: Heap<Turn>;
  /** FIFO: the groups that have messages. */
  readonly groups: Map<string, Group>;
}

/** A message group that has messages, waiting or in flight. */
export interface Group {
  /** The name of the group. */
  readonly name: string;
  /** The places of the group's messages that are not in flight. */
  readonly waiting: Heap<number>;
  /** The places of the group's messages that are in flight: those of one receive, so a few. */
  readonly inFlight: Set<number>;
  /** The turn of the group, as long as the group is ready. */
  turn: Turn | undefined;
}

/** A change of a message at a time. The record holds no message, which may be gone by then. */
export interface Moment {
  /** In milliseconds since the epoch. */
  readonly at: number;
  /** The place of the message; for equal times the lower place is first. */
  readonly ordinal: number;
}

/** The turn of a group, from the time when its first waiting message became available. */
export interface Turn extends Moment {
  /** The group. */
  readonly group: Group;
}

/** Creates the order of a queue that holds `messages`: none yet. */
export function createOrder(fifo: boolean, messages: ReadonlyMap<number, StoredMessage>): Order {
  const isNotAvailable = ({ at, ordinal }: Moment) => {
    const message = messages.get(ordinal);
    return message === undefined || message.state !== "available" || message.dueAt !== at;
  };
  return {
    fifo,
    messages,
    available: createHeap<Moment>(byTime, isNotAvailable),
    fairness: createFairness(),
    ready: createHeap<Turn>(byTime, (turn) => turn.group.turn !== turn),
    groups: new Map(),
  };
}

/** The order of time, then of sending. */
export function byTime(a: Moment, b: Moment): boolean {
  return a.at === b.at ? a.ordinal < b.ordinal : a.at < b.at;
}

/** Takes in a message of any state that is new to the order. */
export function arrive(order: Order, message: StoredMessage): void {
  if (!order.fifo) {
    if (message.state === "available") offer(order, message);
    if (message.state === "inFlight") count(order.fairness, message);
    return;
  }
  const group = groupOf(order, message);
  if (message.state === "inFlight") group.inFlight.add(message.ordinal);
  else push(group.waiting, message.ordinal);
  refresh(order, group);
}

/** Takes note that the delay of a message is over. */
export function ripen(order: Order, message: StoredMessage): void {
  if (order.fifo) refresh(order, groupOf(order, message));
  else offer(order, message);
}

/** Takes back a message whose lock is over. */
export function comeBack(order: Order, message: StoredMessage): void {
  if (!order.fifo) {
    uncount(order.fairness, message);
    return offer(order, message);
  }
  const group = groupOf(order, message);
  group.inFlight.delete(message.ordinal);
  push(group.waiting, message.ordinal);
  refresh(order, group);
}

/** Standard: takes note that an available message is in flight again without having been taken. */
export function goAway({ fairness }: Order, message: StoredMessage): void {
  count(fairness, message);
}

/** Takes note that a message is gone. The message still has its last state. */
export function leave(order: Order, message: StoredMessage): void {
  if (!order.fifo) {
    if (message.state === "inFlight") uncount(order.fairness, message);
    return;
  }
  const group = groupOf(order, message);
  group.inFlight.delete(message.ordinal);
  refresh(order, group);
}

/**
 * Takes the next messages, at most `max`; from then on the messages count as in flight. A FIFO
 * queue gives as many messages of one group as possible before the next group.
 */
export function take(order: Order, max: number): StoredMessage[] {
  const taken: StoredMessage[] = [];
  if (order.fifo) takeOfGroups(order, taken, max);
  else takeSingly(order, taken, max);
  return taken;
}

/** Tells whether there is a message to take. */
export function hasNext({ fifo, ready, available, fairness }: Order): boolean {
  if (fifo) return peek(ready) !== undefined;
  return peek(available) !== undefined || hasParked(fairness);
}

function offer({ available }: Order, { dueAt, ordinal }: StoredMessage): void {
  push(available, { at: dueAt, ordinal });
}

function takeSingly(order: Order, taken: StoredMessage[], max: number): void {
  const { available, fairness } = order;
  const groupOf = ({ ordinal }: Moment) => messageAt(order, ordinal).group;
  for (const { ordinal } of takeFairly(fairness, { available, groupOf }, max)) {
    const message = messageAt(order, ordinal);
    count(fairness, message);
    taken.push(message);
  }
}

function takeOfGroups(order: Order, taken: StoredMessage[], max: number): void {
  while (taken.length < max) {
    const next = pop(order.ready);
    if (next === undefined) return;
    takeOfGroup(order, next.group, { taken, max });
  }
}

function takeOfGroup(
  order: Order,
  group: Group,
  { taken, max }: { readonly taken: StoredMessage[]; readonly max: number },
): void {
  const end = firstInFlight(group);
  for (let first = peek(group.waiting); taken.length < max; first = peek(group.waiting)) {
    if (first === undefined || first > end) return;
    if (messageAt(order, first).state !== "available") return;
    taken.push(messageAt(order, pop(group.waiting)));
    group.inFlight.add(first);
  }
}

/** Returns the message at a place of a heap. */
function messageAt({ messages }: Order, ordinal: number | undefined): StoredMessage {
  return messages.get(ordinal as number) as StoredMessage;
}

function groupOf(order: Order, message: StoredMessage): Group {
  const name = message.group ?? "";
  const known = order.groups.get(name);
  if (known) return known;
  const { messages } = order;
  const waiting = createHeap<number>((a, b) => a < b, (ordinal) => !messages.has(ordinal));
  const group: Group = { name, waiting, inFlight: new Set(), turn: undefined };
  order.groups.set(name, group);
  return group;
}

/** Adds a group to the ready groups, or removes the group from them; forgets an empty group. */
function refresh(order: Order, group: Group): void {
  group.turn = undefined;
  const first = peek(group.waiting);
  if (first === undefined) {
    if (group.inFlight.size === 0) order.groups.delete(group.name);
    return;
  }
  if (first > firstInFlight(group)) return;
  const { state, dueAt } = messageAt(order, first);
  if (state !== "available") return;
  group.turn = { at: dueAt, ordinal: first, group };
  push(order.ready, group.turn);
}

/** Returns the place of the first message in flight of a group; infinite if there is none. */
function firstInFlight({ inFlight }: Group): number {
  return Math.min(...inFlight);
}
