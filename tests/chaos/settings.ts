/** What the laboratory tells its programs: the third of their arguments, as JSON. */

/** Settings of all programs. */
export interface Settings {
  /** The queue. */
  queue: string;
  /** How many events are published. */
  count: number;
  /** How long a receive locks, in milliseconds. */
  visibilityMs: number;
  /** How long a receive waits, in milliseconds. */
  waitMs: number;
  /** How long a request may take, in milliseconds. */
  requestTimeoutMs: number;
  /** How many events a worker holds. */
  concurrency: number;
  /** How long a handler works: at least, and at most, in milliseconds. */
  handlerMs: [number, number];
  /** How long a stop waits for handlers, in milliseconds. */
  drainMs: number;
  /** An SQLite file that the workers share. */
  database: string;
  /**
   * What keeps a second delivery from a second effect: a shared store; nothing but a transaction in
   * which both the effect and its mark are written; or nothing.
   */
  once: "store" | "transaction" | "never";
}

/** Settings under which a worker is fast. */
export const DEFAULTS: Settings = {
  queue: "work",
  count: 0,
  visibilityMs: 5_000,
  waitMs: 1_000,
  requestTimeoutMs: 10_000,
  concurrency: 64,
  handlerMs: [5, 15],
  drainMs: 5_000,
  database: "",
  once: "never",
};

/** What a program was started with. */
export function readArguments(args: string[]): { endpoint: string; log: string } & Settings {
  const [endpoint = "", log = "", settings = "{}"] = args;
  return { endpoint, log, ...JSON.parse(settings) as Settings };
}
