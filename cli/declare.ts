import type {
  Backend,
  DeclareQueueOptions,
  QueueDescription,
  SubscriptionOptions,
} from "../src/backend.ts";
import { subscriptionsFor } from "../src/handle/declarations.ts";
import { type Topology, topologyOf } from "../src/operate/topology/mod.ts";
import type { Logger } from "../src/support/logger.ts";
import { type CommandSpec, COMMON_OPTIONS, parseArguments, UsageError } from "./arguments.ts";
import type { OptionSpecs, OptionValues } from "./arguments.ts";
import { backendOptions } from "./backend_options.ts";
import { loadHandlers } from "./handlers.ts";
import type { Io } from "./io.ts";
import { createLogger } from "./log.ts";
import { loadTopology } from "./topology/load.ts";
import { planned } from "./topology/plan.ts";

const OPTIONS = {
  queue: {
    type: "text",
    value: "NAME",
    help: "the queue to create; .fifo at its end makes it FIFO",
  },
  subscribe: {
    type: "text",
    value: "TOPIC",
    many: true,
    help: "a topic the queue gets all events of, created if it is missing",
  },
  handlers: {
    type: "text",
    value: "PATH",
    help: "a module whose handlers tell the topics and event types to subscribe to",
  },
  envelope: {
    type: "flag",
    help: "topics deliver in the envelope of SNS, as Python's Melange reads it; default: raw",
  },
  "dead-letter": { type: "text", value: "NAME", help: "the queue for what failed too often" },
  "max-receives": {
    type: "count",
    value: "N",
    help: "receives before a message goes there; default: 5",
  },
  "visibility-timeout-ms": { type: "count", value: "MS", help: "default for a new queue: 30000" },
  "retention-ms": { type: "count", value: "MS", help: "how long messages are kept" },
  "delay-ms": { type: "count", value: "MS", help: "how long each message is hidden first" },
  topic: { type: "text", value: "NAME", many: true, help: "a topic to create by itself" },
  topology: {
    type: "text",
    value: "PATH",
    help: "a module with all services: it exports `topology`, or `services`",
  },
  plan: { type: "flag", help: "only print what differs; exit code 2 if anything does" },
  apply: { type: "flag", help: "print what differs, and change it" },
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

/** The arguments of `declare`. */
export const DECLARE: CommandSpec<typeof OPTIONS> = {
  name: "melange declare",
  help: "Creates what is missing: topics, a queue, its dead-letter queue and its subscriptions.\n" +
    "Doing it again changes nothing; what you do not name is left as it is.",
  positionals: [],
  options: OPTIONS,
  example: "melange declare --queue billing --subscribe orders --dead-letter billing-dlq",
};

/** Runs `declare`, and prints the resulting resources. */
export async function declare(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseArguments(args, DECLARE);
  const { queue, topic: topics = [], json = false } = values;
  const logger = createLogger(io, { json });
  if (values.plan || values.apply || values.topology !== undefined) {
    return await declarePlanned(values, { io, json, logger });
  }
  if (queue === undefined) refuseQueueOptions(values);
  const options = queueOptionsOf(values, await subscriptionsOf(values, logger));
  const backend = io.createBackend({ ...backendOptions(values), logger });
  const print = printer(io, json);
  try {
    for (const topic of topics) await declareTopic(backend, topic, { print, options });
    if (queue !== undefined) print.queue(await backend.declareQueue(queue, options), options);
  } finally {
    await backend.close();
  }
  return 0;
}

/** Plans, and applies the plan if asked to, for a module of services or for the named queue. */
async function declarePlanned(
  values: OptionValues<typeof OPTIONS>,
  { io, json, logger }: { io: Io; json: boolean; logger: Logger },
): Promise<number> {
  const { plan = false, apply = false } = values;
  if (plan === apply) {
    throw new UsageError("Cannot tell what to do with the plan: pass either --plan or --apply");
  }
  const topology = await plannedTopology(values, logger);
  const backend = io.createBackend({ ...backendOptions(values), logger });
  try {
    return await planned(backend, topology, { io, json, apply });
  } finally {
    await backend.close();
  }
}

async function plannedTopology(
  values: OptionValues<typeof OPTIONS>,
  logger: Logger,
): Promise<Topology> {
  const { topology, queue, topic: topics = [] } = values;
  if (topology === undefined) {
    if (queue === undefined) {
      throw new UsageError("Cannot plan nothing: pass --topology or --queue");
    }
    if (topics.length > 0) {
      throw new UsageError("Cannot plan a topic by itself: name it in a module of services");
    }
    return topologyOf({ queue, ...queueOptionsOf(values, await subscriptionsOf(values, logger)) });
  }
  const free = ["topology", "plan", "apply", ...Object.keys(COMMON_OPTIONS)];
  const other = Object.keys(values).find((name) => !free.includes(name));
  if (other !== undefined) {
    throw new UsageError(`Cannot use --${other} with --topology: the module says it`);
  }
  return (await loadTopology(topology, { logger })).topology;
}

function refuseQueueOptions(values: OptionValues<typeof OPTIONS>): void {
  const free = ["topic", ...Object.keys(COMMON_OPTIONS)];
  const other = Object.keys(values).find((name) => !free.includes(name));
  if (other !== undefined) {
    throw new UsageError(`Cannot use --${other} without a queue: pass --queue NAME`);
  }
  if (!values.topic) {
    throw new UsageError("Cannot declare nothing: pass --queue NAME or --topic NAME");
  }
}

async function subscriptionsOf(
  { subscribe = [], handlers, envelope = false }: OptionValues<typeof OPTIONS>,
  logger: Logger,
): Promise<SubscriptionOptions[]> {
  const named = subscribe.map((topic) => ({ topic, ...(envelope ? { raw: false } : {}) }));
  if (handlers === undefined) return named;
  const { dispatcher } = await loadHandlers(handlers, { logger });
  const derived = subscriptionsFor(dispatcher, envelope ? "melange" : "plain");
  return [...named, ...derived.filter(({ topic }) => !subscribe.includes(topic))];
}

function queueOptionsOf(
  values: OptionValues<typeof OPTIONS>,
  subscribeTo: SubscriptionOptions[],
): DeclareQueueOptions & { subscribeTo: SubscriptionOptions[] } {
  const given = {
    deadLetterQueue: values["dead-letter"],
    maxReceives: values["max-receives"],
    visibilityTimeoutMs: values["visibility-timeout-ms"],
    retentionMs: values["retention-ms"],
    delayMs: values["delay-ms"],
  };
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(entries), subscribeTo };
}

