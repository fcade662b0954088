/** The scenarios in the groups by which `--only` names them. */
import { consumeBacklog, consumeFull, latency, slowHandlers } from "./consume.ts";
import { memoryDepth } from "./depth.ts";
import { memoryBus, synchronousBus } from "./memory.ts";
import { publishBurst, publishToQueue, publishToTopic } from "./publish.ts";
import { arrivals } from "./rates.ts";
import { signing } from "./signing.ts";
import type { Bench, Scenario } from "./scenario.ts";

/** Creates a scenario. */
export type CreateScenario = (bench: Bench) => Scenario;

/** The group whose only scenario has no variants and no rounds. */
export const GROWTH = "growth";

/** All scenarios that a program runs. */
export const groups: Readonly<Record<string, readonly CreateScenario[]>> = {
  publish: [publishToQueue, publishBurst, publishToTopic],
  consume: [consumeBacklog(10), consumeBacklog(100), consumeFull([100, 1_000, 10_000])],
  slow: [slowHandlers(10), slowHandlers(100)],
  latency: [latency],
  rates: [arrivals(20), arrivals(200), arrivals(1_000)],
  signing: [signing],
  [GROWTH]: [],
  memory: [memoryBus, memoryDepth, synchronousBus],
};
