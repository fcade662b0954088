/** The language of the command line: options, and the reading of arguments. */
import { parseArgs } from "node:util";
import { didYouMean } from "./did_you_mean.ts";

/** An option of a command. */
export interface OptionSpec {
  /** The kind of its value: text, or a count (a whole number); a flag takes none. */
  readonly type: "text" | "count" | "flag";
  /** A letter that stands for the option: `h` is written `-h`. Default: none. */
  readonly short?: string;
  /** Mark of an option that may be given more than once. Default: once; the last value counts. */
  readonly many?: true;
  /** The name of the value in the help. */
  readonly value?: string;
  /** The text of the help. */
  readonly help: string;
}

/** The options of a command by name. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The values that the options were given. */
export type OptionValues<S extends OptionSpecs> = {
  -readonly [K in keyof S]?: S[K] extends { many: true } ? string[]
    : S[K]["type"] extends "flag" ? boolean
    : S[K]["type"] extends "count" ? number
    : string;
};

/** A command, with its arguments. */
export interface CommandSpec<S extends OptionSpecs = OptionSpecs> {
  /** The words of the call: `melange publish`, `deno task broker`. */
  readonly name: string;
  /** A sentence or two on the effect of the command. */
  readonly help: string;
  /** The arguments beside the options, as the help shows them. */
  readonly positionals: readonly string[];
  /** The options by name. */
  readonly options: S;
  /** A command line that works. Default: none. */
  readonly example?: string;
}

/** A command line that makes no sense: exit code 2. */
export class UsageError extends Error {
  /** Creates the error. The message tells the remedy. */
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** The option that prints the help of a command. */
export const HELP = {
  help: { type: "flag", short: "h", help: "print this" },
} as const satisfies OptionSpecs;

/** Options of every command. */
export const COMMON_OPTIONS = {
  region: { type: "text", value: "NAME", help: "the AWS region; default: AWS_REGION" },
  endpoint: {
    type: "text",
    value: "URL",
    help: "the address of SNS and SQS; default: AWS_ENDPOINT_URL, else AWS itself",
  },
  "account-id": {
    type: "text",
    value: "ID",
    help: "the account of topics named without an ARN; default: that of the credentials",
  },
  json: { type: "flag", help: "print JSON, one object a line" },
  ...HELP,
} as const satisfies OptionSpecs;

/** Tells whether the arguments ask for help, among any other arguments. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  const options = end < 0 ? args : args.slice(0, end);
  return options.includes("--help") || options.includes("-h");
}

/**
 * Reads the arguments of a command.
 * @throws {UsageError} if an argument is unknown, or a value is missing or no number where a number
 * is needed
 */
export function parseArguments<S extends OptionSpecs>(
  args: readonly string[],
  command: CommandSpec<S>,
): { values: OptionValues<S>; positionals: string[] } {
  const values: Record<string, Value | Value[]> = {};
  const positionals: string[] = [];
  for (const token of tokensOf(args, command)) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const spec = specOf(token, command);
    const value = valueOf(token, spec);
    const earlier = values[token.name];
    values[token.name] = spec.many ? [...(Array.isArray(earlier) ? earlier : []), value] : value;
  }
  const extra = positionals[command.positionals.length];
  if (extra !== undefined) throw extraArgument(extra, command);
  return { values: values as OptionValues<S>, positionals };
}

type Value = string | number | boolean;

/** An option as it was written. */
interface WrittenOption {
  readonly kind: "option";
  /** The long name of the option. */
  readonly name: string;
  /** The letters of the option as written: `-h`, `--help`. */
  readonly rawName: string;
  readonly value?: string | undefined;
  /** The mark of a value that follows an equals sign. */
  readonly inlineValue?: boolean | undefined;
}

type Token = WrittenOption | { kind: "positional"; value: string } | { kind: "option-terminator" };

function tokensOf(args: readonly string[], { options }: CommandSpec): readonly Token[] {
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { type, short }]) => [
      name,
      {
        type: type === "flag" ? "boolean" as const : "string" as const,
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
  const written = { args: [...args], options: config, allowPositionals: true };
  // Not strict: the texts of runtimes differ, and none of them knows what was meant.
  return parseArgs({ ...written, strict: false, tokens: true }).tokens ?? [];
}

function specOf({ name, rawName }: WrittenOption, { name: command, options }: CommandSpec) {
  const spec = Object.hasOwn(options, name) ? options[name] : undefined;
  if (spec) return spec;
  const meant = didYouMean(name, Object.keys(options));
  const hint = meant === undefined ? `see "${command} --help"` : `did you mean --${meant}?`;
  throw new UsageError(`Cannot use the unknown option ${rawName}: ${hint}`);
}

function valueOf(
  { name, value, inlineValue = false }: WrittenOption,
  { type, value: kind = "TEXT" }: OptionSpec,
): Value {
  if (type === "flag") {
    if (value === undefined) return true;
    throw new UsageError(`Cannot give --${name} a value: write --${name} alone`);
  }
  if (type === "count" && value !== undefined) return countOf(name, value);
  if (value === undefined) {
    throw new UsageError(`Cannot use --${name} without a value: pass --${name} ${kind}`);
  }
  if (!inlineValue && value.length > 1 && value.startsWith("-")) {
    throw new UsageError(
      `Cannot take ${value} for the value of --${name}: pass --${name} ${kind}, or --${name}=${value}`,
    );
  }
  return value;
}

function countOf(name: string, value: string): number {
  if (/^\d{1,12}$/.test(value)) return Number(value);
  throw new UsageError(
    `Cannot use --${name} as it takes a whole number: current value is ${value}`,
  );
}

function extraArgument(extra: string, { name, positionals }: CommandSpec): UsageError {
  const takes = positionals.length === 0 ? "takes options only" : `takes ${positionals.join(" ")}`;
  const hint = `"${name}" ${takes}; quote values that hold spaces`;
  return new UsageError(`Cannot use the argument "${extra}": ${hint}`);
}

/**
 * Returns the value of a required option.
 * @throws {UsageError} if the value is missing or empty
 */
export function required<S extends OptionSpecs>(
  option: string & keyof S,
  values: OptionValues<S>,
  { name, options }: CommandSpec<S>,
): string {
  const value = values[option];
  if (typeof value === "string" && value !== "") return value;
  const how = `--${option} ${options[option]?.value ?? "TEXT"}`;
  throw new UsageError(`Cannot run "${name}" without --${option}: pass ${how}`);
}

/** Returns the help of a command. */
export function helpOf({ name, help, positionals, options, example }: CommandSpec): string {
  const rows = Object.entries(options).map(([key, { value, short, many, help }]) => {
    const left = `${short === undefined ? "" : `-${short}, `}--${key}${value ? ` ${value}` : ""}`;
    return `  ${left.padEnd(32)}${help}${many ? "; may be repeated" : ""}`;
  });
  const usage = [name, ...positionals.map((it) => `[${it}]`), "[options]"].join(" ");
  return [usage, "", help, "", ...rows, ...(example ? ["", `Example: ${example}`] : [])].join("\n");
}
