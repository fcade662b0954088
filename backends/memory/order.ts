import { createHeap, type Heap, peek, pop, push, remove } from "./heap.ts";
import type { StoredMessage } from "./stored_message.ts";

/**
 * Which message a queue hands out next. A standard queue goes by when a message became available,
 * so that one that fails again and again does not stand in the way. A FIFO queue goes by its groups:
 * inside one by the order of sending, and none is handed out while messages of it are in flight.
 */
export interface Order {
  /** Whether groups are kept in order. */
  readonly fifo: boolean;
  /** Standard: the available messages. */
  readonly available: Heap<StoredMessage>;
  /** FIFO: the groups that can be handed out. */
  readonly ready: Heap<Group>;
  /** FIFO: the groups that have messages. */
  readonly groups: Map<string, Group>;
}

/** A message group that has messages, waiting or in flight. */
export interface Group {
  /** Its name. */
  readonly name: string;
  /** Its messages that are not in flight. */
  readonly waiting: Heap<StoredMessage>;
  /** How many of its messages are in flight. */
  inFlight: number;
  /** When its first waiting message became available, as long as the group is ready. */
  dueAt: number;
  /** The place of that message. */
  ordinal: number;
}

/** Creates the order of an empty queue. */
export function createOrder(fifo: boolean): Order {
  return {
    fifo,
    available: createHeap<StoredMessage>(byTime),
    ready: createHeap<Group>(byTime),
    groups: new Map(),
  };
}

/** The order of becoming available, then of sending. */
export function byTime(a: Timed, b: Timed): boolean {
  return a.dueAt === b.dueAt ? a.ordinal < b.ordinal : a.dueAt < b.dueAt;
}

/** What has a time and a place. */
export interface Timed {
  /** In milliseconds since the epoch. */
  readonly dueAt: number;
  /** Which of those with the same time is first. */
  readonly ordinal: number;
}

/** Takes in a message of any state that is new to the order. */
export function arrive(order: Order, message: StoredMessage): void {
  if (!order.fifo) {
    if (message.state === "available") push(order.available, message);
    return;
  }
  const group = groupOf(order, message);
  if (message.state === "inFlight") group.inFlight++;
  else push(group.waiting, message);
  refresh(order, group);
}

/** Takes note that the delay of a message is over. */
export function ripen(order: Order, message: StoredMessage): void {
  if (order.fifo) refresh(order, groupOf(order, message));
  else push(order.available, message);
}

/** Takes back a message whose lock is over. */
export function comeBack(order: Order, message: StoredMessage): void {
  if (!order.fifo) return push(order.available, message);
  const group = groupOf(order, message);
  group.inFlight--;
  push(group.waiting, message);
  refresh(order, group);
}

/** Removes a message for good; its state is still the one it was in. */
export function leave(order: Order, message: StoredMessage): void {
  if (!order.fifo) return remove(order.available, message);
  const group = groupOf(order, message);
  if (message.state === "inFlight") group.inFlight--;
  else remove(group.waiting, message);
  refresh(order, group);
}

/**
 * Takes the next messages, at most `max`; from then on they count as in flight. A FIFO queue gives
 * as many of one group as it can before it goes on to the next group.
 */
export function take(order: Order, max: number): StoredMessage[] {
  const taken: StoredMessage[] = [];
  while (taken.length < max) {
    const next = order.fifo ? takeOfGroup(order, max - taken.length) : takeOne(order);
    if (next.length === 0) break;
    taken.push(...next);
  }
  return taken;
}

/** Tells whether there is a message to take. */
export function hasNext(order: Order): boolean {
  return (order.fifo ? order.ready : order.available).items.length > 0;
}

function takeOne(order: Order): StoredMessage[] {
  const message = pop(order.available);
  return message === undefined ? [] : [message];
}

function takeOfGroup(order: Order, max: number): StoredMessage[] {
  const group = pop(order.ready);
  const taken: StoredMessage[] = [];
  while (group && taken.length < max && peek(group.waiting)?.state === "available") {
    taken.push(pop(group.waiting) as StoredMessage);
    group.inFlight++;
  }
  return taken;
}

function groupOf(order: Order, message: StoredMessage): Group {
  const name = message.group ?? "";
  const known = order.groups.get(name);
  if (known) return known;
  const group = { name, waiting: createHeap(bySending), inFlight: 0, dueAt: 0, ordinal: 0 };
  order.groups.set(name, group);
  return group;
}

function bySending(a: StoredMessage, b: StoredMessage): boolean {
  return a.ordinal < b.ordinal;
}

/** Puts a group among the ready ones, or takes it from there; forgets an empty one. */
function refresh(order: Order, group: Group): void {
  remove(order.ready, group);
  const first = peek(group.waiting);
  if (group.inFlight > 0) return;
  if (first === undefined) order.groups.delete(group.name);
  else if (first.state === "available") {
    group.dueAt = first.dueAt;
    group.ordinal = first.ordinal;
    push(order.ready, group);
  }
}
