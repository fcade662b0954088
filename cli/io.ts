/** What the commands need of the process around them: everything else is passed in as values. */
import process from "node:process";
import { AwsBackend, type AwsBackendOptions } from "../backends/aws/mod.ts";
import type { Backend } from "../src/backend.ts";

/** What the commands need of the process around them; a test passes its own. */
export interface Io {
  /** Prints a line of the result. */
  out(line: string): void;
  /** Prints a line for people or logs, apart from the result. */
  err(line: string): void;
  /** Whether somebody reads `err` on a terminal. */
  readonly terminal: boolean;
  /** Rewrites one line of the terminal; does nothing where nobody looks, or `out` is on it as well. */
  progress(line: string): void;
  /** Reads standard input to its end; `undefined` if that is a terminal. */
  stdin(): Promise<string | undefined>;
  /** Calls back on SIGINT and SIGTERM; the function returned ends that. */
  onSignal(listener: (name: string) => void): () => void;
  /** Creates what events are sent to and received from. */
  createBackend(options: AwsBackendOptions): Backend;
}

/** The parts of a process that an {@linkcode Io} is made of. */
export interface ProcessParts {
  /** What is read. */
  readonly stdin: AsyncIterable<Uint8Array | string> & { isTTY?: boolean };
  /** Where results go. */
  readonly stdout: { isTTY?: boolean; write(text: string): unknown };
  /** Where everything else goes. */
  readonly stderr: { isTTY?: boolean; write(text: string): unknown };
}

/** The process itself, and AWS. */
export function processIo({ stdin, stdout, stderr }: ProcessParts = process): Io {
  const rewrites = stderr.isTTY && !stdout.isTTY;
  return {
    out: (line) => void stdout.write(`${line}\n`),
    err: (line) => void stderr.write(rewrites ? `\r\x1b[K${line}\n` : `${line}\n`),
    terminal: stderr.isTTY === true,
    progress: (line) => void (rewrites && stderr.write(`\r\x1b[K${line}`)),
    stdin: () => stdin.isTTY ? Promise.resolve(undefined) : textOf(stdin),
    onSignal,
    createBackend: (options) => new AwsBackend(options),
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
