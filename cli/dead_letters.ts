import type { Backend } from "../src/backend.ts";
import { DeadLetters, type Letter, type RedriveReport } from "../src/operate/dead_letters.ts";
import { type CommandSpec, COMMON_OPTIONS, parseArguments, UsageError } from "./arguments.ts";
import type { OptionSpecs, OptionValues } from "./arguments.ts";
import { backendOptions } from "./backend_options.ts";
import { didYouMean } from "./did_you_mean.ts";
import { durationOf } from "./durations.ts";
import type { Io } from "./io.ts";
import { jsonLetter, LETTER_HEADS, letterLines, letterRow } from "./letter_lines.ts";
import { type CliLogger, createLogger } from "./log.ts";
import { tableOf } from "./table.ts";

const ACTIONS = ["list", "show", "redrive", "purge"] as const;

const OPTIONS = {
  reason: { type: "text", value: "CODE", help: "only letters with this reason" },
  type: { type: "text", value: "NAME", help: "only letters with an event of this type" },
  "older-than": { type: "text", value: "TIME", help: "only letters older than 90s, 15m, 2h or 3d" },
  to: {
    type: "text",
    value: "QUEUE",
    help: "redrive to this queue; default: where each came from",
  },
  rate: { type: "count", value: "N", help: "letters a second; default: no limit" },
  max: { type: "count", value: "N", help: "look at so many letters; default: all, for list 100" },
  "dry-run": { type: "flag", help: "tell what would be done, and do nothing" },
  yes: { type: "flag", help: "delete without asking again; purge needs it" },
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

type Values = OptionValues<typeof OPTIONS>;

/** The arguments of `dead-letters`. */
export const DEAD_LETTERS: CommandSpec<typeof OPTIONS> = {
  name: "melange dead-letters",
  help:
    "Works on a dead-letter queue: list its letters with their reasons, show one (by its id or\n" +
    "the id of its event), redrive them to where they came from, or purge them for good.\n" +
    "Looking gives back what it saw, and counts as a receive of each letter.",
  positionals: ["QUEUE", "ACTION", "ID"],
  options: OPTIONS,
  example: "melange dead-letters billing-dlq redrive --reason CARD_DOWN --rate 50",
};

/** The work of one call. */
interface Call {
  readonly queue: string;
  readonly backend: Backend;
  readonly dead: DeadLetters;
  readonly values: Values;
  readonly io: Io;
  readonly logger: CliLogger;
  readonly signal: AbortSignal;
}

/** Runs `dead-letters`; 1 if a letter could not be moved, or the letter to show is not there. */
export async function deadLetters(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals: [queue, action = "list", id] } = parseArguments(args, DEAD_LETTERS);
  if (queue === undefined) {
    throw new UsageError(`Cannot tell the queue: name it first, as in ${DEAD_LETTERS.example}`);
  }
  checkArguments(action, id, values);
  const logger = createLogger(io, { json: values.json ?? false });
  const backend = io.createBackend({ ...backendOptions(values), logger });
  const stop = new AbortController();
  const off = io.onSignal((name) => stop.abort(new Error(`stopped by ${name}`)));
  try {
    await backend.describeQueue(queue, { signal: stop.signal });
    const dead = new DeadLetters({ backend, queue, logger });
    const call = { queue, backend, dead, values, io, logger, signal: stop.signal };
    if (action === "list") return await list(call);
    if (action === "show") return await show(id ?? "", call);
    if (action === "redrive") return await redrive(call);
    return await purge(call);
  } finally {
    off();
    await backend.close();
  }
}

function checkArguments(action: string, id: string | undefined, values: Values): void {
  if (!ACTIONS.some((known) => known === action)) {
    const meant = didYouMean(action, ACTIONS);
    const hint = meant === undefined ? "" : `did you mean ${meant}? `;
    throw new UsageError(`Cannot do "${action}": ${hint}${ACTIONS.join(", ")} are known`);
  }
  if (action === "show" && id === undefined) {
    throw new UsageError("Cannot show a letter without its id: pass the id that `list` prints");
  }
  if (action !== "show" && id !== undefined) {
    throw new UsageError(`Cannot use the argument "${id}": "${action}" takes options only`);
  }
  if (action !== "redrive" && values.to !== undefined) {
    throw new UsageError(`Cannot use --to with "${action}": only redrive sends letters anywhere`);
  }
  if (values.max === 0 || values.rate === 0) {
    throw new UsageError("Cannot use 0 for --max or --rate: pass 1 or more, or leave it out");
  }
}

/** The filter of the options; `undefined` where every letter counts. */
function filterOf(values: Values): ((letter: Letter) => boolean) | undefined {
  const { reason, type, "older-than": olderThan } = values;
  const ageMs = olderThan === undefined ? 0 : durationOf("older-than", olderThan);
  if (reason === undefined && type === undefined && olderThan === undefined) return undefined;
  return (letter) =>
    (reason === undefined || letter.facts?.reason === reason) &&
    (type === undefined || letter.type === type) && letter.ageMs >= ageMs;
}

