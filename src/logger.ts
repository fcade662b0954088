/**
 * Where the library reports what no caller can be told: failed handlers, lost locks, outages.
 * Fields hold names, ids and codes; never a credential, a message body or a field of one.
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
