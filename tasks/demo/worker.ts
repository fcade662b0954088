/** A worker of the demo: the command line's `consume`, in a process of its own. */
import { start } from "../process.ts";

/** Options of {@linkcode startWorker}. */
export interface WorkerOptions {
  readonly queue: string;
  /** The variables by which the worker finds the broker. */
  readonly env: Record<string, string>;
  /** The file it writes its record to. */
  readonly record: string;
  /** A module that it loads first. */
  readonly preload: string | undefined;
}

/** A worker that consumes. */
export interface Worker {
  /** Stops it by SIGTERM, unless it has ended; resolves to its exit code. */
  stop(): Promise<number>;
}

const CLI = new URL("../../cli/mod.ts", import.meta.url).href;
const HANDLERS = new URL("./handlers.ts", import.meta.url).href;

/** Starts a worker; resolves when it consumes. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { queue, env, record, preload } = options;
  await Deno.writeTextFile(record, "");
  const program = start(Deno.execPath(), [
    ...["run", "--quiet", "--no-prompt", "--allow-env", "--allow-read", `--allow-write=${record}`],
    `--allow-net=${new URL(env.AWS_ENDPOINT_URL ?? "").host}`,
    ...(preload === undefined ? [] : [`--preload=${preload}`]),
    ...[CLI, "consume", "--json", "--queue", queue, "--handlers", HANDLERS],
    ...["--concurrency", "20", "--wait-ms", "1000"],
  ], { env: { ...env, DEMO_RECORD: record } });
  try {
    await program.line(/"Consuming"/, { from: "stderr" });
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
  return {
    async stop() {
      program.kill();
      return (await program.ended()).code;
    },
  };
}
