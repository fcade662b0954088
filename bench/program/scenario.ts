/** Scenarios: variants that do the same work, measured in turns. */
import process from "node:process";
import { type Failure, type Measurement, PREFIX } from "../measurement.ts";
import type { Stub } from "./stub.ts";

/** What all scenarios are given. */
export interface Bench {
  readonly stub: Stub;
  /** The runtime and its version. */
  readonly runtime: string;
  /** Whether the run is a short one. */
  readonly quick: boolean;
  readonly rounds: number;
}

/** One way to do the work. */
export interface Variant {
  readonly name: string;
  /** Does what is not measured. */
  prepare?(): Promise<unknown>;
  /** Does the work; tells how much it was. */
  run(): Done | Promise<Done>;
  /** Undoes what is left after a run, and is not measured. */
  after?(): Promise<unknown>;
}

/** Work that was done. */
export interface Done {
  readonly count: number;
  readonly latencies?: readonly number[];
}

/** A scenario. */
export interface Scenario {
  readonly name: string;
  readonly variants: readonly Variant[];
  /** Whether its variants send to the stub, whose counts belong to the result then. */
  readonly sends: boolean;
  /** How many rounds come before the first that counts. Default: 1. */
  readonly warmups?: number;
  /** How many rounds count. Default: those of the bench. */
  readonly rounds?: number;
}

/** One run may take so long, in milliseconds. */
const PATIENCE_MS = 90_000;

/** Runs all variants of a scenario in turns, and writes a line for each run. */
export async function measure(scenario: Scenario, bench: Bench): Promise<void> {
  const { name, variants, warmups = 1, rounds = bench.rounds } = scenario;
  const failed = new Set<Variant>();
  for (let round = -warmups; round < rounds; round++) {
    for (let turn = 0; turn < variants.length; turn++) {
      // Each variant is first in one round, so that none is always measured after the same one.
      const variant = variants[(turn + round + warmups) % variants.length] as Variant;
      if (failed.has(variant)) continue;
      try {
        const measured = await bounded(once(scenario, variant, bench));
        if (round >= 0) tell({ scenario: name, variant: variant.name, round, ...measured });
      } catch (error) {
        failed.add(variant);
        await variant.after?.().catch(() => {}); // What it failed for is told.
        const failure = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
        tell({ scenario: name, variant: variant.name, failure });
      }
    }
  }
}

async function once({ sends }: Scenario, variant: Variant, { stub }: Bench) {
  await variant.prepare?.();
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const done = await variant.run();
  const wallMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  const counts = sends ? { counts: await stub.counts() } : {};
  await variant.after?.();
  return { ...done, wallMs, cpuMs: (user + system) / 1_000, ...counts };
}

async function bounded<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `Waited ${PATIENCE_MS} ms for one run`;
    timer = setTimeout(() => reject(new Error(message)), PATIENCE_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function tell(line: Measurement | Failure): void {
  console.log(PREFIX + JSON.stringify(line));
}
