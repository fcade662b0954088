/**
 * The one place that starts programs. They inherit the environment of this process, every wait for
 * them has an end, and one that ends early fails the wait at once with what it wrote.
 */
import { until, type WaitOptions, within } from "../tests/wait.ts";

/** How a program is started. */
export interface ProgramOptions {
  /** Variables that it gets, or, with `undefined`, does not get. It inherits all others. */
  env?: Readonly<Record<string, string | undefined>>;
  /** The folder that it works in. Default: that of this process. */
  cwd?: string | URL;
  /** What it reads from its standard input. Default: nothing. */
  stdin?: string;
  /** Whether it writes to where this process does, and nothing of it is kept. Default: `false`. */
  shown?: boolean;
  /** Is told each line as it is written. */
  onLine?: (line: string, from: Stream) => void;
}

/** Options of {@linkcode run}. */
export interface RunOptions extends ProgramOptions {
  /** After so many milliseconds it is stopped, with all that it started. Default: 300,000. */
  timeoutMs?: number;
}

/** Where a program writes to. */
export type Stream = "stdout" | "stderr";

/** How a program ended. */
export interface End {
  readonly code: number;
  /** The signal that ended it. */
  readonly signal: string | null;
}

/** What a program did. */
export interface Run {
  /** Its exit code; 1 at least where it was stopped. */
  readonly code: number;
  /** What it wrote, stderr after stdout, without colours. */
  readonly output: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** A line that {@linkcode Program.line} waits for. */
export interface LineOptions {
  /** Where it is written. Default: `stdout`. */
  from?: Stream;
  /** How many lines must match. Default: 1. */
  count?: number;
  /** How long it may take, in milliseconds. Default: 60,000. */
  ms?: number;
}

/** A program that runs. Disposing of it ends it by force, with all that it started. */
export interface Program extends AsyncDisposable {
  /** The lines that it has written. */
  readonly stdout: readonly string[];
  /** The same of its standard error. */
  readonly stderr: readonly string[];
  /** Resolves to the match of the line; rejects at once if the program ends without it. */
  line(pattern: RegExp, options?: LineOptions): Promise<RegExpExecArray>;
  /** Does what `until` of `tests/wait.ts` does, and rejects at once if the program ends before. */
  until<T>(condition: () => T | Promise<T>, options: WaitOptions): ReturnType<typeof until<T>>;
  /** Settles as a promise does, and rejects at once if the program ends before. */
  during<T>(promise: Promise<T>, options: WaitOptions): Promise<T>;
  /** Resolves when it has ended and its output is read. To be told, not to wait: see `ended`. */
  readonly status: Promise<End>;
  /** Resolves as `status` does; rejects when the time is up. Default of `ms`: 60,000. */
  ended(options?: { ms?: number }): Promise<End>;
  /** Sends it a signal, by default SIGTERM, unless it has ended. */
  kill(signal?: Deno.Signal): void;
}

const PATIENCE_MS = 60_000;
/** A program of its own may hold the pipes of one that has ended for so long, in milliseconds. */
const PIPES_MS = 1_000;
/** An error shows so many of the last characters of each stream. */
const SHOWN = 2_000;

/** Runs a program to its end, or stops it when its time is up. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Run> {
  const { timeoutMs = 300_000 } = options;
  const { program, texts } = spawn(command, args, options);
  const end = await program.ended({ ms: timeoutMs }).catch(() => undefined);
  await program[Symbol.asyncDispose]();
  const { stdout, stderr } = texts();
  const late = end ? "" : `Stopped after ${timeoutMs} ms`;
  const output = [stdout, stderr, late].join("\n").trim();
  return { code: end?.code ?? 1, stdout, stderr, output };
}

/** Runs a program as {@linkcode run} does, prints what it wrote if it fails, and then throws. */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Run> {
  const done = await run(command, args, options);
  if (done.code === 0) return done;
  console.error(done.output);
  throw new Error(`${command} ${args[0]} failed with exit code ${done.code}`);
}

/** Starts a program that is to run for a while. */
export function start(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Program {
  return spawn(command, args, options).program;
}

interface Spawned {
  readonly program: Program;
  /** What it has written, to the letter. */
  texts(): Record<Stream, string>;
}

function spawn(command: string, args: readonly string[], options: ProgramOptions): Spawned {
  const { cwd, stdin, shown = false, onLine } = options;
  const child = new Deno.Command(command, {
    args: [...args],
    env: environment(options),
    clearEnv: true,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: shown ? "inherit" : "piped",
    stderr: shown ? "inherit" : "piped",
    ...(cwd === undefined ? {} : { cwd }),
  }).spawn();
  if (stdin !== undefined) void write(child.stdin, stdin);
  const reading = new AbortController();
  const follow = (from: Stream) =>
    shown ? NOTHING : collect(child[from], reading.signal, (line) => onLine?.(line, from));
  const outputs = { stdout: follow("stdout"), stderr: follow("stderr") };
  const ended = endOf(child, outputs, reading);
  const name = nameOf(command, args);
  return {
    program: createProgram({ child, outputs, ended, name }),
    texts: () => ({ stdout: outputs.stdout.text(), stderr: outputs.stderr.text() }),
  };
}

/** All of this process, with what is set and without what is removed. */
function environment({ env = {}, shown }: ProgramOptions): Record<string, string> {
  const colours = shown ? {} : { NO_COLOR: "1", FORCE_COLOR: undefined };
  const all: [string, string | undefined][] = Object.entries({
    ...Deno.env.toObject(),
    ...colours,
    ...env,
  });
  return Object.fromEntries(
    all.flatMap(([name, value]) => value === undefined ? [] : [[name, value]]),
  );
}

async function write(stream: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stream.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // It has ended without reading all of it; that is told by those who wait for it.
  }
}

/** What is read of a stream. */
interface Output {
  readonly lines: readonly string[];
  text(): string;
  /** Resolves when there will be no more. */
  readonly done: Promise<void>;
}

const NOTHING: Output = { lines: [], text: () => "", done: Promise.resolve() };

function collect(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
  onLine: (line: string) => void,
): Output {
  const chunks: string[] = [];
  const lines: string[] = [];
  let rest = "";
  const take = (line: string) => {
    lines.push(line);
    onLine(line);
  };
  const sink = new WritableStream<string>({
    write(chunk) {
      chunks.push(chunk);
      const [last = "", ...whole] = (rest + chunk).split("\n").reverse();
      rest = last;
      whole.reverse().forEach(take);
    },
  });
  const done = stream.pipeThrough(new TextDecoderStream()).pipeTo(sink, { signal })
    .catch(() => {}) // Nobody reads on: the signal has said so.
    .then(() => {
      if (rest !== "") take(rest);
    });
  return { lines, text: () => chunks.join(""), done };
}

async function endOf(
  child: Deno.ChildProcess,
  { stdout, stderr }: Record<Stream, Output>,
  reading: AbortController,
): Promise<End> {
  const { code, signal } = await child.status;
  const timer = setTimeout(() => reading.abort(), PIPES_MS);
  await Promise.all([stdout.done, stderr.done]);
  clearTimeout(timer);
  return { code, signal };
}

interface Running {
  readonly child: Deno.ChildProcess;
  readonly outputs: Record<Stream, Output>;
  readonly ended: Promise<End>;
  readonly name: string;
}

function createProgram({ child, outputs, ended, name }: Running): Program {
  let end: End | undefined;
  void ended.then((value) => end = value);
  const written = () => `what ${name} wrote:\n${tails(outputs)}`;

  function waitUntil<T>(condition: () => T | Promise<T>, options: WaitOptions) {
    const look = async () => {
      const gone = end;
      const value = await condition();
      if (!value && gone) {
        throw new Error(`${early(options.what, gone)}; it wrote\n${tails(outputs)}`);
      }
      return value;
    };
    const { saw } = options;
    const all = () => `${saw ? `${JSON.stringify(saw())}, and ` : ""}${written()}`;
    return until(look, { ms: PATIENCE_MS, ...options, saw: all });
  }

  function early(what: string, { code, signal }: End): string {
    const how = signal === null ? `exit code ${code}` : signal;
    return `Cannot wait for ${what} any longer as ${name} has ended with ${how}`;
  }

  return {
    stdout: outputs.stdout.lines,
    stderr: outputs.stderr.lines,
    status: ended,
    line: (pattern, { from = "stdout", count = 1, ms = PATIENCE_MS } = {}) => {
      const times = count === 1 ? "a line" : `${count} lines`;
      const match = () =>
        outputs[from].lines.map((line) => pattern.exec(line)).filter((found) => found !== null)
          .at(count - 1);
      return waitUntil(match, { what: `${times} like ${pattern} on ${from}`, ms });
    },
    until: waitUntil,
    during: async (promise, options) => {
      let settled = false;
      promise.then(() => settled = true, () => settled = true);
      await waitUntil(() => settled, options);
      return await promise;
    },
    ended: ({ ms = PATIENCE_MS } = {}) =>
      within(ended, { what: `the end of ${name}`, ms, saw: written }),
    kill: (signal = "SIGTERM") => unlessEnded(() => child.kill(signal)),
    [Symbol.asyncDispose]: async () => {
      if (end !== undefined) return;
      for (const pid of descendantsOf(child.pid)) unlessEnded(() => Deno.kill(pid, "SIGKILL"));
      unlessEnded(() => child.kill("SIGKILL"));
      await within(ended, { what: `the end of ${name} after SIGKILL`, saw: written });
    },
  };
}

function nameOf(command: string, args: readonly string[]): string {
  const line = [command.split("/").at(-1), ...args].join(" ");
  return `\`${line.length > 160 ? `${line.slice(0, 160)}…` : line}\``;
}

function tails(outputs: Record<Stream, Output>): string {
  const tail = (from: Stream) => `--- ${from}\n${outputs[from].text().slice(-SHOWN).trimEnd()}`;
  return `${tail("stdout")}\n${tail("stderr")}`;
}

function unlessEnded(kill: () => void): void {
  try {
    kill();
  } catch {
    // It has ended by itself.
  }
}

/** The programs that a program started, and those that they did, where `/proc` tells: on Linux. */
function descendantsOf(pid: number): number[] {
  const children = childrenByParent();
  const found = [pid];
  for (const each of found) found.push(...children.get(each) ?? []);
  return found.slice(1);
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  if (Deno.build.os !== "linux") return children;
  for (const { name } of Deno.readDirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? parentOf(name) : undefined;
    if (parent !== undefined) children.set(parent, [...children.get(parent) ?? [], Number(name)]);
  }
  return children;
}

/** The fields follow the name in brackets, which may hold anything. */
function parentOf(pid: string): number | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined; // It has ended meanwhile.
  }
}
