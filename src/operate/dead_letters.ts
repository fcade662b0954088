/**
 * Dead letters: why messages failed, and how they go back. Works on the dead-letter queue of every
 * backend, by receiving, sending and acknowledging.
 *
 * @example
 * ```ts
 * import { DeadLetters } from "@melange/melange/dead-letters";
 * import { MemoryBackend } from "@melange/melange/memory";
 *
 * const backend = new MemoryBackend();
 * await backend.declareQueue("billing", { deadLetterQueue: "billing-dlq" });
 * const facts = { reason: "CARD_DOWN", queue: "billing", attempts: 1 };
 * const melange = JSON.stringify({ id: "o-1", on: new Date().toISOString(), dead: facts });
 * const attributes = { manifest: "OrderPlaced", melange };
 * await backend.send({ queue: "billing-dlq" }, [{ body: '{"total":42}', attributes }]);
 *
 * const dead = new DeadLetters({ backend, queue: "billing-dlq" });
 * for await (const letter of dead.list()) {
 *   console.log(letter.facts?.reason, letter.event?.type, letter.source); // prints: CARD_DOWN OrderPlaced billing
 * }
 * const report = await dead.redrive({ where: ({ facts }) => facts?.reason === "CARD_DOWN" });
 * console.log(report); // prints: { seen: 1, moved: 1, kept: 0, failed: 0 }
 * await backend.close();
 * ```
 *
 * @module
 */
import type { Moving, Receiver, Sender } from "../backend.ts";
import type { Dispatcher } from "../handle/dispatcher.ts";
import { type Clock, type Random, systemClock } from "../support/clock.ts";
import { checkMs } from "../support/duration.ts";
import { MelangeError } from "../support/errors.ts";
import { consoleLogger, guarded, type Logger } from "../support/logger.ts";
import { checkKnown } from "../support/known_options.ts";
import { checkRange } from "../support/range.ts";
import { redrivenCopy } from "../wire/dead_letter.ts";
import { SerializerRegistry } from "../wire/serializer_registry.ts";
import { forEachLetter } from "./dead_letters_each.ts";
import { type Edit, editedCopy, type Letter, letterOf } from "./dead_letters_letter.ts";
import { moveAll } from "./dead_letters_moving.ts";
import type { PurgeOptions, RedriveReport } from "./dead_letters_options.ts";
import { Walk } from "./dead_letters_walk.ts";

export type { Edit, Letter } from "./dead_letters_letter.ts";
export type { PurgeOptions, RedriveReport } from "./dead_letters_options.ts";

/**
 * Options of {@linkcode DeadLetters}.
 *
 * @category Dead letters
 */
export interface DeadLettersOptions {
  /** The backend. Where it has `moves`, whole queues are moved by the service. */
  backend: Receiver & Sender & Moving;
  /** The dead-letter queue. */
  queue: string;
  /**
   * The dispatcher of the worker: its serializers read the data, and its event types check edited
   * data. Default: JSON, and no check.
   */
  dispatcher?: Dispatcher;
  /**
   * The time for which a letter is hidden from others while a call goes on, in milliseconds; kept
   * longer as long as needed. A call that is killed leaves the letters hidden for so long. Default:
   * 60 000.
   */
  lockMs?: number;
  /** The wait for letters; the queue counts as empty after it, in milliseconds. Default: 1 000. */
  waitMs?: number;
  /** The place for warnings. Default: that of the dispatcher, else the console. */
  logger?: Logger;
  /** The source of time. Default: the clock of the machine. */
  clock?: Clock;
  /** The source of jitter between attempts. Default: `Math.random`. */
  random?: Random;
}

/**
 * Options of {@linkcode DeadLetters.list}.
 *
 * @category Dead letters
 */
export interface ListOptions {
  /** The most letters. All of them are hidden from others until the list ends. Default: 1 000. */
  max?: number;
  /** Ends the list; what was seen is given back. */
  signal?: AbortSignal;
}

/**
 * Options of {@linkcode DeadLetters.redrive}.
 *
 * @category Dead letters
 */
