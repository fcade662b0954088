/** The file of `melange broker --init`: topics, queues and subscriptions to start with. */
import { readFile } from "node:fs/promises";
import type { AwsBackend } from "../../backends/aws/mod.ts";
import type { DeclareQueueOptions, SubscriptionOptions } from "../../src/backend.ts";
import { UsageError } from "../arguments.ts";
import { didYouMean } from "../did_you_mean.ts";

/** Topics, queues and subscriptions. */
export interface Topology {
  readonly topics: readonly TopicEntry[];
  readonly queues: readonly QueueEntry[];
  readonly subscriptions: readonly SubscriptionEntry[];
}

/** A topic. */
export interface TopicEntry {
  readonly name: string;
  readonly contentBasedDeduplication?: boolean;
}

/** A queue: the options of `declareQueue`, and its name. */
export interface QueueEntry extends Omit<DeclareQueueOptions, "signal"> {
  readonly name: string;
}

/** A subscription of a queue or, with `url`, of an endpoint. */
export interface SubscriptionEntry extends SubscriptionOptions {
  readonly queue?: string;
  readonly url?: string;
}

type Fields = Readonly<Record<string, "text" | "number" | "flag" | "list" | "object">>;

const TOPIC: Fields = { name: "text", contentBasedDeduplication: "flag" };
const QUEUE: Fields = {
  name: "text",
  subscribeTo: "list",
  deadLetterQueue: "text",
  maxReceives: "number",
  visibilityTimeoutMs: "number",
  retentionMs: "number",
  delayMs: "number",
  contentBasedDeduplication: "flag",
};
const SUBSCRIPTION: Fields = {
  topic: "text",
  queue: "text",
  url: "text",
  events: "list",
  filter: "object",
  raw: "flag",
};
const PARTS: Fields = { topics: "list", queues: "list", subscriptions: "list" };

/**
 * Reads the file.
 * @throws {UsageError} if the file cannot be read, or has an unknown entry
 */
export async function readTopology(path: string): Promise<Topology> {
  const refuse = (why: string): never => {
    throw new UsageError(`Cannot use the topology in ${path}: ${why}`);
  };
  const text = await readFile(path, "utf-8").catch((error) =>
    refuse(`pass --init PATH of a file to read (${error.message})`)
  );
  return topologyOf(parsed(text, refuse), refuse);
}

type Refuse = (why: string) => never;

function parsed(text: string, refuse: Refuse): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return refuse('it is not JSON: write {"topics":["orders"],"queues":["billing"]}');
  }
}

function topologyOf(value: unknown, refuse: Refuse): Topology {
  const { topics = [], queues = [], subscriptions = [] } = checked(value, PARTS, {
    where: "the file",
    refuse,
  }) as Partial<Record<keyof Topology, unknown[]>>;
  const entries = (list: unknown[], fields: Fields, where: string) =>
    list.map((entry, index) => {
      const named = typeof entry === "string" ? { name: entry } : entry;
      return checked(named, fields, { where: `${where}[${index}]`, refuse });
    });
  const topology = {
    topics: entries(topics, TOPIC, "topics"),
    queues: entries(queues, QUEUE, "queues"),
    subscriptions: entries(subscriptions, SUBSCRIPTION, "subscriptions"),
  } as unknown as Topology;
  checkNames(topology, refuse);
  return topology;
}

function checkNames({ topics, queues, subscriptions }: Topology, refuse: Refuse): void {
  for (const [where, list] of Object.entries({ topics, queues })) {
    const nameless = list.findIndex(({ name }) => !name);
    if (nameless >= 0) refuse(`${where}[${nameless}] has no name: write "name"`);
  }
  subscriptions.forEach(({ topic, queue, url }, index) => {
    if (topic && (queue === undefined) !== (url === undefined)) return;
    refuse(`subscriptions[${index}] needs "topic", and either "queue" or "url"`);
  });
}

function checked(
  value: unknown,
  fields: Fields,
  { where, refuse }: { where: string; refuse: Refuse },
): object {
  if (kindOf(value) !== "object") return refuse(`${where} must be an object`);
  for (const [name, content] of Object.entries(value as object)) {
    const kind = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (kind === undefined) {
      const meant = didYouMean(name, Object.keys(fields));
      const hint = meant === undefined ? Object.keys(fields).join(", ") : `did you mean ${meant}?`;
      refuse(`${where} has the unknown field "${name}": ${hint}`);
    }
    if (kindOf(content) !== kind) refuse(`${where}.${name} must be a ${kind}`);
  }
  return value as object;
}

function kindOf(value: unknown): Fields[string] | undefined {
  if (Array.isArray(value)) return "list";
  if (value === null) return undefined;
  const kinds = { string: "text", number: "number", boolean: "flag", object: "object" } as const;
  return kinds[typeof value as keyof typeof kinds];
}

/** Creates missing queues and topics, and changes settings that differ; nothing else. */
export async function applyTopology(backend: AwsBackend, topology: Topology): Promise<void> {
  const { topics, queues, subscriptions } = topology;
  for (const { name, ...options } of topics) await backend.declareTopic(name, options);
  for (const { name, ...options } of queues) await backend.declareQueue(name, options);
  for (const { queue, url, topic, events, ...options } of subscriptions) {
    const filtered = events === undefined ? {} : { events };
    if (queue !== undefined) {
      const subscribeTo = [{ topic, ...filtered, ...options }];
      await backend.declareQueue(queue, { subscribeTo });
    } else if (url !== undefined) await backend.declareEndpoint(topic, url, filtered);
  }
}
