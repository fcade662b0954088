/**
 * The command line: `declare`, `publish` and `consume`, on SNS and SQS.
 *
 * ```sh
 * deno run -N -E -R jsr:@melange/melange/cli consume --queue billing --handlers ./handlers.ts
 * ```
 *
 * @module
 */
import process from "node:process";
import { MelangeError } from "../src/support/errors.ts";
import { type CommandSpec, helpOf, UsageError } from "./arguments.ts";
import { CONSUME, consume } from "./consume.ts";
import { DECLARE, declare } from "./declare.ts";
import { type Io, processIo } from "./io.ts";
import { PUBLISH, publish } from "./publish.ts";

export type { Io } from "./io.ts";

interface Command {
  readonly spec: CommandSpec;
  readonly run: (args: readonly string[], io: Io) => Promise<number>;
}

const COMMANDS: readonly Command[] = [
  { spec: DECLARE, run: declare },
  { spec: PUBLISH, run: publish },
  { spec: CONSUME, run: consume },
];

/**
 * Runs the command that the arguments name and resolves to the exit code: 0, 1 if it failed, 2 if
 * the arguments make no sense. Never rejects. `consume` resolves when a signal has stopped it.
 *
 * @example
 * ```ts
 * import { main } from "@melange/melange/cli";
 *
 * const code = await main(["publish"]);
 * if (code !== 2) throw new Error("unexpected");
 * ```
 */
export async function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  const [name, ...rest] = args;
  try {
    const command = COMMANDS.find(({ spec }) => spec.name === name);
    if (command && rest.includes("--help")) {
      io.out(helpOf(command.spec));
      return 0;
    }
    if (command) return await command.run(rest, io);
    if (name !== undefined && name !== "--help") throw unknownCommand(name);
    io.out(overview());
    return name === undefined ? 2 : 0;
  } catch (error) {
    io.err(rest.includes("--json") ? jsonError(error) : textError(error));
    return isUsageError(error) ? 2 : 1;
  } finally {
    // The process may be ended once this resolves.
    await io.written?.();
  }
}

function unknownCommand(name: string): UsageError {
  return new UsageError(
    `Cannot run "${name}": ${COMMANDS.map(({ spec }) => spec.name).join(", ")} are known`,
  );
}

function overview(): string {
  const rows = COMMANDS.map(({ spec }) =>
    `  ${spec.name.padEnd(10)}${spec.help.split("\n").join(`\n${" ".repeat(12)}`)}`
  );
  return ["melange COMMAND [options]", "", ...rows, "", "melange COMMAND --help says more"].join(
    "\n",
  );
}

/** What a class of the library refuses as an argument came from the command line. */
function isUsageError(error: unknown): boolean {
  return error instanceof UsageError || error instanceof RangeError;
}

function jsonError(error: unknown): string {
  const code = error instanceof MelangeError ? error.code : undefined;
  return JSON.stringify({
    time: new Date().toISOString(),
    level: "error",
    code,
    message: say(error),
  });
}

function textError(error: unknown): string {
  return `error: ${error instanceof MelangeError ? `${error.code}: ` : ""}${say(error)}`;
}

/** With its causes: that a permission or a file is missing is often said there. */
function say(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${say(error.cause)})`;
}

if (import.meta.main) {
  const code = await main(process.argv.slice(2));
  // What a handler left open must not keep a worker alive that was told to stop.
  process.exit(code);
}
