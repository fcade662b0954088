import { tellingWaits } from "../backends/aws/api/unreachable.ts";
import type { Backend } from "../src/backend.ts";
import { type ConsumerStatus, MessageConsumer } from "../src/consume/consumer.ts";
import { reading, systemClock } from "../src/support/clock.ts";
import type { Dispatcher } from "../src/handle/dispatcher.ts";
import type { Logger } from "../src/support/logger.ts";
import { MessagePublisher } from "../src/publish/publisher.ts";
import { retry } from "../src/support/retry.ts";
import { type CommandSpec, COMMON_OPTIONS, parseArguments, required } from "./arguments.ts";
import type { OptionSpecs, OptionValues } from "./arguments.ts";
import { backendOptions } from "./backend_options.ts";
import { loadHandlers, withLogger } from "./handlers.ts";
import { serveHealth } from "./health.ts";
import type { Io } from "./io.ts";
import { createLogger } from "./log.ts";

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
  "health-port": { type: "count", value: "PORT", help: "answer GET /health and /ready there" },
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

/** What `consume` takes. */
export const CONSUME: CommandSpec = {
  name: "consume",
  help:
    "Hands each message of a queue to the handlers of a module, until SIGINT or SIGTERM: then it\n" +
    "drains and exits with 0. A second signal gives back at once what is unfinished.",
  positionals: [],
  options: OPTIONS,
};

/** How often the counts are printed on a terminal, if they have changed. */
const REPORT_MS = 5_000;
/** `deno task` passes Ctrl-C on to a program that has got it already: a repetition means nothing. */
const REPEAT_MS = 1_000;
/** What a second signal leaves: with none, nothing could be given back. */
const HURRY_MS = 1_000;

/** Runs `consume`; resolves when it was stopped and has drained. */
export async function consume(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseArguments(args, { ...CONSUME, options: OPTIONS });
  const queue = required(values.queue, "queue");
  const path = required(values.handlers, "handlers");
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
  logger: Logger;
  dispatcher: Dispatcher;
}

async function work({ backend, queue, values, io, logger, dispatcher }: Work): Promise<void> {
  const publisher = new MessagePublisher({ backend });
  const consumer = new MessageConsumer({
    ...settingsOf(values),
    backend,
    queue,
    publisher,
    dispatcher: values.json ? withLogger(dispatcher, logger) : dispatcher,
  });
  await found(backend, queue, logger);
  const end = await startReports({ consumer, values, io, logger });
  const stop = new AbortController();
  const off = io.onSignal(onSignals(consumer, { stop, logger }));
  logger.info(`Consuming ${queue}`, { listensTo: typesOf(dispatcher) });
  await consumer.run({ signal: stop.signal });
  await publisher.close();
  await end();
  off();
  logger.info(`Stopped: ${summary(consumer.status())}`);
}

/** How long a start waits for a service that is down; then the supervisor decides. */
const PATIENCE = { maxAttempts: 20, maxMs: 5_000, deadlineMs: 120_000 };

/** Looks whether the queue is there. What cannot succeed ends it at once, the rest is waited for. */
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

function typesOf({ takesEverything, eventTypes }: Dispatcher): string {
  return takesEverything ? "everything" : eventTypes.map(({ type }) => type).join(", ");
}

function onSignals(
  consumer: MessageConsumer,
  { stop, logger }: { stop: AbortController; logger: Logger },
): (name: string) => void {
  let first: number | undefined;
  return (name) => {
    const now = reading(systemClock);
    if (first === undefined) {
      first = now;
      logger.info(`${name}: draining`, { running: consumer.status().running });
      stop.abort();
    } else if (now - first > REPEAT_MS) {
      logger.warn(`${name} again: giving back what is unfinished`);
      void consumer.stop({ drainMs: HURRY_MS });
    }
  };
}

/** Tells how it goes, to health checks and to people; the function returned ends that. */
async function startReports(
  { consumer, values, io, logger }: {
    consumer: MessageConsumer;
    values: Values;
    io: Io;
    logger: Logger;
  },
): Promise<() => Promise<void>> {
  const { "health-port": port, "health-host": host = "127.0.0.1", "health-name": names } = values;
  const status = () => consumer.status();
  const server = port === undefined ? undefined : await serveHealth({ port, host, names, status });
  if (server) logger.info(`Health checks are answered at ${server.url}/health`);
  const timer = io.terminal ? setInterval(reporter(consumer, logger), REPORT_MS) : undefined;
  return async () => {
    clearInterval(timer);
    await server?.close();
  };
}

function reporter(consumer: MessageConsumer, logger: Logger): () => void {
  let last = "";
  return () => {
    const text = summary(consumer.status());
    if (text !== last) logger.info(text);
    last = text;
  };
}

function summary(status: ConsumerStatus): string {
  const { queue, acknowledged, retried, deadLettered, inFlight } = status;
  return `${queue}: ${acknowledged} handled, ${retried} retried, ${deadLettered} dead-lettered, ${inFlight} in flight`;
}
