/** The choice of the command by the arguments, and the words for errors. */
import { MelangeError } from "../src/support/errors.ts";
import { asksForHelp, type CommandSpec, helpOf, UsageError } from "./arguments.ts";
import { BROKER, broker } from "./broker.ts";
import { CONSUME, consume } from "./consume.ts";
import { DEAD_LETTERS, deadLetters } from "./dead_letters.ts";
import { DECLARE, declare } from "./declare.ts";
import { DESCRIBE, describe } from "./describe.ts";
import { DOCS, docs } from "./docs.ts";
import { EXPORT, exportTopology } from "./export.ts";
import { didYouMean } from "./did_you_mean.ts";
import { type Io, processIo } from "./io.ts";
import { nextStep } from "./next_step.ts";
import { VERSION } from "./package.ts";
import { PUBLISH, publish } from "./publish.ts";
import { QUEUES, queues } from "./queues.ts";
import { SCHEMAS, schemas } from "./schemas.ts";

interface Command {
  /** The word of the command. */
  readonly word: string;
  readonly spec: CommandSpec;
  readonly run: (args: readonly string[], io: Io) => Promise<number>;
}

/** The commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  { word: "declare", spec: DECLARE, run: declare },
  { word: "publish", spec: PUBLISH, run: publish },
  { word: "consume", spec: CONSUME, run: consume },
  { word: "dead-letters", spec: DEAD_LETTERS, run: deadLetters },
  { word: "queues", spec: QUEUES, run: queues },
  { word: "describe", spec: DESCRIBE, run: describe },
  { word: "broker", spec: BROKER, run: broker },
  { word: "schemas", spec: SCHEMAS, run: schemas },
  { word: "export", spec: EXPORT, run: exportTopology },
  { word: "docs", spec: DOCS, run: docs },
];

/**
 * Runs the command in the arguments and resolves to the exit code: 0, 1 if the command failed, 2 if
 * the arguments make no sense. Never rejects, and never ends without a line of output. `consume`
 * and `broker` resolve when a signal has stopped the process.
 *
 * @example
 * ```ts
 * import { main } from "@melange/melange/cli";
 *
 * const code = await main(["publish", "--help"]);
 * console.log(code); // prints: 0
 * ```
 */
export async function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  try {
    return await runCommand(args, io);
  } catch (error) {
    io.err(args.includes("--json") ? jsonError(error) : textError(error));
    return isUsageError(error) ? 2 : 1;
  } finally {
    // The process may be ended once this resolves.
    await io.written?.();
  }
}

async function runCommand([first, ...rest]: readonly string[], io: Io): Promise<number> {
  if (first === undefined) {
    io.err(overview());
    return 2;
  }
  if (first === "--version" || first === "-V") io.out(VERSION);
  else if (first === "help" && rest[0] !== undefined) io.out(helpOf(commandOf(rest[0]).spec));
  else if (first === "help" || first === "--help" || first === "-h") io.out(overview());
  else {
    const { spec, run } = commandOf(first);
    if (!asksForHelp(rest)) return await run(rest, io);
    io.out(helpOf(spec));
  }
  return 0;
}

function commandOf(word: string): Command {
  const command = COMMANDS.find((command) => command.word === word);
  if (command) return command;
  const words = COMMANDS.map(({ word }) => word);
  if (word.startsWith("-")) {
    throw new UsageError(
      `Cannot begin with the option ${word}: name the command first, ${words.join(", ")}`,
    );
  }
  const meant = didYouMean(word, [...words, "help"]);
  const hint = meant === undefined ? "" : `did you mean ${meant}? `;
  throw new UsageError(`Cannot run "${word}": ${hint}${words.join(", ")} are known`);
}

function overview(): string {
  const rows = COMMANDS.map(({ word, spec }) =>
    `  ${word.padEnd(14)}${spec.help.split("\n").join(`\n${" ".repeat(16)}`)}`
  );
  return [
    "melange COMMAND [options]",
    "",
    ...rows,
    "  help          Prints this; `melange help COMMAND` and `melange COMMAND --help` say more.",
    "  --version     Prints the version.",
  ].join("\n");
}

/** Tells whether the arguments are to blame: values that a class of the library refuses are, too. */
function isUsageError(error: unknown): boolean {
  return error instanceof UsageError || error instanceof RangeError;
}

function jsonError(error: unknown): string {
  const code = error instanceof MelangeError ? error.code : undefined;
  return JSON.stringify({
    time: new Date().toISOString(),
    level: "error",
    code,
    message: `${say(error)}${nextStep(error)}`,
  });
}

function textError(error: unknown): string {
  return `error: ${error instanceof MelangeError ? `${error.code}: ` : ""}${say(error)}${
    nextStep(error)
  }`;
}

/**
 * Returns the text of an error and of its causes, because a cause often names a missing permission
 * or file.
 */
function say(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${say(error.cause)})`;
}
