/** Starts and ends the processes of the laboratory. */
import { type End, type Program as Process, start, type Stream } from "../../tasks/process.ts";
import type { Settings } from "./settings.ts";

/** A process that runs, and the file that it writes down what it does in. */
export interface Program {
  readonly process: Process;
  readonly log: string;
  /** Resolves when it has ended, with what it wrote to its standard error. */
  readonly ended: Promise<End & { stderr: string }>;
}

/** What {@linkcode startProgram} needs. */
export interface ProgramOptions {
  /** The program. */
  program: URL;
  /** Where it finds the broker. */
  endpoint: string;
  /** Where it writes down what it does. */
  log: string;
  /** Its settings. */
  settings: Settings;
}

/** The programs of this library. */
export const OURS: { worker: URL; publisher: URL } = {
  worker: new URL("./worker.ts", import.meta.url),
  publisher: new URL("./publisher.ts", import.meta.url),
};

/** The same with sqs-producer and sqs-consumer on the AWS SDK. */
export const INCUMBENT: { worker: URL; publisher: URL } = {
  worker: new URL("./incumbent/worker.ts", import.meta.url),
  publisher: new URL("./incumbent/publisher.ts", import.meta.url),
};

/** Starts a program. */
export function startProgram({ program, endpoint, log, settings }: ProgramOptions): Program {
  const args = ["run", "-A", "-q", program.pathname, endpoint, log, JSON.stringify(settings)];
  const process = start(Deno.execPath(), args, { onLine: showErrors });
  const ended = process.status.then((end) => ({ ...end, stderr: process.stderr.join("\n") }));
  return { process, log, ended };
}

/** Ends programs by force, and waits until they have ended. */
export async function endPrograms(programs: Iterable<Pick<Program, "process">>): Promise<void> {
  for (const { process } of programs) await process[Symbol.asyncDispose]();
}

/** What a program writes to its standard error belongs to what this one does. */
export function showErrors(line: string, from: Stream): void {
  if (from === "stderr") console.error(line);
}
