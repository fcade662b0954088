/** What the command line is given in place of the process. */
import { MemoryBackend } from "../../backends/memory/mod.ts";
import type { Io } from "../../cli/io.ts";
import type { Backend } from "../../src/backend.ts";
import { within } from "../wait.ts";

/** What was printed, and the means to interrupt. */
export interface FakeIo extends Io {
  readonly backend: Backend;
  readonly outLines: string[];
  readonly errLines: string[];
  /** Sends a signal to the command. */
  signal(name: string): void;
  /** Resolves when a line of `err` holds this text. */
  seen(text: string): Promise<void>;
}

/** Creates a process without a terminal, on a backend in memory that is not closed by commands. */
export function fakeIo(options: { stdin?: string; backend?: Backend } = {}): FakeIo {
  const { backend = new MemoryBackend(), stdin } = options;
  const outLines: string[] = [];
  const errLines: string[] = [];
  const listeners = new Set<(name: string) => void>();
  let watch = () => {};
  return {
    backend,
    outLines,
    errLines,
    out: (line) => void outLines.push(line),
    err(line) {
      errLines.push(line);
      watch();
    },
    terminal: false,
    progress() {},
    stdin: () => Promise.resolve(stdin),
    onSignal(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    createBackend: () => keptOpen(backend),
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
function keptOpen(backend: Backend): Backend {
  return new Proxy(backend, {
    get(target, key) {
      if (key === "close") return () => Promise.resolve();
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The address of a handlers module of these tests. */
export function moduleAt(name: string): string {
  return new URL(`./handlers/${name}`, import.meta.url).pathname;
}
