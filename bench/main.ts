/**
 * Measures the library beside others and beside what the runtimes can do at best. `--quick`: few
 * rounds, and it fails where a count of requests is off; `--only publish,consume`: these groups of
 * scenarios; `--on node24,deno`: these runtimes; `--rounds N`. A run in parts, or of all of it,
 * writes `bench/RESULTS.md`; a quick one only says what it found.
 */
import { parseArgs } from "node:util";
import config from "../deno.json" with { type: "json" };
import { chartOf } from "./chart.ts";
import { startup } from "./startup.ts";
import { broadcastChannel, bundleSizes } from "./tools.ts";
import { measureOnWorkerd } from "./workerd.ts";
import { offCounts } from "./expectations.ts";
import { groups, GROWTH } from "./program/groups.ts";
import { progress } from "./progress.ts";
import { type Machine, report, tableOf } from "./report.ts";
import { type Made, merged, type Result, resultsOf } from "./results.ts";
import type { Line } from "./measurement.ts";
import { bundleProgram, measureOn, type RunOptions } from "./run.ts";
import { type Runtime, runtime, RUNTIME_NAMES, type RuntimeName } from "./runtimes.ts";

/** What is measured beside the library; deno.json pins it. */
const PEERS = [
  ...["@aws-sdk/client-sqs", "@aws-sdk/client-sns", "sqs-producer", "sqs-consumer", "aws4fetch"],
  ...["mitt", "nanoevents", "eventemitter3", "emittery", "fastq", "p-queue"],
];
const RESULTS = "bench/results.json";
/** The groups that need programs of their own. */
const OWN_PROGRAMS = ["startup", "sizes", "broadcast_channel"] as const;
const QUICK_RUNTIMES: readonly RuntimeName[] = ["node24", "deno"];

const { values } = parseArgs({
  args: Deno.args,
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    on: { type: "string" },
    rounds: { type: "string" },
  },
});
const { quick } = values;
const rounds = Number(values.rounds ?? (quick ? 3 : 7));
const names = chosen(values.only, [...Object.keys(groups), ...OWN_PROGRAMS]);
const runtimes = chosen(values.on, RUNTIME_NAMES, quick ? QUICK_RUNTIMES : RUNTIME_NAMES);
/** A full run measures there what has no goal of its own elsewhere. */
const NODE20_GROUPS = ["publish", "consume", "signing", "memory"];
const startedAt = performance.now();

await bundleProgram();
const results: Result[] = [];
for (const name of runtimes) results.push(...await measured(name));
if (asks("sizes")) results.push(...resultsOf(await bundleSizes(), made("any", "")));
if (asks("broadcast_channel")) {
  results.push(...resultsOf(await broadcastChannel(), made("deno", Deno.version.deno)));
}
console.log(tableOf(results));
console.log(`\nTook ${Math.round((performance.now() - startedAt) / 1_000)} s`);
if (!quick) await write(merged(await read(), results));
const off = offCounts(results);
for (const sentence of off) console.error(`Off: ${sentence}`);
Deno.exit(off.length > 0 ? 1 : 0);

async function measured(name: RuntimeName): Promise<Result[]> {
  const on = await runtime(name);
  const shown = progress(`${name} ${on.version}`);
  const options = { rounds, quick, groups: groupsOn(name), onMeasured: shown.tell };
  const lines = name === "workerd" ? await onWorkerd(options) : await measureApart(on, options);
  if (name !== "workerd" && asks("startup")) lines.push(await startup(on, quick ? 3 : 15));
  shown.end();
  return resultsOf(lines, made(name, on.version));
}

/** Measures on a runtime; what is left of other groups in the memory must not count as growth. */
async function measureApart(on: Runtime, options: RunOptions): Promise<Line[]> {
  const isGrowth = (group: string) => group === GROWTH;
  const parts = [
    options.groups.filter((group) => !isGrowth(group)),
    options.groups.filter(isGrowth),
  ];
  const lines: Line[] = [];
  for (const groups of parts) {
    if (groups.length > 0) lines.push(...await measureOn(on, { ...options, groups }));
  }
  return lines;
}

function made(runtime: string, version: string): Made {
  return { runtime, version, date: new Date().toISOString().slice(0, 10) };
}

async function onWorkerd(options: RunOptions): Promise<Line[]> {
  return options.groups.includes("publish") ? await measureOnWorkerd(options) : [];
}

/** Tells whether a group that needs programs of its own is to be measured; a quick run has none. */
function asks(group: typeof OWN_PROGRAMS[number]): boolean {
  return values.only === undefined ? !quick : names.includes(group);
}

function groupsOn(name: RuntimeName): readonly string[] {
  if (values.only !== undefined) return names;
  if (quick) return names.filter((group) => group !== GROWTH);
  return name === "node20" ? NODE20_GROUPS : names;
}

/** What a list names, separated by commas. */
function chosen<T extends string>(
  list: string | undefined,
  known: readonly T[],
  usual: readonly T[] = known,
): readonly T[] {
  if (list === undefined) return usual;
  const wanted = list.split(",");
  const unknown = wanted.find((name) => !known.includes(name as T));
  if (unknown === undefined) return wanted as T[];
  throw new TypeError(`Cannot measure "${unknown}": there are ${known.join(", ")}`);
}

async function read(): Promise<Result[]> {
  const text = await Deno.readTextFile(RESULTS).catch(() => "[]"); // There were none before.
  return JSON.parse(text);
}

async function write(all: readonly Result[]): Promise<void> {
  await Deno.writeTextFile(
    RESULTS,
    `[\n${all.map((each) => JSON.stringify(each)).join(",\n")}\n]\n`,
  );
  const machine = await thisMachine();
  await Deno.writeTextFile("bench/RESULTS.md", report({ results: all, machine, peers: peers() }));
  await Deno.writeTextFile("bench/chart.svg", chartOf(all));
}

function peers(): Record<string, string> {
  const imports: Readonly<Record<string, string>> = config.imports;
  return Object.fromEntries(PEERS.map((name) => [name, imports[name]?.split("@").at(-1) ?? ""]));
}

async function thisMachine(): Promise<Machine> {
  const facts = await Deno.readTextFile("/proc/cpuinfo").catch(() => ""); // Linux only.
  const processor = /^model name\s*:\s*(.*)$/m.exec(facts)?.[1] ?? Deno.build.arch;
  return { cores: navigator.hardwareConcurrency, processor };
}
