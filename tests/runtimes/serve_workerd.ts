/** Serves a bundle on workerd, the runtime of Cloudflare Workers, at a free port of 127.0.0.1. */
import { mustRun, start } from "../../tasks/process.ts";

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
  const program = start(await programPath(), [
    ...["serve", "--control-fd=1", `${folder}/workerd.capnp`],
  ]);
  const close = async () => {
    await program[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  };
  try {
    // With a control channel, workerd tells the port that it was given.
    const listens = /"event":"listen".*"port":(\d+)/;
    const [, port] = await program.line(listens, { ms: PATIENCE_MS });
    const output = () => [...program.stdout, ...program.stderr].join("\n");
    return { url: `http://127.0.0.1:${port}`, output, close };
  } catch (error) {
    await close();
    throw error;
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
  const { output } = await mustRun("npx", ["-y", "--package=workerd@^1", "-c", ask]);
  const path = output.split("\n").find((line) => line.startsWith("/"));
  if (path) return path;
  throw new Error(`Cannot find workerd: ${output}`);
}
