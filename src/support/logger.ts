/**
 * Where the library reports what no caller can be told: failed handlers, lost locks, outages.
 * Fields hold names, ids and codes; never a credential, a message body or a field of one. A method
 * that throws, or returns a promise that rejects, disturbs nobody; nothing waits for it.
 */
export interface Logger {
  /** Steps, for someone who looks for a fault. */
  debug(message: string, fields?: Record<string, unknown>): void;
  /** Beginnings and ends. */
  info(message: string, fields?: Record<string, unknown>): void;
  /** Something failed and is tried again. */
  warn(message: string, fields?: Record<string, unknown>): void;
  /** Something failed and needs a person. */
  error(message: string, fields?: Record<string, unknown>): void;
}

/** The default: warnings and errors on the console, the rest nowhere. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (message, fields = {}) => console.warn(`[melange] ${message}`, fields),
  error: (message, fields = {}) => console.error(`[melange] ${message}`, fields),
};

/**
 * A logger whose own failures touch nobody, whether its methods throw or return a promise that
 * rejects: a message is not lost because it could not be logged.
 */
export function guarded(logger: Logger): Logger {
  const guard = (level: keyof Logger) => (message: string, fields?: Record<string, unknown>) => {
    try {
      const done: unknown = logger[level](message, fields);
      // At once: some runtimes report a rejection that nobody has looked at by the next turn.
      Promise.resolve(done).then(undefined, () => {});
    } catch {
      // There is nobody left to tell.
    }
  };
  return {
    debug: guard("debug"),
    info: guard("info"),
    warn: guard("warn"),
    error: guard("error"),
  };
}
