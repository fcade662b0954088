import type { EventPublisher } from "../../publish/publisher.ts";
import { type Clock, sleep, systemClock } from "../../support/clock.ts";
import { checkMs } from "../../support/duration.ts";
import { describeError } from "../../support/errors.ts";
import { consoleLogger, type Logger } from "../../support/logger.ts";
import { entryOf, type Outbox, type OutboxRow } from "./row.ts";

/** Options of {@linkcode OutboxRelay}. */
export interface OutboxRelayOptions {
  /** The table. */
  outbox: Outbox;
  /** The publisher, whose creator closes it. */
  publisher: EventPublisher;
  /** The pause between two looks at the table, in milliseconds. Default: 1 000. */
  intervalMs?: number;
  /** Gets failures, with ids and types only. Default: the console. */
  logger?: Logger;
  /** The clock of pauses. Default: the machine's clock. */
  clock?: Clock;
}

/** The number of rows that are read at once. */
const PAGE = 100;

/**
 * Publishes the events of an outbox, in order within each group, and deletes them. An event that
 * cannot be published stays, holds back the rest of its group and nothing else, and is tried again
 * in the next run. Run one relay; a second one, or one that was killed and started again, may
 * publish an event twice, with the same id.
 *
 * @example
 * ```ts
 * import { MessagePublisher } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 * import { OutboxRelay, SqliteOutbox } from "@melange/melange/outbox";
 * import { DatabaseSync } from "node:sqlite";
 *
 * const backend = new MemoryBackend();
 * const publisher = new MessagePublisher({ backend });
 * const database = new DatabaseSync(":memory:");
 * const relay = new OutboxRelay({ outbox: new SqliteOutbox({ database }), publisher });
 * console.log(await relay.run()); // prints: 0
 * await publisher.close();
 * await backend.close();
 * database.close();
 * ```
 */
export class OutboxRelay {
  readonly #options: OutboxRelayOptions;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #intervalMs: number;
  #ending: AbortController | undefined;
  #running: Promise<void> | undefined;

  /**
   * Keeps the options.
   * @throws {RangeError} if `intervalMs` is no time above 0
   */
  constructor(options: OutboxRelayOptions) {
    const { logger = consoleLogger, clock = systemClock, intervalMs = 1_000 } = options;
    checkMs(intervalMs, { cannot: "create a relay", name: "intervalMs", positive: true });
    this.#options = options;
    this.#logger = logger;
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  /**
   * Publishes everything that is in the table. Resolves to the number of published events.
   * @throws the error of the database
   */
  async run(): Promise<number> {
    const { outbox } = this.#options;
    const blocked = new Set<string>();
    let count = 0;
    let after = 0;
    for (;;) {
      const rows = await outbox.read(after, PAGE);
      if (rows.length === 0) return count;
      count += await this.#publish(rows, blocked);
      after = Number(rows.at(-1)?.id);
      if (this.#ending?.signal.aborted) return count;
    }
  }

  /** Runs again and again, until {@linkcode stop}. A second call changes nothing. */
  start(): void {
    if (this.#ending) return;
    const ending = this.#ending = new AbortController();
    this.#running = this.#loop(ending.signal);
  }

  /** Resolves when the run that is under way has ended. */
  async stop(): Promise<void> {
    this.#ending?.abort();
    await this.#running;
    this.#ending = undefined;
  }

  async #loop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.run().catch((error) => {
        this.#logger.error("the outbox cannot be relayed", { error: describeError(error) });
      });
      await sleep(this.#clock, this.#intervalMs, signal).catch(() => {});
    }
  }

  /** Publishes a page in waves, each with at most one event of a group. */
  async #publish(rows: readonly OutboxRow[], blocked: Set<string>): Promise<number> {
    const { outbox } = this.#options;
    let count = 0;
    let left = rows;
    while (left.length > 0) {
      const groups = new Set(blocked);
      const wave: OutboxRow[] = [];
      const later: OutboxRow[] = [];
      for (const row of left) {
        if (row.group === null) wave.push(row);
        else if (groups.has(row.group)) later.push(row);
        else wave.push(row), groups.add(row.group);
      }
      const done = await this.#send(wave, blocked);
      if (done.length > 0) await outbox.remove(done);
      count += done.length;
      left = later.filter(({ group }) => !blocked.has(group!));
    }
    return count;
  }

  /** Publishes a wave; resolves to the ids of the published rows. */
  async #send(rows: readonly OutboxRow[], blocked: Set<string>): Promise<number[]> {
    if (rows.length === 0) return [];
    const entries = rows.map(entryOf);
    const results = await this.#options.publisher.publishAll(entries);
    const done: number[] = [];
    for (const [index, row] of rows.entries()) {
      const result = results[index];
      if (result?.ok) {
        done.push(Number(row.id));
        continue;
      }
      if (row.group !== null) blocked.add(row.group);
      const { type, id } = entries[index]!.event;
      const error = describeError(result?.error);
      this.#logger.error("an event of the outbox was not published", { type, id, error });
    }
    return done;
  }
}