type Printer = ReturnType<typeof printer>;

async function declareTopic(
  backend: Backend,
  name: string,
  { print, options }: { print: Printer; options: { subscribeTo: SubscriptionOptions[] } },
): Promise<void> {
  const subscribed = options.subscribeTo.some(({ topic }) => topic === name);
  print.topic(await backend.declareTopic(name), subscribed);
}

function printer(io: Io, json: boolean) {
  return {
    topic({ name, address }: { name: string; address: string }, subscribed: boolean): void {
      if (json) return io.out(JSON.stringify({ topic: name, address, subscribed }));
      io.out(`topic ${name} exists (${address})`);
      if (subscribed) return;
      io.out(`  no queue is subscribed to it by this: a topic keeps nothing for nobody`);
    },
    queue(queue: QueueDescription, { subscribeTo }: { subscribeTo: SubscriptionOptions[] }): void {
      if (json) return io.out(JSON.stringify({ queue: queue.name, ...queue, subscribeTo }));
      for (const line of queueLines(queue, subscribeTo)) io.out(line);
    },
  };
}

function queueLines(queue: QueueDescription, subscriptions: SubscriptionOptions[]): string[] {
  const { name, address, available, inFlight, delayed, deadLetterQueue, maxReceives } = queue;
  return [
    `queue ${name} exists (${address})`,
    ...subscriptions.map(({ topic, events, raw = true }) =>
      `  subscribed to ${topic}${raw ? "" : ", in the envelope of SNS"}${
        events ? `: ${events.join(", ")}` : ""
      }`
    ),
    ...(subscriptions.length > 0
      ? []
      : ["  this subscribes it to no topic: it gets what is sent to it by name"]),
    deadLetterQueue === undefined
      ? "  no dead-letter queue: what always fails is tried until it is too old"
      : `  dead-letter queue ${deadLetterQueue} after ${maxReceives} receives`,
    `  ${available} available, ${inFlight} in flight, ${delayed} delayed`,
  ];
}
