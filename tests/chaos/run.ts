/** One run of the laboratory: a broker, a proxy that misbehaves, a publisher, three workers, two kills. */
import { AwsBackend } from "../../backends/aws/mod.ts";
import { openEnvelope } from "../../src/format.ts";
import { startBroker } from "../broker.ts";
import { DEAD_LETTERS, QUEUE, VISIBILITY_MS, workOf } from "./event.ts";
import { chaos } from "./faults.ts";
import { judge, type Verdict } from "./judge.ts";
import { eventId, type Proxy, startProxy } from "./proxy.ts";
import { seeded } from "./random.ts";
import { type Effect, readRecords, type Told } from "./records.ts";

/** Options of {@linkcode runChaos}. */
export interface ChaosOptions {
  /** Events to publish. */
  messages: number;
  /** Where chance comes from. */
  seed: number;
  /** The programs that are put to the test. */
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
  /** From the last answer to the publisher until everything was handled, in milliseconds. */
  drainedMs: number;
  /** Workers killed in the middle of their work. */
  kills: number;
  /** Deliveries that the killed workers held, by the proxy's count. */
  heldAtKills: number[];
  /** The exit code of the worker that was told to stop. */
  exitCode: number;
}

const OURS = {
  worker: new URL("./worker.ts", import.meta.url),
  publisher: new URL("./publisher.ts", import.meta.url),
};
const WORKERS = ["worker-1", "worker-2", "worker-3"];
/** A kill counts only if it hits work. */
const MIN_HELD = 5;

/** Runs the laboratory once. Everything it starts, it ends. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { messages, seed, programs = OURS, patienceMs = 60_000, progress = () => {} } = options;
  const broker = await startBroker();
  const direct = new AwsBackend(broker.options);
  await direct.declareQueue(QUEUE, {
    deadLetterQueue: DEAD_LETTERS,
    maxReceives: 10,
    visibilityTimeoutMs: VISIBILITY_MS,
  });
  const proxy = startProxy({ target: broker.endpoint, random: seeded(seed), profile: chaos });
  const folder = await Deno.makeTempDir({ prefix: "melange-chaos-" });
  const children = new Map<string, Deno.ChildProcess>();
  const start = async (name: string, program: URL, ...args: string[]) => {
    const endpoint = await proxy.open(name);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "-q", program.pathname, endpoint, `${folder}/${name}.log`, ...args],
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    children.set(name, child);
    return child;
  };
  const effectsOf = () =>
    new Map(WORKERS.map((name) => [name, readRecords<Effect>(`${folder}/${name}.log`)]));
  try {
    for (const name of WORKERS) await start(name, programs.worker, `${folder}/dedup.db`);
    const publisher = await start("publisher", programs.publisher, String(messages));
    const kills = await killTwo({ proxy, children, effectsOf, messages, progress });
    await publisher.status;
    const told = readRecords<Told>(`${folder}/publisher.log`);
    const lastTold = Math.max(...told.map(({ at }) => at));
    await drained({ direct, effectsOf, told, patienceMs, progress });
    const drainedMs = Date.now() - lastTold;
    const survivor = WORKERS.find((name) => !kills.some((kill) => kill.name === name))!;
    children.get(survivor)!.kill("SIGTERM");
    const { code } = await children.get(survivor)!.status;
    const verdict = judge({
      expected: Array.from({ length: messages }, (_, n) => workOf(n)).map(({ key, poison }) => ({
        key,
        poison: poison !== "none",
      })),
      told,
      effects: effectsOf(),
      killed: new Set(kills.map(({ name }) => name)),
      facts: proxy.facts,
      deadLetters: await takeAll(direct, DEAD_LETTERS),
      left: await leftIn(direct),
    });
    return {
      seed,
      ...verdict,
      drainedMs,
      kills: kills.length,
      heldAtKills: kills.map(({ held }) => held),
      exitCode: code,
    };
  } finally {
    for (const child of children.values()) endProcess(child);
    await Promise.all([...children.values()].map((child) => child.status));
    await proxy.close();
    await direct.close();
    await broker.close();
    await Deno.remove(folder, { recursive: true });
  }
}

function endProcess(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Kills two workers, at a third and at two thirds of the work, each while it holds deliveries. */
async function killTwo({ proxy, children, effectsOf, messages, progress }: {
  proxy: Proxy;
  children: Map<string, Deno.ChildProcess>;
  effectsOf: () => Map<string, Effect[]>;
  messages: number;
  progress: (text: string) => void;
}): Promise<{ name: string; held: number }[]> {
  const kills: { name: string; held: number }[] = [];
  const deadline = Date.now() + 300_000;
  for (const [index, share] of [1 / 3, 2 / 3].entries()) {
    const name = WORKERS[index]!;
    while (Date.now() < deadline) {
      const handled = [...effectsOf().values()].flat().filter(({ step }) =>
        step === "effect"
      ).length;
      const held = proxy.unsettled(name);
      if (handled >= messages * share && held >= MIN_HELD) {
        children.get(name)!.kill("SIGKILL");
        kills.push({ name, held });
        progress(`killed ${name}, which held ${held} deliveries, after ${handled} events`);
        break;
      }
      await pause(20);
    }
  }
  return kills;
}

/** Waits until every event that was stored has been handled or is dead, and nothing is left. */
async function drained({ direct, effectsOf, told, patienceMs, progress }: {
  direct: AwsBackend;
  effectsOf: () => Map<string, Effect[]>;
  told: readonly Told[];
  patienceMs: number;
  progress: (text: string) => void;
}): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (Date.now() < deadline) {
    const handled = new Set([...effectsOf().values()].flat().map(({ key }) => key));
    const left = await leftIn(direct);
    progress(`${handled.size} of ${told.length} handled, ${left} left in the queue`);
    if (left === 0) return;
    await pause(100);
  }
}

async function leftIn(direct: AwsBackend): Promise<number> {
  const { available, inFlight, delayed } = await direct.describeQueue(QUEUE);
  return available + inFlight + delayed;
}

async function takeAll(direct: AwsBackend, queue: string): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const deliveries = await direct.receive(queue, { max: 10, waitMs: 0, visibilityMs: 600_000 });
    if (deliveries.length === 0) return ids;
    ids.push(...deliveries.map(({ message }) => eventId(openEnvelope(message).body)));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
