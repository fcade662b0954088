import process from "node:process";
import { logLine } from "../src/support/log_line.ts";
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

/**
 * Creates a logger for `err`: lines for people, or one JSON object a line. On a terminal, levels have
 * colours, and the texts of errors of handlers are shown.
 */
export function createLogger(io: Io, options: { json: boolean }): CliLogger {
  const write = options.json ? jsonLine : io.terminal ? colouredLine : logLine;
  const at = (level: string) => (message: string, fields: Record<string, unknown> = {}) =>
    io.err(write(level, message, fields));
  return {
    ...(io.terminal && !options.json ? { exposeErrors: true } : {}),
    debug() {},
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    notice({ level = "info", message, fields, text }) {
      io.err(options.json ? jsonLine(level, message, fields) : sentence(level, text));
    },
  };
}

/** Writes a log line. The facts come last, so that no field can pass for a fact. */
function jsonLine(level: string, message: string, fields: Readonly<Record<string, unknown>>) {
  return JSON.stringify({ ...fields, time: new Date().toISOString(), level, message });
}

/** A notice is a sentence to the person who ran the command, and no line of a log. */
function sentence(level: string, text: string): string {
  return level === "info" ? text : `${level}: ${text}`;
}

const COLOURS: Readonly<Record<string, string>> = { warn: "33", error: "31" };

/** Writes a line whose level has a colour, unless NO_COLOR is set. */
function colouredLine(level: string, message: string, fields: Readonly<Record<string, unknown>>) {
  const line = logLine(level, message, fields);
  const colour = process.env.NO_COLOR ? undefined : COLOURS[level];
  return colour === undefined ? line : line.replace(level, `\x1b[${colour}m${level}\x1b[0m`);
}
