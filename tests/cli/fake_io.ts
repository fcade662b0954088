/** The stand-in for the process that tests give to the command line. */
import { MemoryBackend } from "../../backends/memory/mod.ts";
import type { AwsBackendOptions } from "../../backends/aws/mod.ts";
import type { Io } from "../../cli/io.ts";
import type { Backend } from "../../src/backend.ts";
import { within } from "../wait.ts";

/** A process that keeps what is printed, and can be interrupted. */
export interface FakeIo extends Io {
  readonly backend: Backend;
  readonly outLines: string[];
  readonly errLines: string[];
  readonly progressLines: string[];
  /** The options of each backend that was created. */
  readonly created: AwsBackendOptions[];
  /** The number of backends that were closed. */
  readonly closed: number;
  /** The number of listeners to signals. */
  readonly listening: number;
  /** Sends a signal to the command. */
  signal(name: string): void;
  /** Resolves when a line of `err` holds this text. */
  seen(text: string): Promise<void>;
}

/** Creates a process, by default without a terminal, on a backend in memory that commands do not close. */
export function fakeIo(
  options: { stdin?: string; backend?: Backend; terminal?: boolean } = {},
): FakeIo {
  const { backend = new MemoryBackend(), stdin, terminal = false } = options;
  const outLines: string[] = [];
  const errLines: string[] = [];
  const progressLines: string[] = [];
  const created: AwsBackendOptions[] = [];
  let closed = 0;
  const listeners = new Set<(name: string) => void>();
  let watch = () => {};
  return {
    backend,
    outLines,
    errLines,
    progressLines,
    created,
    get closed() {
      return closed;
    },
    get listening() {
      return listeners.size;
    },
    out: (line) => void outLines.push(line),
    err(line) {
      errLines.push(line);
      watch();
    },
    terminal,
    progress: (line) => void progressLines.push(line),
    stdin: () => Promise.resolve(stdin),
    onSignal(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    createBackend(options) {
      created.push(options);
      return keptOpen(backend, () => closed += 1);
    },
    signal: (name) => listeners.forEach((listener) => listener(name)),
    seen: (text) => {
      const seen = new Promise<void>((resolve) => {
        watch = () => errLines.some((line) => line.includes(text)) && resolve();
        watch();
      });
      return within(seen, { what: `a line with "${text}"`, saw: () => errLines });
    },
  };
}

/** The commands close what they create; a test looks into it afterwards. */
function keptOpen(backend: Backend, onClose: () => void): Backend {
  return new Proxy(backend, {
    get(target, key) {
      if (key === "close") return () => Promise.resolve(onClose());
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The address of a handlers module of these tests. */
export function moduleAt(name: string): string {
  return new URL(`./handlers/${name}`, import.meta.url).pathname;
}
