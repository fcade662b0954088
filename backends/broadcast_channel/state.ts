/**
 * The state on which all contexts agree: the queues and topics, the holders of locks, and the
 * outcomes of the last operations of each member. Only {@linkcode apply} changes the state. Equal
 * entries on equal states have equal results, so each context keeps a copy.
 */
import * as broker from "../memory/broker.ts";
import { QUEUE_LIMITS } from "../memory/limits.ts";
import { perform } from "../memory/operation.ts";
import * as engine from "../memory/queue.ts";
import type { Operation } from "./operation.ts";
import type { Outcome } from "./outcome.ts";

/** An operation in its place in the log. */
export interface Entry {
  /** The place in the log, from 1. */
  readonly seq: number;
  /** The leadership under which the entry was added. */
  readonly epoch: number;
  /** The time of the log, in milliseconds since the epoch. */
  readonly now: number;
  /** The id of the member that asked for the operation. */
  readonly member: string;
  /** The member's number of the operation: receives and all others are counted apart. */
  readonly number: number;
  /** Below these numbers (others, receives) the member knows all outcomes. */
  readonly done: readonly [number, number];
  /** The operation. */
  readonly operation: Operation;
}

/** The facts that the state holds of one member. */
export interface MemberFacts {
  /** The number of the next operation of the member, receives aside. */
  next: number;
  /** Outcomes that the member may not know of yet, receives aside. */
  readonly outcomes: Map<number, Outcome>;
  /** Outcomes of receives that the member may not know of yet. */
  readonly receives: Map<number, Outcome>;
}

/** All that the contexts share. */
export interface State {
  readonly broker: broker.Broker;
  /** By id, the one heard of last at the end. */
  readonly members: Map<string, MemberFacts>;
  /** The time of the last entry, in milliseconds since the epoch. */
  now: number;
}

/** The effects of an entry. */
export interface Applied {
  readonly outcome: Outcome;
  /** The queues that may have something new to receive. */
  readonly woken: ReadonlySet<string>;
}

/** Number of remembered members, more than there are tabs and workers at a time. */
const MEMBERS = 1_000;
/** Number of remembered outcomes of one member, and of its remembered receives. */
const OUTCOMES = 512;
/** Highest number of messages of one queue in flight, as in SQS. */
const IN_FLIGHT_LIMIT = 120_000;

/** Creates the state before the first entry. */
export function createState(): State {
  return {
    broker: broker.createBroker(),
    members: new Map(),
    now: 0,
  };
}

/** Does the operation of an entry. */
export function apply(state: State, entry: Entry): Applied {
  const woken = new Set<string>();
  state.now = Math.max(state.now, entry.now);
  const outcome = outcomeOf(state, entry, woken);
  if (entry.operation.kind !== "gone") remember(state, entry, outcome);
  return { outcome, woken };
}

/** Returns the ids of the members that hold locks. */
export function holdersIn({ broker }: State): Set<string> {
  const holders = new Set<string>();
  for (const { hidden, messages } of broker.queues.values()) {
    for (const { ordinal } of hidden.items) {
      const message = messages.get(ordinal);
      if (message?.state === "inFlight") holders.add(message.holder);
    }
  }
  return holders;
}

/**
 * Returns the outcome for the caller. A receive resolves to its locked messages, as far as they
 * still exist. The state holds only the receipts, as nobody else needs the rest.
 */
export function answerOf(
  { broker: queues }: State,
  { operation }: Pick<Entry, "operation">,
  outcome: Outcome,
): Outcome {
  if (operation.kind !== "receive" || "error" in outcome) return outcome;
  const receipts = outcome.value as readonly string[];
  return { value: broker.deliveriesOf(queues, operation.queue, receipts) };
}

function outcomeOf(state: State, entry: Entry, woken: Set<string>): Outcome {
  try {
    return { value: valueOf(state, entry, woken) };
  } catch (error) {
    return { error };
  }
}

function valueOf(state: State, entry: Entry, woken: Set<string>): unknown {
  const { now, operation } = entry;
  const newId = idsFrom("id" in operation ? operation.id : "");
  const call = { now, newId, woken, limits: QUEUE_LIMITS, inFlightLimit: IN_FLIGHT_LIMIT };
  switch (operation.kind) {
    case "receive": {
      const { queue, max, visibilityMs } = operation;
      const request = { queue, max, visibilityMs, epoch: entry.epoch, holder: entry.member };
      return broker.receive(state.broker, request, call);
    }
    case "gone":
      return releaseAll(state, operation.member, call);
    default:
      return perform(state.broker, operation, call);
  }
}

/** Makes ids of one id, the same in every context: the last four digits count. */
function idsFrom(id: string): () => string {
  const beginning = id.slice(0, -4);
  let count = 1_000;
  return () => beginning + count++;
}

/** Ends all locks of a member that has ended. */
function releaseAll({ broker }: State, member: string, { now, woken }: broker.Call): void {
  for (const [name, queue] of broker.queues) {
    for (const message of queue.messages.values()) {
      if (message.state !== "inFlight" || message.holder !== member) continue;
      engine.release(queue, message.receipt, { now, endsInMs: 0 });
      woken.add(name);
    }
  }
}

function remember({ members }: State, entry: Entry, outcome: Outcome): void {
  const member = members.get(entry.member) ?? createFacts();
  members.delete(entry.member);
  members.set(entry.member, member);
  const isReceive = entry.operation.kind === "receive";
  if (!isReceive) member.next = entry.number + 1;
  const outcomes = isReceive ? member.receives : member.outcomes;
  for (const number of outcomes.keys()) {
    if (number >= entry.done[isReceive ? 1 : 0] && outcomes.size < OUTCOMES) break;
    outcomes.delete(number);
  }
  outcomes.set(entry.number, outcome);
  if (members.size <= MEMBERS) return;
  for (const first of members.keys()) return void members.delete(first);
}

function createFacts(): MemberFacts {
  return { next: 1, outcomes: new Map(), receives: new Map() };
}
