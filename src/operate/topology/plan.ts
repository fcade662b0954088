import {
  type Admin,
  type CallOptions,
  type ExistingQueue,
  type ExistingSubscription,
  type ExistingTopic,
  type FilterPolicy,
  filterPolicyOf,
  type Inventory,
} from "../../backend.ts";
import { defined } from "../../support/defined.ts";
import { MelangeError } from "../../support/errors.ts";
import { sameJson } from "./same_json.ts";
import type { QueueTopology, SubscriptionTopology, Topology } from "./topology.ts";

/**
 * A difference between a topology and what exists.
 *
 * @category Topology
 */
export interface PlannedChange {
  /**
   * `create`: it is missing. `update`: a setting differs. `foreign`: somebody else made it; it is
   * shown and never touched.
   */
  readonly action: "create" | "update" | "foreign";
  /** The kind of the thing. */
  readonly kind: "topic" | "queue" | "subscription" | "policy";
  /** The name of the thing; `topic -> queue` for a subscription. */
  readonly name: string;
  /** The setting that differs. */
  readonly setting?: string;
  /** The present value of the setting. */
  readonly from?: unknown;
  /** The wanted value of the setting. */
  readonly to?: unknown;
}

/**
 * The differences between a topology and what exists, and the way to end them.
 *
 * @category Topology
 */
export interface Plan {
  /** Things to create and settings to change; empty where all is as wanted. */
  readonly changes: readonly PlannedChange[];
  /** Subscriptions and policy statements that are not part of the topology. Nothing touches them. */
  readonly foreign: readonly PlannedChange[];
  /**
   * Creates what is missing and changes what differs. Deletes nothing. Safe to repeat. Does nothing
   * where there are no changes.
   */
  apply(options?: CallOptions): Promise<void>;
  /** Returns the plan in words, a line for each difference. */
  toString(): string;
}

/**
 * Compares a topology with what exists. Reads only; {@linkcode Plan.apply} writes.
 *
 * @throws {MelangeError} `UNSUPPORTED` if the backend cannot inspect
 *
 * @example
 * ```ts
 * import { MemoryBackend } from "@melange/melange/memory";
 * import { planOf, topologyOf } from "@melange/melange/topology";
 *
 * const backend = new MemoryBackend();
 * const plan = await planOf(backend, topologyOf({ queue: "billing", subscribeTo: ["orders"] }));
 * console.log(plan.changes.map(({ action, name }) => `${action} ${name}`).join(", "));
 * // prints: create orders, create billing, create orders -> billing
 * await plan.apply();
 * ```
 *
 * @category Topology
 */
export async function planOf(
  backend: Pick<Admin, "inspect" | "declareQueue" | "declareTopic">,
  topology: Topology,
  options: CallOptions = {},
): Promise<Plan> {
  if (!backend.inspect) {
    throw new MelangeError(
      "UNSUPPORTED",
      "Cannot plan as this backend cannot tell what exists: it has no inspect()",
    );
  }
  const existing = await backend.inspect({
    topics: topology.topics.map(({ name }) => name),
    queues: topology.queues.map(({ name }) => name),
    ...options,
  });
  const changes = [
    ...topicChanges(topology, existing),
    ...topology.queues.flatMap((queue) => queueChanges(queue, existing)),
    ...topology.subscriptions.flatMap((wanted) => subscriptionChanges(wanted, existing)),
  ];
  const foreign = [...foreignSubscriptions(topology, existing), ...foreignStatements(existing)];
  return {
    changes,
    foreign,
    async apply({ signal } = {}) {
      if (changes.length > 0) await declareAll(backend, topology, signal);
    },
    toString: () => [...changes, ...foreign].map(inWords).join("\n") || "Nothing to change",
  };
}

async function declareAll(
  backend: Pick<Admin, "declareQueue" | "declareTopic">,
  { topics, queues, subscriptions }: Topology,
  signal: AbortSignal | undefined,
): Promise<void> {
  const subscribed = new Set(subscriptions.map(({ topic }) => topic));
  for (const { name } of topics) {
    if (!subscribed.has(name)) await backend.declareTopic(name, defined({ signal }));
  }
  // A dead-letter queue is declared before the queue that names it, for its own settings.
  const targetsFirst = [...queues].sort((a, b) =>
    Number(b.deadLettersOf !== undefined) - Number(a.deadLettersOf !== undefined)
  );
  for (const { name, deadLettersOf: _, ...settings } of targetsFirst) {
    const subscribeTo = subscriptions.filter(({ queue }) => queue === name)
      .map(({ queue: _, ...subscription }) => subscription);
    await backend.declareQueue(name, { ...settings, subscribeTo, ...defined({ signal }) });
  }
}

