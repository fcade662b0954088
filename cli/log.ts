import type { Logger } from "../src/support/logger.ts";
import type { Io } from "./io.ts";

/** A line about the command itself, which people and programs read differently. */
export interface Notice {
  /** The kind of the notice, for programs: always the same words. */
  readonly message: string;
  /** The facts, for programs. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The sentence for people. */
  readonly text: string;
  /** The level. Default: `info`. */
  readonly level?: "info" | "warn";
}

/** A logger that writes notices as well. */
export interface CliLogger extends Logger {
  /** Writes a notice, as a sentence or as fields in JSON. */
  notice(notice: Notice): void;
}

/** Creates a logger for `err`: lines for people, or one JSON object a line. */
export function createLogger(io: Io, options: { json: boolean }): CliLogger {
  const write = options.json ? jsonLine : textLine;
  const at = (level: string) => (message: string, fields: Record<string, unknown> = {}) =>
    io.err(write(level, message, fields));
  return {
    debug() {},
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    notice({ level = "info", message, fields, text }) {
      io.err(options.json ? jsonLine(level, message, fields) : textLine(level, text, {}));
    },
  };
}

/** Writes a log line. The facts come last, so that no field can pass for a fact. */
function jsonLine(level: string, message: string, fields: Readonly<Record<string, unknown>>) {
  return JSON.stringify({ ...fields, time: new Date().toISOString(), level, message });
}

function textLine(level: string, message: string, fields: Readonly<Record<string, unknown>>) {
  const facts = Object.entries(fields).map(([key, value]) =>
    `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`
  );
  return [level === "info" ? message : `${level}: ${message}`, ...facts].join("  ");
}
