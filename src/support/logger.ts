import { logLine } from "./log_line.ts";

/**
 * The place where the library reports faults without a caller: failed handlers, lost locks,
 * outages. Fields hold names, ids and codes; never a credential, a message body or a field of a
 * body. A method that throws, or returns a promise that rejects, disturbs no work; the library does
 * not wait for a promise.
 *
 * `console` and the loggers of winston, LogTape and Deno's `@std/log` fit without an adapter. The
 * loggers of pino and bunyan take the fields first; the library recognises both, and calls them in
 * that order.
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 *
 * const dispatcher = new Dispatcher({ logger: console });
 * dispatcher.options.logger.debug("ready", { queue: "billing" });
 * ```
 *
 * @category Logging
 */
export interface Logger {
  /**
   * `true` if the log may hold the texts of errors that handlers throw, with the user's own stack
   * frame first. Such a text may quote a message body. Anything else counts as the default, `false`:
   * the type is open because loggers such as pino may have any further member.
   */
  readonly exposeErrors?: unknown;
  /** Steps, for someone who looks for a fault. */
  debug(message: string, fields?: Record<string, unknown>): void;
  /** Beginnings and ends. */
  info(message: string, fields?: Record<string, unknown>): void;
  /** Something failed and is tried again. */
  warn(message: string, fields?: Record<string, unknown>): void;
  /** Something failed and needs a person. */
  error(message: string, fields?: Record<string, unknown>): void;
}

/**
 * The default logger: warnings and errors on the console, a line each, the rest nowhere.
 *
 * @category Logging
 */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (message, fields) => console.warn(logLine("warn", `[melange] ${message}`, fields)),
  error: (message, fields) => console.error(logLine("error", `[melange] ${message}`, fields)),
};

const LEVELS = ["debug", "info", "warn", "error"] as const;

/** The default logger, guarded: who finds it knows that nobody chose another one. */
export const defaultLogger: Logger = /* @__PURE__ */ guarded(consoleLogger);

/**
 * Returns a logger that never throws or rejects, even if the methods of the given logger do. So no
 * message is lost because a log line failed. Fields come first where the given logger takes them
 * first.
 * @throws {TypeError} if the given logger lacks a method for one of the four levels
 */
export function guarded(logger: Logger): Logger {
  checkLogger(logger);
  const write = takesFieldsFirst(logger)
    ? (level: Level, message: string, fields: Record<string, unknown> = {}) =>
      (logger as unknown as Record<Level, FieldsFirst>)[level](fields, message)
    : (level: Level, message: string, fields?: Record<string, unknown>) =>
      logger[level](message, fields);
  const guard = (level: Level) => (message: string, fields?: Record<string, unknown>) => {
    try {
      const done: unknown = write(level, message, fields);
      // At once: some runtimes report a rejection that nobody has looked at by the next turn.
      Promise.resolve(done).then(undefined, () => {});
    } catch {
      // There is nobody left to tell.
    }
  };
  const { exposeErrors } = logger;
  return {
    ...(exposeErrors === true ? { exposeErrors } : {}),
    debug: guard("debug"),
    info: guard("info"),
    warn: guard("warn"),
    error: guard("error"),
  };
}

/** The name of a method of a logger. */
type Level = typeof LEVELS[number];

type FieldsFirst = (fields: Record<string, unknown>, message: string) => unknown;

function checkLogger(logger: Logger): void {
  const missing = LEVELS.filter((level) => typeof logger[level] !== "function");
  if (missing.length === 0) return;
  throw new TypeError(
    `Cannot log to a logger without ${missing.join(", ")}: pass { debug, info, warn, error }, ` +
      "each of which takes (message, fields)",
  );
}

/** Tells pino's loggers by their two tables of levels, bunyan's by their streams. */
function takesFieldsFirst(logger: object): boolean {
  const { levels, addStream, fields } = logger as Record<string, unknown>;
  if (typeof addStream === "function" && isObject(fields)) return true;
  return isObject(levels) && isObject(levels.values) && isObject(levels.labels);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
