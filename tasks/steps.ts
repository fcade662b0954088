/**
 * Runs the steps of a task one after the other, until one fails: commands of the shell that
 * `deno task` brings. So `--help` helps in place of running all steps but the last.
 *
 * Usage: tasks/steps.ts NAME STEP… -- [arguments of whoever runs the task]
 */
import { taskArguments, type TaskName } from "./arguments.ts";
import { start } from "./process.ts";

/** Longer than all tests together may take, in milliseconds. */
const LIMIT_MS = 7_200_000;

/** Runs the steps; resolves to the exit code of the first that fails, else to 0. */
async function runSteps(args: readonly string[]): Promise<number> {
  const end = args.indexOf("--");
  const [name, ...steps] = args.slice(0, end);
  taskArguments(args.slice(end + 1), { name: name as TaskName });
  for (const step of steps) {
    await using program = start(Deno.execPath(), ["task", "--quiet", "--eval", step], {
      shown: true,
    });
    const { code } = await program.ended({ ms: LIMIT_MS });
    if (code !== 0) return code;
  }
  return 0;
}

if (import.meta.main) Deno.exit(await runSteps(Deno.args));
