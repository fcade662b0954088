/** The goals of the bench, and how far a result is from them. */
import { ratioWithinRounds, type Result, type Spread, spreadOf } from "./results.ts";

/** What must be reached, and what would be better. */
export interface Goal {
  readonly what: string;
  readonly scenario: string;
  /** What is measured on a result. */
  measure(variant: (name: string) => Result | undefined): Spread | undefined;
  /** Whether more is better. */
  readonly more: boolean;
  /** By runtime, or the same for all of `on`. */
  readonly must: Readonly<Record<string, number>>;
  readonly stretch: Readonly<Record<string, number>>;
}

const ALL = ["node24", "bun", "deno"] as const;
const BACKEND = "melange AwsBackend";
const LATENCY = "latency at a round trip of 10 ms, 40/s";
const PUBLISH = "publish to a queue";

/** A rate over another one in the same round, or the processor time over another one's. */
function over(of: string, other: string, what: "wallUs" | "cpuUs" = "wallUs"): Goal["measure"] {
  return (variant) => {
    const [mine, theirs] = [variant(of), variant(other)];
    if (!mine || !theirs) return undefined;
    // A rate is the other way round than the time.
    return what === "wallUs"
      ? ratioWithinRounds(theirs, mine, what)
      : ratioWithinRounds(mine, theirs, what);
  };
}

function each(node24: number, bun: number, deno: number): Record<string, number> {
  return { node24, bun, deno };
}

function same(value: number): Record<string, number> {
  return Object.fromEntries(ALL.map((name) => [name, value]));
}

function exactly(value: number | undefined): Spread | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : spreadOf([value]);
}

function perMessage(result: Result | undefined, names: readonly string[]): number | undefined {
  if (!result) return undefined;
  return names.reduce((sum, name) => sum + (result.counts[name]?.[1] ?? 0), 0) / result.count;
}

