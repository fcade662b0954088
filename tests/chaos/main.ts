/**
 * The long form of the laboratory: `deno task chaos`. With `--incumbent` it puts sqs-producer and
 * sqs-consumer to the same test, for comparison; with `--memory` it watches the memory of a
 * publisher and a worker instead.
 */
import { parseArgs } from "node:util";
import { measureMemory } from "./memory.ts";
import { INCUMBENT, OURS } from "./programs.ts";
import { type ChaosResult, runChaos } from "./run.ts";

const USAGE = `Usage: deno task chaos [--messages 50000] [--seeds 1,2,3] [--json] [--incumbent]
       deno task chaos --memory [--messages 200000] [--json]`;

const { values } = parseArgs({
  options: {
    messages: { type: "string" },
    seeds: { type: "string", default: "1,2,3" },
    incumbent: { type: "boolean", default: false },
    memory: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) console.log(USAGE);
else Deno.exit(await (values.memory ? watchMemory() : runSeeds()) ? 0 : 1);

/** Whether everything that must hold of this library held; the incumbent is only watched. */
async function runSeeds(): Promise<boolean> {
  const messages = Number(values.messages ?? 50_000);
  const programs = values.incumbent ? INCUMBENT : OURS;
  const results: ChaosResult[] = [];
  for (const seed of values.seeds.split(",").map(Number)) {
    const say = (text: string) => progress(`seed ${seed}: ${text}`);
    results.push(await runChaos({ messages, seed, programs, patienceMs: 180_000, progress: say }));
  }
  progress("");
  if (values.json) console.log(JSON.stringify(results));
  else console.table(columns(results));
  return values.incumbent || results.every((result) => isSound(result, messages));
}

function isSound(result: ChaosResult, messages: number): boolean {
  return result.acknowledged >= messages * 0.99 && result.lost === 0 &&
    result.refusedButHandled === 0 && result.unexpected === 0 &&
    result.repeatedUnexplained === 0 && result.poisonMissing === 0 && result.wronglyDead === 0 &&
    result.left === 0 && result.kills === 2 && result.exitCode === 0;
}

/** One column for each seed: a terminal is not wide enough for one line each. */
function columns(results: readonly ChaosResult[]): Record<string, Record<string, unknown>> {
  const table: Record<string, Record<string, unknown>> = {};
  for (const { seed, leftover: _, ...result } of results) {
    for (const [name, value] of Object.entries(result)) {
      const shown = Array.isArray(value) ? value.join(", ") : Math.round(Number(value) * 100) / 100;
      (table[name] ??= {})[`seed ${seed}`] = shown;
    }
  }
  return table;
}

async function watchMemory(): Promise<boolean> {
  const result = await measureMemory({ messages: Number(values.messages ?? 200_000), progress });
  progress("");
  if (values.json) console.log(JSON.stringify(result));
  else console.table(result.programs);
  return result.flat;
}

/** Shown on a terminal only. */
function progress(text: string): void {
  if (!Deno.stderr.isTerminal()) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[2K${text}`));
}
