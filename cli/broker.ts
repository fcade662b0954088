import { type CommandSpec, HELP, type OptionSpecs, type OptionValues } from "./arguments.ts";
import { parseArguments, UsageError } from "./arguments.ts";
import { type BrokerServer, CREDENTIALS, serveBroker } from "./broker/server.ts";
import { readTopology } from "./broker/topology.ts";
import type { Io } from "./io.ts";
import { type CliLogger, createLogger } from "./log.ts";

const PORT = 4_566;
const MAX_PORT = 65_535;
const HOST = "127.0.0.1";
const REGION = "us-east-1";

const OPTIONS = {
  port: { type: "count", value: "PORT", help: `0 takes a free one; default: ${PORT}` },
  host: { type: "text", value: "ADDRESS", help: `the address to listen on; default: ${HOST}` },
  "host-name": {
    type: "text",
    many: true,
    value: "NAME",
    help: "a name that programs ask by, beside localhost, 127.0.0.1 and --host",
  },
  data: {
    type: "text",
    value: "FILE",
    help: "keep everything there, also when the program is killed; default: nothing is kept",
  },
  sync: {
    type: "flag",
    help: "answer only when the disk has it: nothing is lost when the machine stops either",
  },
  init: {
    type: "text",
    value: "FILE",
    help: "topics, queues and subscriptions to create first, as JSON",
  },
  region: { type: "text", value: "NAME", help: `the region of --init; default: ${REGION}` },
  json: { type: "flag", help: "print JSON, one object a line" },
  ...HELP,
} as const satisfies OptionSpecs;

type Values = OptionValues<typeof OPTIONS>;

/** The arguments of `broker`. */
export const BROKER: CommandSpec<typeof OPTIONS> = {
  name: "melange broker",
  help: "Runs SNS and SQS on this machine until SIGINT or SIGTERM, for programs with any SDK.\n" +
    "It is made for development: any key is taken, and nobody is asked who they are.",
  positionals: [],
  options: OPTIONS,
  example: "melange broker --data broker.log --init topology.json",
};

/** Runs `broker`; resolves when it was stopped. */
export async function broker(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseArguments(args, BROKER);
  const { port = PORT, host = HOST, "host-name": names = [], region = REGION } = values;
  check(values);
  const logger = createLogger(io, { json: values.json ?? false });
  const topology = values.init === undefined ? undefined : await readTopology(values.init);
  let off = () => {};
  let onFailure: (error: Error) => void = () => {};
  const ended = new Promise<string>((resolve, reject) => {
    off = io.onSignal(resolve);
    onFailure = reject;
  });
  // It may fail before anybody waits for it.
  ended.catch(() => {});
  try {
    const { data, sync = false } = values;
    const settings = { port, host, names, region, data, sync, topology, onFailure };
    const server = await serveBroker(settings);
    if (server.torn > 0) logger.notice(cut(server.torn, data));
    tell(server, { io, json: values.json ?? false });
    await ended.finally(() => server.close());
  } finally {
    off();
  }
  return 0;
}

function check({ port = PORT, sync, data }: Values): void {
  if (port > MAX_PORT) {
    throw new UsageError(
      `Cannot use --port as it takes 0 to ${MAX_PORT}: current value is ${port}`,
    );
  }
  if (data === "") throw new UsageError("Cannot use --data without a name: pass --data FILE");
  if (sync && data === undefined) {
    throw new UsageError("Cannot use --sync without a file: pass --data FILE, too");
  }
}

function tell({ url, aws }: BrokerServer, { io, json }: { io: Io; json: boolean }): void {
  const { region } = aws;
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  const environment = {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
  if (json) return io.out(JSON.stringify({ url, environment }));
  io.out(`SNS and SQS are at ${url}. For programs that should use them:\n`);
  for (const [name, value] of Object.entries(environment)) io.out(`export ${name}=${value}`);
}

function cut(bytes: number, file: string | undefined): Parameters<CliLogger["notice"]>[0] {
  return {
    level: "warn",
    message: "Cut the data file",
    fields: { file, bytes },
    text:
      `The last record of ${file} was not written to its end and nobody was told of it: ${bytes} bytes are cut off`,
  };
}