function topicChanges({ topics }: Topology, existing: Inventory): PlannedChange[] {
  return topics.flatMap(({ name }): PlannedChange[] =>
    topicIn(existing, name) ? [] : [{ action: "create", kind: "topic", name }]
  );
}

/** The settings of a queue that a topology may name. */
const SETTINGS = [
  ...["visibilityTimeoutMs", "retentionMs", "delayMs"],
  ...["deadLetterQueue", "maxReceives", "contentBasedDeduplication"],
] as readonly (keyof QueueTopology & keyof ExistingQueue)[];

function queueChanges(queue: QueueTopology, { queues }: Inventory): PlannedChange[] {
  const name = shortName(queue.name);
  const found = queues.find((it) => it.name === name);
  if (!found) return [{ action: "create", kind: "queue", name }];
  return SETTINGS.flatMap((setting): PlannedChange[] => {
    const to = setting === "deadLetterQueue" && queue.deadLetterQueue !== undefined
      ? shortName(queue.deadLetterQueue)
      : queue[setting];
    const from = found[setting];
    if (to === undefined || from === to) return [];
    return [{ action: "update", kind: "queue", name, setting, ...defined({ from }), to }];
  });
}

function subscriptionChanges(
  wanted: SubscriptionTopology,
  existing: Inventory,
): PlannedChange[] {
  const { topic, raw } = wanted;
  const queue = shortName(wanted.queue);
  const name = `${shortName(topic)} -> ${queue}`;
  const found = topicIn(existing, topic)?.subscriptions
    .find(({ protocol, endpoint }) => protocol === "sqs" && endpoint === queue);
  if (!found) return [{ action: "create", kind: "subscription", name }];
  const change = { action: "update", kind: "subscription", name } as const;
  const filter = filterPolicyOf(wanted);
  return [
    ...(found.raw === raw ? [] : [{ ...change, setting: "raw", from: found.raw, to: raw }]),
    ...(sameJson(found.filter ?? {}, filter ?? {})
      ? []
      : [{ ...change, setting: "filter", from: shown(found.filter), to: shown(filter) }]),
    ...policyChanges(wanted, existing),
  ];
}

function shown(filter: FilterPolicy | undefined): unknown {
  return filter ?? "everything passes";
}

/** A subscription delivers nothing where the policy of the queue does not let the topic send. */
function policyChanges(
  { topic, queue }: SubscriptionTopology,
  { queues, ...existing }: Inventory,
): PlannedChange[] {
  const { sources, name = queue } = queues.find((it) => it.name === shortName(queue)) ?? {};
  const address = topicIn({ queues, ...existing }, topic)?.address;
  if (!sources || address === undefined || sources.includes(address)) return [];
  const setting = "lets send";
  return [{ action: "update", kind: "policy", name, setting, from: sources, to: address }];
}

function foreignSubscriptions(
  { subscriptions }: Topology,
  { topics }: Inventory,
): PlannedChange[] {
  const isWanted = ({ name }: ExistingTopic, { protocol, endpoint }: ExistingSubscription) =>
    protocol === "sqs" &&
    subscriptions.some(({ topic, queue }) =>
      shortName(topic) === name && shortName(queue) === endpoint
    );
  return topics.flatMap((topic) =>
    topic.subscriptions.filter((it) => !isWanted(topic, it)).map((it): PlannedChange => {
      const by = it.protocol === "sqs" ? it.endpoint : `${it.protocol} ${it.endpoint}`;
      return { action: "foreign", kind: "subscription", name: `${topic.name} -> ${by}` };
    })
  );
}

function foreignStatements({ queues }: Inventory): PlannedChange[] {
  return queues.flatMap(({ name, foreignStatements = [] }) =>
    foreignStatements.map((setting): PlannedChange => (
      { action: "foreign", kind: "policy", name, setting }
    ))
  );
}

function topicIn({ topics }: Inventory, topic: string): ExistingTopic | undefined {
  return topics.find(({ name }) => name === shortName(topic));
}

/** Returns the last part of an ARN or a URL. */
function shortName(name: string): string {
  return name.split(/[:/]/).at(-1) ?? name;
}

const SIGNS = { create: "+", update: "~", foreign: "?" } as const;

function inWords({ action, kind, name, setting, from, to }: PlannedChange): string {
  const what = `${SIGNS[action]} ${kind} ${name}`;
  if (action === "create") return `${what}: is missing`;
  if (action === "foreign") {
    return `${what}${
      setting === undefined ? "" : ` (${setting})`
    }: not of this topology, left alone`;
  }
  return `${what}: ${setting} is ${text(from)}, wanted ${text(to)}`;
}

function text(value: unknown): string {
  return value === undefined
    ? "not set"
    : typeof value === "string"
    ? value
    : JSON.stringify(value);
}
