/** One run of the laboratory: a broker, a proxy that misbehaves, a publisher, three workers, two kills. */
import { DatabaseSync } from "node:sqlite";
import type { AwsBackend } from "../../backends/aws/mod.ts";
import { openEnvelope } from "../../src/wire/sns_envelope.ts";
import { MACHINE, steppingClock } from "./clock_steps.ts";
import { workOf } from "./event.ts";
import { chaos, type FaultProfile } from "./faults.ts";
import { type Evidence, judge, type Verdict } from "./judge.ts";
import { killTwo, limitReceives, type Run, WORKERS } from "./kills.ts";
import { openLaboratory } from "./laboratory.ts";
import { OURS } from "./programs.ts";
import { type Effect, readRecords, type Told } from "./records.ts";
import type { Settings } from "./settings.ts";
import { watchPrograms } from "./watch.ts";
import { eventId } from "./wire.ts";

/** Options of {@linkcode runChaos}. */
export interface ChaosOptions {
  /** Events to publish. */
  messages: number;
  /** Where chance comes from. */
  seed: number;
  /** What goes wrong. Default: the chaos profile. */
  profile?: FaultProfile;
  /** Whether the queue is a FIFO queue. Default: no. */
  fifo?: boolean;
  /** Whether the clock of the service steps with those of the programs. Default: no. */
  sleeps?: boolean;
  /** What the programs do otherwise than by default. */
  settings?: Partial<Settings>;
  /** The programs that are put to the test. Default: those of this library. */
  programs?: { worker: URL; publisher: URL };
  /** The longest time that the queue may take to become empty after the last publish, in milliseconds. */
  patienceMs?: number;
  /** How long a run goes on while nothing moves, in milliseconds. Default: a minute. */
  stallMs?: number;
  /** Is told how it goes. */
  progress?: (text: string) => void;
}

/** What a run gave. */
export interface ChaosResult extends Verdict {
  /** The seed. */
  seed: number;
  /** From the last answer to the publisher until the last event was handled for the first time, in milliseconds. */
  handledMs: number;
  /** The same until the queue was empty: poison that always fails takes longest. */
  drainedMs: number;
  /** Workers killed in the middle of their work. */
  kills: number;
  /** Deliveries that the killed workers held, by the proxy's count. */
  heldAtKills: number[];
  /** Requests that were held until their signatures were too old, and were refused for it. */
  expired: number;
  /** Events whose publisher was told that it may not send them. */
  denied: number;
  /** The exit code of the worker that was told to stop. */
  exitCode: number;
  /** What was left where when patience ran out; else empty. */
  leftover: string;
}

/** A worker that was told to stop has ended by then. */
const STOP_MS = 30_000;

/** Runs the laboratory once. Everything it starts, it ends. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, profile = chaos, fifo = false, messages, programs = OURS } = options;
  const queue = fifo ? "work.fifo" : "work";
  const settings = { once: "store", queue, count: messages, ...options.settings } as const;
  await using laboratory = await openLaboratory({ seed, profile, settings });
  if (options.sleeps) laboratory.proxy.gate.clock = steppingClock(MACHINE);
  const watch = watchPrograms(laboratory, options);
  limitReceives(laboratory);
  for (const name of WORKERS) {
    await laboratory.start(name, programs.worker);
    watch.follow(name);
  }
  await laboratory.start("publisher", programs.publisher);
  watch.follow("publisher");
  return await oversee({ ...laboratory, options, watch });
}

/** Kills, waits, stops, and lets the judge look at what is left. */
async function oversee(run: Run): Promise<ChaosResult> {
  const { direct, settings, programs, proxy, deadLetterQueue, watch } = run;
  const kills = await killTwo(run);
  await watch.until("the publisher has ended", () => watch.endings.has("publisher"));
  const told = readRecords<Told>(programs.get("publisher")!.log);
  const lastTold = told.reduce((last, { at }) => Math.max(last, at), 0);
  const leftover = await drained(run);
  const drainedMs = Date.now() - lastTold;
  const survivor = WORKERS.find((name) => !kills.some((kill) => kill.name === name))!;
  const exitCode = await stop(run, survivor);
  const effects = settings.once === "transaction"
    ? effectsIn(settings.database)
    : watch.look().effects;
  const verdict = judge({
    expected: expectedOf(settings),
    told,
    effects,
    killed: new Set(kills.map(({ name }) => name)),
    facts: proxy.facts,
    deadLetters: await takeAll(direct, deadLetterQueue),
    left: await leftIn(run),
  });
  return {
    seed: run.options.seed,
    ...verdict,
    handledMs: lastFirstEffect(effects) - lastTold,
    drainedMs,
    kills: kills.length,
    heldAtKills: kills.map(({ held }) => held),
    expired: proxy.facts.filter(({ kind }) => kind === "expired").length,
    denied: told.filter(({ result }) => result === "ACCESS_DENIED").length,
    exitCode,
    leftover,
  };
}

