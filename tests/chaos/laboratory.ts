/** A broker, a proxy in front of it, and the programs that are put to the test. */
import { AwsBackend } from "../../backends/aws/mod.ts";
import type { QueueDescription } from "../../src/backend.ts";
import { MessagePublisher } from "../../src/publish/publisher.ts";
import { startBroker } from "../broker.ts";
import { workOf, WorkOrdered } from "./event.ts";
import { calm, type FaultProfile } from "./faults.ts";
import { endPrograms, type Program, startProgram } from "./programs.ts";
import { type Proxy, startProxy } from "./proxy.ts";
import { seeded } from "./random.ts";
import { DEFAULTS, type Settings } from "./settings.ts";

/** Options of {@linkcode openLaboratory}. */
export interface LaboratoryOptions {
  /** Where chance comes from. Default: 1. */
  seed?: number;
  /** What goes wrong. Default: nothing. */
  profile?: FaultProfile;
  /** What the programs do otherwise than by default. */
  settings?: Partial<Settings>;
}

/** A laboratory in which a queue is declared. */
export interface Laboratory {
  readonly proxy: Proxy;
  /** The broker, without the proxy. */
  readonly direct: AwsBackend;
  readonly settings: Settings;
  /** The queue's dead-letter queue. */
  readonly deadLetterQueue: string;
  readonly programs: ReadonlyMap<string, Program>;
  /** Where a program, by its name, writes down what it does. */
  logOf(name: string): string;
  /** Starts a program behind the proxy. */
  start(name: string, program: URL): Promise<Program>;
  /** Publishes the events with these numbers, without the proxy. */
  publish(from: number, to: number): Promise<void>;
  /** How many messages the queue holds. */
  count(): Promise<QueueDescription>;
  /** Ends all that was started. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A message is received so often before the broker gives it up; long after the workers do. */
const MAX_RECEIVES = 10;

/** Starts broker and proxy, and declares the queue. */
export async function openLaboratory(options: LaboratoryOptions = {}): Promise<Laboratory> {
  const { seed = 1, profile = calm } = options;
  const folder = await Deno.makeTempDir({ prefix: "melange-chaos-" });
  const settings = { ...DEFAULTS, database: `${folder}/shared.db`, ...options.settings };
  const { queue, visibilityMs: visibilityTimeoutMs } = settings;
  const deadLetterQueue = queue.replace(/^work/, "work-dead");
  const broker = await startBroker();
  const direct = new AwsBackend(broker.options);
  await direct.declareQueue(queue, {
    deadLetterQueue,
    maxReceives: MAX_RECEIVES,
    visibilityTimeoutMs,
  });
  const proxy = startProxy({ target: broker.endpoint, random: seeded(seed), profile });
  const programs = new Map<string, Program>();
  const logOf = (name: string) => `${folder}/${name}.log`;
  return {
    proxy,
    direct,
    settings,
    deadLetterQueue,
    programs,
    logOf,
    async start(name, program) {
      const endpoint = await proxy.open(name);
      const started = startProgram({ program, endpoint, log: logOf(name), settings });
      programs.set(name, started);
      return started;
    },
    async publish(from, to) {
      const publisher = new MessagePublisher({ backend: direct });
      const works = Array.from({ length: to - from }, (_, index) => workOf(from + index));
      const events = works.map((work) => WorkOrdered(work, { id: work.key }));
      const results = await publisher.publishAll(events, { queue });
      for (const result of results) if (!result.ok) throw result.error;
    },
    count: () => direct.describeQueue(queue),
    async [Symbol.asyncDispose]() {
      await endPrograms(programs.values());
      await proxy.close();
      await direct.close();
      await broker.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
