/** Watches the resident memory of a publisher and a worker while many events pass through them. */
import { AwsBackend } from "../../backends/aws/mod.ts";
import { start } from "../../tasks/process.ts";
import type { Sample } from "./memory/sample.ts";
import { endPrograms, type Program, showErrors, startProgram } from "./programs.ts";
import { followRecords } from "./records.ts";
import { DEFAULTS } from "./settings.ts";

/** Options of {@linkcode measureMemory}. */
export interface MemoryOptions {
  /** Events of 1 KiB. */
  messages: number;
  /** Is told how it goes. */
  progress: (text: string) => void;
}

/** The memory of a program, in MiB. */
export interface MemoryUse {
  /** When a fifth was done: the median of the samples around it. */
  atFifth: number;
  /** When all was done: the median of the last samples. */
  atEnd: number;
  /** The most of all samples after a fifth. */
  most: number;
  /** What came to it between a fifth and the end. */
  growth: number;
  samples: number;
}

/** What {@linkcode measureMemory} saw. */
export interface MemoryResult {
  messages: number;
  seconds: number;
  programs: Record<string, MemoryUse>;
  /** Whether no program grew by more than it may. */
  flat: boolean;
}

const MIB = 1_048_576;
/** A program may grow so much while the last four fifths pass through it. */
const MAX_GROWTH_MIB = 32;
/** So many samples, one for each hundredth of the events, make one value. */
const WINDOW = 5;
const PROGRAMS = ["publisher", "worker"];
/** So long, and so long for each event, it may take in milliseconds. */
const LEAST_MS = 60_000;
const EACH_MS = 10;

/** Lets events pass through a publisher and a worker, beside a broker in a third process. */
export async function measureMemory(options: MemoryOptions): Promise<MemoryResult> {
  const { messages, progress } = options;
  const folder = await Deno.makeTempDir({ prefix: "melange-memory-" });
  const broker = startBrokerProcess();
  const programs: Program[] = [];
  const startedAt = Date.now();
  try {
    const endpoint = (await broker.line(/^http.*/))[0];
    const settings = { ...DEFAULTS, count: messages };
    await declare(endpoint, settings.queue);
    for (const name of PROGRAMS) {
      const program = new URL(`./memory/${name}.ts`, import.meta.url);
      programs.push(startProgram({ program, endpoint, log: `${folder}/${name}.log`, settings }));
    }
    const samples = await watch(programs, { ms: LEAST_MS + messages * EACH_MS, progress });
    const uses = samples.map((list) => summarise(list, messages));
    return {
      messages,
      seconds: Math.round((Date.now() - startedAt) / 1_000),
      programs: Object.fromEntries(PROGRAMS.map((name, index) => [name, uses[index]!])),
      flat: uses.every(({ growth, samples }) => samples >= 90 && growth <= MAX_GROWTH_MIB),
    };
  } finally {
    await endPrograms([...programs, { process: broker }]);
    await Deno.remove(folder, { recursive: true });
  }
}

function startBrokerProcess(): Program["process"] {
  const program = new URL("./memory/broker.ts", import.meta.url);
  const args = ["run", "-A", "-q", program.pathname];
  return start(Deno.execPath(), args, { onLine: showErrors });
}

async function declare(endpoint: string, queue: string): Promise<void> {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const backend = new AwsBackend({ endpoint, region: "us-east-1", credentials });
  await backend.declareQueue(queue);
  await backend.close();
}

/** Waits until all programs have ended; their samples. */
async function watch(
  programs: readonly Program[],
  { ms, progress }: { ms: number; progress: (text: string) => void },
): Promise<Sample[][]> {
  const followed = programs.map(({ log }) => ({
    next: followRecords<Sample>(log),
    samples: [] as Sample[],
  }));
  const look = () => {
    for (const { next, samples } of followed) samples.push(...next());
    const states = followed.map(({ samples }, index) => {
      const { done = 0, rss = 0 } = samples.at(-1) ?? {};
      return `${PROGRAMS[index]}: ${done} events, ${Math.round(rss / MIB)} MiB`;
    });
    progress(states.join(" · "));
  };
  const timer = setInterval(look, 500);
  try {
    await Promise.all(programs.map(({ process }) => process.ended({ ms })));
  } finally {
    clearInterval(timer);
  }
  look();
  return followed.map(({ samples }) => samples);
}

function summarise(samples: readonly Sample[], messages: number): MemoryUse {
  const later = samples.filter(({ done }) => done >= messages / 5);
  const atFifth = median(later.slice(0, WINDOW));
  const atEnd = median(later.slice(-WINDOW));
  return {
    atFifth,
    atEnd,
    most: later.reduce((most, { rss }) => Math.max(most, Math.round(rss / MIB)), 0),
    growth: atEnd - atFifth,
    samples: samples.length,
  };
}

function median(samples: readonly Sample[]): number {
  const sorted = samples.map(({ rss }) => rss).sort((a, b) => a - b);
  return Math.round((sorted[Math.floor(sorted.length / 2)] ?? NaN) / MIB);
}
