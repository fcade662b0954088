/** Long work on a dead-letter queue: chooses letters, sends them where they go, removes them, and counts. */
import type { Receiver, Sender } from "../backend.ts";
import type { ForeignOptions } from "../handle/foreign.ts";
import { type Clock, limited, type Random } from "../support/clock.ts";
import { describeError, MelangeError } from "../support/errors.ts";
import type { Logger } from "../support/logger.ts";
import type { OutgoingMessage } from "../wire/message.ts";
import type { SerializerRegistry } from "../wire/serializer_registry.ts";
import { type Letter, letterOf } from "./dead_letters_letter.ts";
import type { PurgeOptions, RedriveReport } from "./dead_letters_options.ts";
import { sendLetters } from "./dead_letters_sending.ts";
import { type Held, Walk } from "./dead_letters_walk.ts";

/** The surroundings of the work. */
export interface EachContext {
  readonly backend: Receiver & Sender;
  readonly queue: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly lockMs: number;
  readonly waitMs: number;
  readonly serializers: SerializerRegistry;
  readonly foreign: ForeignOptions;
  /** Makes the copy of a letter. Default: letters are removed without a copy. */
  readonly prepare?: (letter: Letter) => Promise<Prepared>;
}

/** A copy, and the queue that it goes to. */
export interface Prepared {
  readonly queue: string;
  readonly copy: OutgoingMessage;
}

/** The choice about one letter. */
type Choice =
  | { readonly kind: "keep" }
  | { readonly kind: "fail"; readonly letter: Letter; readonly error: MelangeError }
  | { readonly kind: "go"; readonly letter: Letter; readonly held: Held; readonly to?: Prepared };

type Going = Extract<Choice, { kind: "go" }>;

/** The work of one call. */
interface Work {
  readonly context: EachContext;
  readonly options: PurgeOptions;
  readonly walk: Walk;
  readonly report: RedriveReport;
  /** Tells of a failed letter, and counts it. */
  readonly fail: (letter: Letter, error: MelangeError) => void;
}

/** Takes each letter that was there at the call once; resolves to the counts. */
export async function forEachLetter(
  context: EachContext,
  options: PurgeOptions,
): Promise<RedriveReport> {
  const { backend, clock } = context;
  const { max = Infinity, signal, ratePerSecond = Infinity, dryRun = false } = options;
  const report = { seen: 0, moved: 0, kept: 0, failed: 0 };
  const walk = new Walk({ ...context, signal, until: clock.now() });
  const work = { context, options, walk, report, fail: failures(report, context, options) };
  // Few at once where letters go slowly: their locks must outlast the work on them.
  const size = Math.min(backend.limits.queue.entries, Math.max(1, Math.ceil(ratePerSecond / 5)));
  try {
    while (report.seen < max) {
      signal?.throwIfAborted();
      const batch = await walk.next(Math.min(size, max - report.seen));
      if (batch.length === 0) break;
      report.seen += batch.length;
      const moved = await handle(batch, work);
      options.onProgress?.({ ...report });
      if (!dryRun && report.seen < max) await walk.pause(moved / ratePerSecond * 1000);
    }
  } finally {
    await walk.end();
    tellLeft(work);
  }
  return report;
}

/** Handles one batch; resolves to the number of letters that were sent or removed. */
async function handle(batch: readonly Held[], work: Work): Promise<number> {
  const { options, report, walk, fail } = work;
  const choices = await Promise.all(batch.map((held) => choose(held, work)));
  const going = choices.flatMap((choice) => choice.kind === "go" ? [choice] : []);
  for (const choice of choices) {
    if (choice.kind === "keep") report.kept += 1;
    if (choice.kind === "fail") fail(choice.letter, choice.error);
  }
  if (options.dryRun) {
    report.moved += going.length;
    return 0;
  }
  // The choice may have taken its time.
  await walk.keep();
  const sent = await send(going, work);
  const failed = await walk.remove(sent.map(({ held }) => held));
  for (const { letter, held, to } of sent) {
    if (to || !failed.has(held)) report.moved += 1;
    else fail(letter, new MelangeError("OUTCOME_UNKNOWN", "Cannot tell whether it was removed"));
  }
  return sent.length;
}

async function choose(held: Held, { context, options }: Work): Promise<Choice> {
  const { clock, lockMs, serializers, foreign, prepare } = context;
  const { where, signal } = options;
  const letter = await letterOf(held.message, { serializers, foreign, now: clock.now() });
  const decide = async (): Promise<Choice> => {
    if (where && !await where(letter)) return { kind: "keep" };
    if (!prepare) return { kind: "go", letter, held };
    return { kind: "go", letter, held, to: await prepare(letter) };
  };
  try {
    return await limited(decide(), { clock, ms: lockMs / 4, ...(signal ? { signal } : {}) });
  } catch (error) {
    signal?.throwIfAborted();
    return { kind: "fail", letter, error: asFailure(error) };
  }
}

/** Keeps an error of ours; the text of another one may quote the data. */
function asFailure(error: unknown): MelangeError {
  if (error instanceof MelangeError) return error;
  const { name } = describeError(error);
  const message = `Cannot decide on a letter as where, to or edit threw: ${name}`;
  return new MelangeError("REFUSED", message, { cause: error });
}

/** Sends the letters that go anywhere; returns those that may be removed. */
async function send(going: readonly Going[], { context, options, fail }: Work): Promise<Going[]> {
  const { backend, clock, random, lockMs, prepare } = context;
  if (!prepare) return [...going];
  const { signal } = options;
  const sendings = going.flatMap(({ held, to }) => to ? [{ held, ...to }] : []);
  const deadlineMs = lockMs / 4;
  const results = await sendLetters(sendings, { backend, clock, random, signal, deadlineMs });
  return going.filter(({ letter }, at) => {
    const result = results[at];
    if (result && !result.ok) fail(letter, result.error);
    return result?.ok === true;
  });
}

/** Counts failed letters, and tells each to the caller, or each kind of error once to the log. */
function failures(report: RedriveReport, context: EachContext, { onFailed }: PurgeOptions) {
  const told = new Set<string>();
  return (letter: Letter, error: MelangeError): void => {
    report.failed += 1;
    if (onFailed) return onFailed(letter, error);
    const { code, message: reason } = error;
    if (told.has(`${code} ${reason}`)) return;
    told.add(`${code} ${reason}`);
    const { queue, logger } = context;
    logger.warn("A letter could not be moved, and stays", { queue, id: letter.id, code, reason });
  };
}

function tellLeft({ walk, context: { logger, queue } }: Work): void {
  if (walk.left === 0) return;
  logger.warn("Letters could not be removed after their work was done: they may come again", {
    queue,
    letters: walk.left,
  });
}
