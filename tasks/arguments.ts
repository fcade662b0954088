/** The arguments of the programs behind `deno task`: the same language as that of the command line. */
import {
  asksForHelp,
  type CommandSpec,
  HELP,
  helpOf,
  type OptionSpecs,
  type OptionValues,
  parseArguments,
  UsageError,
} from "../cli/arguments.ts";
import config from "../deno.json" with { type: "json" };

/** The name of a task in deno.json. */
export type TaskName = keyof typeof config.tasks;

/** The arguments of a task. */
export interface TaskSpec<S extends OptionSpecs> {
  /** The name of the task, whose description is taken from deno.json. */
  readonly name: TaskName;
  /** The options of the task, beside `--help`. Default: none. */
  readonly options?: S;
  /** The arguments beside the options. Default: none. */
  readonly positionals?: readonly string[];
}

/**
 * Reads the arguments of a task. Prints the help and ends the program if they ask for it; if they make
 * no sense, says so and ends it with 2.
 */
export function taskArguments<const S extends OptionSpecs>(
  args: readonly string[],
  { name, options, positionals = [] }: TaskSpec<S>,
): { values: OptionValues<S>; positionals: string[] } {
  const command: CommandSpec<S> = {
    name: `deno task ${name}`,
    help: config.tasks[name].description,
    positionals,
    options: { ...options, ...HELP } as unknown as S,
  };
  if (asksForHelp(args)) {
    console.log(helpOf(command));
    Deno.exit(0);
  }
  try {
    return parseArguments(args, command);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(2);
  }
}