export interface RedriveOptions extends PurgeOptions {
  /** The queue that a letter goes to. Default: the queue that it came from. */
  to?: string | ((letter: Letter) => string | undefined);
  /**
   * Changes the event: returns it, or a changed copy. A letter without an event that can be read
   * fails, and stays. Default: the message goes back as it was published.
   */
  edit?: Edit;
}

/**
 * The letters of a dead-letter queue.
 *
 * Looking is receiving: each look counts as a receive of each letter, and hides the letter from
 * others until the look has ended; then everything is given back at once. A dead-letter queue that
 * has a dead-letter queue itself would move letters on after too many looks. In a FIFO queue a look
 * brings ten letters of a group at the most, as the queue hands out no more before these are
 * settled.
 *
 * @example
 * ```ts
 * import { DeadLetters } from "@melange/melange/dead-letters";
 * import { MemoryBackend } from "@melange/melange/memory";
 *
 * const backend = new MemoryBackend();
 * await backend.declareQueue("billing", { deadLetterQueue: "billing-dlq" });
 * const dead = new DeadLetters({ backend, queue: "billing-dlq" });
 * const report = await dead.redrive({ to: () => "billing" });
 * console.log(report.moved); // prints: 0
 * await backend.close();
 * ```
 *
 * @category Dead letters
 */
export class DeadLetters {
  readonly #options: Required<Omit<DeadLettersOptions, "dispatcher">>;
  readonly #dispatcher: Dispatcher | undefined;
  readonly #serializers: SerializerRegistry;

