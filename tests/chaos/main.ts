/**
 * The long form of the laboratory: `deno task chaos --messages 50000 --seeds 1,2,3`. With
 * `--incumbent` it puts sqs-producer and sqs-consumer to the same test, for comparison.
 */
import { parseArgs } from "node:util";
import { type ChaosResult, runChaos } from "./run.ts";

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "50000" },
    seeds: { type: "string", default: "1,2,3" },
    incumbent: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const incumbent = {
  worker: new URL("./incumbent/worker.ts", import.meta.url),
  publisher: new URL("./incumbent/publisher.ts", import.meta.url),
};
const terminal = Deno.stderr.isTerminal();
const progress = (text: string) => {
  if (terminal) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[2K${text}`));
};

const results: ChaosResult[] = [];
for (const seed of values.seeds.split(",").map(Number)) {
  const messages = Number(values.messages);
  const programs = values.incumbent ? { programs: incumbent } : {};
  results.push(await runChaos({ messages, seed, progress, patienceMs: 180_000, ...programs }));
}
progress("");
if (values.json) console.log(JSON.stringify(results));
else console.table(results);

/** What must hold of this library; the incumbent is only watched. */
const sound = results.every((result) =>
  result.acknowledged >= Number(values.messages) * 0.99 && result.lost === 0 &&
  result.refusedButHandled === 0 && result.unexpected === 0 && result.repeatedUnexplained === 0 &&
  result.poisonMissing === 0 && result.wronglyDead === 0 && result.exitCode === 0
);
Deno.exit(sound || values.incumbent ? 0 : 1);
