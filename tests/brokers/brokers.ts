/** Brokers of others, on a free port of 127.0.0.1 each. */
import { AwsBackend, type AwsBackendOptions } from "../../backends/aws/mod.ts";
import { type Program, start } from "../../tasks/process.ts";
import { startBroker } from "../broker.ts";
import { startFauxqs } from "../fauxqs.ts";
import { installMaven, installPython } from "./install.ts";

/** A broker that runs. */
export interface RunningBroker {
  readonly endpoint: string;
  /** Options with which a backend uses the broker. */
  readonly options: AwsBackendOptions;
  close(): Promise<void>;
}

/** A broker that can be started. */
export interface BrokerKind {
  readonly name: string;
  /** Tells that the broker has topics. */
  readonly hasTopics: boolean;
  /** Installs the broker if need be, starts it, and waits until it answers. */
  start(): Promise<RunningBroker>;
}

const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const region = "us-east-1";
/** A broker may take so long until it answers, in milliseconds. */
const START_MS = 90_000;

/** All brokers, our own first. */
export const BROKERS: readonly BrokerKind[] = [
  { name: "melange broker", hasTopics: true, start: startBroker },
  { name: "fauxqs", hasTopics: true, start: startFauxqsAt },
  { name: "moto", hasTopics: true, start: startMoto },
  { name: "ElasticMQ", hasTopics: false, start: startElasticMq },
  { name: "LocalStack", hasTopics: true, start: startLocalStack },
  { name: "ministack", hasTopics: true, start: startMinistack },
];

/** The brokers of these names, in whatever case; all of them without names. */
export function brokersNamed(names: readonly string[]): readonly BrokerKind[] {
  const chosen = BROKERS.filter(({ name }) => names.includes(name.toLowerCase()));
  const known = BROKERS.map(({ name }) => name.toLowerCase());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return names.length === 0 ? BROKERS : chosen;
  throw new TypeError(`Cannot test on "${unknown}": ${known.join(", ")} are known`);
}

async function startFauxqsAt(): Promise<RunningBroker> {
  const { options, close } = await startFauxqs();
  return { endpoint: options.endpoint as string, options, close };
}

async function startMoto(): Promise<RunningBroker> {
  const programs = await installPython("moto", ["moto[server]==5.2.5"]);
  const port = freePort();
  const args = ["-H", "127.0.0.1", "-p", String(port)];
  return await answering(port, start(`${programs}/moto_server`, args));
}

async function startElasticMq(): Promise<RunningBroker> {
  const folder = await installMaven("elasticmq", "org.elasticmq:elasticmq-server_2.13:1.7.1");
  const port = freePort();
  const config = `${folder}/${port}.conf`;
  await Deno.writeTextFile(
    config,
    `include classpath("application.conf")
node-address { protocol = http, host = "127.0.0.1", port = ${port}, context-path = "" }
rest-sqs { enabled = true, bind-port = ${port}, bind-hostname = "127.0.0.1", sqs-limits = strict }
rest-stats { enabled = false }
`,
  );
  const args = [`-Dconfig.file=${config}`, "-cp", `${folder}/lib/*`, "org.elasticmq.server.Main"];
  return await answering(port, start("java", args));
}

async function startLocalStack(): Promise<RunningBroker> {
  const programs = await installPython("localstack", [
    "localstack==4.14.0",
    "localstack-core[runtime]==4.14.0",
    // What it asks for has moved on since: it imports a private module, and a package that it forgot.
    "cbor2<5.8",
    "service-identity",
  ], { minor: 13 });
  const port = freePort();
  const env = {
    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    SERVICES: "sqs,sns,sts",
    DISABLE_EVENTS: "1",
    SKIP_SSL_CERT_DOWNLOAD: "1",
    FILESYSTEM_ROOT: `${programs}/../root`,
  };
  const program = start(`${programs}/python`, ["-m", "localstack.runtime.main"], { env });
  return await answering(port, program);
}

async function startMinistack(): Promise<RunningBroker> {
  const programs = await installPython("ministack", ["ministack==1.5.33"]);
  const port = freePort();
  const env = {
    GATEWAY_PORT: String(port),
    BIND_HOST: "127.0.0.1",
    MINISTACK_HOST: "127.0.0.1",
    // It removes containers that it finds.
    DOCKER_HOST: "unix:///nowhere",
  };
  return await answering(port, start(`${programs}/ministack`, [], { env }));
}

/** A port that was free a moment ago. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

/** Waits until a broker that was started makes a queue. */
async function answering(port: number, program: Program): Promise<RunningBroker> {
  const endpoint = `http://127.0.0.1:${port}`;
  const options = { endpoint, region, credentials };
  const close = async () => await program[Symbol.asyncDispose]();
  const backend = new AwsBackend(options);
  try {
    await program.until(
      () => backend.declareQueue("ready").then(() => true, () => false),
      { what: `an answer of ${endpoint}`, ms: START_MS },
    );
  } catch (error) {
    await close();
    throw error;
  } finally {
    await backend.close();
  }
  return { endpoint, options, close };
}
