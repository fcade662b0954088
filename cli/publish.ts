import { tellingWaits } from "../backends/aws/api/unreachable.ts";
import type { Backend, Sender, SendResult } from "../src/backend.ts";
import { systemClock } from "../src/support/clock.ts";
import type { Logger } from "../src/support/logger.ts";
import {
  type AnyEventType,
  defineEvent,
  type Event,
  type EventType,
  typed,
} from "../src/event/event.ts";
import type { Attributes } from "../src/wire/message.ts";
import { MessagePublisher } from "../src/publish/publisher.ts";
import type { Format, PublishOptions } from "../mod.ts";
import { type CommandSpec, COMMON_OPTIONS, parseArguments, UsageError } from "./arguments.ts";
import type { OptionSpecs, OptionValues } from "./arguments.ts";
import { didYouMean } from "./did_you_mean.ts";
import { backendOptions } from "./backend_options.ts";
import { dataOf } from "./data.ts";
import { loadHandlers } from "./handlers.ts";
import type { Io } from "./io.ts";
import { createLogger } from "./log.ts";
import { nextStep } from "./next_step.ts";

const FORMATS: readonly Format[] = ["plain", "melange", "cloudevents"];
/** Results are printed after so many events. */
const CHUNK = 1_000;

const OPTIONS = {
  topic: { type: "text", value: "NAME", help: "the topic; default: the one of the event type" },
  queue: { type: "text", value: "NAME", help: "a queue instead of a topic" },
  file: { type: "text", value: "PATH", help: "publish each line of a file: one JSON value a line" },
  handlers: {
    type: "text",
    value: "PATH",
    help: "a module with the event type: its schema is checked, its topic and group are used",
  },
  attribute: { type: "text", value: "NAME=TEXT", many: true, help: "an attribute" },
  group: { type: "text", value: "NAME", help: "the message group, for .fifo names" },
  "deduplication-id": {
    type: "text",
    value: "ID",
    help: "for .fifo names and a single event; default: the event's id",
  },
  "no-deduplication-id": {
    type: "flag",
    help: "send none, for .fifo names with contentBasedDeduplication",
  },
  "delay-ms": { type: "count", value: "MS", help: "how long the queue hides it first" },
  format: { type: "text", value: "NAME", help: `${FORMATS.join(", ")}; default: plain` },
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

type Values = OptionValues<typeof OPTIONS>;

/** The arguments of `publish`. */
export const PUBLISH: CommandSpec<typeof OPTIONS> = {
  name: "melange publish",
  help:
    "Publishes events of one type and prints one result a line. The data is JSON: an argument,\n" +
    "or one value a line from --file or standard input. All of it is read before any is sent.",
  positionals: ["EVENT", "DATA"],
  options: OPTIONS,
  example: `melange publish OrderPlaced '{"orderId":"o-1"}' --topic orders`,
};

/** Runs `publish`; 1 if an event was not stored. */
export async function publish(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals: [name, data] } = parseArguments(args, PUBLISH);
  if (name === undefined) {
    throw new UsageError(
      `Cannot publish without an event type: pass its name first, as in ${PUBLISH.example}`,
    );
  }
  const logger = createLogger(io, { json: values.json ?? false });
  const type = await eventTypeOf(name, values, logger);
  const options = publishOptionsOf(type, values);
  const format = formatOf(values);
  const events = (await dataOf(data, { file: values.file, io, logger })).map((data) => type(data));
  if (events.length > 1 && values["deduplication-id"] !== undefined) {
    throw new UsageError(
      "Cannot publish many events with one --deduplication-id as the queue would drop all but the first: leave it out",
    );
  }
  // A topic is not created here: a misspelt one would take events and keep none.
  const backend = io.createBackend({ ...backendOptions(values), createTopics: false });
  try {
    const publisher = new MessagePublisher({ backend: watched(backend, logger), format });
    return await publishInChunks(publisher, events, { options, io, json: values.json ?? false });
  } finally {
    await backend.close();
  }
}

/**
 * Sends through the backend. A hopeless fault ends the sending, and the log tells a wait for any
 * other fault.
 */
function watched(backend: Backend, logger: Logger): Sender {
  const telling = tellingWaits({ clock: systemClock, logger });
  return {
    limits: backend.limits,
    sizeOf: (message, destination) => backend.sizeOf(message, destination),
    send: (...given) => telling(() => backend.send(...given)),
  };
}

async function eventTypeOf(
  name: string,
  { handlers }: Values,
  logger: Logger,
): Promise<EventType> {
  if (handlers === undefined) return defineEvent(name, { schema: typed<unknown>() }) as EventType;
  const { eventTypes } = await loadHandlers(handlers, { logger });
  const type = eventTypes.find((type) => type.type === name);
  if (type) return type as AnyEventType as EventType;
  const known = eventTypes.map((type) => type.type);
  const meant = didYouMean(name, known);
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  throw new UsageError(
    `Cannot find the event type "${name}" in ${handlers}: it has ${
      known.join(", ") || "none"
    }${hint}`,
  );
}

