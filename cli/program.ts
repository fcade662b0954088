import process from "node:process";
import { main } from "./main.ts";

/**
 * Runs the command line with the arguments of this process, and ends the process with the exit code.
 * A process that ends before the command did says so and ends with 1: runtimes do not say a word
 * where nothing is left to wait for.
 */
export async function runProgram(): Promise<never> {
  process.on("exit", endEarly);
  const code = await main(process.argv.slice(2));
  process.off("exit", endEarly);
  // What a handler left open must not keep a worker alive that was told to stop.
  process.exit(code);
}

function endEarly(code: number): void {
  if (code !== 0) return;
  process.exitCode = 1;
  console.error(
    "error: The process ended before the command did: a module of yours ended it, or closed what it waited for",
  );
}
