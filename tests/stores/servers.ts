/**
 * The servers that the suite of stores runs against: Redis and Postgres from Debian, moto and
 * ministack from PyPI. All is kept in `.cache/stores`, and listens on 127.0.0.1.
 */
import { mustRun, type Program, run, start } from "../../tasks/process.ts";

const CACHE = new URL("../../.cache/stores/", import.meta.url).pathname;
const INSTALL_MS = 300_000;
const REDIS_PACKAGES = ["redis-tools", "libjemalloc2", "liblzf1", "libhiredis0.14", "liblua5.1-0"]
  .concat(["lua-cjson", "lua-bitop", "libatomic1"]);

/** A server on a port of 127.0.0.1. */
export interface Server extends AsyncDisposable {
  readonly port: string;
}

/** Starts Redis, without files. */
export async function startRedis(): Promise<Server> {
  const root = `${CACHE}redis/root`;
  if (!await isThere(`${root}/usr/bin/redis-server`)) {
    await Deno.mkdir(root, { recursive: true });
    const cwd = `${CACHE}redis`;
    const packages = ["redis-server", ...REDIS_PACKAGES];
    await mustRun("apt-get", ["download", ...packages], { cwd, timeoutMs: INSTALL_MS });
    await mustRun("sh", ["-c", "for file in *.deb; do dpkg -x $file root; done"], { cwd });
  }
  const port = freePort();
  const libraries = `${root}/usr/lib/x86_64-linux-gnu`;
  const program = start(`${root}/usr/bin/redis-server`, [
    ...["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
  ], { env: { LD_LIBRARY_PATH: libraries } });
  return await listening(program, port);
}

/** Starts Postgres in a folder of its own, as a user that is not root. */
export async function startPostgres(): Promise<Server> {
  const bin = await postgresFolder();
  const folder = await Deno.makeTempDir({ prefix: "melange-postgres-" });
  const isRoot = Deno.uid() === 0;
  if (isRoot) await mustRun("chown", ["postgres", folder]);
  const [command, before] = isRoot
    ? ["setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups"]] as const
    : ["env", []] as const;
  const data = `${folder}/data`;
  const init = ["-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"];
  await mustRun(command, [...before, `${bin}/initdb`, ...init], { cwd: folder });
  const port = freePort();
  const program = start(command, [
    ...[...before, `${bin}/postgres`, "-D", data, "-p", port, "-h", "127.0.0.1", "-k", folder],
  ], { cwd: folder });
  const server = await listening(program, port);
  return {
    port,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function postgresFolder(): Promise<string> {
  const find = () => run("sh", ["-c", "ls -d /usr/lib/postgresql/*/bin | tail -1"]);
  const found = (await find()).stdout.trim();
  if (found) return found;
  await mustRun("apt-get", ["update", "-qq"], { timeoutMs: INSTALL_MS });
  await mustRun("apt-get", ["install", "-y", "-qq", "postgresql"], { timeoutMs: INSTALL_MS });
  return (await find()).stdout.trim();
}

/** Starts moto, which has DynamoDB. */
export async function startMoto(): Promise<Server> {
  const bin = await venv("moto", "moto[server,dynamodb]==5.2.5");
  const port = freePort();
  return await listening(start(`${bin}/moto_server`, ["-H", "127.0.0.1", "-p", port]), port);
}

/** Starts ministack, which has DynamoDB. */
export async function startMinistack(): Promise<Server> {
  const bin = await venv("ministack", "ministack==1.5.33");
  const port = freePort();
  const env = { GATEWAY_PORT: port, MINISTACK_HOST: "127.0.0.1", SERVICES: "dynamodb" };
  return await listening(start(`${bin}/ministack`, [], { env }), port);
}

async function venv(name: string, requirement: string): Promise<string> {
  const folder = `${CACHE}${name}`;
  if (!await isThere(`${folder}/installed`)) {
    await mustRun("python3", ["-m", "venv", folder], { timeoutMs: INSTALL_MS });
    const install = ["-m", "pip", "install", "-q", requirement];
    await mustRun(`${folder}/bin/python`, install, { timeoutMs: INSTALL_MS });
    await Deno.writeTextFile(`${folder}/installed`, requirement);
  }
  return `${folder}/bin`;
}

async function listening(program: Program, port: string): Promise<Server> {
  const answers = async () => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port: Number(port) })).close();
      return true;
    } catch {
      return false;
    }
  };
  await program.until(answers, { what: `a server on port ${port}`, ms: 60_000 });
  return { port, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

function isThere(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

/** Returns a port that is free now. */
export function freePort(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return String(port);
}