function publishOptionsOf(type: EventType, values: Values): PublishOptions {
  const { topic, queue, group, "delay-ms": delayMs } = values;
  const deduplicationId = deduplicationIdOf(values);
  const common = {
    ...(group === undefined ? {} : { group }),
    ...(deduplicationId === undefined ? {} : { deduplicationId }),
    ...(values.attribute === undefined ? {} : { attributes: attributesOf(values.attribute) }),
  };
  if (topic !== undefined && queue !== undefined) {
    throw new UsageError("Cannot publish to --topic and --queue at once: run the command twice");
  }
  if (queue !== undefined) {
    return { ...common, queue, ...(delayMs === undefined ? {} : { delayMs }) };
  }
  if (delayMs !== undefined) {
    throw new UsageError("Cannot delay what goes to a topic: --delay-ms needs --queue NAME");
  }
  if (topic === undefined && type.topic === undefined) {
    throw new UsageError("Cannot tell where to publish to: pass --topic NAME or --queue NAME");
  }
  return { ...common, ...(topic === undefined ? {} : { topic }) };
}

function deduplicationIdOf(values: Values): string | false | undefined {
  const { "deduplication-id": id, "no-deduplication-id": none } = values;
  if (id !== undefined && none) {
    throw new UsageError("Cannot send a deduplication id and none at once: pass one of the two");
  }
  return none ? false : id;
}

function attributesOf(pairs: readonly string[]): Attributes {
  return Object.fromEntries(pairs.map((pair) => {
    const [name, ...value] = pair.split("=");
    if (name && value.length > 0) return [name, value.join("=")];
    throw new UsageError(`Cannot use an attribute without "=": pass --attribute NAME=TEXT`);
  }));
}

function formatOf({ format = "plain" }: Values): Format {
  const known = FORMATS.find((name) => name === format);
  if (known) return known;
  const meant = didYouMean(format, FORMATS);
  const hint = meant === undefined ? "" : `did you mean ${meant}? `;
  throw new UsageError(`Cannot use the format "${format}": ${hint}${FORMATS.join(", ")} are known`);
}

/** The results of a command so far. */
interface Tally {
  failed: number;
  /** The sign that somebody still reads results. */
  isRead: boolean;
}

/**
 * Publishes all events, even if the reader of the results goes away: otherwise half of a file would
 * be stored. Then standard error tells the result.
 */
async function publishInChunks(
  publisher: MessagePublisher,
  events: readonly Event[],
  { options, io, json }: { options: PublishOptions; io: Io; json: boolean },
): Promise<number> {
  const tally: Tally = { failed: 0, isRead: true };
  for (let start = 0; start < events.length; start += CHUNK) {
    const chunk = events.slice(start, start + CHUNK);
    const results = await publisher.publishAll(chunk.map((event) => ({ event, ...options })));
    const lines = results.map((result, index) => {
      const id = chunk[index]?.id ?? "";
      return { ok: result.ok, line: json ? jsonLine(id, result) : textLine(id, result) };
    });
    await print(lines, tally, io);
    io.progress(`${start + chunk.length} of ${events.length} published, ${tally.failed} failed`);
  }
  summarize(tally, { events, io, json });
  return tally.failed > 0 ? 1 : 0;
}

async function print(
  lines: readonly { ok: boolean; line: string }[],
  tally: Tally,
  io: Io,
): Promise<void> {
  tally.failed += lines.filter(({ ok }) => !ok).length;
  if (tally.isRead) {
    for (const { line } of lines) io.out(line);
    tally.isRead = await io.written?.() ?? true;
  }
  // Failures are told all the same.
  if (!tally.isRead) lines.filter(({ ok }) => !ok).forEach(({ line }) => io.err(line));
}

/** Tells the counts: to people with many events, and to all readers without every result. */
function summarize(
  { failed, isRead }: Tally,
  { events, io, json }: { events: readonly Event[]; io: Io; json: boolean },
): void {
  if (isRead && events.length > 0 && (json || events.length === 1)) return;
  const published = events.length - failed;
  const counts = `${published} published, ${failed} failed`;
  const closed = "standard output was closed before all results were printed";
  const [message, text] = isRead
    ? ["Published", events.length > 0 ? counts : `${counts}: the input holds no line with data`]
    : [`${counts}; ${closed}`, `${counts}; ${closed}`];
  const time = new Date().toISOString();
  const level = isRead ? "info" : "warn";
  io.err(json ? JSON.stringify({ published, failed, time, level, message }) : text);
}

function textLine(eventId: string, result: SendResult): string {
  if (result.ok) return `published ${eventId} as message ${result.messageId}`;
  const { error } = result;
  return `failed ${eventId}: ${error.code}: ${error.message}${nextStep(error)}`;
}

function jsonLine(eventId: string, result: SendResult): string {
  if (result.ok) return JSON.stringify({ eventId, ...result });
  const { code, message } = result.error;
  return JSON.stringify({ eventId, ok: false, error: { code, message } });
}
