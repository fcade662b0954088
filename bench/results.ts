/** The results of all runs, from which the page of results is written. Parts are merged into them. */
import type { Line, Measurement } from "./measurement.ts";
import type { Counts } from "./stub/counts.ts";

/** What one variant did on one runtime: a number for each round. */
export interface Result {
  /** The runtime, as `--on` names it; or `any`. */
  readonly runtime: string;
  /** The version of the runtime. */
  readonly version: string;
  /** The day of the measurement. */
  readonly date: string;
  readonly scenario: string;
  readonly variant: string;
  /** The round of each number below: rounds that failed are missing. */
  readonly rounds: readonly number[];
  /** Microseconds a message. */
  readonly wallUs: readonly number[];
  /** Microseconds of processor time a message. */
  readonly cpuUs: readonly number[];
  /** Messages of one run; the least of all rounds. */
  readonly count: number;
  /** What the stub counted, each number the least and the most of all rounds. */
  readonly counts: Readonly<Record<string, readonly [number, number]>>;
  /** Milliseconds, of all rounds together. */
  readonly p50?: number;
  readonly p99?: number;
  /** A number of its own, where there is only one, and its unit. */
  readonly value?: number;
  readonly unit?: string;
  /** Why it could not be run. */
  readonly failure?: string;
}

/** What a run was made on. */
export interface Made {
  readonly runtime: string;
  readonly version: string;
  readonly date: string;
}

/** Puts the runs of each variant together. */
export function resultsOf(lines: readonly Line[], made: Made): Result[] {
  const byVariant = Map.groupBy(lines, ({ scenario, variant }) => `${scenario}\n${variant}`);
  const results = [...byVariant.values()].map((group) => resultOf(group, made));
  // Within a round the turns change: here ours come first, and the limits last.
  return results.sort((a, b) => placeOf(a) - placeOf(b));
}

function placeOf({ variant }: Result): number {
  if (variant.startsWith("limit: ")) return 2;
  return variant.startsWith("melange") ? 0 : 1;
}

function resultOf(lines: readonly Line[], made: Made): Result {
  const { scenario, variant } = lines[0] as Measurement;
  const runs = lines.filter((line) => "wallMs" in line);
  const failed = lines.find((line) => "failure" in line);
  const single = lines.find((line) => "value" in line);
  const each = (ms: (run: Measurement) => number | undefined) =>
    runs.flatMap((run) => {
      const all = ms(run);
      return all === undefined ? [] : [rounded(all * 1_000 / run.count)];
    });
  const latencies = runs.flatMap(({ latencies = [] }) => latencies).sort((a, b) => a - b);
  return {
    ...made,
    scenario,
    variant,
    rounds: runs.map(({ round }) => round),
    wallUs: each(({ wallMs }) => wallMs),
    cpuUs: each(({ cpuMs }) => cpuMs),
    count: runs.reduce((least, { count }) => Math.min(least, count), runs[0]?.count ?? 0),
    counts: rangesOf(runs.flatMap(({ counts }) => counts ? [flat(counts)] : [])),
    ...(latencies.length > 0
      ? { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
      : {}),
    ...(single ? { value: single.value, unit: single.unit } : {}),
    ...(failed ? { failure: failed.failure } : {}),
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** The counts by one name each. */
function flat(
  { requests, entries, emptyReceives, fullReceives, signed }: Counts,
): Record<string, number> {
  const named = (what: string, counts: Record<string, number>) =>
    Object.entries(counts).map(([action, count]) => [`${what} ${action}`, count] as const);
  return Object.fromEntries([
    ...named("requests", requests),
    ...named("entries", entries),
    ["empty receives", emptyReceives],
    ["full receives", fullReceives],
    ["signed", signed],
  ]);
}

function rangesOf(all: readonly Record<string, number>[]): Record<string, [number, number]> {
  const names = new Set(all.flatMap((counts) => Object.keys(counts)));
  return Object.fromEntries([...names].map((name) => {
    const values = all.map((counts) => counts[name] ?? 0);
    return [name, [Math.min(...values), Math.max(...values)]];
  }));
}

/** The value below which a share of all values is; they are in order. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  return sorted[place] ?? NaN;
}

/** New results in place of older ones of the same variant on the same runtime. */
export function merged(before: readonly Result[], now: readonly Result[]): Result[] {
  // A variant that has another name now must not stay: the whole scenario is replaced.
  const measured = new Set(now.map(({ runtime, scenario }) => `${runtime}\n${scenario}`));
  const kept = before.filter(({ runtime, scenario }) => !measured.has(`${runtime}\n${scenario}`));
  return [...kept, ...now];
}

/** A median with the least and the most. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** The spread of numbers; `undefined` if there are none. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  const median = sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
  return { median, least: sorted[0] as number, most: sorted.at(-1) as number };
}

/** One number of each round, over the same number of another variant in the same round. */
export function ratioWithinRounds(
  of: Result,
  over: Result,
  what: "wallUs" | "cpuUs",
): Spread | undefined {
  if (of[what].length < of.rounds.length || over[what].length < over.rounds.length) {
    return undefined;
  }
  const ratios = of.rounds.flatMap((round, at) => {
    const place = over.rounds.indexOf(round);
    return place < 0 ? [] : [(of[what][at] as number) / (over[what][place] as number)];
  });
  return spreadOf(ratios);
}
