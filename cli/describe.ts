import {
  createInspector,
  type QueueFacts,
  type SubscriptionFacts,
} from "../backends/aws/inspect/inspect.ts";
import { type CommandSpec, COMMON_OPTIONS, parseArguments, UsageError } from "./arguments.ts";
import { backendOptions } from "./backend_options.ts";
import { written } from "./durations.ts";
import type { Io } from "./io.ts";

/** The arguments of `describe`. */
export const DESCRIBE: CommandSpec<typeof COMMON_OPTIONS> = {
  name: "melange describe",
  help:
    "Tells what a queue holds, where its messages come from and go to, how old it is, and who\n" +
    "may use it, in words. Takes no message.",
  positionals: ["QUEUE"],
  options: COMMON_OPTIONS,
  example: "melange describe billing",
};

/** Runs `describe`. */
export async function describe(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals: [name] } = parseArguments(args, DESCRIBE);
  if (name === undefined) {
    throw new UsageError(`Cannot tell the queue: name it, as in ${DESCRIBE.example}`);
  }
  const inspector = (io.createInspector ?? createInspector)(backendOptions(values));
  const queue = await inspector.queue(name);
  if (values.json) io.out(JSON.stringify(queue));
  else for (const line of linesOf(queue, Date.now())) io.out(line);
  return 0;
}

function linesOf(queue: QueueFacts, now: number): string[] {
  const { name, arn, available, inFlight, delayed, createdAt, changedAt, policy } = queue;
  const { retentionMs, visibilityTimeoutMs, delayMs, subscriptions } = queue;
  return [
    `queue ${name} (${arn})`,
    `  ${available} available, ${inFlight} in flight, ${delayed} delayed`,
    `  created ${ago(createdAt, now)}, changed ${ago(changedAt, now)}`,
    `  keeps a message for ${written(retentionMs)}, locks it for ${written(visibilityTimeoutMs)}` +
    (delayMs > 0 ? `, hides it first for ${written(delayMs)}` : ""),
    ...deathLines(queue),
    ...(subscriptions.length > 0
      ? subscriptions.map(subscriptionLine)
      : ["  no topic may send to it: it gets what is sent to it by name"]),
    ...policy.map((sentence) => `  policy: ${sentence}`),
  ];
}

function deathLines({ name, deadLetterQueue, maxReceives, sources, available }: QueueFacts) {
  const lines = deadLetterQueue === undefined
    ? []
    : [`  dead-letter queue ${deadLetterQueue} after ${maxReceives} receives`];
  if (sources.length > 0) {
    lines.push(`  takes the dead letters of ${sources.join(", ")}`);
    if (available > 0) lines.push(`  "melange dead-letters ${name} list" shows why they are here`);
  } else if (deadLetterQueue === undefined) {
    lines.push("  no dead-letter queue: what always fails is tried until it is too old");
  }
  return lines;
}

function subscriptionLine({ topic, state, raw, filter }: SubscriptionFacts): string {
  if (state === "unknown") {
    return `  ${topic} may send to it; its subscriptions may not be looked at`;
  }
  if (state === "not subscribed") {
    return `  ${topic} may send to it, and has no subscription: "melange declare" subscribes it`;
  }
  const how = raw ? "" : ", in the envelope of SNS";
  return `  subscribed to ${topic}${filter === undefined ? "" : `, filtered by ${filter}`}${how}`;
}

function ago(at: number, now: number): string {
  return `${written(Math.max(0, now - at))} ago`;
}
