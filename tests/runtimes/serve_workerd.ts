/** Serves a bundle on workerd, the runtime of Cloudflare Workers, at a free port of 127.0.0.1. */
import { mustRun } from "../../tasks/process.ts";
import { within } from "../within.ts";

/** A worker that answers requests. */
export interface Workerd {
  /** Its address. */
  readonly url: string;
  /** What it has written to the console, errors included. */
  output(): string;
  /** Ends the process, and waits for its end. */
  close(): Promise<void>;
}

/** Options of {@linkcode serveWorkerd}. */
export interface WorkerdOptions {
  /** The bundle: an ES module. */
  bundle: string;
  /** The bindings of type text. */
  env: Record<string, string>;
}

/** How long it may take to start, in milliseconds. */
const PATIENCE_MS = 15_000;

/** Starts workerd. What a worker fetches may be on this machine only. */
export async function serveWorkerd({ bundle, env }: WorkerdOptions): Promise<Workerd> {
  const folder = await Deno.makeTempDir();
  await Deno.copyFile(bundle, `${folder}/worker.js`);
  await Deno.writeTextFile(`${folder}/workerd.capnp`, configuration(env));
  const child = new Deno.Command(await programPath(), {
    args: ["serve", "--control-fd=1", `${folder}/workerd.capnp`],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [out, err] = [readLines(child.stdout), readLines(child.stderr)];
  const close = async () => {
    kill(child);
    await Promise.all([child.status, out.ended, err.ended]);
    await Deno.remove(folder, { recursive: true });
  };
  const output = () => [...out.lines, ...err.lines].join("\n");
  try {
    const port = await within(PATIENCE_MS, portIn(out));
    return { url: `http://127.0.0.1:${port}`, output, close };
  } catch (error) {
    await close();
    throw new Error(`Cannot start workerd: ${output()}`, { cause: error });
  }
}

function configuration(env: Record<string, string>): string {
  const bindings = Object.entries(env).map(([name, text]) =>
    `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`
  );
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  bindings = [${bindings.join(", ")}],
  compatibilityDate = "2026-01-01",
);
`;
}

/** The program itself: a signal to the npx that started it would not reach it. */
async function programPath(): Promise<string> {
  const ask =
    `node -p 'require(fs.realpathSync(process.argv[1]) + "/../..").default' "$(command -v workerd)"`;
  const output = await mustRun("npx", ["-y", "--package=workerd@^1", "-c", ask]);
  const path = output.split("\n").find((line) => line.startsWith("/"));
  if (path) return path;
  throw new Error(`Cannot find workerd: ${output}`);
}

interface Lines {
  readonly lines: string[];
  /** Resolves to the first line that matches, rejects when there will be none. */
  first(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<void>;
}

function readLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Lines {
  const lines: string[] = [];
  const looking = new Set<() => void>();
  const ended = (async () => {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
      for (const look of looking) look();
    }
  })();
  const first = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const found = lines.map((line) => pattern.exec(line)).find((match) => match !== null);
        if (found) resolve(found);
      };
      looking.add(look);
      look();
      void ended.then(() => reject(new Error("It has ended")));
    });
  return { lines, first, ended };
}

/** With a control channel, workerd tells the port that it was given. */
async function portIn(out: Lines): Promise<number> {
  const [, port] = await out.first(/"event":"listen".*"port":(\d+)/);
  return Number(port);
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}
