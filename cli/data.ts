/** The data that `publish` is given. */
import { readFile } from "node:fs/promises";
import { UsageError } from "./arguments.ts";
import type { Io } from "./io.ts";
import type { CliLogger } from "./log.ts";

/** The time in which standard input is read without a word, in milliseconds. */
const QUIET_MS = 2_000;

/** The places of the data beside the argument. */
export interface DataSources {
  /** A file of JSON lines. Default: none. */
  readonly file: string | undefined;
  /** The process, for its standard input. */
  readonly io: Io;
  readonly logger: CliLogger;
}

/**
 * Reads the data of all events: the argument, or each line of a file or of standard input.
 * @throws {UsageError} if there is no data, or a part of the data is not JSON
 */
export async function dataOf(
  argument: string | undefined,
  { file, io, logger }: DataSources,
): Promise<unknown[]> {
  if (argument !== undefined && file !== undefined) {
    throw new UsageError("Cannot publish both an argument and a --file: pass one of them");
  }
  if (argument !== undefined) return [parseJson(argument, "the argument")];
  const text = file === undefined ? await textOfInput(io, logger) : await textOfFile(file);
  const lines = text.split("\n").map((line, index) => ({ line: line.trim(), number: index + 1 }));
  return lines.filter(({ line }) => line !== "").map(({ line, number }) =>
    parseJson(line, `line ${number} of ${file ?? "standard input"}`)
  );
}

async function textOfFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf-8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `Cannot read the file ${path}: pass --file PATH of one to read (${reason})`,
    );
  }
}

/** A pipe that nobody closes would be waited for without a word. */
async function textOfInput(io: Io, logger: CliLogger): Promise<string> {
  const timer = setTimeout(() => {
    logger.notice({
      message: "Reading standard input",
      fields: {},
      text:
        "Reading standard input until it ends; to publish one event, pass its data as an argument",
    });
  }, QUIET_MS);
  try {
    const text = await io.stdin();
    if (text !== undefined) return text;
  } finally {
    clearTimeout(timer);
  }
  throw new UsageError(
    "Cannot publish without data: pass '{\"id\":1}', --file PATH, or pipe it in",
  );
}

/** Parses JSON. The error of the parser is not kept, because it quotes the text. */
function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(
      `Cannot publish as ${where} is not JSON, and nothing was sent: write '{"id":1}', or '"text"' for text`,
    );
  }
}
