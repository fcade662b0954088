import type { Logger } from "../src/support/logger.ts";
import type { Io } from "./io.ts";

/** Logs to `err`: lines for people, or one JSON object a line. */
export function createLogger(io: Io, options: { json: boolean }): Logger {
  const write = options.json ? jsonLine : textLine;
  const at = (level: string) => (message: string, fields: Record<string, unknown> = {}) =>
    io.err(write(level, message, fields));
  return { debug() {}, info: at("info"), warn: at("warn"), error: at("error") };
}

/** The facts come last, so that no field can pass for one of them. */
function jsonLine(level: string, message: string, fields: Record<string, unknown>): string {
  return JSON.stringify({ ...fields, time: new Date().toISOString(), level, message });
}

function textLine(level: string, message: string, fields: Record<string, unknown>): string {
  const facts = Object.entries(fields).map(([key, value]) =>
    `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`
  );
  return [level === "info" ? message : `${level}: ${message}`, ...facts].join("  ");
}
