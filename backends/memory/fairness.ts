/**
 * The fair queues of SQS. In a standard queue a message group is a tenant, and a tenant with most
 * of the work in hand waits for the other tenants.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
 *
 * Only the messages in flight decide which tenant is noisy, so that a queue and its restored
 * snapshot agree. On AWS a noisy tenant stays noisy until its backlog is consumed.
 */
import { createHeap, type Heap, peek, pop, push } from "./heap.ts";
import type { StoredMessage } from "./stored_message.ts";

/** The least messages in flight that make a tenant noisy. */
const NOISY_FROM = 30;
/** The least share of all messages in flight that makes a tenant noisy: more than a tenth. */
const NOISY_SHARE = 0.1;

/** The tenants of a standard queue. */
export interface Fairness<Item> {
  /** Number of messages in flight by tenant; a tenant without messages in flight has no entry. */
  readonly inFlight: Map<string, number>;
  /** Number of messages in flight. */
  total: number;
  /** The available messages of noisy tenants. */
  readonly parked: Map<string, Heap<Item>>;
}

/** Creates a queue's view of its tenants: none yet. */
export function createFairness<Item>(): Fairness<Item> {
  return { inFlight: new Map(), total: 0, parked: new Map() };
}

/** Takes note that a message is in flight. */
export function count<Item>(fairness: Fairness<Item>, { group }: StoredMessage): void {
  fairness.total++;
  if (group === undefined) return;
  fairness.inFlight.set(group, (fairness.inFlight.get(group) ?? 0) + 1);
}

/** Takes note that a message is no longer in flight. */
export function uncount<Item>(fairness: Fairness<Item>, { group }: StoredMessage): void {
  fairness.total--;
  if (group === undefined) return;
  const left = (fairness.inFlight.get(group) ?? 1) - 1;
  if (left > 0) fairness.inFlight.set(group, left);
  else fairness.inFlight.delete(group);
}

/** Store of the available messages, with the group of each. */
export interface Source<Item> {
  /** Messages of the tenants that are not noisy, and of some noisy tenants. */
  readonly available: Heap<Item>;
  /** The group of a message. */
  readonly groupOf: (item: Item) => string | undefined;
}

/**
 * Takes the next messages, at most `max`; messages of noisy tenants only without other messages.
 */
export function takeFairly<Item>(
  fairness: Fairness<Item>,
  { available, groupOf }: Source<Item>,
  max: number,
): Item[] {
  const noisy = noisyTenants(fairness);
  unpark(fairness, available, noisy);
  const taken: Item[] = [];
  while (taken.length < max) {
    const next = pop(available);
    if (next === undefined) break;
    const group = groupOf(next);
    if (group !== undefined && noisy.has(group)) park(fairness, available, { group, item: next });
    else taken.push(next);
  }
  // The least noisy first.
  const order = [...noisy].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
  for (const [group] of order) {
    const parked = fairness.parked.get(group);
    while (parked && taken.length < max) {
      const next = pop(parked);
      if (next === undefined) break;
      taken.push(next);
    }
  }
  return taken;
}

function noisyTenants<Item>({ inFlight, total }: Fairness<Item>): Map<string, number> {
  const noisy = new Map<string, number>();
  if (total < NOISY_FROM) return noisy;
  for (const [group, count] of inFlight) {
    if (count >= NOISY_FROM && count > total * NOISY_SHARE) noisy.set(group, count);
  }
  return noisy;
}

function unpark<Item>(
  { parked }: Fairness<Item>,
  available: Heap<Item>,
  noisy: ReadonlyMap<string, number>,
): void {
  for (const [group, heap] of parked) {
    if (noisy.has(group)) continue;
    for (let item = pop(heap); item !== undefined; item = pop(heap)) push(available, item);
    parked.delete(group);
  }
}

function park<Item>(
  { parked }: Fairness<Item>,
  { before, isOver }: Heap<Item>,
  { group, item }: { group: string; item: Item },
): void {
  const heap = parked.get(group) ?? createHeap<Item>(before, isOver);
  parked.set(group, heap);
  push(heap, item);
}

/** Tells whether a noisy tenant has an available message. */
export function hasParked<Item>({ parked }: Fairness<Item>): boolean {
  for (const heap of parked.values()) if (peek(heap) !== undefined) return true;
  return false;
}
