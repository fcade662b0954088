import { tellingWaits } from "../backends/aws/api/unreachable.ts";
import type { Backend } from "../src/backend.ts";
import { MessageConsumer } from "../src/consume/consumer.ts";
import { systemClock } from "../src/support/clock.ts";
import type { Dispatcher } from "../src/handle/dispatcher.ts";
import { defaultLogger, type Logger } from "../src/support/logger.ts";
import { MessagePublisher } from "../src/publish/publisher.ts";
import { retry } from "../src/support/retry.ts";
import { type CommandSpec, COMMON_OPTIONS, parseArguments, required } from "./arguments.ts";
import type { OptionSpecs, OptionValues } from "./arguments.ts";
import { backendOptions } from "./backend_options.ts";
import { Drain } from "./drain.ts";
import { loadHandlers, withLogger } from "./handlers.ts";
import { checkPort, serveHealth } from "./health.ts";
import type { Io } from "./io.ts";
import { type CliLogger, createLogger } from "./log.ts";
import { begun, REPORT_MS, startReports, stopped } from "./reports.ts";

const OPTIONS = {
  queue: { type: "text", value: "NAME", help: "the queue to consume; it must exist" },
  handlers: {
    type: "text",
    value: "PATH",
    help: "a module that exports `dispatcher`, or `subscribers`: [{ name, listensTo, process }]",
  },
  concurrency: { type: "count", value: "N", help: "messages held at once; default: 10" },
  "visibility-timeout-ms": {
    type: "count",
    value: "MS",
    help: "how long a message is locked; kept up while it is handled; default: 30000",
  },
  "wait-ms": { type: "count", value: "MS", help: "how long a receive waits; default: 20000" },
  "drain-ms": { type: "count", value: "MS", help: "how long a stop waits; default: 10000" },
  "report-ms": {
    type: "count",
    value: "MS",
    help: `print the counts so often; 0: never; default: ${REPORT_MS} on a terminal, else never`,
  },
  "health-port": {
    type: "count",
    value: "PORT",
    help: "answer GET /health, /ready and /metrics there",
  },
  "health-host": { type: "text", value: "ADDRESS", help: "default: 127.0.0.1" },
  "health-name": {
    type: "text",
    many: true,
    value: "NAME",
    help: "a name that health checks ask by, if it is no address and not localhost",
  },
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

type Values = OptionValues<typeof OPTIONS>;

/** The arguments of `consume`. */
export const CONSUME: CommandSpec<typeof OPTIONS> = {
  name: "melange consume",
  help:
    "Hands each message of a queue to the handlers of a module, until SIGINT or SIGTERM: then it\n" +
    "drains and exits with 0. A second signal gives back at once what is unfinished.",
  positionals: [],
  options: OPTIONS,
  example: "melange consume --queue billing --handlers ./handlers.ts",
};

/** Runs `consume`; resolves after a stop and its drain. */
export async function consume(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseArguments(args, CONSUME);
  const queue = required("queue", values, CONSUME);
  const path = required("handlers", values, CONSUME);
  checkPort(values["health-port"]);
  const logger = createLogger(io, { json: values.json ?? false });
  const { dispatcher } = await loadHandlers(path, { logger });
  const backend = io.createBackend({ ...backendOptions(values), logger });
  try {
    await work({ backend, queue, values, io, logger, dispatcher });
  } finally {
    await backend.close();
  }
  return 0;
}

interface Work {
  backend: Backend;
  queue: string;
  values: Values;
  io: Io;
  logger: CliLogger;
  dispatcher: Dispatcher;
}

async function work({ backend, queue, values, io, logger, dispatcher }: Work): Promise<void> {
  const publisher = new MessagePublisher({ backend });
  const consumer = new MessageConsumer({
    ...settingsOf(values),
    backend,
    queue,
    publisher,
    dispatcher: loggingTo(logger, dispatcher, values),
  });
  await found(backend, queue, logger);
  const health = await serve(consumer, { values, logger });
  const defaultMs = io.terminal ? REPORT_MS : 0;
  const endReports = startReports(consumer, {
    logger,
    everyMs: values["report-ms"] ?? defaultMs,
    always: values["report-ms"] !== undefined,
  });
  const drain = new Drain({ consumer, publisher, logger, drainMs: values["drain-ms"] });
  const off = io.onSignal((name) => drain.signal(name));
  try {
    logger.notice(begun(queue, dispatcher));
    await consumer.run({ signal: drain.asked });
    await drain.finish();
  } finally {
    off();
    drain.end();
    endReports();
    await health?.close();
  }
  logger.notice(stopped(consumer.status()));
}

/** A logger that the module chose stays, but for lines that programs read. */
function loggingTo(logger: CliLogger, dispatcher: Dispatcher, { json }: Values): Dispatcher {
  if (json) return withLogger(dispatcher, logger);
  if (dispatcher.options.logger !== defaultLogger) return dispatcher;
  return withLogger(dispatcher, { ...logger, info() {} });
}

/** The patience of a start with a service that is down; then the supervisor decides. */
const PATIENCE = { maxAttempts: 20, maxMs: 5_000, deadlineMs: 120_000 };

/**
 * Looks whether the queue exists. A hopeless fault ends the command at once; other faults lead to a
 * wait.
 */
async function found(backend: Backend, queue: string, logger: Logger): Promise<void> {
  const clock = systemClock;
  const telling = tellingWaits({ clock, logger });
  const look = () => telling(() => backend.describeQueue(queue));
  await retry(look, { ...PATIENCE, clock, random: Math.random });
}

function settingsOf(values: Values) {
  const settings = {
    concurrency: values.concurrency,
    visibilityTimeoutMs: values["visibility-timeout-ms"],
    waitMs: values["wait-ms"],
    drainMs: values["drain-ms"],
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** Answers health checks, if somebody asked for that. */
async function serve(
  consumer: MessageConsumer,
  { values, logger }: { values: Values; logger: CliLogger },
) {
  const { "health-port": port, "health-host": host = "127.0.0.1", "health-name": names } = values;
  if (port === undefined) return undefined;
  const server = await serveHealth({ port, host, names, status: () => consumer.status() });
  const url = `${server.url}/health`;
  logger.notice({
    message: "Answering health checks",
    fields: { url },
    text: `Health checks are answered at ${url}`,
  });
  return server;
}
