import type { Bench } from "./bench.ts";
import { expect, expectCount, expectFailed } from "./expect.ts";
import { numbered } from "./messages.ts";
import type { Queue } from "./queue.ts";
import type { Delivery } from "../../src/backend.ts";
import type { Result } from "../../src/support/result.ts";

/** A text that no backend gave as a receipt. */
export const GARBAGE = "this is no receipt";

/** Expects that the second of four results failed, and no other result. */
export function expectOnlySecondFailed(results: readonly Result[], verb: string): void {
  expectCount(results, 4, verb);
  const [first, second, third, fourth] = results;
  expectFailed(second, `${verb} must fail for a receipt that is none`);
  expect(first?.ok && third?.ok && fourth?.ok, `${verb} must succeed for the neighbours`);
}

/** Sends and receives `count` messages, and returns the deliveries in the order of their bodies. */
export async function filled(
  queue: Queue,
  count: number,
  options: { visibilityMs?: number } = {},
): Promise<Delivery[]> {
  await queue.fill(numbered(count));
  const deliveries = await queue.collect(count, options);
  return deliveries.sort((a, b) => a.message.body < b.message.body ? -1 : 1);
}

/** Lets the lock of a message end and another receive lock the message: its first lock is lost. */
export async function takenOver(
  bench: Bench,
): Promise<{ queue: Queue; lost: Delivery; current: Delivery }> {
  const queue = await bench.createQueue();
  const [lost] = await filled(queue, 1, { visibilityMs: bench.visibilityMs });
  const [current] = await queue.collect(1);
  return { queue, lost: lost!, current: current! };
}