  /**
   * Creates the view of a queue; nothing is received yet.
   * @throws {RangeError} if a time is out of its range
   */
  constructor(options: DeadLettersOptions) {
    const cannot = "look at dead letters";
    checkKnown(options, "backend queue dispatcher lockMs waitMs logger clock random", cannot);
    const { backend, dispatcher, lockMs = 60_000, waitMs = 1_000 } = options;
    const { queue } = backend.limits;
    checkRange(lockMs, { cannot, name: "lockMs", min: 1_000, max: queue.visibilityMs });
    checkMs(waitMs, { cannot, name: "waitMs" });
    this.#dispatcher = dispatcher;
    const readers = dispatcher?.options.serializers;
    // A dispatcher without serializers of its own has a reader of JSON, which cannot write.
    this.#serializers = readers instanceof SerializerRegistry ? readers : new SerializerRegistry();
    this.#options = {
      ...options,
      lockMs,
      waitMs: Math.min(waitMs, queue.waitMs),
      logger: guarded(options.logger ?? dispatcher?.options.logger ?? consoleLogger),
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
    };
  }

  /**
   * Looks at the letters, oldest first as far as the queue keeps order. All that was seen is given
   * back when the list ends, also by `break`.
   */
  async *list(options: ListOptions = {}): AsyncGenerator<Letter, void> {
    const { max = 1_000, signal } = options;
    checkRange(max, { cannot: "list dead letters", name: "max", min: 1 });
    const walk = new Walk({ ...this.#options, signal });
    const { serializers, foreign, clock, backend } = this.#surroundings;
    try {
      for (let left = max; left > 0;) {
        const batch = await walk.next(Math.min(left, backend.limits.queue.entries));
        if (batch.length === 0) return;
        left -= batch.length;
        for (const { message } of batch) {
          yield await letterOf(message, { serializers, foreign, now: clock.now() });
        }
      }
    } finally {
      await walk.end();
    }
  }

  /**
   * Sends letters back: each is sent, then removed, so that a kill in the middle leaves a letter in
   * both queues, and never in neither. The event keeps its id, so that a de-duplication store takes
   * a copy for what it is; the facts of the death are left out. A FIFO queue gets its groups in
   * their order, with deduplication ids that a repeated copy shares. Takes the letters that were
   * there when the call began: what fails again meanwhile stays.
   *
   * Without `where`, `edit`, `max`, `dryRun` and a function `to`, a backend with `moves` (SQS) moves
   * all letters by itself, and `signal` cancels the move. An old fact may then travel along; it does
   * not count once the message was sent back.
   *
   * Rejects with the error of a receive, with `signal.reason`, and with `CONFIGURATION` for a
   * destination that is the queue itself. A letter that cannot be moved is counted as `failed`.
   */
  async redrive(options: RedriveOptions = {}): Promise<RedriveReport> {
    checkWalk("redrive dead letters", options);
    const { backend, queue, clock, random } = this.#options;
    const { to, ratePerSecond, signal, onProgress } = options;
    if (typeof to === "string") this.#checkTarget(to);
    if (backend.moves && isWhole(options)) {
      const { moves } = backend;
      const target = typeof to === "string" ? to : undefined;
      const common = { clock, random, signal, ratePerSecond, onProgress };
      const report = await moveAll({ ...common, moves, queue, to: target });
      if (report) return report;
    }
    const prepare = (letter: Letter) => this.#prepared(letter, options);
    return await forEachLetter({ ...this.#surroundings, prepare }, options);
  }

  /**
   * Removes letters for good: those that `where` chooses, else all that were there when the call
   * began. The report counts them as `moved`.
   */
  async purge(options: PurgeOptions = {}): Promise<RedriveReport> {
    checkWalk("purge dead letters", options);
    return await forEachLetter(this.#surroundings, options);
  }

  get #surroundings() {
    const foreign = this.#dispatcher?.options ?? {};
    return { ...this.#options, serializers: this.#serializers, foreign };
  }

  /** Finds the copy of a letter, and the queue that the copy goes to. */
  async #prepared(letter: Letter, { to, edit }: RedriveOptions) {
    const queue = (typeof to === "function" ? to(letter) : to) ?? letter.source;
    if (typeof queue !== "string" || queue === "") {
      throw new MelangeError(
        "CONFIGURATION",
        "Cannot tell where a letter came from, so that it cannot go back: pass `to`",
      );
    }
    this.#checkTarget(queue);
    const { messageBytes } = this.#options.backend.limits.queue;
    if (!edit) return { queue, copy: redrivenCopy(letter.message, queue, messageBytes) };
    const typeOf = (type: string) =>
      this.#dispatcher?.eventTypes.find((eventType) => eventType.type === type);
    const serializers = this.#serializers;
    const options = { edit, queue, messageBytes, serializers, typeOf };
    return { queue, copy: await editedCopy(letter, options) };
  }

  /** A queue that is sent to while it is received from would never end. */
  #checkTarget(to: string): void {
    const { queue } = this.#options;
    const isSame = to === queue ||
      (lastPart(to) === lastPart(queue) && [to, queue].some((name) => name === lastPart(name)));
    if (!isSame) return;
    throw new MelangeError(
      "CONFIGURATION",
      `Cannot redrive "${queue}" to itself: pass the queue whose letters these are as \`to\``,
    );
  }
}

/** The name in an ARN or a URL. */
function lastPart(address: string): string {
  return address.split(/[:/]/).at(-1) ?? address;
}

const WALK_OPTIONS = "where max ratePerSecond dryRun signal onProgress onFailed to edit";

/** Tells whether every letter goes the same way, as a service can do it by itself. */
function isWhole({ where, edit, to, max, dryRun }: RedriveOptions): boolean {
  return !where && !edit && !dryRun && max === undefined && typeof to !== "function";
}

function checkWalk(cannot: string, options: PurgeOptions): void {
  // A filter that nobody reads would move or delete everything.
  checkKnown(options, WALK_OPTIONS, cannot);
  const unknown = Object.keys(options).find((name) => !WALK_OPTIONS.split(" ").includes(name));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot ${cannot} with the unknown option "${unknown}": see ${WALK_OPTIONS}`,
    );
  }
  const { max, ratePerSecond } = options;
  if (max !== undefined) checkRange(max, { cannot, name: "max", min: 1 });
  if (ratePerSecond === undefined) return;
  checkRange(ratePerSecond, { cannot, name: "ratePerSecond", min: Number.MIN_VALUE });
}
