/** Resident memory while 200,000 messages are published and consumed. */
import process from "node:process";
import { Dispatcher, MessageConsumer, MessagePublisher } from "../../mod.ts";
import { PREFIX } from "../measurement.ts";
import { events, OrderPlaced, PER_CALL, underWay } from "./load.ts";
import { backendOf } from "./publish.ts";
import type { Bench } from "./scenario.ts";
import { QUEUE } from "./stub.ts";

/** The messages that come before, until caches are full and code is compiled. */
const BEFORE = 50_000;
const PART = 10_000;

/** Publishes and consumes in parts; writes by how many mebibytes the process has grown since then. */
export async function memoryGrowth(bench: Bench): Promise<void> {
  const all = bench.quick ? 40_000 : 200_000;
  const { stub } = bench;
  const backend = backendOf(stub);
  const publisher = new MessagePublisher({ backend });
  const dispatcher = new Dispatcher();
  dispatcher.subscribe(OrderPlaced, () => {});
  await stub.reset({ keeps: true });
  const consumer = new MessageConsumer({ backend, queue: QUEUE, dispatcher, concurrency: 100 });
  consumer.start();
  const sizes: number[] = [];
  for (let done = 0; done < BEFORE + all; done += PART) {
    await underWay(PART / PER_CALL, () => publisher.publishAll(events(PER_CALL), { queue: QUEUE }));
    await stub.deleted(done + PART);
    if (done >= BEFORE - PART) sizes.push(settledSize());
  }
  const stopped = consumer.stop();
  await stub.end();
  await stopped;
  const value = growthOf(sizes);
  const line = { scenario: "resident memory", variant: "melange", value, unit: "MiB" };
  console.log(PREFIX + JSON.stringify(line));
}

function settledSize(): number {
  const { gc } = globalThis as { gc?: () => void };
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  gc?.();
  Bun?.gc(true);
  return process.memoryUsage().rss / 1_048_576;
}

/** The least size of the last fifth over that of the first: a heap breathes, a leak does not. */
function growthOf(sizes: readonly number[]): number {
  const part = Math.max(1, Math.ceil(sizes.length / 5));
  const growth = Math.min(...sizes.slice(-part)) - Math.min(...sizes.slice(0, part));
  return Number(growth.toFixed(2));
}
