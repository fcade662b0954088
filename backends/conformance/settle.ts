import type { Delivery } from "../../src/backend.ts";
import type { Bench } from "./bench.ts";
import { expectAllOk } from "./expect.ts";
import { receiptsOf } from "./messages.ts";
import type { Queue } from "./queue.ts";

/** Acknowledges; every one must succeed. */
export async function acknowledgeAll(
  bench: Bench,
  queue: Queue,
  deliveries: readonly Delivery[],
): Promise<void> {
  const results = await bench.backend.acknowledge(queue.name, receiptsOf(deliveries));
  expectAllOk(results, deliveries.length, "acknowledge()");
}

/** Releases all messages with one delay. Every release must succeed. */
export async function releaseAll(
  bench: Bench,
  queue: Queue,
  deliveries: readonly Delivery[],
  delayMs: number,
): Promise<void> {
  const releases = deliveries.map(({ receipt }) => ({ receipt, delayMs }));
  const results = await bench.backend.release(queue.name, releases);
  expectAllOk(results, deliveries.length, "release()");
}

/** Extends all locks by one time. Every extension must succeed. Returns the new ends. */
export async function extendAll(
  bench: Bench,
  queue: Queue,
  deliveries: readonly Delivery[],
  visibilityMs: number,
): Promise<Date[]> {
  const extensions = deliveries.map(({ receipt }) => ({ receipt, visibilityMs }));
  const results = await bench.backend.extend(queue.name, extensions);
  return expectAllOk(results, deliveries.length, "extend()").map(({ lockedUntil }) => lockedUntil);
}