async function list({ queue, dead, values, io, logger, signal }: Call): Promise<number> {
  const where = filterOf(values) ?? (() => true);
  const { max = 100, json = false } = values;
  const letters: Letter[] = [];
  let seen = 0;
  for await (const letter of dead.list({ max, signal })) {
    seen += 1;
    if (where(letter)) letters.push(letter);
  }
  if (json) { for (const letter of letters) io.out(JSON.stringify(jsonLetter(letter))); }
  else if (letters.length > 0) {
    for (const line of tableOf([LETTER_HEADS, ...letters.map(letterRow)])) io.out(line);
  }
  const more = seen === max ? `; there may be more than the --max of ${max}` : "";
  logger.notice({
    message: "Looked",
    fields: { queue, seen, shown: letters.length },
    text: seen === 0
      ? `${queue} holds no letter that can be received now`
      : `${letters.length} shown of ${seen} seen${more}. All were given back; each look counts as a receive`,
  });
  return 0;
}

async function show(id: string, { queue, dead, values, io, signal }: Call): Promise<number> {
  for await (const letter of dead.list({ max: values.max ?? Infinity, signal })) {
    if (letter.id !== id && letter.event?.id !== id) continue;
    if (values.json) io.out(JSON.stringify({ ...jsonLetter(letter), data: letter.event?.data }));
    else for (const line of letterLines(letter)) io.out(line);
    return 0;
  }
  io.err(
    `error: There is no letter ${id} in ${queue}: "melange dead-letters ${queue} list" names all`,
  );
  return 1;
}

async function redrive(call: Call): Promise<number> {
  const { dead, values, signal } = call;
  const where = filterOf(values);
  const { to, rate, max } = values;
  const report = await reported(call, (common) =>
    dead.redrive({
      ...common,
      signal,
      ...(where ? { where } : {}),
      ...(to === undefined ? {} : { to }),
      ...(rate === undefined ? {} : { ratePerSecond: rate }),
      ...(max === undefined ? {} : { max }),
    }));
  return tell(report, "moved", call);
}

async function purge(call: Call): Promise<number> {
  const { dead, values, signal, queue } = call;
  const where = filterOf(values);
  const { rate, max, yes = false, "dry-run": dryRun = false } = values;
  const options = {
    signal,
    ...(where ? { where } : {}),
    ...(rate === undefined ? {} : { ratePerSecond: rate }),
    ...(max === undefined ? {} : { max }),
  };
  if (!yes && !dryRun) {
    const { moved } = await dead.purge({ ...options, dryRun: true });
    throw new UsageError(
      `Cannot delete ${moved} letters of ${queue} without a confirmation, and nothing was deleted: pass --yes`,
    );
  }
  return tell(
    await reported(call, (common) => dead.purge({ ...options, ...common })),
    "deleted",
    call,
  );
}

/** The time between two notices about long work, in milliseconds. */
const NOTICE_MS = 5_000;

/** Runs long work, and tells its progress: on one line of a terminal, else now and then. */
async function reported(
  { io, logger, values, queue }: Call,
  run: (common: {
    dryRun: boolean;
    onProgress: (report: RedriveReport) => void;
    onFailed: (letter: Letter, error: { code: string; message: string }) => void;
  }) => Promise<RedriveReport>,
): Promise<RedriveReport> {
  let last: RedriveReport = { seen: 0, moved: 0, kept: 0, failed: 0 };
  let toldAt = performance.now();
  const onProgress = (report: RedriveReport) => {
    last = report;
    io.progress(`${queue}: ${textOf(report, "done")}`);
    if (io.terminal || performance.now() < toldAt + NOTICE_MS) return;
    toldAt = performance.now();
    logger.notice({
      message: "Progress",
      fields: { queue, ...report },
      text: `${queue}: ${textOf(report, "done")}`,
    });
  };
  const onFailed = (letter: Letter, { code, message }: { code: string; message: string }) =>
    logger.warn("A letter could not be moved, and stays", { id: letter.id, code, reason: message });
  try {
    return await run({ dryRun: values["dry-run"] ?? false, onProgress, onFailed });
  } catch (error) {
    if (last.seen > 0) {
      logger.notice({
        level: "warn",
        message: "Ended early",
        fields: { queue, ...last },
        text: `Ended early, after ${textOf(last, "done")}`,
      });
    }
    throw error;
  }
}

function tell(report: RedriveReport, did: string, { io, values, queue }: Call): number {
  const dryRun = values["dry-run"] ?? false;
  if (values.json) io.out(JSON.stringify({ queue, ...report, dryRun }));
  else io.out(`${queue}: ${textOf(report, dryRun ? `would be ${did}` : did)}`);
  return report.failed > 0 ? 1 : 0;
}

function textOf({ seen, moved, kept, failed }: RedriveReport, did: string): string {
  return `${moved} ${did}, ${kept} kept, ${failed} failed, of ${seen} seen`;
}
