/**
 * A program for Deno, Bun and Node that plays the scenarios with workers, and prints one line for
 * each. The names of scenarios can be given as arguments.
 */
import { exit, runtimeName, startThread } from "./runtime.ts";
import { scenarios } from "./scenarios.ts";
import { createTeam } from "./team.ts";

const names = argumentsOf().filter((name) => name in scenarios);
let failures = 0;
for (const [name, scenario] of Object.entries(scenarios)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const team = createTeam(() => startThread(new URL("./worker.js", import.meta.url)));
  const start = Date.now();
  try {
    const facts = await scenario(team);
    console.log(`ok ${runtimeName} ${name}: ${facts} (${Date.now() - start} ms)`);
  } catch (error) {
    failures++;
    console.log(`FAILED ${runtimeName} ${name}: ${error}`);
  }
  team.end();
}
exit(failures > 0 ? 1 : 0);

function argumentsOf(): string[] {
  const scope = globalThis as { Deno?: { args: string[] }; process?: { argv: string[] } };
  return scope.Deno?.args ?? scope.process?.argv.slice(2) ?? [];
}
