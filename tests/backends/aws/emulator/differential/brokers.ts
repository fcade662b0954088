/**
 * Other brokers of SQS and SNS, as second opinions. Each is installed into a folder from a public
 * registry, and listens on 127.0.0.1.
 */
import { mustRun, start } from "../../../../../tasks/process.ts";
import { startFauxqs } from "../../../../fauxqs.ts";
import type { Protocol } from "../wire.ts";
import type { Services } from "./sequences.ts";

/** A broker that runs. */
export interface Opponent extends Running {
  readonly services: Services;
  /** The protocols of SQS. */
  readonly protocols: readonly Protocol[];
}

/** A broker that listens. */
interface Running extends AsyncDisposable {
  readonly origin: string;
}

/** How a broker is had. */
interface Recipe {
  readonly services: Services;
  /** The protocols of SQS. Default: both. */
  readonly protocols?: readonly Protocol[];
  /** Puts it into a folder of its own. */
  install(folder: string): Promise<void>;
  /** Starts it on a port. */
  start(folder: string, port: number): Promise<Running>;
}

const BOTH: Services = ["sqs", "sns"];
const INSTALL_MS = 540_000;
const START_MS = 90_000;

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Installs Python packages into an environment, unless a file of it is there. */
async function venv(
  folder: string,
  packages: readonly string[],
  { python = "python3", file }: { python?: string; file: string },
): Promise<void> {
  if (await exists(`${folder}/${file}`)) return;
  const timeoutMs = INSTALL_MS;
  await mustRun(python, ["-m", "venv", folder], { timeoutMs });
  await mustRun(`${folder}/bin/pip`, ["install", "-q", ...packages], { timeoutMs });
}

/** Starts a program that listens on a port, and waits until it answers. */
async function served(
  command: readonly string[],
  { port, env = {} }: { port: number; env?: Record<string, string> },
): Promise<Running> {
  const [name = "", ...args] = command;
  const program = start(name, args, { env });
  const origin = `http://127.0.0.1:${port}`;
  const answers = async () => {
    const response = await fetch(origin, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return true;
  };
  await program.until(() => answers().catch(() => false), {
    what: `${origin} to answer`,
    ms: START_MS,
  });
  return { origin, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

const MOTO: Recipe = {
  services: BOTH,
  install: (folder) => venv(folder, ["moto[server]==5.2.5"], { file: "bin/moto_server" }),
  start: (folder, port) =>
    served([`${folder}/bin/moto_server`, "-H", "127.0.0.1", "-p", `${port}`], { port }),
};

const MINISTACK: Recipe = {
  services: BOTH,
  install: (folder) => venv(folder, ["ministack==1.5.33"], { file: "bin/ministack" }),
  start: (folder, port) => {
    const env = { GATEWAY_PORT: `${port}`, MINISTACK_HOST: "127.0.0.1", SERVICES: "sqs,sns" };
    return served([`${folder}/bin/ministack`], { port, env });
  },
};

/** The last version without an account; it needs Python 3.13, and packages of its time. */
const LOCALSTACK: Recipe = {
  services: BOTH,
  install: (folder) => {
    const packages = ["localstack-core[runtime]==4.14.0", "cbor2==5.7.0", "pyopenssl==24.3.0"];
    const python = Deno.env.get("PYTHON_3_13") ?? "python3.13";
    return venv(folder, [...packages, "service_identity"], {
      python,
      file: "bin/localstack-supervisor",
    });
  },
  start: (folder, port) =>
    served([`${folder}/bin/python`, "-m", "localstack.runtime.main"], {
      port,
      env: {
        GATEWAY_LISTEN: `127.0.0.1:${port}`,
        SERVICES: "sqs,sns",
        DISABLE_EVENTS: "1",
        DNS_ADDRESS: "0",
        SKIP_SSL_CERT_DOWNLOAD: "1",
        SQS_DELAY_PURGE_RETRY: "1",
        SQS_DELAY_RECENTLY_DELETED: "1",
        LOCALSTACK_VOLUME_DIR: `${folder}/volume`,
      },
    }),
};

const ELASTICMQ: Recipe = {
  services: ["sqs"],
  async install(folder) {
    if (await exists(`${folder}/lib`)) return;
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(
      `${folder}/pom.xml`,
      `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>melange</groupId><artifactId>brokers</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.elasticmq</groupId><artifactId>elasticmq-server_2.13</artifactId>
    <version>1.7.1</version>
  </dependency></dependencies>
</project>
`,
    );
    const args = ["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"];
    await mustRun("mvn", args, { cwd: folder, timeoutMs: INSTALL_MS });
  },
  async start(folder, port) {
    const file = `${folder}/${port}.conf`;
    await Deno.writeTextFile(
      file,
      `include classpath("application.conf")
node-address { host = "127.0.0.1", port = ${port} }
rest-sqs { bind-port = ${port}, bind-hostname = "127.0.0.1" }
rest-stats { enabled = false }
`,
    );
    const main = "org.elasticmq.server.Main";
    return await served(["java", `-Dconfig.file=${file}`, "-cp", `${folder}/lib/*`, main], {
      port,
    });
  },
};

const FAUXQS: Recipe = {
  services: BOTH,
  protocols: ["json"],
  install: () => Promise.resolve(),
  async start() {
    const { options, close } = await startFauxqs();
    return { origin: `${options.endpoint}`, [Symbol.asyncDispose]: () => close() };
  },
};

/** The brokers by name. */
export const RECIPES: Readonly<Record<string, Recipe>> = {
  elasticmq: ELASTICMQ,
  fauxqs: FAUXQS,
  localstack: LOCALSTACK,
  ministack: MINISTACK,
  moto: MOTO,
};

/** Installs a broker below a folder, unless it is there, and starts it. */
export async function startOpponent(name: string, folder: string): Promise<Opponent> {
  const recipe = RECIPES[name];
  if (!recipe) throw new TypeError(`Cannot start ${name}: known are ${Object.keys(RECIPES)}`);
  await Deno.mkdir(folder, { recursive: true });
  await recipe.install(`${folder}/${name}`);
  const { services, protocols = ["json", "query"] } = recipe;
  return { ...await recipe.start(`${folder}/${name}`, freePort()), services, protocols };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