async function stop({ watch }: Run, name: string): Promise<number> {
  watch.end(name, "SIGTERM");
  await watch.until(`${name} has ended`, () => watch.endings.has(name), STOP_MS);
  return watch.endings.get(name)!;
}

function lastFirstEffect(effects: ReadonlyMap<string, readonly Effect[]>): number {
  const first = new Map<string, number>();
  for (const { key, step, at } of [...effects.values()].flat()) {
    if (step === "effect") first.set(key, Math.min(at, first.get(key) ?? Infinity));
  }
  return [...first.values()].reduce((last, at) => Math.max(last, at), 0);
}

/** Waits until nothing is left in the queue; else says what is left where. */
async function drained(run: Run): Promise<string> {
  const { options: { messages, progress, patienceMs = 60_000 }, watch } = run;
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    watch.failed.throwIfAborted();
    const left = await leftIn(run);
    if (left === 0) return "";
    progress?.(`${watch.look().handled.size} of ${messages} handled, ${left} left`);
    await pause(100);
  }
  return await watch.describe();
}

function expectedOf({ count, queue }: Settings): Evidence["expected"] {
  return Array.from({ length: count }, (_, n) => {
    const { key, group, poison } = workOf(n);
    const order = queue.endsWith(".fifo") ? { group } : {};
    return { key, poison: poison !== "none", ...order };
  });
}

/** The effects that were written in one transaction with their marks. No kill excuses a second one. */
function effectsIn(file: string): Map<string, Effect[]> {
  const database = new DatabaseSync(file);
  try {
    const rows = database.prepare("SELECT key, at FROM effects").all();
    const effects = rows.map(({ key, at }): Effect => ({
      key: String(key),
      step: "effect",
      at: Number(at),
    }));
    return new Map([["all workers", effects]]);
  } finally {
    database.close();
  }
}

async function leftIn({ count }: Pick<Run, "count">): Promise<number> {
  const { available, inFlight, delayed } = await count();
  return available + inFlight + delayed;
}

/** More receives than this empty any dead-letter queue of a run. */
const MAX_RECEIVES = 10_000;

/** Takes them out: in a FIFO queue the next one of a group comes only then. */
async function takeAll(direct: AwsBackend, queue: string): Promise<string[]> {
  const ids: string[] = [];
  for (let count = 0; count < MAX_RECEIVES; count++) {
    const deliveries = await direct.receive(queue, { max: 10, waitMs: 0, visibilityMs: 600_000 });
    if (deliveries.length === 0) return ids;
    await direct.acknowledge(queue, deliveries.map(({ receipt }) => receipt));
    ids.push(...deliveries.map(({ message }) => eventId(openEnvelope(message).body)));
  }
  throw new Error(`Cannot empty the queue "${queue}" with ${MAX_RECEIVES} receives`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
