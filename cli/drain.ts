import { DRAIN_MS, type MessageConsumer } from "../src/consume/consumer.ts";
import type { MessagePublisher } from "../src/publish/publisher.ts";
import { reading, systemClock } from "../src/support/clock.ts";
import type { CliLogger, Notice } from "./log.ts";

/**
 * `deno task` and `npx` pass Ctrl-C on to a program that the terminal has told already, within a
 * millisecond. Nobody presses it twice in so short a time, in milliseconds.
 */
const ECHO_MS = 100;
/** The time that a second signal leaves, in milliseconds: without any, nothing could be given back. */
const HURRY_MS = 1_000;
/** The time between two notices about a drain, in milliseconds. */
const TELL_MS = 2_000;

/** Options of {@linkcode Drain}. */
export interface DrainOptions {
  readonly consumer: MessageConsumer;
  /** The publisher that handlers were given. */
  readonly publisher: MessagePublisher;
  readonly logger: CliLogger;
  /** The longest time of a stop, in milliseconds. Default: the consumer's. */
  readonly drainMs: number | undefined;
}

/**
 * The end of a worker, from the first signal on. The drain tells the work that it waits for, and
 * may be hurried.
 */
export class Drain {
  readonly #options: DrainOptions;
  readonly #asked = new AbortController();
  readonly #hurried = new AbortController();
  #last: { name: string; at: number } | undefined;
  #endsAt = Infinity;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isPublishing = false;

  /** Prepares the end of a worker. */
  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /** Aborts at the first signal. */
  get asked(): AbortSignal {
    return this.#asked.signal;
  }

  /** Takes a signal of the process: the first signal drains, the second hurries. */
  signal(name: string): void {
    const now = reading(systemClock);
    const isEcho = this.#last?.name === name && now - this.#last.at <= ECHO_MS;
    this.#last = { name, at: now };
    if (isEcho) return;
    if (!this.#asked.signal.aborted) return this.#begin(name, now);
    if (!this.#hurried.signal.aborted) this.#hurry(name, now);
  }

  /** Sends the events of handlers; once the worker is hurried, only within the remaining time. */
  async finish(): Promise<void> {
    this.#isPublishing = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      const hurry = () => {
        timer = setTimeout(() => resolve("late"), Math.max(0, this.#endsAt - reading(systemClock)));
      };
      if (this.#hurried.signal.aborted) hurry();
      else this.#hurried.signal.addEventListener("abort", hurry, { once: true });
    });
    const first = await Promise.race([this.#options.publisher.close(), late]);
    clearTimeout(timer);
    if (first === "late") {
      this.#options.logger.warn("Not all that handlers have published is known to be stored");
    }
  }

  /** Says no more. */
  end(): void {
    clearInterval(this.#timer);
  }

  #begin(name: string, now: number): void {
    const { logger, consumer, drainMs = DRAIN_MS } = this.#options;
    this.#endsAt = now + drainMs;
    this.#timer = setInterval(() => logger.notice(this.#waiting()), TELL_MS);
    const { running, inFlight } = consumer.status();
    logger.notice({
      message: "Draining",
      fields: { signal: name, running, inFlight, drainMs },
      text: `${name}: draining for at most ${drainMs} ms  running=${running}`,
    });
    this.#asked.abort();
  }

  #hurry(name: string, now: number): void {
    const { logger, consumer } = this.#options;
    this.#endsAt = Math.min(this.#endsAt, now + HURRY_MS);
    const { running, inFlight } = consumer.status();
    logger.notice({
      level: "warn",
      message: "Giving back what is unfinished",
      fields: { signal: name, running, inFlight },
      text: `${name} again: giving back what is unfinished  running=${running}`,
    });
    this.#hurried.abort();
    void consumer.stop({ drainMs: HURRY_MS });
  }

  #waiting(): Notice {
    const { running, inFlight } = this.#options.consumer.status();
    const leftMs = Math.max(0, Math.round(this.#endsAt - reading(systemClock)));
    const [waitsFor, what] = this.#awaited(running, inFlight);
    return {
      message: "Waiting",
      fields: { for: waitsFor, running, inFlight, leftMs },
      text: `Waiting for ${what}, at most ${Math.ceil(leftMs / 1_000)} s more`,
    };
  }

  #awaited(running: number, inFlight: number): [waitsFor: string, what: string] {
    if (this.#isPublishing) return ["publisher", "what handlers have published to be stored"];
    if (running > 0) return ["handlers", `${running} ${running === 1 ? "message" : "messages"}`];
    if (inFlight > 0) return ["settlement", "the service to take what became of messages"];
    return ["receive", "the last receive"];
  }
}
