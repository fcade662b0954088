/** The command `schemas`: a lock file of the schemas of events, and the check of changes. */
import { readFile, writeFile } from "node:fs/promises";
import { MelangeError } from "../src/support/errors.ts";
import {
  type CommandSpec,
  HELP,
  type OptionSpecs,
  parseArguments,
  required,
  UsageError,
} from "./arguments.ts";
import { didYouMean } from "./did_you_mean.ts";
import { loadEvents } from "./handlers.ts";
import type { Io } from "./io.ts";
import { createLogger } from "./log.ts";
import { check, type EventBreak, type Mode, MODES } from "./schemas/check.ts";
import { jsonSchemaOf } from "./schemas/json_schema.ts";
import { type CurrentEvent, type Lock, lockOf, readLock, writeLock } from "./schemas/lock.ts";
import { equal } from "./schemas/schema_parts.ts";

/** The file, unless another is named. */
const LOCK = "melange.schemas.json";

const OPTIONS = {
  handlers: {
    type: "text",
    value: "PATH",
    help: "the module that exports the event types, or whose handlers listen to them",
  },
  lock: { type: "text", value: "PATH", help: `the lock file; default: ${LOCK}` },
  mode: {
    type: "text",
    value: "MODE",
    help: "with check: backward (the new code reads old messages; the default),\n" +
      `${" ".repeat(34)}forward (the old code reads new messages), or full (both)`,
  },
  json: { type: "flag", help: "print JSON, one object a line" },
  ...HELP,
} as const satisfies OptionSpecs;

/** The arguments of `schemas`. */
export const SCHEMAS: CommandSpec<typeof OPTIONS> = {
  name: "melange schemas",
  help:
    "Writes the JSON Schemas of all events into a lock file, which belongs into the repository.\n" +
    "`schemas check` fails if a change since then breaks messages, and tells path and rule.",
  positionals: ["check"],
  options: OPTIONS,
  example: "melange schemas check --handlers ./handlers.ts",
};

/** Runs `schemas`: resolves to 1 if the check has found a break. */
export async function schemas(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals: [verb] } = parseArguments(args, SCHEMAS);
  const { lock: path = LOCK, json = false } = values;
  if (verb !== undefined && verb !== "check") {
    throw new UsageError(`Cannot run "schemas ${verb}": write "schemas" or "schemas check"`);
  }
  if (verb === undefined && values.mode !== undefined) {
    throw new UsageError("Cannot use --mode without a check: write schemas check --mode MODE");
  }
  const mode = modeOf(values.mode ?? "backward");
  const events = await currentEvents(required("handlers", values, SCHEMAS), io, json);
  const before = await readIfPresent(path);
  if (verb === undefined) return await write(events, { before, path, io, json });
  if (!before) {
    throw new MelangeError(
      "CONFIGURATION",
      `Cannot check the schemas as there is no file ${path}: write it with "melange schemas"`,
    );
  }
  return report(check(events, before, mode), { events, before, io, json });
}

function modeOf(name: string): Mode {
  const known = MODES.find((mode) => mode === name);
  if (known) return known;
  const meant = didYouMean(name, MODES);
  const hint = meant === undefined ? "" : `did you mean ${meant}? `;
  throw new UsageError(`Cannot use the mode "${name}": ${hint}${MODES.join(", ")} are known`);
}

async function currentEvents(handlers: string, io: Io, json: boolean): Promise<CurrentEvent[]> {
  const logger = createLogger(io, { json });
  const { eventTypes, toJsonSchema } = await loadEvents(handlers, { logger });
  const events = new Map<string, CurrentEvent>();
  for (const eventType of eventTypes) {
    const { type, version, upcast } = eventType;
    const schema = await jsonSchemaOf(eventType, { toJsonSchema });
    const known = events.get(type);
    if (known && !(known.version === version && equal(known.schema, schema))) {
      throw new MelangeError(
        "CONFIGURATION",
        `Cannot lock the event "${type}" as ${handlers} has two types of this name that differ`,
      );
    }
    if (schema === true) {
      logger.warn("An event type has no schema, so its changes cannot be seen", { type });
    }
    events.set(type, { type, version, upcast, schema });
  }
  return [...events.values()];
}

async function readIfPresent(path: string): Promise<Lock | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new MelangeError("CONFIGURATION", `Cannot read ${path}`, { cause: error });
  }
  return readLock(text, path);
}

interface Place {
  readonly io: Io;
  readonly json: boolean;
}

async function write(
  events: readonly CurrentEvent[],
  { before, path, io, json }: Place & { before: Lock | undefined; path: string },
): Promise<number> {
  const lock = lockOf(events, before);
  try {
    await writeFile(path, writeLock(lock));
  } catch (error) {
    throw new MelangeError("CONFIGURATION", `Cannot write ${path}`, { cause: error });
  }
  const count = Object.keys(lock).length;
  const counted = count === 1 ? "1 event" : `${count} events`;
  io.out(json ? JSON.stringify({ path, events: count }) : `wrote ${path}: ${counted}`);
  return 0;
}

function report(
  breaks: readonly EventBreak[],
  { events, before, io, json }: Place & { events: readonly CurrentEvent[]; before: Lock },
): number {
  for (const each of breaks) {
    const { event, version, mode, path, rule } = each;
    io.out(
      json
        ? JSON.stringify(each)
        : `broken ${event} (version ${version}, ${mode}) at ${path}: ${rule}`,
    );
  }
  if (breaks.length > 0) return 1;
  const isCurrent = equal(lockOf(events, before), before);
  const state = isCurrent ? "unchanged" : "changed, and nothing breaks";
  const hint = isCurrent ? "" : `; write the lock file again with "melange schemas"`;
  io.out(json ? JSON.stringify({ ok: true, current: isCurrent }) : `${state}${hint}`);
  return 0;
}
