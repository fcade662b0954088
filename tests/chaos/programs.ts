/** Starts and ends the processes of the laboratory. */
import type { Settings } from "./settings.ts";

/** A process that runs, and the file that it writes down what it does in. */
export interface Program {
  readonly process: Deno.ChildProcess;
  readonly log: string;
  /** Resolves when it has ended, with what it wrote to its standard error. */
  readonly ended: Promise<Deno.CommandStatus & { stderr: string }>;
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
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", program.pathname, endpoint, log, JSON.stringify(settings)],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  return { process, log, ended: endOf(process) };
}

async function endOf(process: Deno.ChildProcess): Promise<Deno.CommandStatus & { stderr: string }> {
  const [status, stderr] = await Promise.all([process.status, new Response(process.stderr).text()]);
  return { ...status, stderr };
}

/** Ends programs by force, and waits until they have ended. */
export async function endPrograms(programs: Iterable<Program>): Promise<void> {
  for (const { process, ended } of programs) {
    try {
      process.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await ended;
  }
}
