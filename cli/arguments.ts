/** What the command line may say, and reading it. */
import { parseArgs } from "node:util";

/** One option of a command. */
export interface OptionSpec {
  /** `text` and `count` (a whole number) take a value, a `flag` does not. */
  readonly type: "text" | "count" | "flag";
  /** May be given more than once. */
  readonly many?: true;
  /** What the help calls its value. */
  readonly value?: string;
  /** What the help says of it. */
  readonly help: string;
}

/** The options of a command by name. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What the options were set to. */
export type OptionValues<S extends OptionSpecs> = {
  -readonly [K in keyof S]?: S[K] extends { many: true } ? string[]
    : S[K]["type"] extends "flag" ? boolean
    : S[K]["type"] extends "count" ? number
    : string;
};

/** What a command takes. */
export interface CommandSpec<S extends OptionSpecs = OptionSpecs> {
  /** Its name. */
  readonly name: string;
  /** What it does, in a sentence or two. */
  readonly help: string;
  /** What follows the options, as the help shows it. */
  readonly positionals: readonly string[];
  /** Its options. */
  readonly options: S;
}

/** A command line that makes no sense: exit code 2. */
export class UsageError extends Error {
  /** Creates one; the message says what to do. */
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** Options of every command. */
export const COMMON_OPTIONS = {
  region: { type: "text", value: "NAME", help: "the AWS region; default: AWS_REGION" },
  endpoint: {
    type: "text",
    value: "URL",
    help: "the address of SNS and SQS; default: AWS_ENDPOINT_URL, else AWS itself",
  },
  json: { type: "flag", help: "print JSON, one object a line" },
  help: { type: "flag", help: "print this" },
} as const;

/**
 * Reads the arguments of a command.
 * @throws {UsageError} if one is unknown, or its value is missing or no number where one is needed
 */
export function parseArguments<S extends OptionSpecs>(
  args: readonly string[],
  command: CommandSpec<S>,
): { values: OptionValues<S>; positionals: string[] } {
  const { values, positionals } = parse(args, command);
  const { positionals: wanted, name } = command;
  if (positionals.length > wanted.length) {
    throw new UsageError(
      `Cannot use the argument "${positionals[wanted.length]}": see "${name} --help"`,
    );
  }
  const read = Object.entries(values).map(([key, value]) => [
    key,
    command.options[key]?.type === "count" ? countOf(key, value) : value,
  ]);
  return { values: Object.fromEntries(read), positionals };
}

function parse(args: readonly string[], { name, options }: CommandSpec) {
  const config = Object.fromEntries(
    Object.entries(options).map(([key, { type, many = false }]) => [
      key,
      { type: type === "flag" ? "boolean" as const : "string" as const, multiple: many },
    ]),
  );
  try {
    return parseArgs({ args: [...args], options: config, allowPositionals: true });
  } catch (error) {
    const [reason = ""] = (error instanceof Error ? error.message : "").split(/\.\s|\n/);
    throw new UsageError(`${reason}: see "${name} --help"`);
  }
}

function countOf(name: string, value: unknown): number {
  if (typeof value === "string" && /^\d{1,12}$/.test(value)) return Number(value);
  throw new UsageError(
    `Cannot use --${name} as it takes a whole number: current value is ${value}`,
  );
}

/**
 * The value of an option that a command cannot do without.
 * @throws {UsageError} if it was not given
 */
export function required(value: string | undefined, option: string): string {
  if (value) return value;
  throw new UsageError(`Cannot go on without --${option}: pass --${option} NAME`);
}

/** The help of one command. */
export function helpOf({ name, help, positionals, options }: CommandSpec): string {
  const rows = Object.entries(options).map(([key, { value, many, help }]) => {
    const left = value === undefined ? `--${key}` : `--${key} ${value}`;
    return `  ${left.padEnd(32)}${help}${many ? "; may be repeated" : ""}`;
  });
  const usage = ["melange", name, ...positionals.map((it) => `[${it}]`), "[options]"].join(" ");
  return [usage, "", help, "", ...rows].join("\n");
}
