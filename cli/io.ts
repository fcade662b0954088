/** The parts of a process that commands use: everything else is passed in as values. */
import process from "node:process";
import { AwsBackend, type AwsBackendOptions } from "../backends/aws/mod.ts";
import type { Inspector } from "../backends/aws/inspect/inspect.ts";
import { nodeFetch } from "../backends/aws/transport/node.ts";
import type { Backend } from "../src/backend.ts";

/** True on Node.js, whose own `fetch` takes longer than `node:http`. */
const isNode = !("Deno" in globalThis) && !("Bun" in globalThis);

/** The parts of a process for commands. A test passes its own. */
export interface Io {
  /** Prints a line of the result; does nothing once nobody can read it. */
  out(line: string): void;
  /**
   * Resolves when all lines of the result have been taken: to `false` if the reader has gone, or
   * the lines cannot be written. Default: the lines always count as taken.
   */
  written?(): Promise<boolean>;
  /** Prints a line for people or logs, apart from the result. */
  err(line: string): void;
  /** The sign that somebody reads `err` on a terminal. */
  readonly terminal: boolean;
  /**
   * Rewrites one line of the terminal. Does nothing without a terminal, or if `out` is on the same
   * terminal.
   */
  progress(line: string): void;
  /** Reads standard input to the end; `undefined` for a terminal. */
  stdin(): Promise<string | undefined>;
  /** Calls back on SIGINT and SIGTERM; the function returned ends that. */
  onSignal(listener: (name: string) => void): () => void;
  /** Creates the backend of a command. */
  createBackend(options: AwsBackendOptions): Backend;
  /** Creates the inspector of a command. Default: of AWS. */
  createInspector?(options: AwsBackendOptions): Inspector;
}

/** The parts of a process that an {@linkcode Io} is made of. */
export interface ProcessParts {
  /** The input for reading. */
  readonly stdin: AsyncIterable<Uint8Array | string> & { isTTY?: boolean };
  /** The output for results. */
  readonly stdout: Output;
  /** The output for everything else. */
  readonly stderr: Output;
}

/** An output of a process. An output that tells nothing of errors takes everything at once. */
export interface Output {
  /** The sign of a terminal. */
  isTTY?: boolean;
  /** Writes a text; calls back when the text has been taken. */
  write(text: string, done?: () => void): unknown;
  /** Listens to errors. */
  on?(event: "error", listener: () => void): unknown;
}

/** Returns the parts of this process, with backends of AWS. */
export function processIo({ stdin, stdout, stderr }: ProcessParts = process): Io {
  const rewrites = stderr.isTTY && !stdout.isTTY;
  // Nobody may read these any more: that must not end a worker.
  stderr.on?.("error", () => {});
  const say = (text: string) => {
    try {
      stderr.write(text);
    } catch {
      // Deno throws where Node.js tells the stream.
    }
  };
  return {
    ...printerTo(stdout),
    err: (line) => say(rewrites ? `\r\x1b[K${line}\n` : `${line}\n`),
    terminal: stderr.isTTY === true,
    progress: (line) => void (rewrites && say(`\r\x1b[K${line}`)),
    stdin: () => stdin.isTTY ? Promise.resolve(undefined) : textOf(stdin),
    onSignal,
    createBackend: (options) =>
      new AwsBackend(isNode ? { fetch: nodeFetch(), ...options } : options),
  };
}

/** Returns a printer of lines, until the reader has gone, as `head` does, or the disk is full. */
function printerTo(stream: Output): Pick<Io, "out" | "written"> {
  let open = true;
  let end = () => {};
  const ended = new Promise<void>((resolve) => end = resolve);
  let last: Promise<void> | undefined;
  const close = () => {
    open = false;
    end();
  };
  stream.on?.("error", close);
  return {
    out(line) {
      if (!open) return;
      last = new Promise((resolve) => {
        try {
          stream.write(`${line}\n`, () => resolve());
          if (!stream.on) resolve();
        } catch {
          // Deno throws where Node.js tells the stream.
          close();
        }
      });
    },
    async written() {
      await Promise.race([last, ended]);
      // An error is told after the write that failed of it.
      await new Promise((resolve) => setTimeout(resolve, 0));
      return open;
    },
  };
}

async function textOf(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function onSignal(listener: (name: string) => void): () => void {
  const names = ["SIGINT", "SIGTERM"] as const;
  const listeners = names.map((name) => [name, () => listener(name)] as const);
  for (const [name, listen] of listeners) process.on(name, listen);
  return () => {
    for (const [name, listen] of listeners) process.off(name, listen);
  };
}
