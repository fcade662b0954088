/**
 * Loaded before the program of a task by `deno run --preload`: prints what the task is for, and what
 * the program says of itself in its first comment, if `--help` or `-h` is among the arguments.
 */
import { asksForHelp } from "../cli/arguments.ts";
import config from "../deno.json" with { type: "json" };

/** Returns the help of the task whose program this is. */
export function helpOfProgram(program: string, source: string): string {
  const tasks = Object.entries(config.tasks).filter(([, { command }]) => command.includes(program));
  const rows = tasks.map(([name, { description }]) => `deno task ${name}\n  ${description}`);
  const [, comment = ""] = /^\/\*\*\s([\s\S]*?)\s\*\//.exec(source) ?? [];
  return [...rows, "", comment.replaceAll(/^ \* ?/gm, "")].join("\n").trim();
}

if (!import.meta.main && asksForHelp(Deno.args)) {
  const root = new URL("../", import.meta.url).href;
  const source = await Deno.readTextFile(new URL(Deno.mainModule));
  console.log(helpOfProgram(Deno.mainModule.slice(root.length), source));
  Deno.exit(0);
}
