/** A worker of the demo: the command line's `consume`, in a process of its own. */

/** Options of {@linkcode startWorker}. */
export interface WorkerOptions {
  readonly queue: string;
  /** Where it finds the broker. */
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
  /** The last of what it logged. */
  readonly log: readonly string[];
}

const CLI = new URL("../../cli/mod.ts", import.meta.url).href;
const HANDLERS = new URL("./handlers.ts", import.meta.url).href;
const LOG_LINES = 20;

/** Starts a worker; resolves when it consumes. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { queue, env, record, preload } = options;
  await Deno.writeTextFile(record, "");
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "run",
        "--quiet",
        "--no-prompt",
        "--allow-env",
        "--allow-read",
        `--allow-write=${record}`,
      ],
      `--allow-net=${new URL(env.AWS_ENDPOINT_URL ?? "").host}`,
      ...(preload === undefined ? [] : [`--preload=${preload}`]),
      ...[CLI, "consume", "--json", "--queue", queue, "--handlers", HANDLERS],
      ...["--concurrency", "20", "--wait-ms", "1000"],
    ],
    env: { ...env, DEMO_RECORD: record },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const log: string[] = [];
  let stopped = false;
  void process.status.then(() => stopped = true);
  await new Promise<void>((resolve, reject) => {
    const seen = follow(process.stderr, log, resolve);
    void seen.then(() => reject(new Error(`The worker of ${queue} ended:\n${log.join("\n")}`)));
  });
  return {
    log,
    async stop() {
      if (!stopped) process.kill("SIGTERM");
      stopped = true;
      return (await process.status).code;
    },
  };
}

async function follow(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  log: string[],
  ready: () => void,
): Promise<void> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (lines.some((line) => line.includes('"Consuming '))) ready();
    log.push(...lines);
    log.splice(0, log.length - LOG_LINES);
  }
}
