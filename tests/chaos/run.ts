/** One run of the laboratory: a broker, a proxy that misbehaves, a publisher, three workers, two kills. */
import { DatabaseSync } from "node:sqlite";
import type { AwsBackend } from "../../backends/aws/mod.ts";
import { openEnvelope } from "../../src/envelope.ts";
import { workOf } from "./event.ts";
import { chaos, type FaultProfile } from "./faults.ts";
import { type Evidence, judge, type Verdict } from "./judge.ts";
import { type Laboratory, openLaboratory } from "./laboratory.ts";
import { OURS, type Program } from "./programs.ts";
import { type Effect, followRecords, readRecords, type Told } from "./records.ts";
import type { Settings } from "./settings.ts";
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
  /** What the programs do otherwise than by default. */
  settings?: Partial<Settings>;
  /** The programs that are put to the test. Default: those of this library. */
  programs?: { worker: URL; publisher: URL };
  /** The longest time that the queue may take to become empty after the last publish, in milliseconds. */
  patienceMs?: number;
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
  /** The exit code of the worker that was told to stop. */
  exitCode: number;
}

const WORKERS = ["worker-1", "worker-2", "worker-3"];
/** A kill counts only if it hits work. */
const MIN_HELD = 5;

/** A run that is going on. */
interface Run extends Laboratory {
  readonly options: ChaosOptions;
  /** Looks at what the workers did so far. */
  readonly look: () => Watched;
}

/** What the workers did: each of them, and all together. */
interface Watched {
  readonly effects: Map<string, Effect[]>;
  readonly handled: ReadonlySet<string>;
}

/** Runs the laboratory once. Everything it starts, it ends. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, profile = chaos, fifo = false, messages, programs = OURS } = options;
  const queue = fifo ? "work.fifo" : "work";
  const settings = { once: "store", queue, count: messages, ...options.settings } as const;
  await using laboratory = await openLaboratory({ seed, profile, settings });
  const look = followWorkers(laboratory);
  for (const name of WORKERS) await laboratory.start(name, programs.worker);
  await laboratory.start("publisher", programs.publisher);
  return await oversee({ ...laboratory, options, look });
}

/** Each look reads only what is new. */
function followWorkers({ logOf }: Laboratory): () => Watched {
  const handled = new Set<string>();
  const files = WORKERS.map((name) => ({
    name,
    next: followRecords<Effect>(logOf(name)),
    all: [] as Effect[],
  }));
  return () => {
    for (const { next, all } of files) {
      for (const effect of next()) {
        all.push(effect);
        if (effect.step === "effect") handled.add(effect.key);
      }
    }
    return { handled, effects: new Map(files.map(({ name, all }) => [name, all])) };
  };
}

/** Kills, waits, stops, and lets the judge look at what is left. */
async function oversee(run: Run): Promise<ChaosResult> {
  const { direct, settings, programs, proxy, deadLetterQueue } = run;
  const publisher = programs.get("publisher")!;
  const failure = new AbortController();
  const published = mustSucceed(publisher).catch((error) => failure.abort(error));
  const kills = await killTwo(run, failure.signal);
  await published;
  failure.signal.throwIfAborted();
  const told = readRecords<Told>(publisher.log);
  const lastTold = told.reduce((last, { at }) => Math.max(last, at), 0);
  await drained(run);
  const drainedMs = Date.now() - lastTold;
  const survivor = WORKERS.find((name) => !kills.some((kill) => kill.name === name))!;
  programs.get(survivor)!.process.kill("SIGTERM");
  const { code } = await programs.get(survivor)!.process.status;
  const effects = settings.once === "transaction"
    ? effectsIn(settings.database)
    : run.look().effects;
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
    exitCode: code,
  };
}

/** Ends the run, instead of judging one that never was. */
async function mustSucceed({ process }: Program): Promise<void> {
  const { code } = await process.status;
  if (code !== 0) throw new Error(`Cannot go on as the publisher ended with exit code ${code}`);
}

function lastFirstEffect(effects: ReadonlyMap<string, readonly Effect[]>): number {
  const first = new Map<string, number>();
  for (const { key, step, at } of [...effects.values()].flat()) {
    if (step === "effect") first.set(key, Math.min(at, first.get(key) ?? Infinity));
  }
  return [...first.values()].reduce((last, at) => Math.max(last, at), 0);
}

/** Kills two workers, at a third and at two thirds of the work, each while it holds deliveries. */
async function killTwo(
  run: Run,
  failed: AbortSignal,
): Promise<{ name: string; held: number }[]> {
  const { options: { messages, progress }, proxy, programs } = run;
  const kills: { name: string; held: number }[] = [];
  const deadline = Date.now() + 300_000;
  for (const [index, share] of [1 / 3, 2 / 3].entries()) {
    const name = WORKERS[index]!;
    while (Date.now() < deadline && !failed.aborted) {
      const handled = run.look().handled.size;
      const held = proxy.unsettled(name);
      if (handled >= messages * share && held >= MIN_HELD) {
        programs.get(name)!.process.kill("SIGKILL");
        kills.push({ name, held });
        progress?.(`killed ${name}, which held ${held} deliveries, after ${handled} events`);
        break;
      }
      await pause(20);
    }
  }
  return kills;
}

/** Waits until nothing is left in the queue. */
async function drained(run: Run): Promise<void> {
  const { options: { messages, progress, patienceMs = 60_000 } } = run;
  const deadline = Date.now() + patienceMs;
  while (Date.now() < deadline) {
    const left = await leftIn(run);
    if (left === 0) return;
    progress?.(`${run.look().handled.size} of ${messages} handled, ${left} left`);
    await pause(100);
  }
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

async function leftIn({ count }: Run): Promise<number> {
  const { available, inFlight, delayed } = await count();
  return available + inFlight + delayed;
}

/** Takes them out: in a FIFO queue the next one of a group comes only then. */
async function takeAll(direct: AwsBackend, queue: string): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const deliveries = await direct.receive(queue, { max: 10, waitMs: 0, visibilityMs: 600_000 });
    if (deliveries.length === 0) return ids;
    await direct.acknowledge(queue, deliveries.map(({ receipt }) => receipt));
    ids.push(...deliveries.map(({ message }) => eventId(openEnvelope(message).body)));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
