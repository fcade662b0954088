/** The page of results: the goals first, then all that was measured. */
import { type Verdict, verdictsOn, wordFor } from "./goals.ts";
import { ratioWithinRounds, type Result, type Spread, spreadOf } from "./results.ts";

/** The machine: its cores and its processor, nothing else. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
}

/** What the page is made of. */
export interface ReportOptions {
  readonly results: readonly Result[];
  readonly machine: Machine;
  /** The versions of what is measured beside the library, by name. */
  readonly peers: Readonly<Record<string, string>>;
}

/** The names of the runtimes for people. */
const TITLES: Readonly<Record<string, string>> = {
  node20: "Node 20",
  node24: "Node 24",
  bun: "Bun",
  deno: "Deno",
  workerd: "workerd",
};

/** Writes the page. */
export function report({ results, machine, peers }: ReportOptions): string {
  const runtimes = [...new Map(results.map((each) => [each.runtime, each])).values()];
  const versions = runtimes.map(({ runtime, version, date }) =>
    `${titleOf(runtime)} (${version}, ${date})`
  );
  const others = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  return `# What it costs

Written by \`deno task bench\`. ${machine.cores} cores, ${machine.processor}. ${
    versions.join(", ")
  }.
Beside it: ${others.join(", ")}.

Everything runs through the public API with default options against a stub of SQS and SNS in a
process of its own, on the same machine. Variants take turns within a round; ratios are those within
a round. A cell holds the median, and in brackets the least and the most of all rounds. Messages
have a body of about a kibibyte. Rates of one machine say little about another; ratios and requests
say more.

## Goals

${goalTable(runtimes.flatMap(({ runtime }) => verdictsOn(runtime, results)))}

## All that was measured

Times are microseconds a message: as the clock tells, and as the processor was busy. "× the first"
is the throughput of a variant over that of the first one of its scenario on the same runtime.

${scenarioTable(results)}
`;
}

function titleOf(runtime: string): string {
  return TITLES[runtime] ?? runtime;
}

function goalTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map((verdict) => [
    verdict.goal.what,
    titleOf(verdict.runtime),
    withSpread(verdict.found),
    `${verdict.goal.more ? "≥" : "≤"} ${verdict.must}`,
    wordFor(verdict, verdict.must),
    `${verdict.goal.more ? "≥" : "≤"} ${verdict.stretch}`,
    wordFor(verdict, verdict.stretch),
  ]);
  return table(["goal", "on", "found", "must", "", "stretch", ""], rows);
}

function scenarioTable(results: readonly Result[]): string {
  const names = [...new Set(results.map(({ scenario }) => scenario))];
  const inOrder = names.flatMap((name) => results.filter(({ scenario }) => scenario === name));
  const rows = inOrder.map((result) => {
    const first = results.find(({ runtime, scenario }) =>
      runtime === result.runtime && scenario === result.scenario
    ) as Result;
    return [
      result.scenario,
      titleOf(result.runtime),
      result.variant,
      result.failure ??
        (result.value === undefined
          ? withSpread(spreadOf(result.wallUs))
          : `${result.value} ${result.unit}`),
      withSpread(spreadOf(result.cpuUs)),
      withSpread(ratioWithinRounds(first, result, "wallUs")),
      requestsOf(result),
      result.p50 === undefined ? "" : `${short(result.p50)} / ${short(result.p99 ?? NaN)}`,
    ];
  });
  const heads = ["scenario", "on", "variant", "µs", "CPU µs", "× the first", "requests a message"];
  return table([...heads, "p50 / p99 ms"], rows);
}

/** What is paid for, over the messages; the most of all rounds. */
function requestsOf({ counts, count }: Result): string {
  const names = Object.keys(counts).filter((name) => name.startsWith("requests "));
  if (names.length === 0) return "";
  const requests = names.reduce((sum, name) => sum + (counts[name]?.[1] ?? 0), 0);
  return (requests / count).toFixed(3);
}

function withSpread(spread: Spread | undefined): string {
  if (!spread) return "";
  const { median, least, most } = spread;
  if (least === most) return short(median);
  return `${short(median)} (${short(least)}–${short(most)})`;
}

function short(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(value >= 1 ? 2 : 3);
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The same for a terminal: what a run found, a line for each variant. */
export function tableOf(results: readonly Result[]): string {
  return results.map((result) => {
    const { runtime, scenario, variant, failure, p50, p99, wallUs, cpuUs, value, unit } = result;
    const times = value === undefined
      ? `${medianOf(wallUs).padStart(8)} µs ${medianOf(cpuUs).padStart(8)} µs CPU`
      : `${short(value).padStart(8)} ${unit}`;
    const latency = p50 === undefined ? "" : ` p50 ${short(p50)} p99 ${short(p99 ?? NaN)} ms`;
    const found = failure ?? `${times} ${requestsOf(result)}${latency}`;
    return `${runtime.padEnd(8)}${scenario.padEnd(44)}${variant.padEnd(36)}${found}`;
  }).join("\n");
}

function medianOf(values: readonly number[]): string {
  const spread = spreadOf(values);
  return spread ? short(spread.median) : "–";
}
