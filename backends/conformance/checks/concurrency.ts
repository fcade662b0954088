import type { Bench } from "../bench.ts";
import type { Check } from "../check.ts";
import { expect, expectSame } from "../expect.ts";
import { bodiesOf, numbered } from "../messages.ts";
import type { Queue } from "../queue.ts";
import { acknowledgeAll, extendAll, releaseAll } from "../settle.ts";

/** The promises about calls that are under way at the same time. */
export const concurrencyChecks: readonly Check[] = [
  { name: "send() may be called concurrently", run: sendsAtOnce },
  { name: "every verb may be called while others are under way", run: worksAtOnce },
];

async function sendsAtOnce(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const bodies = numbered(20);
  await Promise.all(bodies.map((body) => queue.fill([body])));
  const received = bodiesOf(await queue.collect(20)).sort();
  expectSame(received, bodies, "concurrent send() calls must each store their message once");
}

/**
 * Lets several workers settle the messages of several publishers, while the check looks at the
 * queue.
 */
async function worksAtOnce(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const bodies = numbered(30);
  const done: string[] = [];
  const batches = [bodies.slice(0, 10), bodies.slice(10, 20), bodies.slice(20)];
  await Promise.all([
    ...batches.map((batch) => queue.fill(batch)),
    ...batches.map(() => work(bench, queue, { done, total: bodies.length })),
    bench.backend.describeQueue(queue.name),
    bench.backend.declareQueue(queue.name),
  ]);
  expectSame(done.sort(), bodies, "every message must be acknowledged once");
  await queue.expectNothing("every message must be gone when all are acknowledged");
}

/** Extends its messages, gives a part back the first time, and acknowledges the rest. */
async function work(
  bench: Bench,
  queue: Queue,
  progress: { done: string[]; total: number },
): Promise<void> {
  const { redelivers, countsAttempts } = bench.guarantees;
  for (let turn = 0; progress.done.length < progress.total; turn++) {
    expect(turn < 60, `every message must be received: ${progress.done.length} came`);
    const deliveries = await queue.receive({ max: 4 });
    const isBack = (index: number, attempt: number) =>
      redelivers && countsAttempts && attempt === 1 && index % 2 === 1;
    const back = deliveries.filter(({ message }, index) => isBack(index, message.attempt));
    const rest = deliveries.filter((delivery) => !back.includes(delivery));
    if (redelivers) await extendAll(bench, queue, deliveries, bench.lockMs);
    await Promise.all([releaseAll(bench, queue, back, 0), acknowledgeAll(bench, queue, rest)]);
    progress.done.push(...bodiesOf(rest));
  }
}