/** All goals. */
export const GOALS: readonly Goal[] = [
  {
    what: "publish to a queue ÷ sqs-producer",
    scenario: PUBLISH,
    measure: over(BACKEND, "sqs-producer"),
    more: true,
    must: each(1.5, 4, 2),
    stretch: each(2, 7, 3),
  },
  {
    what: "publish to a queue with `./transport/node` ÷ sqs-producer",
    scenario: PUBLISH,
    measure: over("melange AwsBackend, transport/node", "sqs-producer"),
    more: true,
    must: { node24: 2.5 },
    stretch: { node24: 3.5 },
  },
  {
    what: "publish to a topic ÷ the SDK's PublishBatch",
    scenario: "publish to a topic",
    measure: over(BACKEND, "AWS SDK"),
    more: true,
    must: each(1.5, 3, 2),
    stretch: each(2, 5, 3),
  },
  {
    what: "processor time of a published message ÷ sqs-producer's",
    scenario: PUBLISH,
    measure: over(BACKEND, "sqs-producer", "cpuUs"),
    more: false,
    must: each(0.65, 0.25, 0.45),
    stretch: each(0.5, 0.15, 0.33),
  },
  {
    what: "`awsSender` on workerd ÷ fetch, unsigned",
    scenario: PUBLISH,
    measure: over("melange awsSender", "limit: fetch, unsigned"),
    more: true,
    must: { workerd: 0.55 },
    stretch: { workerd: 0.75 },
  },
  ...[10, 100].map((slots): Goal => ({
    what: `consume with ${slots} slots ÷ sqs-consumer's handleMessageBatch`,
    scenario: `consume, ${slots} slots`,
    measure: over("melange", "sqs-consumer"),
    more: true,
    must: each(1.8, 4.5, 3),
    stretch: each(3, 6.5, 4),
  })),
  {
    what: "5 % slow handlers ÷ sqs-consumer, default slots",
    scenario: "5 % slow handlers, 10 slots",
    measure: over("melange", "sqs-consumer"),
    more: true,
    must: same(7),
    stretch: same(9),
  },
  {
    what: "5 % slow handlers ÷ sqs-consumer, 100 slots over its default",
    scenario: "5 % slow handlers, 100 slots",
    measure: over("melange", "sqs-consumer"),
    more: true,
    must: same(24),
    stretch: same(33),
  },
  {
    what: "p99 latency at 10 ms ÷ that of a bare loop",
    scenario: LATENCY,
    measure(variant) {
      const [ours, loop] = [variant("melange")?.p99, variant("limit: receive and delete")?.p99];
      return exactly(ours === undefined || loop === undefined ? undefined : ours / loop);
    },
    more: false,
    must: same(1.25),
    stretch: same(1.1),
  },
  {
    what: "processor time of a message with 10,000 slots ÷ with 100",
    scenario: "consume, all slots taken",
    measure: over("10000 slots", "100 slots", "cpuUs"),
    more: false,
    must: same(1.3),
    stretch: same(1.1),
  },
  {
    what: "requests a consumed message under backlog (publishing adds 0.1)",
    scenario: "consume, 10 slots",
    measure: (variant) =>
      exactly(perMessage(variant("melange"), ["full receives", "requests DeleteMessageBatch"])),
    more: false,
    must: same(0.2),
    stretch: same(0.2),
  },
  {
    what: "sends a message at 200 a second",
    scenario: "publish 200 a second, round trip of 10 ms",
    measure: (variant) => exactly(perMessage(variant(BACKEND), ["requests SendMessageBatch"])),
    more: false,
    must: same(0.5),
    stretch: same(0.5),
  },
  {
    what: "one signature ÷ `AwsClient.sign`, processor time",
    scenario: "sign 12 KiB",
    measure: over("melange", "AwsClient.sign of aws4fetch", "cpuUs"),
    more: false,
    must: same(0.15),
    stretch: same(0.06),
  },
  {
    what: "memory bus ÷ a ring queue with JSON",
    scenario: "memory, asynchronous",
    measure: over("melange EventBus on MemoryBackend", "limit: ring queue with JSON"),
    more: true,
    must: same(0.25),
    stretch: same(0.4),
  },
  ...["melange SynchronousEventBus", "melange, 100 other types"].map((name): Goal => ({
    what: `\`SynchronousEventBus\`, µs a publish${
      name.endsWith("types") ? ", 100 other types" : ""
    }`,
    scenario: "within the call stack",
    measure: (variant) => spreadOf(variant(name)?.wallUs ?? []),
    more: false,
    must: same(0.15),
    stretch: same(0.07),
  })),
  {
    what: "growth of resident memory over 200,000 messages, MiB",
    scenario: "resident memory",
    measure: (variant) => exactly(variant("melange")?.value),
    more: false,
    must: same(4),
    stretch: same(2),
  },
  {
    what: "start-up above an empty program, ms",
    scenario: "start-up",
    measure: (variant) => exactly(variant("melange")?.value),
    more: false,
    must: same(6),
    stretch: same(3),
  },
];

/** What became of a goal on one runtime. */
export interface Verdict {
  readonly goal: Goal;
  readonly runtime: string;
  readonly must: number;
  readonly stretch: number;
  readonly found: Spread | undefined;
}

/** The goals of a runtime beside what was found. */
export function verdictsOn(runtime: string, results: readonly Result[]): Verdict[] {
  return GOALS.flatMap((goal) => {
    const must = goal.must[runtime];
    const stretch = goal.stretch[runtime];
    if (must === undefined || stretch === undefined) return [];
    const variant = (name: string) =>
      results.find((each) =>
        each.runtime === runtime && each.scenario === goal.scenario && each.variant === name &&
        each.failure === undefined
      );
    return [{ goal, runtime, must, stretch, found: goal.measure(variant) }];
  });
}

/** The word for a limit: met, or missed by how much. */
export function wordFor({ goal, found }: Verdict, limit: number): string {
  if (!found) return "not measured";
  const { median } = found;
  if (goal.more ? median >= limit : median <= limit) return "met";
  const missing = goal.more ? 1 - median / limit : median / limit - 1;
  return `missed by ${Math.round(missing * 100)} %`;
}
