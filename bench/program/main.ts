/**
 * Runs scenarios on the runtime that it is started with, against the stub at the address in
 * `BENCH_STUB`, and writes a line for each run. Arguments: the rounds, `quick` or `full`, and the
 * names of the groups of scenarios.
 */
import process from "node:process";
import { groups, GROWTH } from "./groups.ts";
import { memoryGrowth } from "./memory_growth.ts";
import { sendTemplate } from "./consume.ts";
import { type Bench, measure } from "./scenario.ts";
import { createStub } from "./stub.ts";

const [rounds = "3", length = "quick", ...names] = process.argv.slice(2);
const bench: Bench = {
  stub: createStub(process.env.BENCH_STUB ?? ""),
  runtime: process.env.BENCH_RUNTIME ?? "",
  quick: length === "quick",
  rounds: Number(rounds),
};
await sendTemplate(bench);
for (const name of names) {
  if (name === GROWTH) await memoryGrowth(bench);
  for (const create of groups[name] ?? []) await measure(create(bench), bench);
}
process.exit(0);
